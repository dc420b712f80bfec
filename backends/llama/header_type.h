/* backends/llama/header_type.h - the types of values and of tensors in a GGUF file. Thread: any; pure. */
#ifndef LLAMA_HEADER_TYPE_H
#define LLAMA_HEADER_TYPE_H

#include "kit/base.h"

enum gguf_value {
    GGUF_VALUE_U8,
    GGUF_VALUE_I8,
    GGUF_VALUE_U16,
    GGUF_VALUE_I16,
    GGUF_VALUE_U32,
    GGUF_VALUE_I32,
    GGUF_VALUE_F32,
    GGUF_VALUE_BOOL,
    GGUF_VALUE_STRING,
    GGUF_VALUE_ARRAY,
    GGUF_VALUE_U64,
    GGUF_VALUE_I64,
    GGUF_VALUE_F64,
    GGUF_VALUE_COUNT
};

uint32_t llama_gguf_value_bytes(uint32_t type); /* 0: string, array, or none at all */
bool llama_gguf_value_whole(uint32_t type);     /* a whole number */
const char *llama_gguf_value_name(uint32_t type);

/* Numbers and bytes of one block of a tensor's type. False: no such type. */
bool llama_gguf_block(uint32_t type, uint32_t *numbers, uint32_t *bytes);

#endif
