/* src/api/msp_inputs.h - the "inputs" of a question: a string, one of the objects of task/inputs.h, or an array of either.
 * Thread: any. */
#ifndef API_MSP_INPUTS_H
#define API_MSP_INPUTS_H

#include "kit/json.h"
#include "task/request.h"

/* Fills r->inputs. texts_max: of all inputs together. Errors name the place ("inputs[3].pair"): INVALID, TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status api_msp_inputs_parse(struct task_request *r, kit_json inputs, uint32_t texts_max,
                                                    struct kit_err *err);

#endif
