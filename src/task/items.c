#include "task/items.h"

#include "task/rows.h"

#define NUMBER_BYTES 16 /* of text that take as long as a number */
#define TOKEN_NUMBERS 6 /* what a token takes */
#define HIT_NUMBERS 8   /* what a hit takes to write: a label, a place or two, text */

enum kit_status task_items_count(struct task_request *r, struct kit_err *err)
{
    if (task_request_tells(r) && task_news_open(&r->news, &r->arena, r->inputs.item_count) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u inputs", r->inputs.item_count);
    }
    if (r->rows.firsts == NULL) {
        return KIT_OK;
    }
    r->rows_left = kit_arena_zero(&r->arena, r->inputs.item_count, sizeof(*r->rows_left));
    if (r->rows_left == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u inputs", r->inputs.item_count);
    }
    for (uint32_t i = 0; i < r->inputs.item_count; i++) {
        r->rows_left[i] = task_rows_first(r, i + 1) - task_rows_first(r, i);
    }
    return KIT_OK;
}

/* True for whoever brings the last rows of an item. */
static bool is_complete(struct task_request *r, uint32_t item, uint32_t rows)
{
    if (r->rows_left == NULL) {
        return true;
    }
    kit_mutex_lock(&r->lock);
    r->rows_left[item] -= rows;
    bool complete = r->rows_left[item] == 0;
    kit_mutex_unlock(&r->lock);
    return complete;
}

static void complete(const struct task_model *m, struct task_request *r, uint32_t item, bool tell)
{
    const struct task_type *t = task_type_of(r->kind);
    if (t->finish != NULL) {
        t->finish(m, r, item);
    }
    if (tell) {
        task_news_add(&r->news, item);
    }
}

void task_items_rows_done(const struct task_model *m, struct task_request *r, uint32_t first, uint32_t count)
{
    uint32_t end = first + count;
    bool tell = task_request_tells(r) && !kit_flag_get(&r->job.lost);
    for (uint32_t item = task_rows_item(r, first), next; first < end; item++, first = next) {
        next = KIT_MIN(task_rows_first(r, item + 1), end);
        if (is_complete(r, item, next - first)) {
            complete(m, r, item, tell);
        }
    }
    if (tell) {
        task_request_tell(r);
    }
}

/* Text that is read again, or sent back, when the items are written. */
static uint64_t text_bytes(const struct task_request *r, uint32_t first, uint32_t count)
{
    const struct task_inputs *in = &r->inputs;
    uint64_t bytes = 0;
    if (r->kind != TASK_TOKEN_CLASSIFY && r->kind != TASK_ANSWER && !r->parameters.return_text) {
        return 0;
    }
    for (uint32_t i = task_item_first(in->firsts, first); i < task_item_first(in->firsts, first + count); i++) {
        bytes += in->pairs != NULL ? in->pairs[i].len : in->texts[i].len;
    }
    return bytes;
}

uint64_t task_items_numbers(const struct task_request *r, uint32_t first, uint32_t count)
{
    uint32_t row = task_rows_first(r, first), end = task_rows_first(r, first + count);
    uint64_t lines = end - row, numbers = 0;
    if (r->kind == TASK_TOKENIZE || r->kind == TASK_DETOKENIZE) {
        numbers = (r->rows.offsets[end] - r->rows.offsets[row]) * TOKEN_NUMBERS;
    } else if (r->kind == TASK_EMBED) {
        lines = r->parameters.pooling == TASK_POOLING_NONE ? r->rows.offsets[end] - r->rows.offsets[row] : lines;
        numbers = lines * r->dimensions;
    }
    if (r->hits.firsts != NULL) {
        numbers += (uint64_t)(r->hits.firsts[end] - r->hits.firsts[row]) * HIT_NUMBERS;
    }
    numbers += text_bytes(r, first, count) / NUMBER_BYTES;
    for (uint32_t i = 0; i < r->outputs.count; i++) {
        numbers += r->outputs.tensor[i]->bytes / sizeof(float);
    }
    return numbers;
}
