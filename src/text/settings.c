#include "text/settings.h"

#include <stdlib.h>
#include <string.h>

#include "kit/file.h"
#include "text/parts.h"

#define JSON_DEPTH_MAX 64

static const char *const role_keys[TEXT_ROLES] = {
    [TEXT_ROLE_BOS] = "bos_token",  [TEXT_ROLE_EOS] = "eos_token", [TEXT_ROLE_UNKNOWN] = "unk_token",
    [TEXT_ROLE_SEP] = "sep_token",  [TEXT_ROLE_PAD] = "pad_token", [TEXT_ROLE_CLS] = "cls_token",
    [TEXT_ROLE_MASK] = "mask_token"};

struct list {
    struct text_added_token *at; /* in the arena */
    uint32_t count, room;
};

/* One call that reads the files. */
struct reader {
    const char *folder;
    struct kit_arena *arena;
    struct text_settings *s;
    struct list added, extra; /* with ids; special ones without a role */
    bool ids_said; /* tokenizer_config.json lists added tokens with their ids, so that the older files do not count */
    struct kit_err *err;
};

static enum kit_status no_memory(const struct reader *r)
{
    return kit_fail(r->err, KIT_NOMEM, "no memory");
}

/* Reads one of the files and hands its root to `take`. A file that is missing says nothing. */
static enum kit_status read_file(struct reader *r, const char *name,
                                 enum kit_status (*take)(struct reader *r, const struct text_node *root))
{
    struct kit_json_doc *doc = NULL;
    struct kit_buf file;
    char path[4096];
    enum kit_status rc = kit_file_join(path, sizeof(path), kit_str_c(r->folder), kit_str_c(name), r->err);
    if (rc != KIT_OK || !kit_file_exists(path)) {
        return rc;
    }
    kit_buf_init(&file, TEXT_PARTS_BYTES_MAX);
    rc = kit_file_read(path, &file, r->err);
    if (rc == KIT_OK) {
        rc = kit_json_parse(kit_buf_str(&file), JSON_DEPTH_MAX, &doc, r->err);
    }
    if (rc == KIT_OK) {
        struct text_node root = text_node_root(kit_json_root(doc));
        rc = text_node_need(&root, KIT_JSON_OBJECT, r->err);
        rc = rc == KIT_OK ? take(r, &root) : rc;
    }
    kit_json_free(doc);
    kit_buf_done(&file);
    return rc == KIT_OK ? rc : kit_err_prefix(r->err, rc, "%s", name);
}

/* --- tokens with a role --- */

/* "[MASK]", or {"content": "[MASK]", "lstrip": …}. special: what it is when it does not say. */
static enum kit_status read_token(const struct reader *r, const struct text_node *node, bool special,
                                  struct text_added_token *ret)
{
    struct text_added_token token = {.special = special};
    enum kit_status rc = KIT_OK;
    if (kit_json_type(node->value) == KIT_JSON_OBJECT) {
        rc = text_added_token_parse(node, r->arena, &token, r->err);
    } else {
        kit_str text;
        rc = text_node_str(node, &text, r->err);
        if (rc == KIT_OK && text.len > TEXT_VOCAB_PIECE_BYTES_MAX) {
            rc = text_node_fail(node, KIT_PARSE, r->err, "must have at most %zu bytes", TEXT_VOCAB_PIECE_BYTES_MAX);
        }
        if (rc == KIT_OK && kit_arena_str(r->arena, text, &token.content) != KIT_OK) {
            rc = no_memory(r);
        }
    }
    if (rc == KIT_OK) {
        *ret = token;
        ret->special = true;
    }
    return rc;
}

static enum kit_status read_roles(const struct reader *r, const struct text_node *root, bool special)
{
    enum kit_status rc = KIT_OK;
    for (int i = 0; rc == KIT_OK && i < TEXT_ROLES; i++) {
        struct text_node node = text_node_get(root, role_keys[i]);
        if (!text_node_is_null(&node)) {
            rc = read_token(r, &node, special, &r->s->roles.token[i]);
        }
    }
    return rc;
}

static enum kit_status take_config_roles(struct reader *r, const struct text_node *root)
{
    struct text_node ids = text_node_get(root, "added_tokens_decoder");
    r->ids_said = !text_node_is_null(&ids);
    return read_roles(r, root, false);
}

static enum kit_status take_map_roles(struct reader *r, const struct text_node *root)
{
    return read_roles(r, root, true);
}

enum kit_status text_settings_roles(const char *folder, struct kit_arena *arena, struct text_roles *ret,
                                    struct kit_err *err)
{
    struct text_settings s = {0};
    struct reader r = {.folder = folder, .arena = arena, .s = &s, .err = err};
    enum kit_status rc = read_file(&r, "tokenizer_config.json", take_config_roles);
    if (rc == KIT_OK && !r.ids_said) {
        rc = read_file(&r, "special_tokens_map.json", take_map_roles);
    }
    if (rc == KIT_OK) {
        *ret = s.roles;
    }
    return rc;
}

/* --- tokens to add --- */

static enum kit_status add_token(const struct reader *r, struct list *l, const struct text_added_token *token)
{
    if (l->count == l->room) {
        uint32_t room = KIT_MAX(l->room * 2, (uint32_t)32);
        struct text_added_token *at = kit_arena_zero(r->arena, room, sizeof(*at));
        if (at == NULL) {
            return no_memory(r);
        }
        if (l->count > 0) {
            memcpy(at, l->at, l->count * sizeof(*at));
        }
        l->at = at;
        l->room = room;
    }
    l->at[l->count++] = *token;
    return KIT_OK;
}

static int by_id(const void *a, const void *b)
{
    const struct text_added_token *x = a;
    const struct text_added_token *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static void sort_by_id(struct list *l)
{
    if (l->count > 0) {
        qsort(l->at, l->count, sizeof(*l->at), by_id);
    }
}

/* {"103": {"content": "[MASK]", …}, …} */
static enum kit_status read_ids(struct reader *r, const struct text_node *list)
{
    enum kit_status rc = text_node_need(list, KIT_JSON_OBJECT, r->err);
    struct kit_json_iter iter = kit_json_iter(list->value);
    for (struct text_node item; rc == KIT_OK && text_node_next(list, &iter, &item);) {
        struct text_added_token token = {0};
        uint64_t id;
        if (kit_str_to_u64(item.key, &id) != KIT_OK || id >= TEXT_VOCAB_MAX) {
            return text_node_fail(&item, KIT_PARSE, r->err, "must be named by an id below %u", TEXT_VOCAB_MAX);
        }
        rc = text_added_token_parse(&item, r->arena, &token, r->err);
        if (rc == KIT_OK) {
            token.id = (uint32_t)id;
            rc = add_token(r, &r->added, &token);
        }
    }
    return rc;
}

static bool has_role(const struct text_settings *s, kit_str content)
{
    bool found = false;
    for (int i = 0; i < TEXT_ROLES; i++) {
        found = found || kit_str_eq(s->roles.token[i].content, content);
    }
    return found;
}

/* added_tokens.json: {"<new>": 30522, …} */
static enum kit_status take_added(struct reader *r, const struct text_node *root)
{
    enum kit_status rc = KIT_OK;
    struct kit_json_iter iter = kit_json_iter(root->value);
    for (struct text_node item; rc == KIT_OK && text_node_next(root, &iter, &item);) {
        struct text_added_token token = {0};
        rc = text_node_u32(&item, TEXT_VOCAB_MAX - 1, &token.id, r->err);
        if (rc == KIT_OK && item.key.len > TEXT_VOCAB_PIECE_BYTES_MAX) {
            rc = text_node_fail(&item, KIT_PARSE, r->err, "must have at most %zu bytes", TEXT_VOCAB_PIECE_BYTES_MAX);
        }
        if (rc == KIT_OK && kit_arena_str(r->arena, item.key, &token.content) != KIT_OK) {
            rc = no_memory(r);
        }
        token.special = has_role(r->s, token.content);
        token.normalized = !token.special;
        rc = rc == KIT_OK ? add_token(r, &r->added, &token) : rc;
    }
    sort_by_id(&r->added);
    return rc;
}

static enum kit_status read_extra_list(struct reader *r, const struct text_node *root, const char *key)
{
    struct text_node list = text_node_get(root, key);
    enum kit_status rc = KIT_OK;
    struct kit_json_iter iter = kit_json_iter(list.value); /* a list, or an object that gives each a name */
    for (struct text_node item; rc == KIT_OK && text_node_next(&list, &iter, &item);) {
        struct text_added_token token;
        rc = read_token(r, &item, true, &token);
        rc = rc == KIT_OK ? add_token(r, &r->extra, &token) : rc;
    }
    return rc;
}

static enum kit_status read_extras(struct reader *r, const struct text_node *root)
{
    enum kit_status rc = read_extra_list(r, root, "additional_special_tokens");
    return rc == KIT_OK ? read_extra_list(r, root, "extra_special_tokens") : rc;
}

/* Of two that are the same the first stays; what has a role is special, whatever the list says. */
static void merge(const struct list *l, struct text_vocab *seen, struct text_settings *s)
{
    for (uint32_t i = 0; i < l->count; i++) {
        if (l->at[i].content.len > 0 && text_vocab_add(seen, l->at[i].content, s->count)) {
            s->token[s->count] = l->at[i];
            s->token[s->count++].special |= has_role(s, l->at[i].content);
        }
    }
}

/* In the order in which transformers adds them. */
static enum kit_status merge_all(struct reader *r)
{
    struct list roles = {r->s->roles.token, TEXT_ROLES, TEXT_ROLES};
    const struct list *lists[] = {&r->added, &roles, &r->extra};
    struct text_vocab *seen;
    uint32_t count = 0;
    size_t bytes = 0;
    for (size_t i = 0; i < KIT_COUNT(lists); i++) {
        count += lists[i]->count;
        for (uint32_t k = 0; k < lists[i]->count; k++) {
            bytes += lists[i]->at[k].content.len;
        }
    }
    if (count > TEXT_ADDED_MAX) {
        return kit_fail(r->err, KIT_TOO_LARGE, "%u added tokens; at most %u are taken", count, TEXT_ADDED_MAX);
    }
    r->s->token = kit_arena_zero(r->arena, (size_t)count + TEXT_ROLES, sizeof(*r->s->token));
    if (r->s->token == NULL || text_vocab_new(r->arena, count, count, bytes, &seen) != KIT_OK) {
        return no_memory(r);
    }
    for (size_t i = 0; i < KIT_COUNT(lists); i++) {
        merge(lists[i], seen, r->s);
    }
    return KIT_OK;
}

/* --- switches --- */

static enum kit_status read_class(struct reader *r, const struct text_node *root)
{
    kit_str name;
    enum kit_status rc = text_node_str_or(root, "tokenizer_class", (kit_str){0}, &name, r->err);
    if (rc == KIT_OK && kit_str_ends(name, kit_str_lit("Fast"))) {
        name.len -= 4;
    }
    if (rc == KIT_OK && kit_arena_str(r->arena, name, &r->s->class_name) != KIT_OK) {
        rc = no_memory(r);
    }
    return rc;
}

/* A model without a limit of its own has a number here that no text reaches. */
static enum kit_status read_limit(struct reader *r, const struct text_node *root)
{
    static const char *const sides[] = {"right", "left", NULL};
    struct text_truncation *t = &r->s->truncation;
    struct text_node limit = text_node_get(root, "model_max_length");
    uint32_t side = 0;
    enum kit_status rc = text_node_word_or(root, "truncation_side", sides, 0, &side, r->err);
    if (rc == KIT_OK && !text_node_is_null(&limit)) {
        rc = text_node_need(&limit, KIT_JSON_NUMBER, r->err);
    }
    double most = kit_json_f64(limit.value, 0);
    if (rc == KIT_OK && most >= 1 && most < (double)TEXT_TOKENS_UNLIMITED) {
        t->max_tokens = (uint32_t)most;
    }
    t->side = (enum text_side)(TEXT_SIDE_RIGHT + side);
    return rc;
}

static enum kit_status read_switches(struct reader *r, const struct text_node *root)
{
    struct text_settings *s = r->s;
    const struct {
        const char *key;
        bool *flag;
    } keys[] = {{"do_lower_case", &s->lower_case},
                {"strip_accents", &s->strip_accents},
                {"tokenize_chinese_chars", &s->chinese_chars},
                {"add_prefix_space", &s->add_prefix_space},
                {"trim_offsets", &s->trim_offsets}};
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(keys); i++) {
        bool otherwise = keys[i].flag == &s->strip_accents ? s->lower_case : *keys[i].flag;
        rc = text_node_bool_or(root, keys[i].key, otherwise, keys[i].flag, r->err);
    }
    return rc;
}

static enum kit_status take_map(struct reader *r, const struct text_node *root)
{
    enum kit_status rc = take_map_roles(r, root);
    return rc == KIT_OK ? read_extras(r, root) : rc;
}

static enum kit_status take_config(struct reader *r, const struct text_node *root)
{
    struct text_node ids = text_node_get(root, "added_tokens_decoder");
    enum kit_status rc = take_config_roles(r, root);
    if (rc == KIT_OK && r->ids_said) {
        rc = read_ids(r, &ids);
        sort_by_id(&r->added);
    }
    if (rc == KIT_OK) {
        rc = read_class(r, root);
    }
    if (rc == KIT_OK) {
        rc = read_switches(r, root);
    }
    if (rc == KIT_OK) {
        rc = read_extras(r, root);
    }
    return rc == KIT_OK ? read_limit(r, root) : rc;
}

/* --- all of it --- */

enum kit_status text_settings_read(const char *folder, struct kit_arena *arena, struct text_settings *ret,
                                   struct kit_err *err)
{
    struct reader r = {.folder = folder, .arena = arena, .s = ret, .err = err};
    *ret =
        (struct text_settings){.lower_case = true, .strip_accents = true, .chinese_chars = true, .trim_offsets = true};
    ret->truncation = (struct text_truncation){TEXT_TOKENS_UNLIMITED, TEXT_TRUNCATE_LONGEST_FIRST, TEXT_SIDE_RIGHT};
    enum kit_status rc = read_file(&r, "tokenizer_config.json", take_config);
    if (rc == KIT_OK && !r.ids_said) {
        rc = read_file(&r, "special_tokens_map.json", take_map);
    }
    if (rc == KIT_OK && !r.ids_said) {
        rc = read_file(&r, "added_tokens.json", take_added);
    }
    return rc == KIT_OK ? merge_all(&r) : rc;
}
