/* src/task/pooling.h - the vectors of a text's tokens become one. Thread: any; pure. Memory: none.
 * Source: Reimers and Gurevych 2019, arXiv 1908.10084, section 3. */
#ifndef TASK_POOLING_H
#define TASK_POOLING_H

#include "task/parameters.h"

/* "mean", "cls", "max"; TASK_POOLING_OWN: anything else. */
enum task_pooling task_pooling_of(kit_str name);
/* tokens [count][dimensions] -> to [dimensions]; all tokens count, special ones too. Of no token: zeros. p is not OWN. */
void task_pooling_run(enum task_pooling p, const float *tokens, uint32_t count, uint32_t dimensions, float *to);
/* To length 1; a vector of length 0 stays. */
void task_pooling_normalize(float *vector, uint32_t dimensions);

#endif
