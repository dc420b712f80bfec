#include "checkpoint.h"

#include <string.h>

#include "folder.h"
#include "jsonfile.h"
#include "kit/alloc.h"
#include "kit/file.h"

#define ONE_FILE "model.safetensors"
#define INDEX_FILE "model.safetensors.index.json"

struct native_checkpoint {
    const char *name;
    uint64_t bytes;
    uint32_t count;
    struct native_safetensors *file[NATIVE_CHECKPOINT_FILES_MAX]; /* [count], owned */
};

/* --- what a folder has --- */

static bool has_file(const char *folder, const char *name)
{
    char path[NATIVE_FOLDER_BYTES];
    return kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), NULL) == KIT_OK &&
           kit_file_exists(path);
}

bool native_checkpoint_exists(const char *folder, bool *ret_foreign)
{
    bool ours = has_file(folder, ONE_FILE) || has_file(folder, INDEX_FILE);
    *ret_foreign = !ours && (has_file(folder, "pytorch_model.bin") || has_file(folder, "pytorch_model.bin.index.json"));
    return ours || *ret_foreign;
}

static enum kit_status refuse_missing(const char *folder, struct kit_err *err)
{
    bool foreign = false;
    (void)native_checkpoint_exists(folder, &foreign);
    if (foreign) {
        return kit_fail(err, KIT_UNSUPPORTED,
                        ONE_FILE " is missing, and this engine does not read pytorch_model.bin: take the model's "
                                 "safetensors from the hub, or save it again with transformers' save_pretrained");
    }
    return kit_fail(err, KIT_NOT_FOUND, ONE_FILE " is missing in %s", folder);
}

/* --- opening --- */

static enum kit_status add_file(struct native_checkpoint *c, const char *folder, kit_str name, struct kit_err *err)
{
    char path[NATIVE_FOLDER_BYTES];
    enum kit_status rc = native_folder_below(folder, name, path, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (c->count == NATIVE_CHECKPOINT_FILES_MAX) {
        return kit_fail(err, KIT_FULL, "lists more than %d files", NATIVE_CHECKPOINT_FILES_MAX);
    }
    rc = native_safetensors_open(path, &c->file[c->count], err);
    if (rc != KIT_OK) {
        return kit_err_prefix(err, rc, "%.*s", KIT_STR_ARG(kit_str_sub(name, 0, 64)));
    }
    c->bytes += kit_map_bytes(native_safetensors_map(c->file[c->count])).len;
    c->count++;
    return KIT_OK;
}

/* Has the file been added for an earlier tensor? Most files list their tensors one behind the other. */
static bool is_listed(const kit_str *names, uint32_t count, kit_str name)
{
    for (uint32_t i = count; i-- > 0;) {
        if (kit_str_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

static enum kit_status add_listed(struct native_checkpoint *c, const char *folder, kit_json root, struct kit_err *err)
{
    kit_str names[NATIVE_CHECKPOINT_FILES_MAX];
    kit_json map = kit_json_get(root, "weight_map");
    if (kit_json_type(map) != KIT_JSON_OBJECT || kit_json_count(map) == 0) {
        return kit_fail(err, KIT_PARSE, "'weight_map' must be an object that gives a file for each tensor");
    }
    for (struct kit_json_iter i = kit_json_iter(map); kit_json_next(&i);) {
        kit_str name = kit_json_str(i.value, (kit_str){0});
        if (name.len == 0) {
            return kit_fail(err, KIT_PARSE, "'weight_map' names no file for tensor '%.*s'",
                            KIT_STR_ARG(kit_str_sub(i.key, 0, 96)));
        }
        if (is_listed(names, c->count, name)) {
            continue;
        }
        enum kit_status rc = add_file(c, folder, name, err);
        if (rc != KIT_OK) {
            return rc;
        }
        names[c->count - 1] = name;
    }
    return KIT_OK;
}

static enum kit_status add_index(struct native_checkpoint *c, const char *folder, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = native_jsonfile_read(folder, INDEX_FILE, &doc, err);
    if (rc == KIT_OK) {
        rc = native_jsonfile_error(INDEX_FILE, add_listed(c, folder, kit_json_root(doc), err), err);
    }
    kit_json_free(doc);
    return rc;
}

enum kit_status native_checkpoint_open(const char *folder, struct native_checkpoint **ret, struct kit_err *err)
{
    struct native_checkpoint *c = kit_alloc_zero(1, sizeof(*c));
    if (c == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    enum kit_status rc = KIT_OK;
    if (has_file(folder, ONE_FILE)) {
        c->name = ONE_FILE;
        rc = add_file(c, folder, kit_str_lit(ONE_FILE), err);
    } else if (has_file(folder, INDEX_FILE)) {
        c->name = INDEX_FILE;
        rc = add_index(c, folder, err);
    } else {
        rc = refuse_missing(folder, err);
    }
    if (rc != KIT_OK) {
        native_checkpoint_close(c);
        return rc;
    }
    *ret = c;
    return KIT_OK;
}

void native_checkpoint_close(struct native_checkpoint *c)
{
    for (uint32_t i = 0; c != NULL && i < c->count; i++) {
        native_safetensors_close(c->file[i]);
    }
    kit_alloc_free(c);
}

/* --- reading --- */

const struct native_tensor *native_checkpoint_find(const struct native_checkpoint *c, kit_str name)
{
    const struct native_tensor *t = NULL;
    for (uint32_t i = 0; i < c->count && t == NULL; i++) {
        t = native_safetensors_find(c->file[i], name);
    }
    return t;
}

const char *native_checkpoint_name(const struct native_checkpoint *c)
{
    return c->name;
}

uint64_t native_checkpoint_bytes(const struct native_checkpoint *c)
{
    return c->bytes;
}

bool native_checkpoint_broken(const struct native_checkpoint *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        if (kit_map_broken(native_safetensors_map(c->file[i]))) {
            return true;
        }
    }
    return false;
}
