/* The part of catalog.h that changes which models lie in the models folder: remove, copy.
 *
 * What comes and what goes passes through <models>/.moving, where no scan looks, and a rename: a model is there whole or not
 * at all. What a crash left in it is swept out at start. */
#include "model/library.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/file.h"
#include "model/converge.h"
#include "model/entry.h"

#define MOVING "/.moving"
#define FOLDERS_DEEP_MAX 4 /* inside a model */

void model_library_sweep(const struct model_catalog *c)
{
    char path[PATH_MAX];
    struct kit_err err = {0};
    if (snprintf(path, sizeof(path), "%s" MOVING, c->folder) < (int)sizeof(path)) {
        (void)(kit_file_remove(path, &err) == KIT_OK); /* what stays is in nobody's way */
    }
}

static enum kit_status fail_path(const char *path, const char *what, struct kit_err *err)
{
    int code = errno;
    return kit_fail(err, code == EACCES || code == EPERM || code == EROFS ? KIT_DENIED : KIT_IO, "%s: %s: %s", path,
                    what, strerror(code));
}

/* <models>/.moving/<a name that nobody else has>, and the folder around it. */
static enum kit_status place_to_move(const struct model_catalog *c, char path[PATH_MAX], struct kit_err *err)
{
    if (snprintf(path, PATH_MAX, "%s" MOVING, c->folder) + 64 >= PATH_MAX) {
        return kit_fail(err, KIT_INVALID, "the path of the models folder is too long");
    }
    enum kit_status rc = kit_file_make_folder(path, err);
    if (rc == KIT_OK) {
        snprintf(path, PATH_MAX, "%s" MOVING "/%ld-%llu", c->folder, (long)getpid(),
                 (unsigned long long)kit_clock_ns());
    }
    return rc;
}

/* Folders around an id that hold nothing any more. */
static void remove_empty_parents(const struct model_catalog *c, char *path)
{
    size_t root = strlen(c->folder);
    for (char *slash = strrchr(path, '/'); slash != NULL && (size_t)(slash - path) > root; slash = strrchr(path, '/')) {
        *slash = '\0';
        if (rmdir(path) != 0) {
            return;
        }
    }
}

/* --- remove --- */

static enum kit_status may_remove(const struct model_entry *e, struct kit_err *err)
{
    if (model_entry_is_remote(e)) {
        return model_entry_fail_remote(e, err);
    }
    if (e->info.absent) {
        return kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model", "nothing of model '%s' is here", e->info.id);
    }
    if (e->info.origin == MODEL_SOURCE_HF_CACHE) {
        return kit_fail_param(err, KIT_DENIED, "model",
                              "model '%s' lies in Hugging Face's cache, which is not ours: remove it with its tools",
                              e->info.id);
    }
    if (e->wanted || e->busy || !model_converge_at_rest(e)) {
        return kit_fail_param(err, KIT_CONFLICT, "model", "model '%s' is %s: unload it first", e->info.id,
                              model_state_text(e->info.state));
    }
    return KIT_OK;
}

/* Under the lock: one rename. */
static enum kit_status move_out(struct model_entry *e, const char *away, struct kit_err *err)
{
    char path[PATH_MAX];
    enum kit_status rc = model_entry_folder(e, path, sizeof(path), err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (rename(path, away) != 0) {
        return fail_path(path, "cannot be removed", err);
    }
    remove_empty_parents(e->catalog, path);
    model_entry_remove(e);
    return KIT_OK;
}

enum kit_status model_remove(struct model_catalog *c, kit_str id, struct kit_err *err)
{
    char away[PATH_MAX];
    struct model_entry *e = NULL;
    enum kit_status rc = place_to_move(c, away, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_mutex_lock(&c->scanning); /* no scan finds it between the two */
    kit_mutex_lock(&c->lock);
    rc = model_entry_get(c, id, &e, err);
    rc = rc == KIT_OK ? may_remove(e, err) : rc;
    rc = rc == KIT_OK ? move_out(e, away, err) : rc;
    model_catalog_unlock(c);
    kit_mutex_unlock(&c->scanning);
    return rc == KIT_OK ? kit_file_remove(away, err) : rc;
}

/* --- copy --- */

struct linking {
    char from[PATH_MAX], to[PATH_MAX];
    uint32_t depth;
    enum kit_status rc;
    struct kit_err *err;
};

static enum kit_status link_folder(struct linking *k);

static enum kit_status link_file(struct linking *k)
{
    if (linkat(AT_FDCWD, k->from, AT_FDCWD, k->to, AT_SYMLINK_FOLLOW) == 0) {
        return KIT_OK;
    }
    return errno == EXDEV ? kit_fail(k->err, KIT_UNSUPPORTED,
                                     "%s lies on another file system than the models folder: copy it by hand", k->from)
                          : fail_path(k->from, "cannot be linked", k->err);
}

/* What starts with '.' is no part of the model: where it was pulled from, for instance. */
static bool link_one(void *ctx, const char *name, bool is_folder)
{
    struct linking *k = ctx;
    size_t from = strlen(k->from), to = strlen(k->to), len = strlen(name);
    if (name[0] == '.' || (is_folder && k->depth == FOLDERS_DEEP_MAX)) {
        return true;
    }
    if (KIT_MAX(from, to) + len + 2 > PATH_MAX) {
        k->rc = kit_fail(k->err, KIT_INVALID, "%s: a path is too long", k->from);
        return false;
    }
    snprintf(k->from + from, PATH_MAX - from, "/%s", name);
    snprintf(k->to + to, PATH_MAX - to, "/%s", name);
    k->depth++;
    k->rc = is_folder ? link_folder(k) : link_file(k);
    k->depth--;
    k->from[from] = '\0';
    k->to[to] = '\0';
    return k->rc == KIT_OK;
}

static enum kit_status link_folder(struct linking *k)
{
    enum kit_status rc = kit_file_make_folder(k->to, k->err);
    rc = rc == KIT_OK ? kit_file_list(k->from, link_one, k, k->err) : rc;
    return rc == KIT_OK ? k->rc : rc;
}

/* Neither it nor what it would lie in, or around, is a model. */
static enum kit_status check_free(struct model_catalog *c, kit_str to, struct kit_err *err)
{
    for (uint32_t i = 0; i < c->count; i++) {
        kit_str id = kit_str_c(c->entries[i]->info.id);
        kit_str shorter = id.len < to.len ? id : to, longer = id.len < to.len ? to : id;
        bool inside = kit_str_starts(longer, shorter) && (longer.len == shorter.len || longer.ptr[shorter.len] == '/');
        if (inside && !model_entry_is_remote(c->entries[i])) {
            return kit_fail_param(err, KIT_CONFLICT, "destination",
                                  "model '%s' is in the place of '%.*s': remove it first", id.ptr, KIT_STR_ARG(to));
        }
    }
    return KIT_OK;
}

static enum kit_status find_source(struct model_catalog *c, kit_str from, kit_str to, char path[PATH_MAX],
                                   struct kit_err *err)
{
    struct model_entry *e = NULL;
    kit_mutex_lock(&c->lock);
    enum kit_status rc = model_entry_get(c, from, &e, err);
    if (rc == KIT_OK && e->info.absent) {
        rc = kit_fail_param(err, KIT_MODEL_NOT_FOUND, "model", "nothing of model '%s' is here", e->info.id);
    }
    rc = rc == KIT_OK && model_entry_is_remote(e) ? model_entry_fail_remote(e, err) : rc;
    rc = rc == KIT_OK ? check_free(c, to, err) : rc;
    rc = rc == KIT_OK ? model_entry_folder(e, path, PATH_MAX, err) : rc;
    model_catalog_unlock(c);
    return rc;
}

static enum kit_status move_in(const struct model_catalog *c, const char *from, kit_str id, struct kit_err *err)
{
    char path[PATH_MAX], *slash;
    if (snprintf(path, sizeof(path), "%s/%.*s", c->folder, KIT_STR_ARG(id)) >= (int)sizeof(path)) {
        return kit_fail(err, KIT_INVALID, "the path of the models folder is too long");
    }
    slash = strrchr(path, '/');
    *slash = '\0';
    enum kit_status rc = kit_file_make_folder(path, err);
    *slash = '/';
    if (rc == KIT_OK && rename(from, path) != 0) {
        rc = errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR
                 ? kit_fail_param(err, KIT_CONFLICT, "destination", "%s is there already", path)
                 : fail_path(path, "cannot be made", err);
    }
    return rc;
}

enum kit_status model_copy(struct model_catalog *c, kit_str from, kit_str to, struct kit_err *err)
{
    struct linking k = {.err = err};
    if (!model_id_is_valid(to)) {
        return kit_fail_param(err, KIT_INVALID, "destination",
                              "'destination' must be an id: up to %d parts of A-Z a-z 0-9 . _ - with '/' between them",
                              MODEL_ID_SEGMENTS_MAX);
    }
    enum kit_status rc = find_source(c, from, to, k.from, err);
    rc = rc == KIT_OK ? place_to_move(c, k.to, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    rc = link_folder(&k);
    rc = rc == KIT_OK ? move_in(c, k.to, to, err) : rc;
    if (rc != KIT_OK) {
        (void)(kit_file_remove(k.to, NULL) == KIT_OK); /* what stays goes at the next start */
        return rc;
    }
    return model_catalog_scan(c, err);
}
