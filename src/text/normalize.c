#include "text/normalize.h"

#include "text/bert.h"
#include "text/normal_form.h"
#include "kit/utf8.h"
#include "text/unicode.h"

enum kit_status text_normal_rewrite(const struct text_normal_step *step, struct text_aligned *text,
                                    struct text_aligned *spare,
                                    void (*one)(const struct text_normal_step *step, struct text_aligned *out,
                                                uint32_t cp, struct text_span origin))
{
    text_aligned_begin(spare, text);
    uint32_t bytes;
    for (size_t at = 0; at < text->len; at += bytes) {
        struct text_span origin;
        uint32_t cp = text_aligned_get(text, at, &bytes, &origin);
        one(step, spare, cp, origin);
    }
    text_aligned_swap(text, spare);
    return text->failed;
}

/* --- Lowercase --- */

static void lower_one(const struct text_normal_step *step, struct text_aligned *out, uint32_t cp,
                      struct text_span origin)
{
    (void)step;
    if ((text_unicode_flags(cp) & TEXT_UPPER) == 0) {
        text_aligned_put(out, cp, origin);
        return;
    }
    uint32_t lower[2];
    uint32_t n = text_unicode_lower(cp, lower);
    for (uint32_t i = 0; i < n; i++) {
        text_aligned_put(out, lower[i], origin);
    }
}

static enum kit_status run_lowercase(const struct text_normal_step *step, struct text_aligned *text,
                                     struct text_aligned *spare)
{
    if (!kit_utf8_is_ascii(text_aligned_str(text))) {
        return text_normal_rewrite(step, text, spare, lower_one);
    }
    for (size_t i = 0; i < text->len; i++) {
        char c = text->bytes[i];
        text->bytes[i] = (char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
    }
    return KIT_OK;
}

static enum kit_status parse_plain(const struct text_node *node, struct kit_arena *arena, struct text_normal_step *step,
                                   struct kit_err *err)
{
    (void)node, (void)arena, (void)step, (void)err;
    return KIT_OK;
}

/* --- NFC, NFD, NFKC, NFKD --- */

#define FORM_COMPAT 1u
#define FORM_COMPOSE 2u

static enum kit_status run_form(const struct text_normal_step *step, struct text_aligned *text,
                                struct text_aligned *spare)
{
    return text_normal_form(text, spare, (step->flags & FORM_COMPAT) != 0, (step->flags & FORM_COMPOSE) != 0);
}

/* --- StripAccents --- */

static void keep_unless_mark(const struct text_normal_step *step, struct text_aligned *out, uint32_t cp,
                             struct text_span origin)
{
    (void)step;
    if ((text_unicode_flags(cp) & TEXT_MARK) == 0) {
        text_aligned_put(out, cp, origin);
    }
}

static enum kit_status run_strip_accents(const struct text_normal_step *step, struct text_aligned *text,
                                         struct text_aligned *spare)
{
    if (kit_utf8_is_ascii(text_aligned_str(text))) {
        return KIT_OK;
    }
    return text_normal_rewrite(step, text, spare, keep_unless_mark);
}

/* --- Strip --- */

#define STRIP_LEFT 1u
#define STRIP_RIGHT 2u

static size_t spaces_before(kit_str text)
{
    size_t at = 0;
    for (uint32_t bytes; at < text.len; at += bytes) {
        if (!text_unicode_is_space(kit_utf8_read(text.ptr + at, &bytes))) {
            break;
        }
    }
    return at;
}

static void copy_range(const struct text_aligned *from, size_t start, size_t end, struct text_aligned *to)
{
    uint32_t bytes;
    for (size_t at = start; at < end; at += bytes) {
        struct text_span origin;
        uint32_t cp = text_aligned_get(from, at, &bytes, &origin);
        text_aligned_put(to, cp, origin);
    }
}

static enum kit_status run_strip(const struct text_normal_step *step, struct text_aligned *text,
                                 struct text_aligned *spare)
{
    kit_str all = text_aligned_str(text);
    size_t end = (step->flags & STRIP_RIGHT) != 0 ? text_unicode_trim_end(all).len : all.len;
    size_t start = (step->flags & STRIP_LEFT) != 0 ? spaces_before(kit_str_sub(all, 0, end)) : 0;
    if (start == 0) {
        text->len = end;
        return KIT_OK;
    }
    text_aligned_begin(spare, text);
    copy_range(text, start, end, spare);
    text_aligned_swap(text, spare);
    return text->failed;
}

static enum kit_status parse_strip(const struct text_node *node, struct kit_arena *arena, struct text_normal_step *step,
                                   struct kit_err *err)
{
    (void)arena;
    bool left;
    bool right;
    enum kit_status rc = text_node_bool_or(node, "strip_left", true, &left, err);
    if (rc == KIT_OK) {
        rc = text_node_bool_or(node, "strip_right", true, &right, err);
    }
    if (rc == KIT_OK) {
        step->flags = (left ? STRIP_LEFT : 0) | (right ? STRIP_RIGHT : 0);
    }
    return rc;
}

/* --- Replace, Prepend --- */

static void put_all(struct text_aligned *out, kit_str text, struct text_span origin)
{
    uint32_t bytes;
    for (size_t at = 0; at < text.len && out->failed == KIT_OK; at += bytes) {
        text_aligned_put(out, kit_utf8_read(text.ptr + at, &bytes), origin);
    }
}

static enum kit_status run_replace(const struct text_normal_step *step, struct text_aligned *text,
                                   struct text_aligned *spare)
{
    kit_str all = text_aligned_str(text);
    size_t at = kit_str_find(all, step->what);
    if (at == all.len) {
        return KIT_OK;
    }
    text_aligned_begin(spare, text);
    for (size_t from = 0; from < all.len && spare->failed == KIT_OK; from = at + step->what.len) {
        at = from + kit_str_find(kit_str_sub(all, from, all.len), step->what);
        copy_range(text, from, at, spare);
        if (at == all.len) {
            break;
        }
        put_all(spare, step->with, text_aligned_before(text, at + step->what.len));
    }
    text_aligned_swap(text, spare);
    return text->failed;
}

static enum kit_status run_prepend(const struct text_normal_step *step, struct text_aligned *text,
                                   struct text_aligned *spare)
{
    if (text->len == 0) {
        return KIT_OK;
    }
    uint32_t bytes;
    struct text_span origin;
    (void)text_aligned_get(text, 0, &bytes, &origin);
    text_aligned_begin(spare, text);
    put_all(spare, step->with, origin);
    copy_range(text, 0, text->len, spare);
    text_aligned_swap(text, spare);
    return text->failed;
}

static enum kit_status keep_str(const struct text_node *node, struct kit_arena *arena, kit_str *ret,
                                struct kit_err *err)
{
    kit_str text;
    enum kit_status rc = text_node_str(node, &text, err);
    if (rc == KIT_OK && kit_arena_str(arena, text, ret) != KIT_OK) {
        rc = text_node_fail(node, KIT_NOMEM, err, "no memory");
    }
    return rc;
}

static enum kit_status parse_replace(const struct text_node *node, struct kit_arena *arena,
                                     struct text_normal_step *step, struct kit_err *err)
{
    struct text_node pattern = text_node_get(node, "pattern");
    struct text_node what = text_node_get(&pattern, "String");
    struct text_node with = text_node_get(node, "content");
    struct text_node regex = text_node_get(&pattern, "Regex");
    if (!text_node_is_null(&regex)) {
        return text_node_fail(&regex, KIT_UNSUPPORTED, err,
                              "a pattern that is a regular expression is not supported yet");
    }
    enum kit_status rc = keep_str(&what, arena, &step->what, err);
    if (rc == KIT_OK) {
        rc = keep_str(&with, arena, &step->with, err);
    }
    if (rc == KIT_OK && step->what.len == 0) {
        rc = text_node_fail(&what, KIT_PARSE, err, "must not be empty");
    }
    return rc;
}

static enum kit_status parse_prepend(const struct text_node *node, struct kit_arena *arena,
                                     struct text_normal_step *step, struct kit_err *err)
{
    struct text_node with = text_node_get(node, "prepend");
    return keep_str(&with, arena, &step->with, err);
}

/* --- the table --- */

struct op {
    const char *type;
    enum kit_status (*parse)(const struct text_node *node, struct kit_arena *arena, struct text_normal_step *step,
                             struct kit_err *err);
    enum kit_status (*run)(const struct text_normal_step *step, struct text_aligned *text, struct text_aligned *spare);
    uint32_t flags;
};

static const struct op ops[] = {
    {"BertNormalizer", text_bert_parse, text_bert_run, 0},
    {"Lowercase", parse_plain, run_lowercase, 0},
    {"NFC", parse_plain, run_form, FORM_COMPOSE},
    {"NFD", parse_plain, run_form, 0},
    {"NFKC", parse_plain, run_form, FORM_COMPAT | FORM_COMPOSE},
    {"NFKD", parse_plain, run_form, FORM_COMPAT},
    {"StripAccents", parse_plain, run_strip_accents, 0},
    {"Strip", parse_strip, run_strip, 0},
    {"Replace", parse_replace, run_replace, 0},
    {"Prepend", parse_prepend, run_prepend, 0},
};

static const struct op *find_op(kit_str type)
{
    for (size_t i = 0; i < KIT_COUNT(ops); i++) {
        if (kit_str_eq(type, kit_str_c(ops[i].type))) {
            return &ops[i];
        }
    }
    return NULL;
}

static enum kit_status add_step(const struct text_node *node, kit_str type, struct kit_arena *arena,
                                struct text_normalizer *n, struct kit_err *err)
{
    const struct op *op = find_op(type);
    if (op == NULL) {
        return text_node_unknown_type(node, type, err);
    }
    if (n->count == TEXT_NORMAL_STEPS_MAX) {
        return text_node_fail(node, KIT_TOO_LARGE, err, "more than %d steps", TEXT_NORMAL_STEPS_MAX);
    }
    struct text_normal_step *step = &n->step[n->count];
    *step = (struct text_normal_step){.run = op->run, .flags = op->flags};
    enum kit_status rc = op->parse(node, arena, step, err);
    if (rc == KIT_OK) {
        n->count++;
    }
    return rc;
}

/* Sequences may hold sequences, as deep as the JSON may be; they are laid out flat. */
static enum kit_status add(const struct text_node *node, struct kit_arena *arena, struct text_normalizer *n,
                           struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, err);
    if (rc != KIT_OK || !kit_str_eq(type, kit_str_lit("Sequence"))) {
        return rc != KIT_OK ? rc : add_step(node, type, arena, n, err);
    }
    struct text_node list = text_node_get(node, "normalizers");
    rc = text_node_need(&list, KIT_JSON_ARRAY, err);
    struct kit_json_iter iter = kit_json_iter(list.value);
    for (struct text_node item; rc == KIT_OK && text_node_next(&list, &iter, &item);) {
        rc = add(&item, arena, n, err);
    }
    return rc;
}

enum kit_status text_normalizer_parse(const struct text_node *node, struct kit_arena *arena,
                                      struct text_normalizer *ret, struct kit_err *err)
{
    ret->count = 0;
    return text_node_is_null(node) ? KIT_OK : add(node, arena, ret, err);
}

enum kit_status text_normalizer_run(const struct text_normalizer *n, struct text_aligned *text,
                                    struct text_aligned *spare)
{
    for (uint32_t i = 0; i < n->count; i++) {
        enum kit_status rc = n->step[i].run(&n->step[i], text, spare);
        if (rc != KIT_OK) {
            return rc;
        }
        if (text->len > text->max) {
            return KIT_TOO_LARGE;
        }
    }
    return KIT_OK;
}
