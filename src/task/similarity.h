/* src/task/similarity.h - the task 'similarity': how close texts are to a source, as cosines of their vectors. Thread: as
 * type.h says. */
#ifndef TASK_SIMILARITY_H
#define TASK_SIMILARITY_H

#include "task/type.h"

extern const struct task_type task_similarity;

#endif
