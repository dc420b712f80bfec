/* backends/native/pack.h - linear layers into panels: rows of the file's tensors become columns of panels.
 *
 * Every number is looked at on the way: a weight that is none (NaN) or is infinite makes answers that are none, and is better
 * found here, where it has a name. Thread: any, each with panels and scratch of its own. Memory: writes where it is told. */
#ifndef NATIVE_PACK_H
#define NATIVE_PACK_H

#include "gemm.h"
#include "safetensors.h"

#define NATIVE_PACK_SOURCES_MAX 3

/* One matrix: up to three weights [columns_each, depth] of the file, their outputs side by side. */
struct native_pack {
    const struct native_kernels *kernels;
    const struct native_tensor *source[NATIVE_PACK_SOURCES_MAX];
    uint32_t source_count, columns_each, depth;
    float *panels; /* to fill: [native_pack_panels][depth][NATIVE_PANEL]; NULL: it stays in the file and is only read */
};

uint32_t native_pack_panels(const struct native_pack *p);
/* Panels [from, to); scratch [NATIVE_PANEL * depth]. Returns the first source that has a number that is none, or NULL. */
const struct native_tensor *native_pack_run(const struct native_pack *p, uint32_t from, uint32_t to, float *scratch);
/* Gives back the pages of the files that panels [from, to) were read from; returns their bytes. */
uint64_t native_pack_forget(const struct native_pack *p, uint32_t from, uint32_t to);

/* The failure that says which tensor is damaged: PARSE. */
enum kit_status native_pack_refuse(const struct native_tensor *t, struct kit_err *err);

#endif
