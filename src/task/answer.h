/* src/task/answer.h - the task 'answer': the span of a context that answers a question. Thread: as type.h says. */
#ifndef TASK_ANSWER_H
#define TASK_ANSWER_H

#include "task/type.h"

extern const struct task_type task_answer;

#endif
