#include "kit/ledger.h"

#include <string.h>

#include "kit/alloc.h"
#include "kit/num.h"
#include "kit/sync.h"

struct kit_ledger {
    struct kit_mutex mutex;     /* over all that follows */
    struct kit_slots *accounts; /* of struct kit_ledger_row; owned */
    uint64_t limit;             /* of device "cpu"; 0: none */
    uint64_t used;              /* of device "cpu" */
};

enum kit_status kit_ledger_new(uint64_t limit_bytes, uint32_t accounts_max, struct kit_ledger **ret)
{
    struct kit_ledger *l = kit_alloc_zero(1, sizeof(*l));
    if (l == NULL) {
        return KIT_NOMEM;
    }
    enum kit_status rc = kit_slots_new(accounts_max, &l->accounts);
    if (rc != KIT_OK) {
        kit_alloc_free(l);
        return rc;
    }
    kit_mutex_init(&l->mutex);
    l->limit = limit_bytes;
    *ret = l;
    return KIT_OK;
}

void kit_ledger_free(struct kit_ledger *l)
{
    if (l == NULL) {
        return;
    }
    uint32_t slot = 0;
    for (void *row; (row = kit_slots_next(l->accounts, &slot, NULL)) != NULL;) {
        kit_alloc_free(row);
    }
    kit_slots_free(l->accounts);
    kit_mutex_done(&l->mutex);
    kit_alloc_free(l);
}

static bool counts(const struct kit_ledger_row *row)
{
    return strcmp(row->device, "cpu") == 0;
}

static uint64_t sum_of(const struct kit_ledger_row *row)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < KIT_LEDGER_KIND_COUNT; i++) {
        sum += row->bytes[i];
    }
    return sum;
}

enum kit_status kit_ledger_open(struct kit_ledger *l, kit_str owner, kit_str device, kit_id *ret, struct kit_err *err)
{
    struct kit_ledger_row *row = kit_alloc_zero(1, sizeof(*row));
    if (row == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for an account of the ledger");
    }
    kit_str_to_c(owner, row->owner, sizeof(row->owner));
    kit_str_to_c(device, row->device, sizeof(row->device));
    kit_mutex_lock(&l->mutex);
    enum kit_status rc = kit_slots_add(l->accounts, row, ret);
    uint32_t count = kit_slots_count(l->accounts);
    kit_mutex_unlock(&l->mutex);
    if (rc != KIT_OK) {
        kit_alloc_free(row);
        return rc == KIT_FULL ? kit_fail(err, rc, "all %u accounts of the ledger are taken; unload a model", count)
                              : kit_fail(err, rc, "no memory for an account of the ledger");
    }
    return KIT_OK;
}

void kit_ledger_close(struct kit_ledger *l, kit_id account)
{
    kit_mutex_lock(&l->mutex);
    struct kit_ledger_row *row = kit_slots_remove(l->accounts, account);
    if (row != NULL && counts(row)) {
        l->used -= sum_of(row);
    }
    kit_mutex_unlock(&l->mutex);
    kit_alloc_free(row);
}

/* Models that hold bytes of the budget. */
static uint32_t count_models(const struct kit_ledger *l)
{
    uint32_t slot = 0, models = 0;
    for (const struct kit_ledger_row *row; (row = kit_slots_next(l->accounts, &slot, NULL)) != NULL;) {
        models += counts(row) && strcmp(row->owner, "process") != 0 && sum_of(row) > 0 ? 1 : 0;
    }
    return models;
}

static enum kit_status fail_over(const struct kit_ledger *l, uint64_t bytes, struct kit_err *err)
{
    char needs[KIT_NUM_BYTES], budget[KIT_NUM_BYTES], used[KIT_NUM_BYTES];
    uint32_t models = count_models(l);
    return kit_fail(err, KIT_FULL, "needs %s, budget %s, in use %s by %u model%s", kit_num_human(bytes, needs),
                    kit_num_human(l->limit, budget), kit_num_human(l->used, used), models, models == 1 ? "" : "s");
}

static enum kit_status set_figure(struct kit_ledger *l, struct kit_ledger_row *row, enum kit_ledger_kind kind,
                                  uint64_t bytes, bool refuse, struct kit_err *err)
{
    uint64_t old = row->bytes[kind];
    uint64_t more = bytes > old ? bytes - old : 0;
    if (refuse && counts(row) && l->limit != 0 && more > 0 && (l->used > l->limit || more > l->limit - l->used)) {
        return fail_over(l, more, err);
    }
    if (counts(row)) {
        l->used += bytes - old; /* wraps where it shrinks */
    }
    row->bytes[kind] = bytes;
    return KIT_OK;
}

enum kit_status kit_ledger_set(struct kit_ledger *l, kit_id account, enum kit_ledger_kind kind, uint64_t bytes,
                               enum kit_ledger_source source, bool refuse, struct kit_err *err)
{
    kit_mutex_lock(&l->mutex);
    struct kit_ledger_row *row = kit_slots_get(l->accounts, account);
    enum kit_status rc = row == NULL ? kit_fail(err, KIT_NOT_FOUND, "this account of the ledger is closed")
                                     : set_figure(l, row, kind, bytes, refuse, err);
    if (rc == KIT_OK) {
        row->source[kind] = source;
    }
    kit_mutex_unlock(&l->mutex);
    return rc;
}

bool kit_ledger_get(struct kit_ledger *l, kit_id account, struct kit_ledger_row *ret)
{
    kit_mutex_lock(&l->mutex);
    const struct kit_ledger_row *row = kit_slots_get(l->accounts, account);
    if (row != NULL) {
        *ret = *row;
    }
    kit_mutex_unlock(&l->mutex);
    return row != NULL;
}

void kit_ledger_sum(struct kit_ledger *l, uint64_t *limit_bytes, uint64_t *used_bytes)
{
    kit_mutex_lock(&l->mutex);
    *limit_bytes = l->limit;
    *used_bytes = l->used;
    kit_mutex_unlock(&l->mutex);
}

const char *kit_ledger_source_text(enum kit_ledger_source source)
{
    static const char *const texts[] = {
#define SOURCE_TEXT(name, text) text,
        KIT_LEDGER_SOURCES(SOURCE_TEXT)
#undef SOURCE_TEXT
    };
    return (unsigned)source < KIT_LEDGER_SOURCE_COUNT ? texts[source] : "unknown";
}
