#include "sample/head.h"

#include <float.h>
#include <math.h>

#include "kit/alloc.h"

enum kit_status sample_head_init(struct sample_head *h, const struct sample_rows *rows, uint32_t n)
{
    *h = (struct sample_head){.rows = rows, .n = n, .blocks = SAMPLE_BLOCKS(n)};
    h->block = kit_alloc_array(h->blocks, sizeof(*h->block));
    h->id = kit_alloc_array(SAMPLE_HEAD_ROOM, sizeof(*h->id));
    h->x = kit_alloc_array(SAMPLE_HEAD_ROOM, sizeof(*h->x));
    if (h->block == NULL || h->id == NULL || h->x == NULL) {
        sample_head_done(h);
        return KIT_NOMEM;
    }
    return KIT_OK;
}

void sample_head_done(struct sample_head *h)
{
    kit_alloc_free(h->block);
    kit_alloc_free(h->id);
    kit_alloc_free(h->x);
    *h = (struct sample_head){0};
}

float sample_head_look(struct sample_head *h, const float *row)
{
    float top = -INFINITY;
    h->rows->block_max(row, h->n, h->block);
    for (uint32_t b = 0; b < h->blocks; b++) {
        top = h->block[b] > top ? h->block[b] : top;
    }
    return top;
}

static uint32_t block_end(const struct sample_head *h, uint32_t b)
{
    return KIT_MIN((b + 1) * SAMPLE_BLOCK, h->n);
}

uint32_t sample_head_first(const struct sample_head *h, const float *row, float top)
{
    uint32_t b = 0;
    while (b + 1 < h->blocks && h->block[b] != top) {
        b++;
    }
    uint32_t i = b * SAMPLE_BLOCK;
    while (i + 1 < block_end(h, b) && row[i] != top) {
        i++;
    }
    return i;
}

/* --- the k largest --- */

/* heap [count]: each is no more than its two children, apart from that at `at`. */
static void sift_down(float *heap, uint32_t count, uint32_t at)
{
    float x = heap[at];
    for (uint32_t child; (child = 2 * at + 1) < count; at = child) {
        child += child + 1 < count && heap[child + 1] < heap[child];
        if (heap[child] >= x) {
            break;
        }
        heap[at] = heap[child];
    }
    heap[at] = x;
}

/* The k-th largest of the blocks: as many floats of the row are no less. Where there are no k blocks, the least number.
 * */
static float find_floor(struct sample_head *h, uint32_t k)
{
    if (k > h->blocks) {
        return -FLT_MAX;
    }
    float *heap = h->x;
    for (uint32_t b = 0; b < k; b++) {
        heap[b] = h->block[b];
    }
    for (uint32_t at = k / 2; at-- > 0;) {
        sift_down(heap, k, at);
    }
    for (uint32_t b = k; b < h->blocks; b++) {
        if (h->block[b] > heap[0]) {
            heap[0] = h->block[b];
            sift_down(heap, k, 0);
        }
    }
    return heap[0] < -FLT_MAX ? -FLT_MAX : heap[0];
}

/* Of a block: those above `low`, and `equals` of those equal to it. False: no room. */
static bool take_block(struct sample_head *h, const float *row, uint32_t b, float low, uint32_t *equals)
{
    uint32_t index[SAMPLE_BLOCK];
    uint32_t first = b * SAMPLE_BLOCK;
    uint32_t count = h->rows->find(row + first, block_end(h, b) - first, low, INFINITY, index, SAMPLE_BLOCK);
    for (uint32_t i = 0; i < count; i++) {
        float x = row[first + index[i]];
        if (x > low || *equals > 0) {
            if (h->count == SAMPLE_HEAD_ROOM) {
                return false;
            }
            *equals -= x == low;
            h->id[h->count] = (int32_t)(first + index[i]);
            h->x[h->count++] = x;
        }
    }
    return true;
}

static bool take_all(struct sample_head *h, const float *row, float low, uint32_t equals)
{
    bool fits = true;
    h->count = 0;
    for (uint32_t b = 0; fits && b < h->blocks; b++) {
        if (h->block[b] >= low) {
            fits = take_block(h, row, b, low, &equals);
        }
    }
    return fits;
}

bool sample_head_find(struct sample_head *h, const float *row, uint32_t k)
{
    return take_all(h, row, find_floor(h, k), k);
}

bool sample_head_find_from(struct sample_head *h, const float *row, float low)
{
    return take_all(h, row, low, h->n);
}
