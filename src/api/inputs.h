/* src/api/inputs.h - what a question brings, whatever the field is called: JSON becomes struct task_inputs. Thread: any.
 *
 * Errors of all: INVALID naming the place ("inputs[2].texts[0]"), TOO_LARGE (more than texts_max texts), NOMEM. Texts are
 * copied into the request's arena. */
#ifndef API_INPUTS_H
#define API_INPUTS_H

#include "kit/json.h"
#include "task/request.h"

/* An input of MSP, or an array of such. */
KIT_MUST_CHECK enum kit_status api_inputs_parse(struct task_request *r, const char *name, kit_json inputs,
                                                uint32_t texts_max, struct kit_err *err);
/* The messages of one conversation. */
KIT_MUST_CHECK enum kit_status api_inputs_chat(struct task_request *r, const char *name, kit_json messages,
                                               struct kit_err *err);
/* A text, an array of texts, an array of token ids, or an array of such. */
KIT_MUST_CHECK enum kit_status api_inputs_texts_or_tokens(struct task_request *r, const char *name, kit_json v,
                                                          uint32_t texts_max, struct kit_err *err);
/* An array of token ids, or an array of such. */
KIT_MUST_CHECK enum kit_status api_inputs_tokens(struct task_request *r, const char *name, kit_json v,
                                                 uint32_t texts_max, struct kit_err *err);
/* A field and what it is called. */
struct api_named {
    const char *name;
    kit_json value;
};
/* A text against a list of others: shape RERANK or SIMILARITY. */
KIT_MUST_CHECK enum kit_status api_inputs_list(struct task_request *r, enum task_shape shape,
                                               const struct api_named *first, const struct api_named *list,
                                               uint32_t texts_max, struct kit_err *err);
/* "a"; ["a","b"]: a pair; [["a"],["b","c"]]: several of both. */
KIT_MUST_CHECK enum kit_status api_inputs_pairs(struct task_request *r, const char *name, kit_json v,
                                                uint32_t texts_max, struct kit_err *err);

#endif
