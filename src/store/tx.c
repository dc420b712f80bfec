#include "store/tx.h"

#include <string.h>

#include "kit/alloc.h"
#include "store/inner.h"

/* --- life --- */

enum kit_status store_tx_new(struct store_db *db, enum store_kind kind, const struct store_asker *asker,
                             struct store_tx **ret, struct kit_err *err)
{
    const struct store_options *o = store_db_options(db);
    struct store_tx *tx = kit_alloc_zero(1, sizeof(*tx));
    if (tx == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a transaction");
    }
    tx->db = db;
    tx->kind = kind;
    tx->asker = *asker;
    tx->deadline_ns = KIT_NEVER_NS;
    loop_chan_ref(asker->home);
    kit_ref_init(&tx->refs);
    kit_arena_init(&tx->arena, SIZE_MAX); /* what goes in is counted by itself */
    kit_arena_init(&tx->answers, SIZE_MAX);
    kit_buf_init(&tx->statements, o->statements_max * sizeof(struct store_statement));
    kit_buf_init(&tx->cells, o->answer_bytes_max);
    *ret = tx;
    return KIT_OK;
}

struct store_tx *store_tx_ref(struct store_tx *tx)
{
    kit_ref_up(&tx->refs);
    return tx;
}

void store_tx_unref(struct store_tx *tx)
{
    if (tx == NULL || !kit_ref_down(&tx->refs)) {
        return;
    }
    loop_chan_unref(tx->asker.home);
    kit_arena_done(&tx->arena);
    kit_arena_done(&tx->answers);
    kit_buf_done(&tx->statements);
    kit_buf_done(&tx->cells);
    kit_alloc_free(tx);
}

void *store_tx_ctx(const struct store_tx *tx)
{
    return tx->asker.ctx;
}

void store_tx_set_deadline(struct store_tx *tx, uint64_t deadline_ns)
{
    tx->deadline_ns = deadline_ns;
}

/* --- its statements --- */

static bool copy_bytes(struct store_tx *tx, struct store_value *v)
{
    bool has_bytes = v->type == STORE_TEXT || v->type == STORE_BYTES;
    return !has_bytes || kit_arena_str(&tx->arena, v->bytes, &v->bytes) == KIT_OK;
}

static bool copy_values(struct store_tx *tx, const struct store_value *values, struct store_statement *s)
{
    s->values = kit_arena_zero(&tx->arena, KIT_MAX(s->count, 1u), sizeof(*s->values));
    bool copied = s->values != NULL;
    for (uint32_t i = 0; copied && i < s->count; i++) {
        s->values[i] = values[i];
        copied = copy_bytes(tx, &s->values[i]);
    }
    return copied;
}

static size_t bytes_of(const struct store_value *values, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += values[i].bytes.len;
    }
    return bytes;
}

void store_tx_add(struct store_tx *tx, const char *sql, const struct store_value *values, uint32_t count,
                  struct store_expect expect)
{
    struct store_statement s = {.sql = sql, .count = count, .expect = expect};
    if (tx->too_much != KIT_OK) {
        return;
    }
    tx->value_bytes += bytes_of(values, count);
    if (tx->value_bytes > store_db_options(tx->db)->values_bytes_max) {
        tx->too_much = KIT_TOO_LARGE;
    } else if (!copy_values(tx, values, &s)) {
        tx->too_much = KIT_NOMEM;
    } else if (kit_buf_add(&tx->statements, (kit_str){.ptr = (const char *)&s, .len = sizeof(s)}) != KIT_OK) {
        tx->too_much = tx->statements.failed == KIT_FULL ? KIT_TOO_LARGE : KIT_NOMEM;
    }
}

struct store_statement *store_tx_statements(const struct store_tx *tx, uint32_t *count)
{
    *count = (uint32_t)(tx->statements.len / sizeof(struct store_statement));
    return (struct store_statement *)(void *)tx->statements.ptr;
}

/* --- on its way --- */

void store_cancel(struct store_tx *tx)
{
    kit_flag_set(&tx->cancelled, true);
}

enum kit_status store_tx_wanted(struct store_tx *tx, struct kit_err *err)
{
    if (kit_flag_get(&tx->cancelled)) {
        return kit_fail(err, KIT_CANCELLED, "cancelled before it was carried out");
    }
    if (tx->deadline_ns != KIT_NEVER_NS && kit_clock_ns() >= tx->deadline_ns) {
        return kit_fail(err, KIT_TIMEOUT, "the database did not come to it in time");
    }
    return KIT_OK;
}

void store_tx_reset(struct store_tx *tx)
{
    uint32_t count;
    struct store_statement *s = store_tx_statements(tx, &count);
    for (uint32_t i = 0; i < count; i++) {
        s[i].rows = s[i].columns = s[i].first = 0;
        s[i].changed = 0;
    }
    kit_arena_reset(&tx->answers);
    kit_buf_clear(&tx->cells);
    tx->rows = 0;
    tx->answer_bytes = 0;
    tx->status = KIT_OK;
}

void store_tx_fail(struct store_tx *tx, uint32_t at, const struct kit_err *err)
{
    store_tx_reset(tx);
    tx->status = err->code;
    tx->err = *err;
    tx->failed_at = at;
}

static struct store_tx *tx_of(struct loop_msg *m)
{
    return KIT_CONTAINER(m, struct store_tx, msg);
}

void store_tx_go_home(struct store_tx *tx)
{
    if (loop_chan_send_answer(tx->asker.home, &tx->msg) != KIT_OK) {
        store_tx_drop(NULL, &tx->msg);
    }
}

void store_tx_receive(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct store_tx *tx = tx_of(m);
    tx->asker.answered(tx);
    store_tx_unref(tx);
}

void store_tx_drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct store_tx *tx = tx_of(m);
    if (tx->asker.dropped != NULL) {
        tx->asker.dropped(tx);
    }
    store_tx_unref(tx);
}

/* --- the answer --- */

enum kit_status store_tx_status(const struct store_tx *tx, struct kit_err *err)
{
    if (tx->status != KIT_OK && err != NULL) {
        *err = tx->err;
    }
    return tx->status;
}

uint32_t store_tx_failed_at(const struct store_tx *tx)
{
    return tx->failed_at;
}

static const struct store_statement *at(const struct store_tx *tx, uint32_t statement)
{
    static const struct store_statement none;
    uint32_t count;
    const struct store_statement *s = store_tx_statements(tx, &count);
    return statement < count ? &s[statement] : &none;
}

uint32_t store_tx_rows(const struct store_tx *tx, uint32_t statement)
{
    return at(tx, statement)->rows;
}

uint64_t store_tx_changed(const struct store_tx *tx, uint32_t statement)
{
    return at(tx, statement)->changed;
}

struct store_value store_tx_get(const struct store_tx *tx, uint32_t statement, uint32_t row, uint32_t column)
{
    const struct store_statement *s = at(tx, statement);
    const struct store_value *cells = (const struct store_value *)(const void *)tx->cells.ptr;
    if (row >= s->rows || column >= s->columns) {
        return (struct store_value){.type = STORE_NULL};
    }
    return cells[s->first + (size_t)row * s->columns + column];
}
