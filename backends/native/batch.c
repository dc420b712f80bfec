#include "batch.h"

#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"

#define PLACES_MAX (UINT32_C(1) << 28)

/* The tensors of one call; mask and types may be NULL. */
struct inputs {
    const struct acb_tensor *ids, *mask, *types;
};

#define bad_input(err, t, ...) kit_fail_param((err), KIT_INVALID, (t)->name, __VA_ARGS__)

static int64_t value_at(const struct acb_tensor *t, uint64_t i)
{
    if (t->dtype == ACB_I64) {
        int64_t wide;
        memcpy(&wide, (const char *)t->data + i * sizeof(wide), sizeof(wide));
        return wide;
    }
    int32_t narrow;
    memcpy(&narrow, (const char *)t->data + i * sizeof(narrow), sizeof(narrow));
    return narrow;
}

/* --- the tensors --- */

static enum kit_status find_inputs(const struct native_config *c, const struct acb_infer *infer, struct inputs *ret,
                                   struct kit_err *err)
{
    const bool types = c->arch->takes_types;
    for (uint32_t i = 0; i < infer->input_count; i++) {
        const struct acb_tensor *t = infer->inputs[i];
        const struct acb_tensor **to = strcmp(t->name, "input_ids") == 0                 ? &ret->ids
                                       : strcmp(t->name, "attention_mask") == 0          ? &ret->mask
                                       : types && strcmp(t->name, "token_type_ids") == 0 ? &ret->types
                                                                                         : NULL;
        if (to == NULL) {
            return kit_fail_param(err, KIT_INVALID, t->name,
                                  "no input '%.64s'; this model takes input_ids, attention_mask%s", t->name,
                                  types ? ", token_type_ids" : "");
        }
        if (*to != NULL) {
            return bad_input(err, t, "input '%s' is there twice", t->name);
        }
        *to = t;
    }
    return ret->ids != NULL ? KIT_OK : kit_fail_param(err, KIT_INVALID, "input_ids", "input 'input_ids' is missing");
}

static enum kit_status check_memory(const struct acb_tensor *t, struct kit_err *err)
{
    uint64_t n = t->dtype == ACB_I64 ? sizeof(int64_t) : sizeof(int32_t);
    if (t->dtype != ACB_I64 && t->dtype != ACB_I32) {
        return bad_input(err, t, "input '%s' must be int32 or int64", t->name);
    }
    if (t->rank > ACB_RANK_MAX) {
        return bad_input(err, t, "input '%s' has rank %u; the most is %d", t->name, t->rank, ACB_RANK_MAX);
    }
    for (uint32_t i = 0; i < t->rank; i++) {
        if (t->shape[i] < 0 || __builtin_mul_overflow(n, (uint64_t)t->shape[i], &n)) {
            return bad_input(err, t, "input '%s' has an impossible shape", t->name);
        }
    }
    if (n != t->bytes || (n > 0 && t->data == NULL)) {
        return bad_input(err, t, "input '%s' has %" PRIu64 " bytes, but its shape makes %" PRIu64, t->name, t->bytes,
                         n);
    }
    return KIT_OK;
}

static enum kit_status check_rows(const struct acb_tensor *t, struct kit_err *err)
{
    if (t->row_offsets == NULL) {
        return t->rank == 2
                   ? KIT_OK
                   : bad_input(err, t, "input '%s' must be [rows, length], or [tokens] with row offsets", t->name);
    }
    if (t->rank != 1) {
        return bad_input(err, t, "input '%s' has row offsets and rank %u; it must be [tokens]", t->name, t->rank);
    }
    for (uint64_t i = 0; i < t->rows; i++) {
        if (t->row_offsets[i] > t->row_offsets[i + 1]) {
            return bad_input(err, t, "input '%s': the offset of row %" PRIu64 " falls", t->name, i);
        }
    }
    if (t->row_offsets[0] != 0 || t->row_offsets[t->rows] != (uint64_t)t->shape[0]) {
        return bad_input(err, t, "input '%s': row offsets must run from 0 to %" PRId64, t->name, t->shape[0]);
    }
    return KIT_OK;
}

/* A side input has the shape of input_ids; its own row offsets, if any, are not looked at. */
static enum kit_status check_side(const struct acb_tensor *t, const struct acb_tensor *ids, struct kit_err *err)
{
    if (t == NULL) {
        return KIT_OK;
    }
    enum kit_status rc = check_memory(t, err);
    if (rc == KIT_OK &&
        (t->rank != ids->rank || memcmp(t->shape, ids->shape, ids->rank * sizeof(ids->shape[0])) != 0)) {
        return bad_input(err, t, "input '%s' must have the shape of input_ids", t->name);
    }
    return rc;
}

static enum kit_status check_size(const struct acb_tensor *ids, uint64_t tokens_max, struct kit_err *err)
{
    uint64_t width = ids->dtype == ACB_I64 ? sizeof(int64_t) : sizeof(int32_t);
    uint64_t limit = tokens_max == 0 ? PLACES_MAX : KIT_MIN(tokens_max, PLACES_MAX);
    uint64_t rows = ids->row_offsets != NULL ? ids->rows : (uint64_t)ids->shape[0];
    if (ids->bytes / width > limit || rows > limit) {
        return bad_input(err, ids,
                         "input '%s' has %" PRIu64 " tokens in %" PRIu64 " rows; a call takes at most %" PRIu64,
                         ids->name, ids->bytes / width, rows, limit);
    }
    return KIT_OK;
}

static enum kit_status check_inputs(const struct native_config *c, const struct acb_infer *infer, uint64_t tokens_max,
                                    struct inputs *in, struct kit_err *err)
{
    enum kit_status rc = find_inputs(c, infer, in, err);
    if (rc == KIT_OK) {
        rc = check_memory(in->ids, err);
    }
    if (rc == KIT_OK) {
        rc = check_rows(in->ids, err);
    }
    if (rc == KIT_OK) {
        rc = check_side(in->mask, in->ids, err);
    }
    if (rc == KIT_OK) {
        rc = check_side(in->types, in->ids, err);
    }
    return rc == KIT_OK ? check_size(in->ids, tokens_max, err) : rc;
}

/* --- the rows --- */

/* Where a row's places find their positions: one behind the other, but for RoBERTa's padding, which is not counted and has
 * a position of its own. *counted: places before this one that were. */
static uint32_t position_of(const struct native_config *c, int64_t id, uint32_t *counted)
{
    return c->position_from > 0 && id == c->pad ? c->pad : c->position_from + (*counted)++;
}

/* The place-th of all, the index-th of its row. */
static enum kit_status add_token(const struct native_config *c, const struct inputs *in, uint32_t place, uint32_t index,
                                 uint32_t position, struct native_batch *b, struct kit_err *err)
{
    if (in->mask != NULL && value_at(in->mask, place) == 0) {
        return KIT_OK;
    }
    int64_t id = value_at(in->ids, place);
    int64_t type = in->types != NULL ? value_at(in->types, place) : 0;
    if (id < 0 || id >= c->vocab) {
        return bad_input(err, in->ids, "input_ids[%u] is %" PRId64 ", but the vocabulary has %u tokens", place, id,
                         c->vocab);
    }
    if (in->types != NULL && (type < 0 || type >= c->types)) {
        return bad_input(err, in->types, "token_type_ids[%u] is %" PRId64 ", but the model has %u types", place, type,
                         c->types);
    }
    if (index >= c->positions) {
        return bad_input(err, in->ids,
                         "input_ids[%u] is token %u of its row, but the model has %u positions; shorten it", place,
                         index + 1, c->positions);
    }
    b->id[b->tokens] = (uint32_t)id;
    b->type[b->tokens] = (uint32_t)type;
    b->position[b->tokens] = position;
    b->place[b->tokens] = place;
    b->tokens++;
    return KIT_OK;
}

static uint32_t row_start(const struct native_batch *b, const struct inputs *in, uint32_t row)
{
    return in->ids->row_offsets != NULL ? (uint32_t)in->ids->row_offsets[row] : row * b->length;
}

static enum kit_status add_rows(const struct native_config *c, const struct inputs *in, struct native_batch *b,
                                struct kit_err *err)
{
    for (uint32_t row = 0; row < b->rows; row++) {
        uint32_t from = row_start(b, in, row);
        uint32_t to = row_start(b, in, row + 1);
        uint32_t counted = 0;
        b->row_from[row] = b->tokens;
        for (uint32_t place = from; place < to; place++) {
            uint32_t position = position_of(c, value_at(in->ids, place), &counted);
            enum kit_status rc = add_token(c, in, place, place - from, position, b, err);
            if (rc != KIT_OK) {
                return rc;
            }
        }
    }
    b->row_from[b->rows] = b->tokens;
    return KIT_OK;
}

static enum kit_status make_room(struct native_batch *b, struct kit_err *err)
{
    size_t n = b->places;
    b->row_from = kit_alloc_array((size_t)b->rows + 1 + 4 * n, sizeof(uint32_t));
    if (b->row_from == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u tokens", b->places);
    }
    b->id = b->row_from + b->rows + 1;
    b->type = b->id + n;
    b->position = b->type + n;
    b->place = b->position + n;
    return KIT_OK;
}

enum kit_status native_batch_read(const struct native_config *c, const struct acb_infer *infer, uint64_t tokens_max,
                                  struct native_batch *ret, struct kit_err *err)
{
    struct inputs in = {0};
    struct native_batch b = {0};
    enum kit_status rc = check_inputs(c, infer, tokens_max, &in, err);
    if (rc != KIT_OK) {
        return rc;
    }
    bool ragged = b.ragged = in.ids->row_offsets != NULL;
    b.rows = (uint32_t)(ragged ? in.ids->rows : (uint64_t)in.ids->shape[0]);
    b.length = ragged ? 0 : (uint32_t)in.ids->shape[1];
    b.places = ragged ? (uint32_t)in.ids->shape[0] : b.rows * b.length;
    rc = make_room(&b, err);
    if (rc == KIT_OK) {
        rc = add_rows(c, &in, &b, err);
    }
    if (rc != KIT_OK) {
        native_batch_done(&b);
        return rc;
    }
    *ret = b;
    return KIT_OK;
}

void native_batch_done(struct native_batch *b)
{
    kit_alloc_free(b->row_from);
    *b = (struct native_batch){0};
}
