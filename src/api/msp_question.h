/* src/api/msp_question.h - the body of POST /serve as a task request. Thread: a loop, or the work pool for long bodies. */
#ifndef API_MSP_QUESTION_H
#define API_MSP_QUESTION_H

#include "api/api.h"

/* Fills the question from r->body. Errors name the field: PARSE, INVALID, TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status api_question_parse(struct task_request *r, const struct api *a, struct kit_err *err);

#endif
