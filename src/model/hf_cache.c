#include "model/hf_cache.h"

#include <limits.h>
#include <stdio.h>

#include "kit/file.h"
#include "kit/log.h"
#include "model/folder.h"
#include "model/list.h"

#define PREFIX "models--"
#define REF_BYTES_MAX 128

struct cache_walk {
    const char *cache;
    struct model_list list;
    uint32_t folders;
};

/* "models--org--name" -> "org/name". False: no repository of a model, or no id of ours. */
static bool read_id(kit_str name, char id[MODEL_ID_BYTES_MAX + 1])
{
    kit_str prefix = kit_str_lit(PREFIX);
    size_t len = 0;
    if (!kit_str_starts(name, prefix)) {
        return false;
    }
    for (size_t i = prefix.len; i < name.len && len < MODEL_ID_BYTES_MAX; i++, len++) {
        bool slash = name.ptr[i] == '-' && i + 1 < name.len && name.ptr[i + 1] == '-';
        id[len] = slash ? '/' : name.ptr[i];
        i += slash;
    }
    id[len] = '\0';
    return len < MODEL_ID_BYTES_MAX && model_id_is_valid(kit_str_c(id));
}

/* The commit that the branch `main` points at. False: none, or no commit. */
static bool read_ref(const char *cache, const char *repository, char commit[MODEL_COMMIT_BYTES])
{
    char path[PATH_MAX];
    struct kit_buf text;
    int len = snprintf(path, sizeof(path), "%s/%s/refs/main", cache, repository);
    kit_buf_init(&text, REF_BYTES_MAX);
    bool good = len < (int)sizeof(path) && kit_file_read(path, &text, NULL) == KIT_OK;
    kit_str ref = kit_str_trim(kit_buf_str(&text));
    good = good && ref.len < MODEL_COMMIT_BYTES && model_id_is_segment(ref);
    if (good) {
        kit_str_to_c(ref, commit, MODEL_COMMIT_BYTES);
    }
    kit_buf_done(&text);
    return good;
}

static bool visit(void *ctx, const char *name, bool is_folder)
{
    struct cache_walk *w = ctx;
    struct model_found f = {.source = MODEL_SOURCE_HF_CACHE};
    struct model_folder folder = {0};
    char path[PATH_MAX];
    if (!is_folder || !read_id(kit_str_c(name), f.id) || !read_ref(w->cache, name, f.commit) ||
        model_source_path(path, sizeof(path), w->cache, f.source, f.id, f.commit, NULL) != KIT_OK) {
        return true;
    }
    if (++w->folders > MODEL_SCAN_FOLDERS_MAX) {
        w->list.cut = true;
        return false;
    }
    if (model_folder_look(path, &folder, NULL) != KIT_OK || folder.format == NULL || !folder.complete) {
        LOG_DEBUG("model.scan", "folder=%s why=\"not a complete model\"", LOG_QUOTE(path));
        return true;
    }
    f.format = folder.format;
    return model_list_add(&w->list, &f);
}

enum kit_status model_hf_cache_scan(const char *cache, uint32_t max, struct model_scan *ret, struct kit_err *err)
{
    struct cache_walk w = {.cache = cache};
    model_list_init(&w.list, max);
    enum kit_status rc = kit_file_list(cache, visit, &w, err);
    if (rc == KIT_OK) {
        rc = model_list_take(&w.list, ret, err);
    }
    model_list_done(&w.list);
    return rc;
}
