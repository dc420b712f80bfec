/* src/task/rerank.h - the task 'rerank': how well texts answer a query, by a cross-encoder. Thread: as type.h says. */
#ifndef TASK_RERANK_H
#define TASK_RERANK_H

#include "task/type.h"

extern const struct task_type task_rerank;

#endif
