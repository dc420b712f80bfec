#include "model/scan.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "kit/log.h"

/* What was seen in one folder. */
#define SEEN_CONFIG 1u
#define SEEN_SAFETENSORS 2u
#define SEEN_GGUF 4u
#define SEEN_ONNX 8u
#define SEEN_TORCH 16u
#define SEEN_ECHO 32u
#define SEEN_MODEL (SEEN_CONFIG | SEEN_GGUF | SEEN_ONNX | SEEN_TORCH | SEEN_ECHO)

struct place {
    dev_t device;
    ino_t inode;
};

/* One walk through the tree; path and id grow and shrink with the depth. */
struct walk {
    struct kit_buf found; /* of struct model_found */
    uint32_t max;
    uint32_t folders;
    uint32_t depth;                                /* segments of id */
    struct place trail[MODEL_ID_SEGMENTS_MAX + 1]; /* the folder at each depth */
    char path[PATH_MAX];
    size_t path_len;
    char id[MODEL_ID_BYTES_MAX + 1];
    size_t id_len;
    bool cut;
    enum kit_status rc;
    struct kit_err *err;
};

static enum kit_status look_into(struct walk *w, struct kit_err *err);

/* --- what a folder holds --- */

static unsigned kind_of(kit_str name)
{
    static const struct {
        const char *ending;
        unsigned seen;
    } endings[] = {{".safetensors", SEEN_SAFETENSORS}, {".gguf", SEEN_GGUF}, {".onnx", SEEN_ONNX}, {".pt", SEEN_TORCH}};
    if (kit_str_eq(name, kit_str_lit("config.json"))) {
        return SEEN_CONFIG;
    }
    if (kit_str_eq(name, kit_str_lit("echo.json"))) {
        return SEEN_ECHO;
    }
    for (size_t i = 0; i < KIT_COUNT(endings); i++) {
        if (kit_str_ends(name, kit_str_c(endings[i].ending))) {
            return endings[i].seen;
        }
    }
    return 0;
}

static bool note_file(void *ctx, const char *name, bool is_folder)
{
    unsigned *seen = ctx;
    *seen |= is_folder ? 0 : kind_of(kit_str_c(name));
    return true;
}

static const char *format_of(unsigned seen)
{
    if ((seen & SEEN_ECHO) != 0) {
        return "custom";
    }
    return (seen & SEEN_SAFETENSORS) != 0 ? "safetensors"
           : (seen & SEEN_GGUF) != 0      ? "gguf"
           : (seen & SEEN_ONNX) != 0      ? "onnx"
           : (seen & SEEN_TORCH) != 0     ? "torchscript"
                                          : "custom";
}

static void add_found(struct walk *w, unsigned seen)
{
    if (w->found.len / sizeof(struct model_found) == w->max) {
        w->cut = true;
        return;
    }
    struct model_found f = {.format = format_of(seen)};
    memcpy(f.id, w->id, w->id_len);
    w->rc = kit_buf_add(&w->found, (kit_str){.ptr = (const char *)&f, .len = sizeof(f)});
    if (w->rc != KIT_OK) {
        w->rc = kit_fail(w->err, KIT_NOMEM, "no memory for the list of models");
    }
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
    return w->rc == KIT_OK && !w->cut;
}

/* The folder at w->path: a model, or perhaps models below it. */
static enum kit_status look_into(struct walk *w, struct kit_err *err)
{
    if (w->folders == MODEL_SCAN_FOLDERS_MAX) {
        w->cut = true;
        return KIT_OK;
    }
    w->folders++;
    unsigned seen = 0;
    enum kit_status rc = kit_file_list(w->path, note_file, &seen, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (w->depth > 0 && (seen & SEEN_MODEL) != 0) {
        add_found(w, seen);
        return KIT_OK;
    }
    return kit_file_list(w->path, visit, w, err);
}

/* --- the whole --- */

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct model_found *)a)->id, ((const struct model_found *)b)->id);
}

static void take_result(struct walk *w, struct model_scan *ret)
{
    size_t bytes = 0;
    ret->found = (struct model_found *)(void *)kit_buf_take(&w->found, &bytes);
    ret->count = (uint32_t)(bytes / sizeof(struct model_found));
    ret->cut = w->cut;
    if (ret->count > 1) {
        qsort(ret->found, ret->count, sizeof(ret->found[0]), by_id);
    }
}

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
    w->max = max;
    w->err = err;
    kit_buf_init(&w->found, (size_t)max * sizeof(struct model_found));
    enum kit_status rc = walk_all(w, folder);
    if (rc == KIT_OK) {
        take_result(w, ret);
    }
    kit_buf_done(&w->found);
    kit_alloc_free(w);
    return rc;
}

void model_scan_done(struct model_scan *s)
{
    kit_alloc_free(s->found);
    *s = (struct model_scan){0};
}
