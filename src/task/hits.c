#include "task/hits.h"

#include "kit/alloc.h"

enum kit_status task_hits_make(struct task_hits *h, uint32_t rows, uint32_t (*room)(const void *ctx, uint32_t row),
                               const void *ctx, struct kit_err *err)
{
    h->firsts = kit_alloc_zero((size_t)rows + 1, sizeof(*h->firsts));
    h->counts = kit_alloc_zero((size_t)rows + 1, sizeof(*h->counts));
    if (h->firsts == NULL || h->counts == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the results of %u texts", rows);
    }
    uint64_t all = 0;
    for (uint32_t i = 0; i < rows; i++) {
        all += room != NULL ? room(ctx, i) : 1;
        if (all > TASK_HITS_MAX) {
            return kit_fail_param(err, KIT_TOO_LARGE, "inputs",
                                  "the answer would have more than %u entries: send fewer inputs, or ask for a smaller "
                                  "'top_k'",
                                  TASK_HITS_MAX);
        }
        h->firsts[i + 1] = (uint32_t)all;
    }
    h->at = kit_alloc_zero((size_t)all + 1, sizeof(*h->at));
    return h->at != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for %llu results", (unsigned long long)all);
}

void task_hits_done(struct task_hits *h)
{
    kit_alloc_free(h->at);
    kit_alloc_free(h->firsts);
    kit_alloc_free(h->counts);
    *h = (struct task_hits){0};
}
