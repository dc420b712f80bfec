/* src/plug/cell_memory.h - pieces of shared memory: made and sealed by the parent, mapped by both.
 *
 * The seals forbid to shrink and to grow it, so that no access can meet the end of the file. Thread: one at a time for
 * one piece. Memory: a piece owns its descriptor and its mapping. */
#ifndef PLUG_CELL_MEMORY_H
#define PLUG_CELL_MEMORY_H

#include "kit/base.h"

struct plug_cell_memory {
    unsigned char *at; /* NULL: no memory */
    uint64_t bytes;    /* whole pages */
    int fd;
};

/* Makes a piece of at least `bytes`. read_only: whoever gets the descriptor cannot write. False: no memory. */
KIT_MUST_CHECK bool plug_cell_memory_new(uint64_t bytes, bool read_only, struct plug_cell_memory *ret);
/* Maps what came along with a packet; owns fd even when it fails. */
KIT_MUST_CHECK bool plug_cell_memory_map(int fd, bool read_only, struct plug_cell_memory *ret);
/* Closes the descriptor, keeps the mapping. */
void plug_cell_memory_detach(struct plug_cell_memory *p);
void plug_cell_memory_done(struct plug_cell_memory *p); /* zeroed is fine */

/* Whether [at, at + bytes) lies inside. */
bool plug_cell_memory_holds(const struct plug_cell_memory *p, uint64_t at, uint64_t bytes);

#endif
