#include "model/scan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "hub/record.h"
#include "kit/alloc.h"
#include "kit/file.h"
#include "kit/log.h"
#include "model/folder.h"
#include "model/list.h"

struct place {
    dev_t device;
    ino_t inode;
};

/* One walk through the tree; path and id grow and shrink with the depth. */
struct walk {
    struct model_list list;
    uint32_t folders;
    uint32_t depth;                                /* segments of id */
    struct place trail[MODEL_ID_SEGMENTS_MAX + 1]; /* the folder at each depth */
    char path[PATH_MAX];
    size_t path_len;
    char id[MODEL_ID_BYTES_MAX + 1];
    size_t id_len;
    enum kit_status rc;
    struct kit_err *err;
};

static enum kit_status look_into(struct walk *w, struct kit_err *err);

static void add_found(struct walk *w, const struct model_folder *folder)
{
    struct model_found f = {.format = folder->format, .source = MODEL_SOURCE_FOLDER};
    memcpy(f.id, w->id, w->id_len);
    if (folder->pulled && hub_record_commit(w->path, f.commit, NULL) == KIT_OK) {
        f.source = MODEL_SOURCE_HUB;
    }
    model_list_add(&w->list, &f);
}

/* --- walking --- */

static bool go_down(struct walk *w, kit_str name)
{
    size_t slash = w->id_len > 0;
    if (w->depth == MODEL_ID_SEGMENTS_MAX || name.ptr[0] == '.' || !model_id_is_segment(name) ||
        w->id_len + slash + name.len > MODEL_ID_BYTES_MAX || w->path_len + 1 + name.len >= sizeof(w->path)) {
        return false;
    }
    w->path[w->path_len] = '/';
    memcpy(w->path + w->path_len + 1, name.ptr, name.len + 1);
    w->path_len += 1 + name.len;
    w->id[w->id_len] = '/';
    memcpy(w->id + w->id_len + slash, name.ptr, name.len + 1);
    w->id_len += slash + name.len;
    w->depth++;
    return true;
}

static void go_up(struct walk *w, kit_str name)
{
    w->depth--;
    w->path_len -= 1 + name.len;
    w->path[w->path_len] = '\0';
    w->id_len -= name.len;
    w->id_len -= w->id_len > 0;
    w->id[w->id_len] = '\0';
}

/* Remembers the folder at w->depth; false when it is one of its own ancestors, or gone. */
static bool leave_trail(struct walk *w)
{
    struct stat st;
    if (stat(w->path, &st) != 0) {
        return false;
    }
    for (uint32_t i = 0; i < w->depth; i++) {
        if (w->trail[i].device == st.st_dev && w->trail[i].inode == st.st_ino) {
            LOG_WARN("model.scan", "folder=%s why=%s", LOG_QUOTE(w->path), LOG_QUOTE("a link to a folder above it"));
            return false;
        }
    }
    w->trail[w->depth] = (struct place){.device = st.st_dev, .inode = st.st_ino};
    return true;
}

static bool visit(void *ctx, const char *text, bool is_folder)
{
    struct walk *w = ctx;
    kit_str name = kit_str_c(text);
    if (!is_folder || !go_down(w, name)) {
        return true;
    }
    if (leave_trail(w)) {
        struct kit_err err = {0};
        enum kit_status rc = look_into(w, &err);
        if (rc == KIT_NOMEM) {
            w->rc = kit_fail(w->err, rc, "%s", err.msg);
        } else if (rc != KIT_OK) {
            LOG_WARN("model.scan", "folder=%s why=%s", LOG_QUOTE(w->path), LOG_QUOTE(err.msg));
        }
    }
    go_up(w, name);
    return w->rc == KIT_OK && w->list.found.failed == KIT_OK && !w->list.cut;
}

/* The folder at w->path: a model, or perhaps models below it. */
static enum kit_status look_into(struct walk *w, struct kit_err *err)
{
    if (w->folders == MODEL_SCAN_FOLDERS_MAX) {
        w->list.cut = true;
        return KIT_OK;
    }
    w->folders++;
    struct model_folder folder = {0};
    enum kit_status rc = model_folder_look(w->path, &folder, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (w->depth > 0 && folder.format != NULL) {
        add_found(w, &folder);
        return KIT_OK;
    }
    return kit_file_list(w->path, visit, w, err);
}

/* --- the whole --- */

static enum kit_status walk_all(struct walk *w, const char *folder)
{
    size_t len = strlen(folder);
    while (len > 1 && folder[len - 1] == '/') {
        len--;
    }
    if (len == 0 || len >= sizeof(w->path)) {
        return kit_fail(w->err, KIT_INVALID, "the path of the models folder has 1 to %zu bytes, but this has %zu",
                        sizeof(w->path) - 1, len);
    }
    memcpy(w->path, folder, len);
    w->path_len = len;
    if (!leave_trail(w)) {
        return kit_fail(w->err, KIT_NOT_FOUND, "%s: no such models folder", folder);
    }
    enum kit_status rc = look_into(w, w->err);
    return rc != KIT_OK ? rc : w->rc;
}

enum kit_status model_scan_folder(const char *folder, uint32_t max, struct model_scan *ret, struct kit_err *err)
{
    struct walk *w = kit_alloc_zero(1, sizeof(*w));
    if (w == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory to look for models");
    }
    w->err = err;
    model_list_init(&w->list, max);
    enum kit_status rc = walk_all(w, folder);
    if (rc == KIT_OK) {
        rc = model_list_take(&w->list, ret, err);
    }
    model_list_done(&w->list);
    kit_alloc_free(w);
    return rc;
}

void model_scan_done(struct model_scan *s)
{
    kit_alloc_free(s->found);
    *s = (struct model_scan){0};
}

/* --- what was found --- */

static int compare_id(const void *id, const void *found)
{
    return strcmp(id, ((const struct model_found *)found)->id);
}

const struct model_found *model_scan_find(const struct model_scan *s, const char *id)
{
    return s->count > 0 ? bsearch(id, s->found, s->count, sizeof(s->found[0]), compare_id) : NULL;
}

enum kit_status model_scan_join(struct model_scan *into, const struct model_scan *more, uint32_t max,
                                struct kit_err *err)
{
    struct model_list l;
    struct model_scan joined = {0};
    bool room = true;
    model_list_init(&l, max);
    l.cut = into->cut || more->cut;
    for (uint32_t i = 0; i < into->count && room; i++) {
        room = model_list_add(&l, &into->found[i]);
    }
    for (uint32_t i = 0; i < more->count && room; i++) {
        room = model_scan_find(into, more->found[i].id) != NULL || model_list_add(&l, &more->found[i]);
    }
    enum kit_status rc = model_list_take(&l, &joined, err);
    if (rc == KIT_OK) {
        model_scan_done(into);
        *into = joined;
    }
    model_list_done(&l);
    return rc;
}
