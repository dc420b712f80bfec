/* src/task/embed.h - the task 'embed': a text becomes one vector. Thread: as type.h says. */
#ifndef TASK_EMBED_H
#define TASK_EMBED_H

#include "task/type.h"

extern const struct task_type task_embed;

#endif
