/* backends/llama/header.h - the header of a GGUF file, read by us before llama.cpp sees the file.
 *
 * It takes any bytes: every count is held against a limit and against what is left of the file, nothing is believed and
 * nothing of the file is mapped. What llama.cpp would abort on, or read beyond its end for, is refused here, by the name
 * of the key or tensor. Format: the GGUF specification, versions 2 and 3, little-endian.
 * Thread: any. Memory: the struct is the caller's and owns nothing. */
#ifndef LLAMA_HEADER_H
#define LLAMA_HEADER_H

#include "kit/status.h"

#define GGUF_TEXT_BYTES 128
#define GGUF_LAYERS_MAX 512 /* as llama.cpp's own */
#define GGUF_POOLING_NONE 0
#define GGUF_POOLING_RANK 4

struct llama_gguf {
    uint32_t version;
    uint64_t kv_count, tensor_count;
    uint64_t file_bytes, header_bytes; /* the tensors' data begins at header_bytes, aligned */
    uint64_t tensor_bytes;             /* of all tensors of this file */
    uint32_t alignment;

    char architecture[GGUF_TEXT_BYTES]; /* general.architecture; "" when absent */
    char type[GGUF_TEXT_BYTES];         /* general.type: "model", "adapter", "mmproj"; "" when absent */
    uint64_t split_count;               /* split.count; 0: not split */

    /* Of the architecture; 0 when absent. */
    uint64_t context_length, embedding_length, block_count;
    uint64_t head_count, head_count_kv; /* the largest of all layers */
    uint64_t head_count_kv_sum;         /* over all layers, when they differ; else 0 */
    uint64_t key_length, value_length;
    uint64_t pooling_type;
    bool has_pooling;
    uint64_t vocab_size; /* tokens in tokenizer.ggml.tokens */
    uint64_t weights;    /* numbers in all tensors */
};

/* Reads all of the header. Errors: PARSE (what is wrong, with the key's or tensor's name), IO, NOT_FOUND, UNSUPPORTED
 * (version 1, big-endian), NOMEM. */
KIT_MUST_CHECK enum kit_status llama_gguf_read(const char *path, struct llama_gguf *ret, struct kit_err *err);
/* The same of an open descriptor, which stays open; name: for messages. */
KIT_MUST_CHECK enum kit_status llama_gguf_read_fd(int fd, const char *name, struct llama_gguf *ret,
                                                  struct kit_err *err);
/* Whether the file begins as a GGUF file does. Cheap. */
bool llama_gguf_is(const char *path);

#endif
