/* backends/native/pooling.h - one vector for a row of tokens. Thread: any; pure.
 *
 * Source: Reimers and Gurevych 2019, arXiv 1908.10084, section 3. */
#ifndef NATIVE_POOLING_H
#define NATIVE_POOLING_H

#include "config.h"

/* x: [tokens][hidden], stride apart, tokens >= 1; ret [hidden]. A normalised vector has length 1 (0 stays 0). */
void native_pooling_run(const struct native_config *c, const float *x, size_t stride, uint32_t tokens, float *ret);

#endif
