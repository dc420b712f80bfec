/* tests/load/big_model.h - a BERT of any size with random weights, made on the spot: a file without holes.
 *
 * Thread: one. Memory: one megabyte while it is made. The files lie in the test's own folder and go with it. */
#ifndef LOAD_BIG_MODEL_H
#define LOAD_BIG_MODEL_H

#include "kit/base.h"

/* Makes the model folder `name` (support/temp.h): config.json, tiny-bert's tokenizer, model.safetensors of about `bytes`
 * (whole layers of hidden 1024, 50 MB each). Returns the bytes of model.safetensors. */
uint64_t big_model_make(const char *name, uint64_t bytes);

#endif
