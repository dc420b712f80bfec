/* backends/native/pack.h - linear layers into panels: rows of the file's tensors become columns of panels.
 *
 * Thread: the loading one; spreads over the team. Memory: writes where it is told. */
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
    float *panels;  /* to fill: NATIVE_PANELS(source_count * columns_each) * depth * NATIVE_PANEL */
    float *scratch; /* [cores][NATIVE_PANEL * depth] */
};

void native_pack_run(const struct native_pack *p, struct native_team team);

#endif
