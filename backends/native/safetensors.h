/* backends/native/safetensors.h - a safetensors file: mapped, its table of tensors read and checked.
 *
 * Every offset, shape and dtype is checked against the file's size before anyone may touch a byte: tensors lie within
 * the file, next to each other, without overlap or gap, each as long as its shape says, names unique. A file may be cut
 * later while it is mapped; whoever computes from it asks kit_map_broken (kit/map.h).
 * Thread: opened by one, then read by any. Memory: owned by whoever opened it; tensors borrow from it.
 * Source: the safetensors format, version 0.4 and later (huggingface/safetensors, README). */
#ifndef NATIVE_SAFETENSORS_H
#define NATIVE_SAFETENSORS_H

#include "kit/map.h"
#include "kit/str.h"

#define NATIVE_SAFETENSORS_HEADER_BYTES_MAX UINT64_C(100000000) /* as the format says */
#define NATIVE_SAFETENSORS_RANK_MAX 8

enum native_dtype { NATIVE_OTHER, NATIVE_F32, NATIVE_F16, NATIVE_BF16 }; /* what the engine can read */

struct native_tensor {
    kit_str name;       /* borrowed from the file's header */
    kit_str dtype_name; /* "F32", as the file says */
    enum native_dtype dtype;
    uint32_t rank;
    uint64_t shape[NATIVE_SAFETENSORS_RANK_MAX]; /* [rank] */
    uint64_t from;                               /* byte of the file where it starts; need not be aligned */
    uint64_t bytes;
    const uint8_t *data;       /* borrowed from the mapping */
    const struct kit_map *map; /* of its file */
};

struct native_safetensors;

/* Errors: PARSE (broken: the message names the tensor), NOT_FOUND, IO, NOMEM, FULL. */
KIT_MUST_CHECK enum kit_status native_safetensors_open(const char *path, struct native_safetensors **ret,
                                                       struct kit_err *err);
void native_safetensors_close(struct native_safetensors *s); /* NULL is fine */

const struct native_tensor *native_safetensors_find(const struct native_safetensors *s, kit_str name); /* or NULL */
const struct kit_map *native_safetensors_map(const struct native_safetensors *s);

/* Row `row` of a tensor of rank 2 (or the whole of one of rank 1, row 0) as float32; n: floats of a row. */
void native_tensor_row(const struct native_tensor *t, uint64_t row, uint64_t n, float *ret);
bool native_tensor_is_floats(const struct native_tensor *t); /* float32, and aligned: may be read where it lies */
/* The same row where it lies, if it can be read there, else as float32 in piece [n]. */
const float *native_tensor_floats(const struct native_tensor *t, uint64_t row, uint64_t n, float *piece);
/* "[384, 1536]" */
#define NATIVE_SHAPE_BYTES 128
const char *native_tensor_shape_text(const uint64_t *shape, uint32_t rank, char buf[NATIVE_SHAPE_BYTES]);

#endif
