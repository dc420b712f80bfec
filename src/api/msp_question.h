/* src/api/msp_question.h - a question in JSON as a task request: the body of POST /serve, an element of POST /serve/batch,
 * a frame of /serve/stream. Thread: a loop, or the work pool for long ones. */
#ifndef API_MSP_QUESTION_H
#define API_MSP_QUESTION_H

#include "api/api.h"

/* Fills the question from r->body. Errors name the field: PARSE, INVALID, TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status api_msp_question_parse(struct task_request *r, const struct api *a, struct kit_err *err);
/* The same from a value that is parsed already; copies what it keeps. around: names of further members, which the caller
 * reads itself; NULL behind the last. */
KIT_MUST_CHECK enum kit_status api_msp_question_read(struct task_request *r, kit_json question,
                                                     const char *const *around, const struct api *a,
                                                     struct kit_err *err);

#endif
