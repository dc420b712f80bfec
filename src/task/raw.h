/* src/task/raw.h - the task 'raw': tensors in, tensors out, as the model has them. Thread: as type.h says. */
#ifndef TASK_RAW_H
#define TASK_RAW_H

#include "task/type.h"

extern const struct task_type task_raw;

#endif
