#include "model/merge.h"

#include "kit/clock.h"

/* A pull that has failed is shown for a while, so that who asked for it can see why. */
static bool is_shown(const struct model_entry *e)
{
    return e->info.absent && e->info.state == MODEL_FAILED && kit_clock_ns() - e->pull_failed_ns < MODEL_PULL_SHOWN_NS;
}

/* From the end, since leaving moves those behind. */
static void drop_vanished(struct model_catalog *c, const struct model_scan *s)
{
    for (uint32_t i = c->count; i > 0; i--) {
        struct model_entry *e = c->entries[i - 1];
        if (model_entry_is_remote(e)) {
            continue;
        }
        e->vanished = model_scan_find(s, e->info.id) == NULL;
        if (e->vanished && !e->busy && !is_shown(e) &&
            (e->info.state == MODEL_AVAILABLE || e->info.state == MODEL_FAILED)) {
            model_entry_remove(e);
        }
    }
}

/* What lies here takes the place of what lies elsewhere. */
static void drop_covered(struct model_catalog *c, const struct model_scan *s)
{
    for (uint32_t i = c->count; i > 0; i--) {
        struct model_entry *e = c->entries[i - 1];
        if (model_entry_is_remote(e) && model_scan_find(s, e->info.id) != NULL) {
            model_entry_remove(e);
        }
    }
}

static void note_known(struct model_catalog *c, struct model_scan *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        struct model_found *f = &s->found[i];
        struct model_entry *e = model_entry_find(c, kit_str_c(f->id));
        f->known = e != NULL;
        if (e != NULL) {
            e->vanished = false;
            model_entry_place(e, f);
        }
    }
}

static enum kit_status add_unknown(struct model_catalog *c, const struct model_scan *s)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; i < s->count && rc == KIT_OK; i++) {
        if (!s->found[i].known) {
            rc = model_entry_add(c, &s->found[i]);
        }
    }
    model_entry_sort(c);
    return rc;
}

enum kit_status model_merge_scan(struct model_catalog *c, struct model_scan *s, struct kit_err *err)
{
    kit_mutex_lock(&c->lock);
    if (!s->cut) {
        drop_vanished(c, s);
    }
    drop_covered(c, s);
    note_known(c, s);
    enum kit_status rc = add_unknown(c, s);
    model_catalog_unlock(c);
    if (rc == KIT_NOMEM) {
        return kit_fail(err, rc, "no memory for all models of %s", c->folder);
    }
    if (rc == KIT_FULL || s->cut) {
        return kit_fail(err, KIT_FULL, "more than %u models or %d folders, the rest is left out (%s): raise models_max",
                        c->options.models_max, MODEL_SCAN_FOLDERS_MAX, c->folder);
    }
    return KIT_OK;
}
