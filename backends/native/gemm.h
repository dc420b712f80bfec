/* backends/native/gemm.h - matrix products over packed panels: c = act(a b + bias + add).
 *
 * Thread: any; a product is split by panels, each worker has some of them. Memory: nothing is allocated. The order of
 * loops follows Goto and van de Geijn 2008, "Anatomy of High-Performance Matrix Multiplication": a piece of a panel stays
 * in L1 while all rows pass by. */
#ifndef NATIVE_GEMM_H
#define NATIVE_GEMM_H

#include "host.h"
#include "kernels/kernels.h"

/* A packed right side: panel p is depth x NATIVE_PANEL floats at panels + p * depth * NATIVE_PANEL. */
struct native_matrix {
    const float *panels; /* borrowed, 64-byte aligned */
    const float *bias;   /* [panel_count * NATIVE_PANEL], zero beyond the columns; or NULL */
    uint32_t depth, columns, panel_count;
};

#define NATIVE_PANELS(columns) (((columns) + NATIVE_PANEL - 1) / NATIVE_PANEL)
/* Floats from one row of scratch to the next: whole panels, and never a multiple of a page. */
#define NATIVE_STRIDE(columns) ((size_t)NATIVE_PANELS(columns) * NATIVE_PANEL + 16)

struct native_gemm {
    const struct native_kernels *kernels;
    const struct native_matrix *b;
    const float *a;   /* [rows][depth], a_stride apart */
    const float *add; /* [rows][whole panels], add_stride apart, or NULL */
    float *c;         /* [rows][whole panels], c_stride apart; not a, not add */
    size_t a_stride, add_stride, c_stride;
    uint32_t rows;
    enum native_act act;
};

void native_gemm_panels(const struct native_gemm *g, uint32_t from, uint32_t to); /* panels [from, to) */
void native_gemm_run(const struct native_gemm *g, struct native_team team);       /* all, over the team */

#endif
