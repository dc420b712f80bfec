#include "task/rows.h"

#include <string.h>

#include "kit/alloc.h"

/* Makes *array [count] of `bytes` each longer. */
static bool grow(void *array, size_t count, size_t bytes)
{
    void *old, *longer;
    memcpy(&old, array, sizeof(old));
    longer = count > SIZE_MAX / bytes ? NULL : kit_alloc_resize(old, count * bytes);
    if (longer != NULL) {
        memcpy(array, &longer, sizeof(longer));
    }
    return longer != NULL;
}

static enum kit_status make_room(struct task_rows_builder *b, size_t count)
{
    struct task_rows *rows = &b->rows;
    if (b->tokens + count <= b->token_room) {
        return KIT_OK;
    }
    size_t room = KIT_MAX(b->token_room * 2, b->tokens + count);
    if (!grow(&rows->ids, room, sizeof(*rows->ids)) || (b->types && !grow(&rows->types, room, sizeof(*rows->types))) ||
        (b->places && !grow(&rows->spans, room, sizeof(*rows->spans))) ||
        (b->places && !grow(&rows->words, room, sizeof(*rows->words)))) {
        return KIT_NOMEM;
    }
    b->token_room = room;
    return KIT_OK;
}

enum kit_status task_rows_add(struct task_rows_builder *b, const struct text_encoding *e, uint32_t from, uint32_t count,
                              struct kit_err *err)
{
    struct task_rows *rows = &b->rows;
    if (b->tokens + count > b->tokens_max) {
        return kit_fail(
            err, KIT_TOO_LARGE,
            "the inputs make more than the %llu tokens that may wait (queue.tokens_max): send fewer at a time",
            (unsigned long long)b->tokens_max);
    }
    if (count == 0) {
        return KIT_OK;
    }
    if (make_room(b, count) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %zu tokens", b->tokens + count);
    }
    memcpy(rows->ids + b->tokens, e->ids + from, count * sizeof(*rows->ids));
    for (uint32_t i = 0; b->types && i < count; i++) {
        rows->types[b->tokens + i] = e->types[from + i];
        b->typed |= e->types[from + i] != 0;
    }
    if (b->places) {
        memcpy(rows->spans + b->tokens, e->spans + from, count * sizeof(*rows->spans));
        memcpy(rows->words + b->tokens, e->words + from, count * sizeof(*rows->words));
    }
    b->tokens += count;
    return KIT_OK;
}

enum kit_status task_rows_end(struct task_rows_builder *b, struct kit_err *err)
{
    struct task_rows *rows = &b->rows;
    if ((size_t)rows->count + 2 > b->row_room) {
        size_t room = KIT_MAX(b->row_room * 2, (size_t)16);
        if (!grow(&rows->offsets, room, sizeof(*rows->offsets))) {
            return kit_fail(err, KIT_NOMEM, "out of memory for %u texts", rows->count + 1);
        }
        b->row_room = room;
    }
    rows->offsets[0] = 0;
    rows->offsets[++rows->count] = b->tokens;
    return KIT_OK;
}

enum kit_status task_rows_keep(struct task_rows_builder *b, struct task_request *r, struct kit_err *err)
{
    struct sched_row *cost = kit_arena_zero(&r->arena, b->rows.count, sizeof(*cost));
    if (cost == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u texts", b->rows.count);
    }
    for (uint32_t i = 0; i < b->rows.count; i++) {
        cost[i].tokens = KIT_MAX((uint32_t)(b->rows.offsets[i + 1] - b->rows.offsets[i]), 1u);
    }
    if (!b->typed) {
        kit_alloc_free(b->rows.types);
        b->rows.types = NULL;
    }
    r->job.rows = cost;
    r->job.row_count = b->rows.count;
    r->tokens = b->tokens;
    r->rows = b->rows;
    b->rows = (struct task_rows){0};
    return KIT_OK;
}

void task_rows_drop(struct task_rows_builder *b)
{
    task_rows_done(&b->rows);
}

void task_rows_done(struct task_rows *rows)
{
    kit_alloc_free(rows->ids);
    kit_alloc_free(rows->types);
    kit_alloc_free(rows->spans);
    kit_alloc_free(rows->words);
    kit_alloc_free(rows->offsets);
    *rows = (struct task_rows){0};
}
