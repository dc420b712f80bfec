/* src/task/hits.h - what rows found: labels, tokens, spans, texts of a list, each with its score.
 *
 * Every row has room of its own, made before it runs, so that rows may run on several model threads at once and in any
 * order. When all rows of an item are there its task puts the item's hits together, from its first row's room on.
 * Memory: owned by the request. */
#ifndef TASK_HITS_H
#define TASK_HITS_H

#include "kit/status.h"

#define TASK_HITS_MAX (UINT32_C(1) << 22) /* of one request: 64 MiB */

struct task_hit {
    uint32_t id; /* of a label or token, or the place in the list of texts */
    float score;
    uint32_t start, end; /* bytes of the text or the context; 0, 0 where a hit has no place */
};

struct task_hits {
    struct task_hit *at; /* [firsts[rows]]; owned, as the others */
    uint32_t *firsts;    /* [rows + 1] */
    uint32_t *counts;    /* [rows] in use; of an item: at its first row */
};

/* room: hits that a row may have; NULL: one each. TOO_LARGE: more than TASK_HITS_MAX together; NOMEM. h is zeroed before. */
KIT_MUST_CHECK enum kit_status task_hits_make(struct task_hits *h, uint32_t rows,
                                              uint32_t (*room)(const void *ctx, uint32_t row), const void *ctx,
                                              struct kit_err *err);
void task_hits_done(struct task_hits *h);

/* A row's room, and its hits once they are counted. */
static inline struct task_hit *task_hits_of(const struct task_hits *h, uint32_t row)
{
    return h->at + h->firsts[row];
}

#endif
