/* src/task/classify.h - the task 'classify': a text, or a text with its pair, becomes labels with scores.
 * Thread: as type.h says. */
#ifndef TASK_CLASSIFY_H
#define TASK_CLASSIFY_H

#include "task/type.h"

extern const struct task_type task_classify;

#endif
