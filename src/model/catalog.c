#include "model/catalog.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/log.h"
#include "model/book.h"
#include "model/converge.h"
#include "model/entry.h"
#include "model/hf_cache.h"
#include "model/box.h"
#include "model/library.h"
#include "model/merge.h"
#include "model/pull.h"
#include "model/restart.h"

/* --- set-up --- */

static bool next_state(void *ctx, const char *after, kit_str only, struct model_event *ret)
{
    struct model_catalog *c = ctx;
    const struct model_entry *e = NULL;
    if (only.len == 0) {
        e = model_entry_after(c, after);
    } else if (kit_str_cmp(only, kit_str_c(after)) > 0) {
        e = model_entry_find(c, only);
    }
    if (e != NULL) {
        model_entry_tell(e, ret);
    }
    return e != NULL;
}

#define WORK_THREADS 4 /* for steps that are not loads, and for booking */

/* Each entry has one job at most, so a pool is never full. */
static enum kit_status make_pools(struct model_catalog *c, const struct model_options *o, struct kit_err *err)
{
    uint32_t loads = o->loads_max > 0 ? o->loads_max : MODEL_LOADS_MAX;
    uint32_t pulls = o->pulls_max > 0 ? o->pulls_max : MODEL_PULLS_MAX;
    enum kit_status rc = loop_work_new(loads, o->models_max, &c->loads, err);
    if (rc == KIT_OK) {
        rc = loop_work_new(pulls, o->models_max, &c->pulls, err);
    }
    return rc == KIT_OK ? loop_work_new(WORK_THREADS, o->models_max + 1, &c->work, err) : rc;
}

static enum kit_status allocate(struct model_catalog *c, const struct model_options *options)
{
    const struct model_events_source source = {.next = next_state, .ctx = c};
    c->options = *options;
    c->folder = kit_alloc_printf("%s", options->folder);
    c->hf_cache = kit_alloc_printf("%s", options->hf_cache != NULL ? options->hf_cache : "");
    c->options.folder = c->folder;
    c->options.hf_cache = c->hf_cache;
    c->entries = kit_alloc_zero(options->models_max, sizeof(struct model_entry *));
    if (c->folder == NULL || c->hf_cache == NULL || c->entries == NULL) {
        return KIT_NOMEM;
    }
    return model_events_init(&c->events, &c->lock, options->events_max, &source);
}

static void free_memory(struct model_catalog *c)
{
    loop_work_free(c->loads);
    loop_work_free(c->pulls);
    loop_work_free(c->work);
    kit_alloc_free(c->folder);
    kit_alloc_free(c->hf_cache);
    kit_alloc_free(c->entries);
    kit_alloc_free(c);
}

enum kit_status model_catalog_new(const struct model_options *options, struct plug_engine *engine,
                                  struct kit_ledger *ledger, const struct model_observer *observer, void *observer_ctx,
                                  struct model_catalog **ret, struct kit_err *err)
{
    assert(options->models_max > 0 && options->events_max > 0);
    if (options->folder == NULL || options->folder[0] == '\0') {
        return kit_fail(err, KIT_INVALID, "the catalog needs a folder of models");
    }
    struct model_catalog *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for the catalog of models");
    }
    c->engine = engine;
    c->ledger = ledger;
    c->observer = observer;
    c->observer_ctx = observer_ctx;
    enum kit_status rc = make_pools(c, options, err);
    if (rc == KIT_OK && allocate(c, options) != KIT_OK) {
        rc = kit_fail(err, KIT_NOMEM, "no memory for a catalog of %u models and %u events", options->models_max,
                      options->events_max);
    }
    if (rc != KIT_OK) {
        free_memory(c);
        return rc;
    }
    kit_mutex_init(&c->scanning);
    kit_mutex_init(&c->lock);
    kit_cond_init(&c->changed);
    model_library_sweep(c);
    *ret = c;
    return KIT_OK;
}

static void want_nothing(struct model_catalog *c)
{
    c->ending = true;
    for (uint32_t i = 0; i < c->count; i++) {
        c->entries[i]->wanted = false;
        model_pull_call_off(c->entries[i]);
        model_restart_reset(c->entries[i]);
        model_converge_call_off(c->entries[i]);
        model_converge_soon(c->entries[i]);
    }
    model_events_flush(&c->events);
}

static struct model_entry *find_restless(const struct model_catalog *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (!model_converge_at_rest(c->entries[i])) {
            return c->entries[i];
        }
    }
    return NULL;
}

void model_catalog_free(struct model_catalog *c)
{
    if (c == NULL) {
        return;
    }
    kit_mutex_lock(&c->lock);
    want_nothing(c);
    for (struct model_entry *e; (e = find_restless(c)) != NULL;) {
        if (!model_converge_here(e)) {
            kit_cond_wait(&c->changed, &c->lock);
        }
    }
    while (c->inside > 0) {
        kit_cond_wait(&c->changed, &c->lock);
    }
    kit_mutex_unlock(&c->lock);
    for (uint32_t i = 0; i < c->count; i++) {
        model_entry_free(c->entries[i]);
    }
    model_events_done(&c->events);
    kit_cond_done(&c->changed);
    kit_mutex_done(&c->lock);
    kit_mutex_done(&c->scanning);
    free_memory(c);
}

/* --- reading the folders --- */

/* A cache that is not there or cannot be read has no models: the models folder is what counts. */
static enum kit_status add_hf_cache(struct model_catalog *c, struct model_scan *scan, struct kit_err *err)
{
    struct model_scan more = {0};
    struct kit_err why = {0};
    if (c->hf_cache[0] == '\0') {
        return KIT_OK;
    }
    enum kit_status rc = model_hf_cache_scan(c->hf_cache, c->options.models_max, &more, &why);
    if (rc == KIT_OK) {
        rc = model_scan_join(scan, &more, c->options.models_max, err);
    } else if (rc == KIT_NOMEM) {
        rc = kit_fail(err, rc, "%s", why.msg);
    } else {
        LOG_DEBUG("model.scan", "folder=%s why=%s", LOG_QUOTE(c->hf_cache), LOG_QUOTE(why.msg));
        rc = KIT_OK;
    }
    model_scan_done(&more);
    return rc;
}

enum kit_status model_catalog_scan(struct model_catalog *c, struct kit_err *err)
{
    struct model_scan scan = {0};
    kit_mutex_lock(&c->scanning);
    enum kit_status rc = model_scan_folder(c->folder, c->options.models_max, &scan, err);
    if (rc == KIT_OK) {
        rc = add_hf_cache(c, &scan, err);
    }
    if (rc == KIT_OK) {
        rc = model_merge_scan(c, &scan, err);
    }
    kit_mutex_unlock(&c->scanning);
    model_scan_done(&scan);
    return rc;
}

/* --- as time passes --- */

void model_catalog_tick(struct model_catalog *c, uint64_t now_ns)
{
    bool ready = false;
    kit_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->count; i++) {
        struct model_entry *e = c->entries[i];
        model_restart_check(e, now_ns);
        model_converge_soon(e);
        ready = ready || e->box != NULL;
    }
    if (ready) {
        model_book_soon(c, now_ns);
    }
    model_catalog_unlock(c);
}

/* --- acquiring --- */

/* What is here, wanted and not begun yet (a download has just ended) loads by itself in a moment. */
static enum model_state state_for_callers(const struct model_entry *e)
{
    return e->info.state == MODEL_AVAILABLE && e->wanted ? MODEL_LOADING : e->info.state;
}

static enum kit_status fail_not_ready(const struct model_entry *e, struct kit_err *err)
{
    const char *id = e->info.id;
    enum model_state state = state_for_callers(e);
    switch (state) {
    case MODEL_AVAILABLE:
        return kit_fail_param(err, KIT_UNAVAILABLE, "model", "model '%s' is not loaded: load it first", id);
    case MODEL_FAILED:
        if (e->info.absent) {
            return kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model", "model '%s' is not here: %s", id, e->info.error);
        }
        return kit_fail_param(err, e->wanted ? KIT_UNAVAILABLE : e->info.code, "model", "model '%s' failed: %s", id,
                              e->info.error);
    case MODEL_DRAINING:
        return kit_fail_param(err, KIT_UNAVAILABLE, "model", "model '%s' is being unloaded: load it again", id);
    default:
        return kit_fail_param(err, KIT_UNAVAILABLE, "model", "model '%s' is %s: try again when it is ready", id,
                              model_state_text(state));
    }
}

static enum kit_status acquire(struct model_entry *e, enum model_state *state, struct model_loaded **ret,
                               struct kit_err *err)
{
    if (state != NULL) {
        *state = state_for_callers(e);
    }
    if (model_entry_is_remote(e)) {
        return model_entry_fail_remote(e, err);
    }
    if (e->info.state != MODEL_READY) {
        return fail_not_ready(e, err);
    }
    e->box->loaded.refs++;
    *ret = &e->box->loaded;
    return KIT_OK;
}

enum kit_status model_acquire(struct model_catalog *c, kit_str id, enum model_state *state, struct model_loaded **ret,
                              struct kit_err *err)
{
    struct model_entry *e = NULL;
    kit_mutex_lock(&c->lock);
    enum kit_status rc = model_entry_get(c, id, &e, err);
    if (rc == KIT_OK) {
        rc = acquire(e, state, ret, err);
    }
    kit_mutex_unlock(&c->lock);
    return rc;
}

enum kit_status model_acquire_only(struct model_catalog *c, struct model_loaded **ret, struct kit_err *err)
{
    struct model_entry *only = NULL;
    uint32_t ready = 0;
    kit_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->entries[i]->info.state == MODEL_READY && !model_entry_is_remote(c->entries[i])) {
            only = c->entries[i];
            ready++;
        }
    }
    enum kit_status rc =
        ready == 1 ? acquire(only, NULL, ret, err)
        : ready == 0
            ? kit_fail_param(err, KIT_INVALID, "model", "no model is named and none is ready: load one")
            : kit_fail_param(err, KIT_INVALID, "model", "no model is named and %u are ready: say which one", ready);
    kit_mutex_unlock(&c->lock);
    return rc;
}

/* --- looking --- */

enum kit_status model_info_get(struct model_catalog *c, kit_str id, struct model_info *ret, struct kit_err *err)
{
    struct model_entry *e = NULL;
    kit_mutex_lock(&c->lock);
    enum kit_status rc = model_entry_get(c, id, &e, err);
    if (rc == KIT_OK) {
        model_entry_show(e, ret);
    }
    kit_mutex_unlock(&c->lock);
    return rc;
}

static bool show_after(struct model_catalog *c, struct model_info *info)
{
    kit_mutex_lock(&c->lock);
    const struct model_entry *e = model_entry_after(c, info->id);
    if (e != NULL) {
        model_entry_show(e, info);
    }
    kit_mutex_unlock(&c->lock);
    return e != NULL;
}

enum kit_status model_info_each(struct model_catalog *c, void (*fn)(void *ctx, const struct model_info *info),
                                void *ctx)
{
    struct model_info info = {0};
    while (show_after(c, &info)) {
        fn(ctx, &info);
    }
    return KIT_OK;
}

enum kit_status model_events_listen(struct model_catalog *c, kit_str id, void (*wake)(void *ctx), void *ctx,
                                    struct model_listener **ret)
{
    return model_events_open(&c->events, id, wake, ctx, ret);
}
