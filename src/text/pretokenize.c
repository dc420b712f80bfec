#include "text/pretokenize.h"

#include "text/bytelevel.h"
#include "kit/utf8.h"
#include "text/unicode.h"

enum kind { PLAIN, DELIM, DROP };

static enum kind kind_of(const struct text_cut *c, uint32_t flags)
{
    if ((flags & c->drop) != 0) {
        return DROP;
    }
    return ((flags & c->delim) != 0) != c->others ? DELIM : PLAIN;
}

/* Makes the last word end at `end` instead. */
static void stretch(struct text_spans *out, size_t end)
{
    if (out->failed == KIT_OK) {
        out->at[out->count - 1].end = (uint32_t)end;
    }
}

/* A delimiter at [at, end) behind a character of kind `last`. */
static void put_delimiter(const struct text_cut *c, enum kind last, size_t at, size_t end, struct text_spans *out)
{
    bool join = (c->what == TEXT_DELIMITER_CONTIGUOUS && last == DELIM) ||
                (c->what == TEXT_DELIMITER_MERGED_BACK && last == PLAIN);
    if (join) {
        stretch(out, end);
    } else if (c->what != TEXT_DELIMITER_REMOVED) {
        text_spans_add(out, at, end);
    }
}

/* The plain run [at, end) behind a character of kind `last`. */
static void put_plain(const struct text_cut *c, enum kind last, size_t at, size_t end, struct text_spans *out)
{
    if (c->what == TEXT_DELIMITER_MERGED_ON && last == DELIM) {
        stretch(out, end);
    } else {
        text_spans_add(out, at, end);
    }
}

/* The byte behind the run of plain characters at `at`. */
static size_t end_of_plain(const struct text_cut *c, const char *text, size_t at, size_t end)
{
    uint32_t bytes;
    while (at < end && kind_of(c, text_unicode_flags(kit_utf8_read(text + at, &bytes))) == PLAIN) {
        at += bytes;
    }
    return at;
}

static void cut_by_class(const void *step, const char *text, struct text_span word, struct text_spans *out)
{
    const struct text_cut *c = &((const struct text_pre_step *)step)->by;
    enum kind last = DROP;
    for (size_t at = word.start; at < word.end;) {
        uint32_t bytes;
        enum kind kind = kind_of(c, text_unicode_flags(kit_utf8_read(text + at, &bytes)));
        size_t end = at + bytes;
        if (kind == PLAIN) {
            end = end_of_plain(c, text, end, word.end);
            put_plain(c, last, at, end, out);
        } else if (kind == DELIM) {
            put_delimiter(c, last, at, end, out);
        }
        last = kind;
        at = end;
    }
}

enum kit_status text_pretokenizer_run(const struct text_pretokenizer *p, struct text_words *w)
{
    enum kit_status rc = w->spans->failed;
    for (uint32_t i = 0; rc == KIT_OK && i < p->count; i++) {
        const struct text_pre_step *step = &p->step[i];
        rc = step->cut != NULL ? text_words_cut(w, step, step->cut) : text_words_rewrite(w, step, step->put);
    }
    return rc;
}

/* --- the steps --- */

static void add_step(struct text_pretokenizer *p, struct text_pre_step step)
{
    p->step[p->count++] = step;
}

static void add_cut(struct text_pretokenizer *p, struct text_cut by)
{
    add_step(p, (struct text_pre_step){.cut = cut_by_class, .by = by});
}

static void add_bytelevel(struct text_pretokenizer *p, bool add_prefix_space, bool use_regex)
{
    if (add_prefix_space) {
        add_step(p, (struct text_pre_step){.put = text_bytelevel_put_space});
    }
    if (use_regex) {
        add_step(p, (struct text_pre_step){.cut = text_bytelevel_cut});
    }
    add_step(p, (struct text_pre_step){.put = text_bytelevel_put_bytes});
}

static const struct text_cut bert = {TEXT_SPACE, TEXT_PUNCT, false, TEXT_DELIMITER_ISOLATED};

void text_pretokenizer_bert(struct text_pretokenizer *ret)
{
    ret->count = 0;
    add_cut(ret, bert);
}

void text_pretokenizer_bytelevel(bool add_prefix_space, struct text_pretokenizer *ret)
{
    ret->count = 0;
    add_bytelevel(ret, add_prefix_space, true);
}

/* --- reading --- */

static enum kit_status parse_bert(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    (void)node, (void)err;
    add_cut(p, bert);
    return KIT_OK;
}

static enum kit_status parse_whitespace(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    (void)node, (void)err;
    add_cut(p, (struct text_cut){TEXT_SPACE, TEXT_WORD, true, TEXT_DELIMITER_CONTIGUOUS});
    return KIT_OK;
}

static enum kit_status parse_whitespace_split(const struct text_node *node, struct text_pretokenizer *p,
                                              struct kit_err *err)
{
    (void)node, (void)err;
    add_cut(p, (struct text_cut){TEXT_SPACE, 0, false, TEXT_DELIMITER_ISOLATED});
    return KIT_OK;
}

static enum kit_status parse_punctuation(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    static const char *const words[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous", NULL};
    uint32_t what;
    enum kit_status rc = text_node_word_or(node, "behavior", words, TEXT_DELIMITER_ISOLATED, &what, err);
    if (rc == KIT_OK) {
        add_cut(p, (struct text_cut){0, TEXT_PUNCT, false, (enum text_delimiter)what});
    }
    return rc;
}

static enum kit_status parse_digits(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    bool each;
    enum kit_status rc = text_node_bool_or(node, "individual_digits", false, &each, err);
    if (rc == KIT_OK) {
        enum text_delimiter what = each ? TEXT_DELIMITER_ISOLATED : TEXT_DELIMITER_CONTIGUOUS;
        add_cut(p, (struct text_cut){0, TEXT_NUMERIC, false, what});
    }
    return rc;
}

static enum kit_status parse_bytelevel(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    bool prefix;
    bool regex;
    enum kit_status rc = text_node_bool_or(node, "add_prefix_space", true, &prefix, err);
    if (rc == KIT_OK) {
        rc = text_node_bool_or(node, "use_regex", true, &regex, err);
    }
    if (rc == KIT_OK) {
        add_bytelevel(p, prefix, regex);
    }
    return rc;
}

static const struct {
    const char *type;
    enum kit_status (*parse)(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err);
} ops[] = {
    {"BertPreTokenizer", parse_bert},   {"Whitespace", parse_whitespace}, {"WhitespaceSplit", parse_whitespace_split},
    {"Punctuation", parse_punctuation}, {"Digits", parse_digits},         {"ByteLevel", parse_bytelevel},
};

#define STEPS_OF_ONE 3 /* at most */

static enum kit_status add_one(const struct text_node *node, kit_str type, struct text_pretokenizer *p,
                               struct kit_err *err)
{
    for (size_t i = 0; i < KIT_COUNT(ops); i++) {
        if (!kit_str_eq(type, kit_str_c(ops[i].type))) {
            continue;
        }
        if (p->count + STEPS_OF_ONE > TEXT_PRE_STEPS_MAX) {
            return text_node_fail(node, KIT_TOO_LARGE, err, "too many steps; at most %d are taken", TEXT_PRE_STEPS_MAX);
        }
        return ops[i].parse(node, p, err);
    }
    return text_node_unknown_type(node, type, err);
}

static enum kit_status add(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, err);
    if (rc != KIT_OK || !kit_str_eq(type, kit_str_lit("Sequence"))) {
        return rc != KIT_OK ? rc : add_one(node, type, p, err);
    }
    struct text_node list = text_node_get(node, "pretokenizers");
    rc = text_node_need(&list, KIT_JSON_ARRAY, err);
    struct kit_json_iter iter = kit_json_iter(list.value);
    for (struct text_node item; rc == KIT_OK && text_node_next(&list, &iter, &item);) {
        rc = add(&item, p, err);
    }
    return rc;
}

enum kit_status text_pretokenizer_parse(const struct text_node *node, struct text_pretokenizer *ret,
                                        struct kit_err *err)
{
    ret->count = 0;
    return text_node_is_null(node) ? KIT_OK : add(node, ret, err);
}
