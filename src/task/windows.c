#include "task/windows.h"

#include "task/rows.h"
#include "task/texts.h"

/* The tokens of one question and its context, and how they are cut. */
struct cut {
    uint32_t context;     /* the first token of the context */
    uint32_t context_end; /* behind its last */
    uint32_t window;      /* tokens of context in a window */
    uint32_t stride;
};

/* All that is not of the context is no place for an answer. */
static enum kit_status find_context(const struct task_request *r, uint32_t item, struct text_encoding *e, struct cut *c,
                                    struct kit_err *err)
{
    bool asked = false;
    c->context = c->context_end = 0;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->parts[i] == TEXT_PART_PAIR) {
            c->context = c->context_end == 0 ? i : c->context;
            c->context_end = i + 1;
        } else {
            asked |= e->parts[i] == TEXT_PART_TEXT;
            e->words[i] = TEXT_NO_WORD;
        }
    }
    if (!asked || c->context_end == 0) {
        kit_fail(err, KIT_INVALID, "is empty");
        return task_inputs_blame(&r->inputs, item, asked ? TASK_PART_SECOND : TASK_PART_FIRST, KIT_INVALID, err);
    }
    return KIT_OK;
}

static enum kit_status choose_size(const struct task_model *m, const struct task_request *r, uint32_t item,
                                   const struct text_encoding *e, struct cut *c, struct kit_err *err)
{
    uint32_t most = KIT_MIN(m->row_tokens_max, TASK_WINDOW_TOKENS);
    uint32_t around = e->count - (c->context_end - c->context);
    if (around >= most) {
        kit_fail(err, KIT_TOO_LARGE, "is so long that a window of %u tokens has no room for its context: shorten it",
                 most);
        return task_inputs_blame(&r->inputs, item, TASK_PART_FIRST, KIT_TOO_LARGE, err);
    }
    c->window = most - around;
    uint32_t stride_max = c->window / 4 * 3 + c->window % 4 * 3 / 4;
    uint32_t usual = KIT_MIN(KIT_MIN(TASK_WINDOW_STRIDE, most / 2), stride_max);
    c->stride = task_parameters_has(&r->parameters, "stride") ? r->parameters.stride : usual;
    if (c->stride > stride_max) {
        return kit_fail_param(err, KIT_INVALID, "parameters.stride",
                              "'parameters.stride' is %u, but beside this question a window has %u tokens of context, "
                              "of which it may share %u",
                              c->stride, c->window, stride_max);
    }
    return KIT_OK;
}

static enum kit_status add_window(struct task_rows_builder *b, const struct text_encoding *e, const struct cut *c,
                                  uint32_t from, uint32_t to, struct kit_err *err)
{
    enum kit_status rc = task_rows_add(b, e, 0, c->context, err);
    if (rc == KIT_OK) {
        rc = task_rows_add(b, e, from, to - from, err);
    }
    if (rc == KIT_OK) {
        rc = task_rows_add(b, e, c->context_end, e->count - c->context_end, err);
    }
    return rc == KIT_OK ? task_rows_end(b, err) : rc;
}

static enum kit_status add_item(const struct task_model *m, const struct task_options *o, struct text_scratch *scratch,
                                struct task_request *r, uint32_t item, struct task_rows_builder *b, struct kit_err *err)
{
    struct text_encoding e;
    struct cut c = {0};
    enum kit_status rc = task_texts_encode(m, o, scratch, r, item, TEXT_TOKENS_UNLIMITED, &e, err);
    if (rc == KIT_OK) {
        rc = find_context(r, item, &e, &c, err);
    }
    if (rc == KIT_OK) {
        rc = choose_size(m, r, item, &e, &c, err);
    }
    for (uint32_t from = c.context, to = 0; rc == KIT_OK && to < c.context_end; from += c.window - c.stride) {
        to = KIT_MIN(from + c.window, c.context_end);
        rc = task_request_is_cancelled(r) ? kit_fail(err, KIT_CANCELLED, "cancelled by the caller")
                                          : add_window(b, &e, &c, from, to, err);
    }
    return rc;
}

enum kit_status task_windows_prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                                     struct kit_err *err)
{
    struct task_rows_builder b = {.tokens_max = o->queue_tokens_max, .types = m->types != NULL, .places = true};
    uint32_t items = r->inputs.item_count;
    struct text_scratch *scratch = NULL;
    uint32_t *firsts = kit_arena_zero(&r->arena, (size_t)items + 1, sizeof(*firsts));
    if (firsts == NULL || task_scratches_take(&m->scratches, &scratch) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u questions", items);
    }
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < items; i++) {
        rc = add_item(m, o, scratch, r, i, &b, err);
        firsts[i + 1] = b.rows.count;
    }
    task_scratches_give(&m->scratches, scratch);
    if (rc == KIT_OK) {
        rc = task_rows_keep(&b, r, err);
        r->rows.firsts = firsts;
    }
    task_rows_drop(&b);
    return rc;
}
