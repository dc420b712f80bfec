/* src/sample/head.h - the largest of a row, without sorting it: whole blocks whose largest is too small are passed by.
 *
 * Thread: one at a time. Memory: owns its arrays, made once, 32 KiB and 4 bytes a block. For src/sample/ only. */
#ifndef SAMPLE_HEAD_H
#define SAMPLE_HEAD_H

#include "kit/status.h"
#include "sample/rows.h"

#define SAMPLE_HEAD_ROOM 4096u /* found at most */
#define SAMPLE_HEAD_TOP_MAX 1024u

struct sample_head {
    const struct sample_rows *rows;
    float *block; /* [blocks], owned: the largest of each */
    int32_t *id;  /* [count], owned: what was found, ascending */
    float *x;     /* [count], owned: its values */
    uint32_t n, blocks, count;
};

/* n: floats of a row. Errors: NOMEM; h is zeroed then. */
KIT_MUST_CHECK enum kit_status sample_head_init(struct sample_head *h, const struct sample_rows *rows, uint32_t n);
void sample_head_done(struct sample_head *h); /* zeroed is fine */

/* Looks at a row anew; returns its largest, -infinity: none. A NaN is passed by. */
float sample_head_look(struct sample_head *h, const float *row);
/* The first index that has `top`, which look returned. */
uint32_t sample_head_first(const struct sample_head *h, const float *row, float top);

/* Finds the k largest, of equals the first, and some more that are larger than the rest: 1 <= k <= SAMPLE_HEAD_TOP_MAX.
 * False: there are more than there is room for. */
bool sample_head_find(struct sample_head *h, const float *row, uint32_t k);
/* Finds all that are `low` or more. False: as above. */
bool sample_head_find_from(struct sample_head *h, const float *row, float low);

#endif
