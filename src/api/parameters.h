/* src/api/parameters.h - JSON becomes struct task_parameters: the same values, ranges and messages whatever an API calls
 * them. Thread: any. */
#ifndef API_PARAMETERS_H
#define API_PARAMETERS_H

#include "kit/json.h"
#include "task/request.h"

/* One parameter: `name` is task/parameters.h's, `path` what the asker calls it, for messages and struct kit_err::param. A
 * value that is missing or null is not said; of one that is said twice the first counts. Texts are copied. Errors: INVALID
 * naming path and range; NOMEM. */
KIT_MUST_CHECK enum kit_status api_parameter_take(struct task_request *r, const char *name, const char *path,
                                                  kit_json value, struct kit_err *err);

/* Says a parameter whose value the caller puts into r->parameters itself. */
void api_parameter_set(struct task_request *r, const char *name);

/* What an API calls some of them. */
struct api_field {
    const char *path; /* "options.num_predict" for messages; its last part is the member's key */
    const char *name;
};
/* Takes those members of the object that are in the table [count]; others are not looked at. */
KIT_MUST_CHECK enum kit_status api_parameters_take(struct task_request *r, kit_json object,
                                                   const struct api_field *fields, size_t count, struct kit_err *err);

/* The member "parameters" of a question of MSP: an object, or missing. INVALID: a member that is none of the table. */
KIT_MUST_CHECK enum kit_status api_parameters_parse(struct task_request *r, kit_json parameters, struct kit_err *err);

#endif
