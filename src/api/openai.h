/* src/api/openai.h - what the files of OpenAI's API share (openai_*.c): errors, settings of a text that is generated, usage.
 *
 * The API as clients speak it (openai 3.x for Python among them): fields that we have no use for are taken and ignored, as
 * its clients send many. Thread: as struct api_dialect says. */
#ifndef API_OPENAI_H
#define API_OPENAI_H

#include "api/dialect.h"

/* {"error":{"message","type","param","code"}}, with Retry-After where trying again helps and x-should-retry where not. */
void api_openai_fail(struct http_request *h, const struct kit_err *err);
/* The object alone. */
void api_openai_write_error(struct kit_json_writer *w, const struct kit_err *err);
/* The same in the middle of a stream. */
void api_openai_tell_error(struct api_telling *t, const struct kit_err *err);

/* "model", its id into r; missing or empty: the only one that is ready. INVALID. */
KIT_MUST_CHECK enum kit_status api_openai_read_model(struct task_request *r, kit_json root, struct kit_err *err);
/* All that says how a text is generated: temperature … stop, seed, n, response_format, and whether it is streamed. */
KIT_MUST_CHECK enum kit_status api_openai_read_settings(struct task_request *r, kit_json root, struct kit_err *err);
/* A form of the text, which stands at `name`: {"type"} of text (nothing special), json_object, or json_schema with "schema",
 * which lies in the member `inside` of it (NULL: at its own level). INVALID. */
KIT_MUST_CHECK enum kit_status api_openai_read_format(struct task_request *r, const char *name, kit_json format,
                                                      const char *inside, struct kit_err *err);
/* "tool_choice": "auto", "none", "required", or {"type":"function"} with "name", inside as above. INVALID. */
KIT_MUST_CHECK enum kit_status api_openai_read_tool_choice(struct task_request *r, kit_json root, const char *inside,
                                                           struct kit_err *err);
/* "stream_options":{"include_usage"} */
KIT_MUST_CHECK enum kit_status api_openai_read_stream_options(struct task_request *r, kit_json root,
                                                              struct kit_err *err);
bool api_openai_tells_usage(const struct task_request *r);

/* "usage":{"prompt_tokens","completion_tokens","total_tokens","prompt_tokens_details":{"cached_tokens"}} */
void api_openai_write_usage(struct kit_json_writer *w, const struct task_request *r);
const char *api_openai_finish(enum task_finish f); /* "stop"; NULL: none yet */

#define API_OPENAI_ID_BYTES 96
/* "chatcmpl-…", the same for all parts of an answer. */
char *api_openai_id(const struct task_request *r, const char *prefix, char to[API_OPENAI_ID_BYTES]);

/* How an answer is called. */
struct api_openai_form {
    const char *id_prefix; /* api_openai_id */
    const char *object;    /* "chat.completion" */
};
/* {"id","object","created","model","choices":[ and, behind the choices, ],"usage"}. */
void api_openai_write_head(struct kit_json_writer *w, const struct task_request *r, const struct api_openai_form *f,
                           uint64_t created_s);
void api_openai_write_tail(struct kit_json_writer *w, const struct task_request *r);
/* The end of a stream: usage, where it is wanted, without choices; "data: [DONE]". */
void api_openai_tell_end(struct api_telling *t, const struct api_openai_form *f);

#endif
