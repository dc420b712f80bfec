#include "task/pooling.h"

#include <math.h>
#include <string.h>

enum task_pooling task_pooling_of(kit_str name)
{
    return kit_str_eq(name, kit_str_lit("mean"))  ? TASK_POOLING_MEAN
           : kit_str_eq(name, kit_str_lit("cls")) ? TASK_POOLING_CLS
           : kit_str_eq(name, kit_str_lit("max")) ? TASK_POOLING_MAX
                                                  : TASK_POOLING_OWN;
}

void task_pooling_run(enum task_pooling p, const float *tokens, uint32_t count, uint32_t dimensions, float *to)
{
    if (count == 0) {
        memset(to, 0, dimensions * sizeof(*to));
        return;
    }
    memcpy(to, tokens, dimensions * sizeof(*to));
    for (uint32_t t = 1; p != TASK_POOLING_CLS && t < count; t++) {
        const float *token = tokens + (size_t)t * dimensions;
        for (uint32_t d = 0; d < dimensions; d++) {
            to[d] = p == TASK_POOLING_MEAN ? to[d] + token[d] : token[d] > to[d] ? token[d] : to[d];
        }
    }
    for (uint32_t d = 0; p == TASK_POOLING_MEAN && d < dimensions; d++) {
        to[d] /= (float)count;
    }
}

void task_pooling_normalize(float *vector, uint32_t dimensions)
{
    double square = 0;
    for (uint32_t d = 0; d < dimensions; d++) {
        square += (double)vector[d] * vector[d];
    }
    float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (uint32_t d = 0; scale > 0 && d < dimensions; d++) {
        vector[d] *= scale;
    }
}
