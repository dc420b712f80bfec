#include "model/pull.h"

#include <limits.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/log.h"
#include "model/folder.h"
#include "model/metrics.h"

enum kit_status model_pull_wish(struct model_entry *e, const struct hub_name *name, kit_str file, struct kit_err *err)
{
    struct model_fetch *f = kit_alloc_zero(1, sizeof(*f));
    if (f == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory to pull '%s'", e->info.id);
    }
    kit_str_to_c(kit_str_c(name->revision), f->revision, sizeof(f->revision));
    kit_str_to_c(file, f->file, sizeof(f->file));
    kit_alloc_free(e->fetch);
    e->fetch = f;
    e->fetches++;
    return KIT_OK;
}

void model_pull_call_off(struct model_entry *e)
{
    kit_alloc_free(e->fetch);
    e->fetch = NULL;
}

/* One pull under way. */
struct pull {
    struct model_entry *entry;
    uint32_t number;          /* of its wish */
    struct model_fetch fetch; /* a copy */
    struct hub_wish wish;
    struct hub_result result;
    struct model_found found;
};

static bool is_wanted(const struct pull *p)
{
    return p->entry->fetch != NULL && p->entry->fetches == p->number;
}

static bool on_progress(void *ctx, uint64_t done, uint64_t total)
{
    struct pull *p = ctx;
    struct model_catalog *c = p->entry->catalog;
    kit_mutex_lock(&c->lock);
    bool go_on = is_wanted(p);
    if (go_on && total > 0) {
        model_entry_progress(p->entry, done, total);
    }
    model_catalog_unlock(c);
    return go_on;
}

/* False: it was called off before it began. */
static bool begin(struct pull *p)
{
    struct model_entry *e = p->entry;
    kit_mutex_lock(&e->catalog->lock);
    bool wanted = e->fetch != NULL;
    if (wanted) {
        p->fetch = *e->fetch;
        p->number = e->fetches;
    }
    kit_mutex_unlock(&e->catalog->lock);
    return wanted;
}

/* What has come is a model of some format. */
static enum kit_status look(struct pull *p, struct kit_err *err)
{
    char path[PATH_MAX];
    struct model_folder folder = {0};
    const struct model_catalog *c = p->entry->catalog;
    struct model_found *f = &p->found;
    *f = (struct model_found){.source = MODEL_SOURCE_HUB};
    memcpy(f->id, p->entry->info.id, sizeof(f->id));
    memcpy(f->commit, p->result.commit, sizeof(f->commit));
    enum kit_status rc = model_source_path(path, sizeof(path), c->folder, f->source, f->id, f->commit, err);
    if (rc == KIT_OK) {
        rc = model_folder_look(path, &folder, err);
    }
    if (rc == KIT_OK && folder.format == NULL) {
        rc = kit_fail(err, KIT_UNPROCESSABLE, "what came from the hub is no model: it has no config.json");
    }
    f->format = folder.format;
    return rc;
}

static enum kit_status fetch(struct pull *p, struct kit_err *err)
{
    const struct model_catalog *c = p->entry->catalog;
    p->wish =
        (struct hub_wish){.file = kit_str_c(p->fetch.file), .models = c->folder, .progress = on_progress, .ctx = p};
    enum kit_status rc = hub_name_parse(kit_str_c(p->entry->info.id), kit_str_c(p->fetch.revision), &p->wish.name, err);
    if (rc == KIT_OK) {
        rc = hub_pull(c->options.hub, &p->wish, &p->result, err);
    }
    return rc == KIT_OK ? look(p, err) : rc;
}

static void count(const char *result, uint64_t bytes)
{
    METRIC_ADD_WITH(model_pulls_total, 1, kit_str_c(result));
    METRIC_ADD(model_pull_bytes_total, (double)bytes);
}

/* The entry goes on to what is wanted next. */
static void succeed(struct pull *p, uint64_t began_ns)
{
    struct model_entry *e = p->entry;
    const struct hub_result *r = &p->result;
    kit_mutex_lock(&e->catalog->lock);
    if (is_wanted(p)) {
        model_pull_call_off(e);
    }
    e->info.absent = e->vanished = false;
    model_entry_set_place(e, &p->found);
    model_entry_progress(e, r->bytes, r->bytes);
    model_entry_set_state(e, MODEL_AVAILABLE);
    model_catalog_unlock(e->catalog);
    count("ok", r->fetched);
    LOG_INFO("model.pulled", "model=%s commit=%s bytes=%llu fetched_bytes=%llu seconds=%.3f", p->found.id, r->commit,
             (unsigned long long)r->bytes, (unsigned long long)r->fetched,
             (double)(kit_clock_ns() - began_ns) / (double)KIT_NS_PER_S);
}

static enum kit_status explain(struct model_entry *e, enum kit_status rc, struct kit_err *err)
{
    char nearest[MODEL_ID_BYTES_MAX + 1];
    if (rc != KIT_NOT_FOUND) {
        return rc;
    }
    model_entry_nearest(e->catalog, kit_str_c(e->info.id), nearest);
    if (nearest[0] == '\0') {
        return kit_fail(err, KIT_MODEL_NOT_FOUND, "%s", err->msg);
    }
    return kit_fail(err, KIT_MODEL_NOT_FOUND, "%s; did you mean '%s', which is here?", err->msg, nearest);
}

static void give_up(struct pull *p, enum kit_status rc, struct kit_err *err)
{
    struct model_entry *e = p->entry;
    char id[MODEL_ID_BYTES_MAX + 1];
    memcpy(id, e->info.id, sizeof(id));
    kit_mutex_lock(&e->catalog->lock);
    bool cancelled = !is_wanted(p);
    if (cancelled) {
        model_entry_set_state(e, MODEL_AVAILABLE);
    } else {
        rc = explain(e, rc, err);
        model_pull_call_off(e);
        e->wanted = false;
        e->pull_failed_ns = kit_clock_ns();
        model_entry_fail(e, rc, err->msg);
    }
    model_catalog_unlock(e->catalog);
    count(cancelled ? "cancelled" : "failed", 0);
    if (cancelled) {
        LOG_INFO("model.pull_cancelled", "model=%s", id);
    } else {
        LOG_WARN("model.pull_failed", "model=%s why=%s", id, LOG_QUOTE(err->msg));
    }
}

void model_pull_run(struct model_entry *e)
{
    struct kit_err err = {0};
    struct pull p = {.entry = e};
    uint64_t began_ns = kit_clock_ns();
    enum kit_status rc = begin(&p) ? fetch(&p, &err) : kit_fail(&err, KIT_CANCELLED, "called off");
    if (rc == KIT_OK) {
        succeed(&p, began_ns);
    } else {
        give_up(&p, rc, &err);
    }
}
