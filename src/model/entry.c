#include "model/entry.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "model/box.h"
#include "model/metrics.h"
#include "model/remote.h"

/* A fast load is told in parts, a slow one by the clock. */
#define PROGRESS_EVERY_NS (50 * KIT_NS_PER_MS)
#define PROGRESS_PARTS 32
#define NEAREST_AMONG 1024 /* entries that are compared for the nearest id: a bound on the time under the lock */

void model_catalog_unlock(struct model_catalog *c)
{
    model_events_flush(&c->events);
    kit_mutex_unlock(&c->lock);
}

/* --- finding --- */

/* The place of the first entry whose id is not less than `id`. */
static uint32_t lower_bound(const struct model_catalog *c, kit_str id)
{
    uint32_t from = 0, to = c->count;
    while (from < to) {
        uint32_t middle = from + (to - from) / 2;
        if (kit_str_cmp(kit_str_c(c->entries[middle]->info.id), id) < 0) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    return from;
}

struct model_entry *model_entry_find(struct model_catalog *c, kit_str id)
{
    uint32_t at = lower_bound(c, id);
    bool hit = at < c->count && kit_str_eq(kit_str_c(c->entries[at]->info.id), id);
    return hit ? c->entries[at] : NULL;
}

struct model_entry *model_entry_after(struct model_catalog *c, const char *id)
{
    uint32_t at = lower_bound(c, kit_str_c(id));
    if (at < c->count && strcmp(c->entries[at]->info.id, id) == 0) {
        at++;
    }
    return at < c->count ? c->entries[at] : NULL;
}

void model_entry_nearest(struct model_catalog *c, kit_str id, char ret[MODEL_ID_BYTES_MAX + 1])
{
    struct model_id_nearest nearest = {.wanted = id};
    for (uint32_t i = 0; i < KIT_MIN(c->count, NEAREST_AMONG); i++) {
        const struct model_info *info = &c->entries[i]->info;
        if (!info->absent && !kit_str_eq(kit_str_c(info->id), id)) {
            model_id_offer(&nearest, kit_str_c(info->id));
        }
    }
    memcpy(ret, nearest.best, sizeof(nearest.best));
}

static enum kit_status fail_unknown(struct model_catalog *c, kit_str id, struct kit_err *err)
{
    struct hub_name name;
    char nearest[MODEL_ID_BYTES_MAX + 1];
    int shown = (int)KIT_MIN(id.len, MODEL_ID_BYTES_MAX);
    model_entry_nearest(c, id, nearest);
    if (nearest[0] != '\0') {
        return kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model", "no model '%.*s'; did you mean '%s'?", shown, id.ptr,
                              nearest);
    }
    bool whole = kit_str_find_char(id, '/') < id.len; /* "org/name": no mere slip of the pen */
    if (whole && c->options.hub != NULL && hub_name_parse(id, (kit_str){0}, &name, NULL) == KIT_OK) {
        return kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model",
                              "no model '%.*s' is here; fetch it by POST /hub/pull or "
                              "'heimnetz aethercore pull %.*s'",
                              shown, id.ptr, shown, id.ptr);
    }
    return kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model", "no model '%.*s' is here", shown, id.ptr);
}

enum kit_status model_entry_get(struct model_catalog *c, kit_str id, struct model_entry **ret, struct kit_err *err)
{
    struct model_entry *e = model_entry_find(c, id);
    if (e == NULL) {
        return fail_unknown(c, id, err);
    }
    *ret = e;
    return KIT_OK;
}

/* --- coming and going --- */

static void tell(struct model_entry *e, bool gone)
{
    struct model_event event = {0};
    model_entry_tell(e, &event);
    event.gone = gone;
    model_events_add(&e->catalog->events, &event);
}

void model_entry_set_place(struct model_entry *e, const struct model_found *f)
{
    e->info.origin = f->source;
    memcpy(e->info.commit, f->commit, sizeof(e->info.commit));
    kit_str_to_c(kit_str_c(f->format), e->info.format, sizeof(e->info.format));
}

void model_entry_place(struct model_entry *e, const struct model_found *f)
{
    if (e->box != NULL || e->busy) {
        return;
    }
    model_entry_set_place(e, f);
    if (e->info.absent) { /* somebody else has brought it */
        e->info.absent = false;
        if (e->info.state == MODEL_FAILED) {
            model_entry_set_state(e, MODEL_AVAILABLE);
        }
    }
}

enum kit_status model_entry_folder(const struct model_entry *e, char *buf, size_t size, struct kit_err *err)
{
    const struct model_catalog *c = e->catalog;
    const char *root = e->info.origin == MODEL_SOURCE_HF_CACHE ? c->hf_cache : c->folder;
    return model_source_path(buf, size, root, e->info.origin, e->info.id, e->info.commit, err);
}

static enum kit_status make(struct model_catalog *c, const struct model_found *f, struct model_entry **ret)
{
    if (c->count == c->options.models_max) {
        return KIT_FULL;
    }
    struct model_entry *e = kit_alloc_zero(1, sizeof(*e));
    if (e == NULL) {
        return KIT_NOMEM;
    }
    e->catalog = c;
    e->info.state = MODEL_AVAILABLE;
    e->info.version = 1;
    e->info.isolation = c->options.isolation;
    e->info.since_ns = kit_clock_wall_ns();
    memcpy(e->info.id, f->id, sizeof(e->info.id));
    model_entry_place(e, f);
    kit_str_to_c(kit_str_lit("cpu"), e->info.device, sizeof(e->info.device));
    c->entries[c->count++] = e;
    *ret = e;
    return KIT_OK;
}

enum kit_status model_entry_add(struct model_catalog *c, const struct model_found *f)
{
    struct model_entry *e = NULL;
    enum kit_status rc = make(c, f, &e);
    if (rc == KIT_OK) {
        tell(e, false);
    }
    return rc;
}

enum kit_status model_entry_add_absent(struct model_catalog *c, const char *id, struct model_entry **ret)
{
    struct model_found f = {.format = "", .source = MODEL_SOURCE_HUB};
    kit_str_to_c(kit_str_c(id), f.id, sizeof(f.id));
    enum kit_status rc = make(c, &f, ret);
    if (rc == KIT_OK) {
        (*ret)->info.absent = (*ret)->vanished = true;
        model_entry_sort(c);
    }
    return rc;
}

enum kit_status model_entry_add_remote(struct model_catalog *c, kit_str id, const char *upstream,
                                       struct model_entry **ret)
{
    struct model_found f = {.format = "", .source = MODEL_SOURCE_REMOTE};
    kit_str_to_c(id, f.id, sizeof(f.id));
    enum kit_status rc = make(c, &f, ret);
    if (rc == KIT_OK) {
        struct model_info *info = &(*ret)->info;
        info->isolation = PLUG_IN_PROCESS;
        kit_str_to_c(kit_str_c(upstream), info->backend, sizeof(info->backend));
        kit_str_to_c(kit_str_lit(MODEL_REMOTE_TASKS), info->tasks, sizeof(info->tasks));
        info->device[0] = '\0';
        model_entry_sort(c);
    }
    return rc;
}

enum kit_status model_entry_fail_remote(const struct model_entry *e, struct kit_err *err)
{
    return kit_fail_param(err, KIT_CONFLICT, "model", "model '%s' is served by '%s', nothing of it is here", e->info.id,
                          e->info.backend);
}

static int by_id(const void *a, const void *b)
{
    return strcmp((*(struct model_entry *const *)a)->info.id, (*(struct model_entry *const *)b)->info.id);
}

void model_entry_sort(struct model_catalog *c)
{
    if (c->count > 1) {
        qsort(c->entries, c->count, sizeof(struct model_entry *), by_id);
    }
}

void model_entry_remove(struct model_entry *e)
{
    struct model_catalog *c = e->catalog;
    assert(!e->busy && e->box == NULL);
    uint32_t at = lower_bound(c, kit_str_c(e->info.id));
    memmove(&c->entries[at], &c->entries[at + 1], (c->count - at - 1) * sizeof(struct model_entry *));
    c->count--;
    tell(e, true);
    model_entry_free(e);
}

void model_entry_free(struct model_entry *e)
{
    kit_alloc_free(e->fetch);
    kit_alloc_free(e);
}

/* --- showing and changing --- */

void model_entry_show(const struct model_entry *e, struct model_info *ret)
{
    struct kit_ledger_row row = {0};
    *ret = e->info;
    ret->wanted = e->wanted;
    if (e->box != NULL && e->box->booked && kit_ledger_get(e->catalog->ledger, e->box->account, &row)) {
        memcpy(ret->bytes, row.bytes, sizeof(ret->bytes));
        memcpy(ret->source, row.source, sizeof(ret->source));
    }
}

void model_entry_tell(const struct model_entry *e, struct model_event *ret)
{
    ret->wall_ns = kit_clock_wall_ns();
    memcpy(ret->id, e->info.id, sizeof(ret->id));
    ret->state = e->info.state;
    ret->wanted = e->wanted;
    ret->done_bytes = e->info.done_bytes;
    ret->total_bytes = e->info.total_bytes;
    memcpy(ret->error, e->info.error, sizeof(ret->error));
    ret->code = e->info.code;
    ret->absent = e->info.absent;
    ret->gone = false;
}

static void go_to(struct model_entry *e, enum model_state state, enum kit_status code, const char *error)
{
    bool remote = model_entry_is_remote(e);
    assert(remote || model_state_may(e->info.state, state));
    if (!remote && (state == MODEL_READY || e->info.state == MODEL_READY)) {
        METRIC_ADD(models_loaded, state == MODEL_READY ? 1 : -1);
    }
    if (state != MODEL_WARMING) {
        e->info.done_bytes = e->info.total_bytes = 0;
        e->progress_done = e->progress_ns = 0;
    }
    e->info.state = state;
    e->info.since_ns = kit_clock_wall_ns();
    e->info.code = code;
    kit_str_to_c(kit_str_c(error), e->info.error, sizeof(e->info.error));
    tell(e, false);
}

void model_entry_set_state(struct model_entry *e, enum model_state state)
{
    go_to(e, state, KIT_OK, "");
}

void model_entry_fail(struct model_entry *e, enum kit_status code, const char *error)
{
    go_to(e, MODEL_FAILED, code, error);
}

void model_entry_progress(struct model_entry *e, uint64_t done, uint64_t total)
{
    uint64_t now = kit_clock_ns();
    done = total > 0 ? KIT_MIN(done, total) : done;
    e->info.done_bytes = KIT_MAX(done, e->info.done_bytes);
    e->info.total_bytes = total;
    uint64_t more = e->info.done_bytes - e->progress_done;
    bool due = e->progress_ns == 0 || now - e->progress_ns >= PROGRESS_EVERY_NS || done == total ||
               more >= total / PROGRESS_PARTS;
    if (due && more > 0) {
        e->progress_ns = now;
        e->progress_done = e->info.done_bytes;
        tell(e, false);
    }
}
