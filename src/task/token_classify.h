/* src/task/token_classify.h - the task 'token-classify': names and other entities in a text. Thread: as type.h says. */
#ifndef TASK_TOKEN_CLASSIFY_H
#define TASK_TOKEN_CLASSIFY_H

#include "task/type.h"

extern const struct task_type task_token_classify;

#endif
