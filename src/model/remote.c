#include "model/remote.h"

#include <string.h>

#include "model/entry.h"

bool model_remote_id_is_valid(kit_str id)
{
    for (size_t i = 0; i < id.len; i++) {
        if (id.ptr[i] <= ' ' || id.ptr[i] >= 0x7f || id.ptr[i] == '"' || id.ptr[i] == '\\') {
            return false;
        }
    }
    return id.len > 0 && id.len <= MODEL_ID_BYTES_MAX;
}

static bool is_of(const struct model_entry *e, const char *upstream)
{
    return e->info.origin == MODEL_SOURCE_REMOTE && strcmp(e->info.backend, upstream) == 0;
}

static bool lists(const kit_str *ids, uint32_t count, const char *id)
{
    uint32_t i = 0;
    while (i < count && !kit_str_eq(ids[i], kit_str_c(id))) {
        i++;
    }
    return i < count;
}

/* From the end, since leaving moves those behind. */
static void drop_others(struct model_catalog *c, const char *upstream, const kit_str *ids, uint32_t count)
{
    for (uint32_t i = c->count; i > 0; i--) {
        struct model_entry *e = c->entries[i - 1];
        if (is_of(e, upstream) && !lists(ids, count, e->info.id)) {
            model_entry_remove(e);
        }
    }
}

static enum kit_status set_one(struct model_catalog *c, const char *upstream, kit_str id)
{
    struct model_entry *e = model_entry_find(c, id);
    enum kit_status rc = e == NULL ? model_entry_add_remote(c, id, upstream, &e) : KIT_OK;
    if (rc == KIT_OK && is_of(e, upstream) && e->info.state != MODEL_READY) {
        model_entry_set_state(e, MODEL_READY);
    }
    return rc;
}

enum kit_status model_remote_set(struct model_catalog *c, const char *upstream, const kit_str *ids, uint32_t count,
                                 struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    kit_mutex_lock(&c->lock);
    drop_others(c, upstream, ids, count);
    for (uint32_t i = 0; i < count && rc == KIT_OK && !c->ending; i++) {
        rc = set_one(c, upstream, ids[i]);
    }
    model_catalog_unlock(c);
    return rc == KIT_OK ? KIT_OK
                        : kit_fail(err, rc, "%s of upstream '%s' do not fit into the catalog: %s",
                                   rc == KIT_FULL ? "all models" : "models", upstream,
                                   rc == KIT_FULL ? "raise models.max" : kit_status_text(rc));
}

void model_remote_fail(struct model_catalog *c, const char *upstream, const char *why)
{
    kit_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->count; i++) {
        struct model_entry *e = c->entries[i];
        if (is_of(e, upstream) && (e->info.state != MODEL_FAILED || strcmp(e->info.error, why) != 0)) {
            model_entry_fail(e, KIT_UNAVAILABLE, why);
        }
    }
    model_catalog_unlock(c);
}

bool model_remote_find(struct model_catalog *c, kit_str id, char upstream[MODEL_UPSTREAM_BYTES],
                       char why[KIT_ERR_MSG_BYTES])
{
    kit_mutex_lock(&c->lock);
    const struct model_entry *e = model_entry_find(c, id);
    bool found = e != NULL && e->info.origin == MODEL_SOURCE_REMOTE;
    if (found) {
        kit_str_to_c(kit_str_c(e->info.backend), upstream, MODEL_UPSTREAM_BYTES);
        memcpy(why, e->info.error, KIT_ERR_MSG_BYTES);
    }
    kit_mutex_unlock(&c->lock);
    return found;
}
