#include "task/texts.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"

/* --- texts become rows --- */

struct ids {
    int32_t *ids; /* [room]; owned until it moves into the arena */
    size_t count, room;
};

static enum kit_status ids_add(struct ids *all, const int32_t *ids, size_t count)
{
    if (all->count + count > all->room) {
        size_t room = KIT_MAX(all->room * 2, all->count + count);
        int32_t *longer = kit_alloc_resize(all->ids, room * sizeof(*longer));
        if (longer == NULL) {
            return KIT_NOMEM;
        }
        all->ids = longer;
        all->room = room;
    }
    memcpy(all->ids + all->count, ids, count * sizeof(*ids));
    all->count += count;
    return KIT_OK;
}

/* Puts the input's place before what the tokenizer said: "inputs[3]: …". */
static enum kit_status name_input(const struct task_request *r, uint32_t index, enum kit_status rc, struct kit_err *err)
{
    char param[KIT_ERR_PARAM_BYTES] = "inputs";
    if (r->text_count > 1) {
        snprintf(param, sizeof(param), "inputs[%u]", index);
    }
    if (err != NULL) {
        memcpy(err->param, param, sizeof(param));
    }
    return kit_err_prefix(err, rc, "%s", param);
}

static enum kit_status add_text(const struct task_model *m, const struct task_options *o, struct text_scratch *scratch,
                                struct task_request *r, uint32_t index, struct ids *all, struct kit_err *err)
{
    struct text_encoding e;
    struct text_options options = {
        .add_special = true,
        .max_tokens = m->row_tokens_max,
        .truncate = r->truncate ? TEXT_TRUNCATE_DEFAULT : TEXT_TRUNCATE_REFUSE,
        .input_bytes_max = o->text_bytes_max,
    };
    enum kit_status rc = text_tokenizer_encode(m->tokenizer, scratch, r->texts[index], NULL, &options, &e, err);
    if (rc != KIT_OK) {
        return name_input(r, index, rc, err);
    }
    rc = ids_add(all, e.ids, e.count);
    if (rc != KIT_OK) {
        return kit_fail(err, rc, "out of memory for %zu tokens", all->count + e.count);
    }
    r->job.rows[index] = (struct sched_row){.tokens = KIT_MAX(e.count, 1u)};
    r->row_offsets[index + 1] = all->count;
    r->truncated += e.dropped[0] > 0;
    return KIT_OK;
}

/* The ids live as long as the request. */
static enum kit_status keep_ids(struct task_request *r, struct ids *all)
{
    if (kit_arena_defer(&r->arena, kit_alloc_free, all->ids) != KIT_OK) {
        return KIT_NOMEM;
    }
    r->ids = all->ids;
    all->ids = NULL;
    return KIT_OK;
}

static enum kit_status make_room(struct task_request *r)
{
    r->job.rows = kit_arena_zero(&r->arena, r->text_count, sizeof(*r->job.rows));
    r->job.row_count = r->text_count;
    r->row_offsets = kit_arena_zero(&r->arena, (size_t)r->text_count + 1, sizeof(*r->row_offsets));
    return r->job.rows != NULL && r->row_offsets != NULL ? KIT_OK : KIT_NOMEM;
}

enum kit_status task_texts_prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                                   struct kit_err *err)
{
    struct ids all = {0};
    struct text_scratch *scratch = NULL;
    if (make_room(r) != KIT_OK || task_scratches_take(&m->scratches, &scratch) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u texts", r->text_count);
    }
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < r->text_count; i++) {
        rc = task_request_is_cancelled(r) ? kit_fail(err, KIT_CANCELLED, "cancelled by the caller")
                                          : add_text(m, o, scratch, r, i, &all, err);
    }
    task_scratches_give(&m->scratches, scratch);
    r->tokens = all.count;
    if (rc == KIT_OK && keep_ids(r, &all) != KIT_OK) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for %zu tokens", all.count);
    }
    kit_alloc_free(all.ids);
    return rc;
}

/* --- rows become one tensor --- */

void task_texts_done(struct task_texts *b)
{
    kit_alloc_free(b->ids);
    kit_alloc_free(b->row_offsets);
}

static void add_slice(struct task_texts *b, const struct sched_slice *s)
{
    const struct task_request *r = task_request_of_slice(s);
    uint64_t from = r->row_offsets[s->first];
    uint64_t tokens = r->row_offsets[s->first + s->count] - from;
    memcpy(b->ids + b->tokens, r->ids + from, tokens * sizeof(*b->ids));
    for (uint32_t i = 1; i <= s->count; i++) {
        b->row_offsets[b->rows + i] = b->tokens + r->row_offsets[s->first + i] - from;
    }
    b->rows += s->count;
    b->tokens += tokens;
}

enum kit_status task_texts_fill(struct task_texts *b, const struct sched_slice *slices, uint32_t count,
                                struct kit_err *err)
{
    uint64_t tokens = 0, rows = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct task_request *r = task_request_of_slice(&slices[i]);
        tokens += r->row_offsets[slices[i].first + slices[i].count] - r->row_offsets[slices[i].first];
        rows += slices[i].count;
    }
    b->ids = kit_alloc_aligned(ACB_ALIGN, (tokens + 1) * sizeof(*b->ids));
    b->row_offsets = kit_alloc_array(rows + 1, sizeof(*b->row_offsets));
    if (b->ids == NULL || b->row_offsets == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a batch of %llu tokens", (unsigned long long)tokens);
    }
    b->row_offsets[0] = 0;
    for (uint32_t i = 0; i < count; i++) {
        add_slice(b, &slices[i]);
    }
    return KIT_OK;
}

struct acb_tensor task_texts_tensor(const struct task_texts *b)
{
    return (struct acb_tensor){
        .size = sizeof(struct acb_tensor),
        .dtype = ACB_I32,
        .rank = 1,
        .name = "input_ids",
        .shape = {(int64_t)b->tokens},
        .data = b->ids,
        .bytes = b->tokens * sizeof(*b->ids),
        .row_offsets = b->row_offsets,
        .rows = b->rows,
    };
}
