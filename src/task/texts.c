#include "task/texts.h"

#include <string.h>

#include "task/rows.h"

/* The tokenizer names the text that is at fault, if it is one of them. */
static enum task_part part_of(const struct kit_err *err)
{
    if (err != NULL && strcmp(err->param, "text") == 0) {
        return TASK_PART_FIRST;
    }
    return err != NULL && strcmp(err->param, "pair") == 0 ? TASK_PART_SECOND : TASK_PART_BOTH;
}

enum kit_status task_texts_encode(const struct task_model *m, const struct task_options *o,
                                  struct text_scratch *scratch, const struct task_request *r, uint32_t text,
                                  uint32_t max_tokens, struct text_encoding *ret, struct kit_err *err)
{
    const struct task_inputs *in = &r->inputs;
    const kit_str *pair = in->pairs != NULL && in->pairs[text].ptr != NULL ? &in->pairs[text] : NULL;
    struct text_options options = {
        .add_special = r->parameters.add_special_tokens,
        .max_tokens = max_tokens,
        .truncate = r->parameters.truncate ? TEXT_TRUNCATE_LONGEST_FIRST : TEXT_TRUNCATE_REFUSE,
        .input_bytes_max = o->text_bytes_max,
    };
    enum kit_status rc = text_tokenizer_encode(m->tokenizer, scratch, in->texts[text], pair, &options, ret, err);
    return rc == KIT_OK || rc == KIT_NOMEM ? rc : task_inputs_blame(in, text, part_of(err), rc, err);
}

/* The same by the vocabulary that came with the weights. */
static enum kit_status encode_own(const struct task_model *m, const struct task_options *o,
                                  const struct task_request *r, uint32_t text, struct text_encoding_room *room,
                                  struct kit_err *err)
{
    const struct task_inputs *in = &r->inputs;
    const kit_str *pair = in->pairs != NULL && in->pairs[text].ptr != NULL ? &in->pairs[text] : NULL;
    struct task_vocab_options options = {.tokens_max = m->row_tokens_max, .truncate = r->parameters.truncate};
    uint64_t bytes = in->texts[text].len + (pair != NULL ? pair->len : 0);
    enum kit_status rc =
        bytes <= o->text_bytes_max
            ? task_vocab_encode(&m->vocab, m->loaded->model, in->texts[text], pair, &options, room, err)
            : kit_fail(err, KIT_TOO_LARGE, "has %llu bytes, more than %llu (serve.text_bytes_max)",
                       (unsigned long long)bytes, (unsigned long long)o->text_bytes_max);
    return rc == KIT_TOO_LARGE ? task_inputs_blame(in, text, part_of(err), rc, err) : rc;
}

/* Tokens that the answer is about are all of them; those for the engine are as many as it takes. */
static uint32_t tokens_max_of(const struct task_model *m, const struct task_request *r)
{
    return r->kind == TASK_TOKENIZE ? TEXT_TOKENS_UNLIMITED : m->row_tokens_max;
}

/* Where rows are made. */
struct encoder {
    struct text_scratch *scratch;   /* of a tokenizer; NULL: the vocabulary is the model's own */
    struct text_encoding_room room; /* then */
};

static enum kit_status encode(struct encoder *en, const struct task_model *m, const struct task_options *o,
                              const struct task_request *r, uint32_t text, struct text_encoding *ret,
                              struct kit_err *err)
{
    if (en->scratch != NULL) {
        return task_texts_encode(m, o, en->scratch, r, text, tokens_max_of(m, r), ret, err);
    }
    enum kit_status rc = encode_own(m, o, r, text, &en->room, err);
    *ret = en->room.all;
    return rc;
}

static enum kit_status add_text(struct encoder *en, const struct task_model *m, const struct task_options *o,
                                struct task_request *r, uint32_t text, struct task_rows_builder *b, struct kit_err *err)
{
    struct text_encoding e;
    if (task_request_is_cancelled(r)) {
        return kit_fail(err, KIT_CANCELLED, "cancelled by the caller");
    }
    enum kit_status rc = encode(en, m, o, r, text, &e, err);
    if (rc == KIT_OK) {
        r->truncated += e.dropped[0] + e.dropped[1] > 0;
        rc = task_rows_add(b, &e, 0, e.count, err);
    }
    return rc == KIT_OK ? task_rows_end(b, err) : rc;
}

/* --- token ids that came instead --- */

static enum kit_status check_tokens(const struct task_request *r, uint32_t text, uint32_t vocab_size,
                                    uint32_t row_tokens_max, struct kit_err *err)
{
    const int32_t *ids = (const int32_t *)(const void *)r->inputs.texts[text].ptr;
    size_t count = r->inputs.texts[text].len / sizeof(*ids);
    enum kit_status rc = KIT_OK;
    if (count > row_tokens_max && !r->parameters.truncate) {
        rc = kit_fail(err, KIT_TOO_LARGE, "%zu tokens, but the model takes %u", count, row_tokens_max);
    }
    for (size_t i = 0; rc == KIT_OK && i < count; i++) {
        if ((uint32_t)ids[i] >= vocab_size) {
            rc = kit_fail(err, KIT_INVALID, "token %d is none of the model's, which has %u", ids[i], vocab_size);
        }
    }
    return rc == KIT_OK ? rc : task_inputs_blame(&r->inputs, text, TASK_PART_FIRST, rc, err);
}

static enum kit_status add_tokens(struct task_request *r, uint32_t text, uint32_t row_tokens_max,
                                  struct task_rows_builder *b, struct kit_err *err)
{
    kit_str given = r->inputs.texts[text];
    size_t count = given.len / sizeof(int32_t);
    struct text_encoding e = {.count = (uint32_t)KIT_MIN(count, (size_t)row_tokens_max),
                              .ids = (int32_t *)(uintptr_t)given.ptr};
    r->truncated += e.count < count;
    enum kit_status rc = task_rows_add(b, &e, 0, e.count, err);
    return rc == KIT_OK ? task_rows_end(b, err) : rc;
}

enum kit_status task_texts_take_tokens(const struct task_options *o, struct task_request *r, uint32_t vocab_size,
                                       uint32_t row_tokens_max, struct kit_err *err)
{
    struct task_rows_builder b = {.tokens_max = o->queue_tokens_max};
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < r->inputs.text_count; i++) {
        rc = check_tokens(r, i, vocab_size, row_tokens_max, err);
        rc = rc == KIT_OK ? add_tokens(r, i, row_tokens_max, &b, err) : rc;
    }
    rc = rc == KIT_OK ? task_rows_keep(&b, r, err) : rc;
    task_rows_drop(&b);
    return rc;
}

static uint32_t vocab_size_of(const struct task_model *m)
{
    return m->own_vocab ? plug_model_info(m->loaded->model)->vocab_size : text_tokenizer_vocab_size(m->tokenizer);
}

/* --- */

enum kit_status task_texts_prepare(struct task_model *m, const struct task_options *o, struct task_request *r,
                                   bool places, struct kit_err *err)
{
    struct task_rows_builder b = {.tokens_max = o->queue_tokens_max, .types = m->types != NULL, .places = places};
    struct encoder en = {0};
    if (r->inputs.shape == TASK_SHAPE_TOKENS) {
        return task_texts_take_tokens(o, r, vocab_size_of(m), m->row_tokens_max, err);
    }
    if (!m->own_vocab && task_scratches_take(&m->scratches, &en.scratch) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u texts", r->inputs.text_count);
    }
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < r->inputs.text_count; i++) {
        rc = add_text(&en, m, o, r, i, &b, err);
    }
    if (en.scratch != NULL) {
        task_scratches_give(&m->scratches, en.scratch);
    }
    text_encoding_room_done(&en.room);
    if (rc == KIT_OK) {
        rc = task_rows_keep(&b, r, err);
        r->rows.firsts = r->inputs.firsts;
    }
    task_rows_drop(&b);
    return rc;
}
