/* src/task/fill_mask.h - the task 'fill-mask': the tokens that fit best where a text has a mask.
 * Thread: as type.h says. */
#ifndef TASK_FILL_MASK_H
#define TASK_FILL_MASK_H

#include "task/type.h"

extern const struct task_type task_fill_mask;

#endif
