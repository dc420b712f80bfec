/* backends/llama/vocab.h - the vocabulary of a GGUF file; as struct acb_plugin says. Thread: any. Memory: none is kept. */
#ifndef LLAMA_VOCAB_H
#define LLAMA_VOCAB_H

#include "model.h"

int32_t llama_plug_tokenize(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids,
                            uint64_t *count);
int32_t llama_plug_detokenize(void *model, int32_t id, uint32_t flags, char *text, uint64_t *bytes);
uint32_t llama_plug_token_flags(void *model, int32_t id);

#endif
