#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"

/* Reading all weights once adds about as long as computing this many tokens on one core; cores that run side by side read
 * the same ones at about the same time. All four figures were measured with MiniLM. */
#define STREAM_TOKENS 6u
/* A call on all cores waits at each step: about this many tokens' time in all, and a twenty-fifth of the rest. */
#define WAIT_TOKENS 2u
#define WAIT_PART 25u
/* Below so many tokens a block, another block is not worth a second reading of the weights. */
#define BLOCK_TOKENS_MIN 48u

struct length {
    uint32_t row, tokens;
};

/* A block while rows are dealt: a heap has the lightest on top. */
struct load {
    uint32_t block, tokens;
};

static int longest_first(const void *a, const void *b)
{
    const struct length *x = a;
    const struct length *y = b;
    if (x->tokens != y->tokens) {
        return x->tokens > y->tokens ? -1 : 1;
    }
    return x->row < y->row ? -1 : 1;
}

static uint32_t sort_rows(const struct native_batch *b, struct length *ret)
{
    uint32_t n = 0;
    for (uint32_t r = 0; r < b->rows; r++) {
        uint32_t tokens = b->row_from[r + 1] - b->row_from[r];
        if (tokens > 0) {
            ret[n++] = (struct length){.row = r, .tokens = tokens};
        }
    }
    qsort(ret, n, sizeof(ret[0]), longest_first);
    return n;
}

static void heap_sink(struct load *heap, uint32_t count)
{
    uint32_t at = 0;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child + 1 < count && heap[child + 1].tokens < heap[child].tokens) {
            child++;
        }
        if (child >= count || heap[child].tokens >= heap[at].tokens) {
            return;
        }
        struct load swap = heap[at];
        heap[at] = heap[child];
        heap[child] = swap;
        at = child;
    }
}

/* Each row, longest first, to the block that is lightest: block_of [rows], indexed like `rows`. */
static void deal(const struct length *rows, uint32_t n, struct load *heap, uint32_t blocks, uint32_t *block_of)
{
    for (uint32_t i = 0; i < blocks; i++) {
        heap[i] = (struct load){.block = i};
    }
    for (uint32_t i = 0; i < n; i++) {
        block_of[i] = heap[0].block;
        heap[0].tokens += rows[i].tokens;
        heap_sink(heap, blocks);
    }
}

/* Lays the rows out block by block. */
static void lay_out(struct native_plan *p, const struct length *rows, uint32_t n, const uint32_t *block_of)
{
    memset(p->from, 0, ((size_t)p->blocks + 2) * sizeof(p->from[0]));
    for (uint32_t i = 0; i < n; i++) {
        p->from[block_of[i] + 2]++;
    }
    for (uint32_t i = 2; i < p->blocks + 2; i++) {
        p->from[i] += p->from[i - 1];
    }
    for (uint32_t i = 0; i < n; i++) {
        p->row[p->from[block_of[i] + 1]++] = rows[i].row;
    }
}

static void measure(struct native_plan *p, const struct native_batch *b)
{
    for (uint32_t i = 0; i < p->blocks; i++) {
        uint32_t tokens = 0;
        for (uint32_t j = p->from[i]; j < p->from[i + 1]; j++) {
            uint32_t n = b->row_from[p->row[j] + 1] - b->row_from[p->row[j]];
            p->row_max = KIT_MAX(p->row_max, n);
            tokens += n;
        }
        p->tokens_max = KIT_MAX(p->tokens_max, tokens);
    }
}

static uint32_t divide_up(uint32_t a, uint32_t b)
{
    return a / b + (a % b != 0);
}

/* Blocks side by side: as few as the aim allows, a multiple of the cores, and no more than are worth it. */
static uint32_t apart_blocks(const struct native_batch *b, uint32_t rows, uint32_t cores)
{
    uint32_t wanted = divide_up(divide_up(b->tokens, NATIVE_BLOCK_TOKENS), cores) * cores;
    uint32_t worth = KIT_MAX(b->tokens / BLOCK_TOKENS_MIN, 1u);
    return KIT_MIN(KIT_MIN(wanted, KIT_MAX(worth, KIT_MIN(cores, wanted))), rows);
}

/* Token times until the last core is done. */
static uint64_t apart_cost(const struct native_plan *p, const struct native_batch *b, uint32_t cores)
{
    uint64_t each = divide_up(p->blocks, cores);
    uint64_t even = divide_up(b->tokens, cores);
    return KIT_MAX(even, p->tokens_max) + each * STREAM_TOKENS;
}

static uint64_t together_cost(const struct native_batch *b, uint32_t cores)
{
    uint64_t blocks = divide_up(b->tokens, NATIVE_BLOCK_TOKENS);
    uint64_t even = divide_up(b->tokens, cores);
    return even + even / WAIT_PART + blocks * (STREAM_TOKENS / cores + WAIT_TOKENS);
}

static void make_blocks(struct native_plan *p, const struct native_batch *b, uint32_t blocks, const struct length *rows,
                        uint32_t n, struct load *heap, uint32_t *block_of)
{
    p->blocks = blocks;
    p->tokens_max = 0;
    deal(rows, n, heap, blocks, block_of);
    lay_out(p, rows, n, block_of);
    measure(p, b);
}

static void choose(struct native_plan *p, const struct native_batch *b, uint32_t cores, const struct length *rows,
                   uint32_t n, struct load *heap, uint32_t *block_of)
{
    p->apart = false;
    if (n > 1 && cores > 1) {
        make_blocks(p, b, apart_blocks(b, n, cores), rows, n, heap, block_of);
        p->apart = p->blocks > 1 && apart_cost(p, b, cores) <= together_cost(b, cores);
    }
    if (!p->apart) {
        make_blocks(p, b, KIT_MIN(divide_up(b->tokens, NATIVE_BLOCK_TOKENS), n), rows, n, heap, block_of);
    }
}

enum kit_status native_plan_make(const struct native_batch *b, uint32_t cores, struct native_plan *ret,
                                 struct kit_err *err)
{
    struct native_plan p = {0};
    size_t most = (size_t)b->rows + 2; /* there are never more blocks than rows */
    struct length *rows = kit_alloc_array(most, sizeof(*rows));
    struct load *heap = kit_alloc_array(most, sizeof(*heap));
    uint32_t *block_of = kit_alloc_array(most, sizeof(*block_of));
    enum kit_status rc = KIT_OK;
    p.row = kit_alloc_array(most, sizeof(p.row[0]));
    p.from = kit_alloc_array(most, sizeof(p.from[0]));
    if (rows == NULL || heap == NULL || block_of == NULL || p.row == NULL || p.from == NULL) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for %u rows", b->rows);
        goto out;
    }
    uint32_t n = sort_rows(b, rows);
    if (n > 0) {
        choose(&p, b, cores, rows, n, heap, block_of);
    }
    *ret = p;
    p = (struct native_plan){0};
out:
    native_plan_done(&p);
    kit_alloc_free(block_of);
    kit_alloc_free(heap);
    kit_alloc_free(rows);
    return rc;
}

void native_plan_done(struct native_plan *p)
{
    kit_alloc_free(p->from);
    kit_alloc_free(p->row);
    *p = (struct native_plan){0};
}

uint32_t native_plan_tokens_bound(uint32_t positions, uint64_t call_tokens_max)
{
    uint64_t bound = (uint64_t)positions + NATIVE_BLOCK_TOKENS;
    return (uint32_t)(call_tokens_max == 0 ? bound : KIT_MIN(bound, call_tokens_max));
}
