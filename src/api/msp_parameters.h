/* src/api/msp_parameters.h - the "parameters" of a question, read by the table of task/parameters.h. Thread: any. */
#ifndef API_MSP_PARAMETERS_H
#define API_MSP_PARAMETERS_H

#include "kit/json.h"
#include "task/request.h"

/* parameters: an object; null or missing says nothing. Errors: INVALID naming the parameter ("parameters.top_k"), NOMEM.
 * Whether the task takes what was said is checked when it is known (task_parameters_suit). */
KIT_MUST_CHECK enum kit_status api_msp_parameters_parse(struct task_request *r, kit_json parameters,
                                                        struct kit_err *err);

#endif
