/* The part of catalog.h that says what is wanted: load, pull, unload. */
#include "model/catalog.h"

#include <string.h>

#include "model/converge.h"
#include "model/entry.h"
#include "model/pull.h"
#include "model/restart.h"

/* A new wish for the files of an entry that has none: those of `main`. */
static enum kit_status wish_main(struct model_entry *e, struct kit_err *err)
{
    struct hub_name name;
    if (!e->catalog->options.autopull) {
        return kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model", "model '%s' is not here: %s", e->info.id,
                              e->info.error[0] != '\0' ? e->info.error : "its pull was called off");
    }
    enum kit_status rc = hub_name_parse(kit_str_c(e->info.id), (kit_str){0}, &name, err);
    return rc == KIT_OK ? model_pull_wish(e, &name, (kit_str){0}, err) : rc;
}

static enum kit_status want(struct model_entry *e, struct kit_err *err)
{
    if (model_entry_is_remote(e)) {
        return e->info.state == MODEL_READY
                   ? KIT_OK
                   : kit_fail_param(err, KIT_UNAVAILABLE, "model", "model '%s': %s", e->info.id, e->info.error);
    }
    if (e->wanted) {
        return KIT_OK;
    }
    if (e->catalog->ending) {
        return kit_fail(err, KIT_UNAVAILABLE, "the catalog is closing");
    }
    enum kit_status rc = e->info.absent && e->fetch == NULL ? wish_main(e, err) : KIT_OK;
    if (rc != KIT_OK) {
        return rc;
    }
    e->wanted = true;
    model_restart_reset(e);
    rc = model_converge(e);
    if (rc != KIT_OK) {
        e->wanted = false;
        return kit_fail(err, rc, "model '%s' cannot be loaded now: %s", e->info.id, kit_status_text(rc));
    }
    return KIT_OK;
}

static enum kit_status add_absent(struct model_catalog *c, kit_str id, struct model_entry **ret, struct kit_err *err)
{
    char text[MODEL_ID_BYTES_MAX + 1];
    enum kit_status rc = model_entry_add_absent(c, kit_str_to_c(id, text, sizeof(text)), ret);
    return rc == KIT_FULL ? kit_fail(err, rc, "the catalog has %u models already: raise models.max", c->count)
           : rc != KIT_OK ? kit_fail(err, rc, "out of memory for model '%s'", text)
                          : KIT_OK;
}

/* An entry of nothing, of which nothing was begun either, goes again. */
static struct model_entry *drop_if_idle(struct model_entry *e)
{
    if (e->info.absent && !e->busy && e->info.state == MODEL_AVAILABLE) {
        model_entry_remove(e);
        return NULL;
    }
    return e;
}

/* A name that nobody here has, and that the hub may know. One without an organisation is rather a slip of the pen when
 * something here has a name near it. */
static bool may_pull(struct model_catalog *c, kit_str id)
{
    struct hub_name name;
    char nearest[MODEL_ID_BYTES_MAX + 1] = "";
    if (!c->options.autopull || c->options.hub == NULL || model_entry_find(c, id) != NULL ||
        kit_str_find_char(id, '@') < id.len || hub_name_parse(id, (kit_str){0}, &name, NULL) != KIT_OK) {
        return false;
    }
    if (kit_str_find_char(id, '/') == id.len) {
        model_entry_nearest(c, id, nearest);
    }
    return nearest[0] == '\0';
}

enum kit_status model_load(struct model_catalog *c, kit_str id, enum model_state *state, struct kit_err *err)
{
    struct model_entry *e = NULL;
    kit_mutex_lock(&c->lock);
    enum kit_status rc = may_pull(c, id) ? add_absent(c, id, &e, err) : model_entry_get(c, id, &e, err);
    if (rc == KIT_OK) {
        rc = want(e, err);
    }
    if (e != NULL && state != NULL) {
        *state = e->info.state;
    }
    e = e != NULL ? drop_if_idle(e) : NULL;
    model_catalog_unlock(c);
    return rc;
}

/* --- pulling --- */

/* It is here, or on its way here, in the very form that is wished for, as far as is known without asking the hub. */
static bool is_as_wished(const struct model_entry *e, const struct hub_name *name, kit_str file)
{
    if (e->fetch != NULL) {
        return kit_str_eq(kit_str_c(e->fetch->revision), kit_str_c(name->revision)) &&
               kit_str_eq(kit_str_c(e->fetch->file), file);
    }
    bool plain = strcmp(name->revision, "main") == 0 && file.len == 0;
    return plain || (e->info.commit[0] != '\0' && strcmp(e->info.commit, name->revision) == 0 && file.len == 0);
}

static enum kit_status fail_other(const struct model_entry *e, struct kit_err *err)
{
    const char *id = e->info.id;
    if (e->fetch != NULL) {
        return kit_fail_param(err, KIT_CONFLICT, "id", "'%s' is being fetched at revision '%s': wait, or unload it", id,
                              e->fetch->revision);
    }
    if (e->info.origin == MODEL_SOURCE_FOLDER) {
        return kit_fail_param(err, KIT_CONFLICT, "id",
                              "'%s' lies in the models folder and did not come from the hub: rename or remove it first",
                              id);
    }
    return kit_fail_param(err, KIT_CONFLICT, "id", "'%s' is %s: unload it before another revision takes its place", id,
                          model_state_text(e->info.state));
}

/* Loaded, or somebody's own: it stays as it is. */
static bool is_fixed(const struct model_entry *e)
{
    enum model_state s = e->info.state;
    bool loaded = s != MODEL_AVAILABLE && s != MODEL_FAILED && s != MODEL_DOWNLOADING;
    return loaded || (e->info.origin == MODEL_SOURCE_FOLDER && !e->info.absent);
}

static enum kit_status fetch(struct model_entry *e, const struct hub_name *name, kit_str file, struct kit_err *err)
{
    if (e->catalog->ending) {
        return kit_fail(err, KIT_UNAVAILABLE, "the catalog is closing");
    }
    if (model_entry_is_remote(e)) {
        return model_entry_fail_remote(e, err);
    }
    if (e->fetch != NULL || is_fixed(e)) {
        return is_as_wished(e, name, file) ? KIT_OK : fail_other(e, err);
    }
    enum kit_status rc = model_pull_wish(e, name, file, err);
    if (rc == KIT_OK) {
        rc = model_converge(e);
        if (rc != KIT_OK) {
            model_pull_call_off(e);
            kit_fail(err, rc, "'%s' cannot be pulled now: %s", e->info.id, kit_status_text(rc));
        }
    }
    return rc;
}

enum kit_status model_pull(struct model_catalog *c, const struct hub_name *name, kit_str file, enum model_state *state,
                           struct kit_err *err)
{
    if (c->options.hub == NULL) {
        return kit_fail(err, KIT_UNAVAILABLE, "no hub is set up here");
    }
    if (file.len >= HUB_FILE_BYTES) {
        return kit_fail_param(err, KIT_INVALID, "file", "'file' is longer than %d bytes", HUB_FILE_BYTES - 1);
    }
    kit_mutex_lock(&c->lock);
    enum kit_status rc = KIT_OK;
    struct model_entry *e = model_entry_find(c, kit_str_c(name->id));
    if (e == NULL) {
        rc = add_absent(c, kit_str_c(name->id), &e, err);
    }
    if (rc == KIT_OK) {
        rc = fetch(e, name, file, err);
    }
    if (e != NULL && state != NULL) {
        *state = e->info.state;
    }
    e = e != NULL ? drop_if_idle(e) : NULL;
    model_catalog_unlock(c);
    return rc;
}

static void want_no_more(struct model_entry *e)
{
    e->wanted = false;
    model_pull_call_off(e);
    model_restart_reset(e);
    if (e->info.state == MODEL_FAILED) {
        model_entry_set_state(e, MODEL_AVAILABLE);
    }
    model_converge_call_off(e);
    model_converge_soon(e);
    if (e->vanished && !e->busy && e->info.state == MODEL_AVAILABLE) {
        model_entry_remove(e);
    }
}

enum kit_status model_unload(struct model_catalog *c, kit_str id, struct kit_err *err)
{
    struct model_entry *e = NULL;
    kit_mutex_lock(&c->lock);
    enum kit_status rc = model_entry_get(c, id, &e, err);
    if (rc == KIT_OK && model_entry_is_remote(e)) {
        rc = model_entry_fail_remote(e, err);
    } else if (rc == KIT_OK) {
        want_no_more(e);
    }
    model_catalog_unlock(c);
    return rc;
}
