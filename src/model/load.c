#include "model/load.h"

#include <string.h>

#include "kit/clock.h"
#include "kit/log.h"
#include "model/box.h"
#include "model/metrics.h"
#include "model/restart.h"

/* --- told by the engine while it loads and after --- */

/* Notes that the load is to end; the answer to every question whether it should go on. */
static bool may_go_on(struct model_box *b)
{
    struct model_entry *e = b->entry;
    if (!e->wanted || e->lost) {
        b->stopped = true;
    }
    return !b->stopped;
}

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct model_box *b = ctx;
    struct model_catalog *c = b->entry->catalog;
    kit_mutex_lock(&c->lock);
    bool go_on = may_go_on(b);
    if (go_on) {
        model_entry_progress(b->entry, done, total);
    }
    model_catalog_unlock(c);
    return go_on;
}

static void on_lost(void *ctx, const char *reason)
{
    const struct model_box *b = ctx;
    LOG_WARN("model.lost", "model=%s why=%s", b->loaded.id, LOG_QUOTE(reason));
    model_restart_lost(b->entry, reason);
}

/* --- the parts of a load, in their order --- */

static enum kit_status check_wanted(struct model_box *b, struct kit_err *err)
{
    struct model_catalog *c = b->entry->catalog;
    kit_mutex_lock(&c->lock);
    bool go_on = may_go_on(b);
    kit_mutex_unlock(&c->lock);
    return go_on ? KIT_OK : kit_fail(err, KIT_CANCELLED, "loading was cancelled");
}

static enum kit_status choose_backend(struct model_box *b, struct plug_model_options *o, struct kit_err *err)
{
    struct model_entry *e = b->entry;
    struct model_catalog *c = e->catalog;
    enum kit_status rc = plug_engine_choose(c->engine, b->loaded.folder, NULL, &o->backend, err);
    if (rc != KIT_OK) {
        return rc;
    }
    o->folder = b->loaded.folder;
    o->isolation = (o->backend->flags & ACB_PLUGIN_CELL) != 0 ? PLUG_IN_CELL : c->options.isolation;
    o->ctx = b;
    o->progress = on_progress;
    o->lost = on_lost;
    kit_mutex_lock(&c->lock);
    kit_str_to_c(kit_str_c(o->backend->name), e->info.backend, sizeof(e->info.backend));
    e->info.isolation = o->isolation;
    kit_mutex_unlock(&c->lock);
    return KIT_OK;
}

/* All kinds are asked for as one sum, so that a refusal shows all of it; then they are told apart. Meanwhile the book
 * holds more than is needed, never less; the lock keeps other loads of this catalog from seeing that. */
static enum kit_status reserve_sum(struct model_box *b, const uint64_t need[KIT_LEDGER_KIND_COUNT], struct kit_err *err)
{
    struct kit_ledger *l = b->entry->catalog->ledger;
    uint64_t sum = 0;
    for (int i = 0; i < KIT_LEDGER_KIND_COUNT; i++) {
        sum = need[i] > UINT64_MAX - sum ? UINT64_MAX : sum + need[i];
    }
    enum kit_status rc = kit_ledger_set(l, b->account, KIT_LEDGER_WEIGHTS, sum, KIT_LEDGER_ESTIMATED, true, err);
    for (int i = KIT_LEDGER_KIND_COUNT - 1; rc == KIT_OK && i >= 0; i--) {
        rc = kit_ledger_set(l, b->account, (enum kit_ledger_kind)i, need[i], KIT_LEDGER_ESTIMATED, false, err);
    }
    return rc;
}

static enum kit_status reserve(struct model_box *b, const struct plug_model_options *o, struct kit_err *err)
{
    struct model_catalog *c = b->entry->catalog;
    uint64_t need[KIT_LEDGER_KIND_COUNT] = {0};
    kit_id account;
    enum kit_status rc = plug_model_estimate(c->engine, o, need, err);
    if (rc == KIT_OK) {
        rc = kit_ledger_open(c->ledger, kit_str_c(b->loaded.id), kit_str_lit("cpu"), &account, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    kit_mutex_lock(&c->lock);
    b->account = account;
    b->booked = true;
    rc = reserve_sum(b, need, err);
    kit_mutex_unlock(&c->lock);
    return rc;
}

static uint64_t number_of(const struct plug_model *m, const char *key)
{
    uint64_t n = 0;
    return kit_str_to_u64(plug_model_meta(m, key), &n) == KIT_OK ? n : 0;
}

/* The last word of progress and what the model says of itself. */
static void note_opened(struct model_box *b)
{
    struct model_entry *e = b->entry;
    const struct plug_model *m = b->loaded.model;
    uint64_t hidden = number_of(m, "hidden_size"), context = number_of(m, "context_tokens");
    bool chats = plug_model_meta(m, "chat_template").len > 0;
    kit_mutex_lock(&e->catalog->lock);
    model_entry_progress(e, e->info.total_bytes, e->info.total_bytes);
    e->info.hidden_size = hidden;
    e->info.context_tokens = context;
    e->info.chat_template = chats;
    kit_str_to_c(plug_model_meta(m, "tasks"), b->loaded.tasks, sizeof(b->loaded.tasks));
    memcpy(e->info.tasks, b->loaded.tasks, sizeof(e->info.tasks));
    model_catalog_unlock(e->catalog);
}

static enum kit_status warm(struct model_box *b, struct kit_err *err)
{
    struct model_entry *e = b->entry;
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    model_entry_set_state(e, MODEL_WARMING);
    model_catalog_unlock(c);
    b->warmed = true;
    enum kit_status rc = c->observer->warm(c->observer_ctx, &b->loaded, err);
    kit_mutex_lock(&c->lock);
    memcpy(e->info.tasks, b->loaded.tasks, sizeof(e->info.tasks));
    model_catalog_unlock(c);
    return rc;
}

static enum kit_status load(struct model_box *b, struct kit_err *err)
{
    struct plug_model_options o = {0};
    enum kit_status rc = check_wanted(b, err);
    if (rc == KIT_OK) {
        rc = choose_backend(b, &o, err);
    }
    if (rc == KIT_OK) {
        rc = reserve(b, &o, err);
    }
    if (rc == KIT_OK) {
        rc = plug_model_open(b->entry->catalog->engine, &o, &b->loaded.model, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    model_loaded_book(&b->loaded);
    note_opened(b);
    rc = check_wanted(b, err);
    if (rc == KIT_OK) {
        rc = warm(b, err);
    }
    if (rc == KIT_OK) {
        model_loaded_book(&b->loaded);
    }
    return rc;
}

/* --- how it ends --- */

static void count_result(const char *result)
{
    METRIC_ADD_WITH(model_loads_total, 1, kit_str_c(result));
}

static void warn_over_budget(struct model_catalog *c, const char *id)
{
    uint64_t limit = 0, used = 0;
    kit_ledger_sum(c->ledger, &limit, &used);
    if (limit > 0 && used > limit) {
        LOG_WARN("model.over_budget", "model=%s limit_bytes=%llu used_bytes=%llu", id, (unsigned long long)limit,
                 (unsigned long long)used);
    }
}

static void succeed(struct model_box *b, uint64_t began_ns)
{
    struct model_entry *e = b->entry;
    double seconds = (double)(kit_clock_ns() - began_ns) / (double)KIT_NS_PER_S;
    kit_mutex_lock(&e->catalog->lock);
    bool lost = e->lost, ready = e->wanted && !lost;
    if (ready) {
        e->ready_ns = kit_clock_ns();
        e->restarting = false;
    }
    model_entry_set_state(e, ready ? MODEL_READY : MODEL_DRAINING);
    model_catalog_unlock(e->catalog);
    count_result(ready ? "ok" : lost ? "failed" : "cancelled");
    if (ready) {
        METRIC_OBSERVE(model_load_seconds, seconds);
        LOG_INFO("model.ready", "model=%s seconds=%.3f", b->loaded.id, seconds);
        warn_over_budget(e->catalog, b->loaded.id);
    }
}

/* The memory is given back before anybody hears of the failure. */
static void give_up(struct model_entry *e, struct model_box *b, enum kit_status rc, const struct kit_err *err)
{
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    bool stopped = b != NULL && b->stopped && !e->lost;
    e->box = NULL;
    kit_mutex_unlock(&c->lock);
    model_box_close(b);
    kit_mutex_lock(&c->lock);
    bool cancelled = stopped || !e->wanted;
    const char *why = err->msg[0] != '\0' ? err->msg : kit_status_text(rc);
    if (cancelled) {
        model_entry_set_state(e, MODEL_AVAILABLE);
    } else {
        model_restart_after_failed_load(e, e->lost ? e->why : why);
    }
    model_catalog_unlock(c);
    count_result(cancelled ? "cancelled" : "failed");
    if (cancelled) {
        LOG_INFO("model.cancelled", "model=%s", e->info.id);
    } else {
        LOG_WARN("model.failed", "model=%s why=%s", e->info.id, LOG_QUOTE(why));
    }
}

void model_load_run(struct model_entry *e)
{
    struct model_catalog *c = e->catalog;
    struct kit_err err = {0};
    struct model_box *b = NULL;
    uint64_t began_ns = kit_clock_ns();
    LOG_INFO("model.loading", "model=%s", e->info.id);
    enum kit_status rc = model_box_new(e, &b, &err);
    if (rc == KIT_OK) {
        kit_mutex_lock(&c->lock);
        e->box = b;
        e->lost = e->cooled = false;
        kit_mutex_unlock(&c->lock);
        rc = load(b, &err);
    }
    if (rc == KIT_OK) {
        succeed(b, began_ns);
    } else {
        give_up(e, b, rc, &err);
    }
}
