#include "modules.h"

#include <string.h>

#include "folder.h"
#include "jsonfile.h"
#include "kit/file.h"

#define MODULES_MAX 8
#define PATH_BYTES 2048

/* --- pooling --- */

struct pooling_name {
    const char *name; /* since version 5.2: the value of "pooling_mode" */
    const char *flag; /* before: a key that is true */
    bool is_ours;
    enum native_pooling pooling;
};

static const struct pooling_name pooling_names[] = {
    {"mean", "pooling_mode_mean_tokens", true, NATIVE_POOL_MEAN},
    {"cls", "pooling_mode_cls_token", true, NATIVE_POOL_CLS},
    {"max", "pooling_mode_max_tokens", true, NATIVE_POOL_MAX},
    {"mean_sqrt_len_tokens", "pooling_mode_mean_sqrt_len_tokens", false, 0},
    {"weightedmean", "pooling_mode_weightedmean_tokens", false, 0},
    {"lasttoken", "pooling_mode_lasttoken", false, 0},
};

static bool pooling_asked(kit_json root, const struct pooling_name *p)
{
    kit_json mode = kit_json_get(root, "pooling_mode");
    if (kit_json_type(mode) == KIT_JSON_STRING) {
        return kit_str_eq(kit_json_str(mode, (kit_str){0}), kit_str_c(p->name));
    }
    for (struct kit_json_iter i = kit_json_iter(mode); kit_json_next(&i);) {
        if (kit_str_eq(kit_json_str(i.value, (kit_str){0}), kit_str_c(p->name))) {
            return true;
        }
    }
    return kit_json_bool(kit_json_get(root, p->flag), false);
}

static enum kit_status read_pooling_root(kit_json root, struct native_config *c, struct kit_err *err)
{
    uint32_t asked = 0;
    for (size_t i = 0; i < KIT_COUNT(pooling_names); i++) {
        const struct pooling_name *p = &pooling_names[i];
        if (!pooling_asked(root, p)) {
            continue;
        }
        if (!p->is_ours || ++asked > 1) {
            return kit_fail(err, KIT_UNSUPPORTED, "asks for '%s'%s; this engine pools by one of mean, cls, max",
                            p->flag, asked > 1 ? " besides another" : "");
        }
        c->pooling = p->pooling;
    }
    c->pooling_told = asked == 1;
    return asked == 1 ? KIT_OK : kit_fail(err, KIT_PARSE, "names no pooling ('pooling_mode' or a 'pooling_mode_…')");
}

static enum kit_status read_pooling(const char *folder, struct native_config *c, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = native_jsonfile_read(folder, "config.json", &doc, err);
    if (rc == KIT_OK) {
        rc = native_jsonfile_error("config.json", read_pooling_root(kit_json_root(doc), c, err), err);
    }
    kit_json_free(doc);
    return rc == KIT_OK ? rc : kit_err_prefix(err, rc, "pooling");
}

/* --- modules.json --- */

/* "sentence_transformers.models.Pooling" -> "Pooling" */
static kit_str class_of(kit_str type)
{
    for (kit_str piece; kit_str_cut(&type, '.', &piece);) {
        if (type.len == 0) {
            return piece;
        }
    }
    return (kit_str){0};
}

static enum kit_status read_module(const char *folder, kit_json v, struct native_config *c, struct kit_err *err)
{
    kit_str type;
    kit_str path;
    char below[NATIVE_FOLDER_BYTES];
    enum kit_status rc = kit_json_need_str(v, "type", &type, err);
    if (rc == KIT_OK) {
        rc = kit_json_str_or(v, "path", kit_str_lit(""), &path, err);
    }
    if (rc == KIT_OK) {
        rc = native_folder_below(folder, path, below, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    kit_str name = class_of(type);
    if (kit_str_eq(name, kit_str_lit("Transformer"))) {
        memcpy(c->folder, below, sizeof(below));
        return KIT_OK;
    }
    if (kit_str_eq(name, kit_str_lit("Pooling"))) {
        return read_pooling(below, c, err);
    }
    if (kit_str_eq(name, kit_str_lit("Normalize"))) {
        c->normalize = true;
        return KIT_OK;
    }
    return kit_fail(err, KIT_UNSUPPORTED, "'type' is '%.*s'; this engine has Transformer, Pooling and Normalize",
                    KIT_STR_ARG(kit_str_sub(type, 0, 80)));
}

static enum kit_status read_modules_root(const char *folder, kit_json root, struct native_config *c,
                                         struct kit_err *err)
{
    if (kit_json_type(root) != KIT_JSON_ARRAY || kit_json_count(root) == 0 || kit_json_count(root) > MODULES_MAX) {
        return kit_fail(err, KIT_PARSE, "must be an array of 1 to %d modules", MODULES_MAX);
    }
    for (struct kit_json_iter i = kit_json_iter(root); kit_json_next(&i);) {
        enum kit_status rc = read_module(folder, i.value, c, err);
        if (rc != KIT_OK) {
            return kit_err_prefix(err, rc, "item %zu", i.index);
        }
    }
    return KIT_OK;
}

enum kit_status native_modules_read(const char *folder, struct native_config *c, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = native_folder_below(folder, (kit_str){0}, c->folder, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = native_jsonfile_read(folder, "modules.json", &doc, err);
    if (rc == KIT_NOT_FOUND) {
        return KIT_OK;
    }
    if (rc == KIT_OK) {
        rc = native_jsonfile_error("modules.json", read_modules_root(folder, kit_json_root(doc), c, err), err);
    }
    kit_json_free(doc);
    return rc;
}

enum kit_status native_modules_context(struct native_config *c, struct kit_err *err)
{
    static const char name[] = "sentence_bert_config.json";
    struct kit_json_doc *doc = NULL;
    int64_t tokens = c->positions;
    enum kit_status rc = native_jsonfile_read(c->folder, name, &doc, err);
    if (rc == KIT_OK) {
        rc = kit_json_i64_or(kit_json_root(doc), "max_seq_length", 1, INT32_MAX, tokens, &tokens, err);
        rc = native_jsonfile_error(name, rc, err);
    } else if (rc == KIT_NOT_FOUND) {
        rc = KIT_OK;
    }
    kit_json_free(doc);
    c->context_tokens = (uint32_t)KIT_MIN(tokens, (int64_t)c->positions);
    return rc;
}
