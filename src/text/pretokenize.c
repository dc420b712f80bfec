#include "text/pretokenize.h"

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
    while (at < end && kind_of(c, text_unicode_flags(text_unicode_read(text + at, &bytes))) == PLAIN) {
        at += bytes;
    }
    return at;
}

static void cut_range(const struct text_cut *c, const char *text, struct text_span range, struct text_spans *out)
{
    enum kind last = DROP;
    for (size_t at = range.start; at < range.end;) {
        uint32_t bytes;
        enum kind kind = kind_of(c, text_unicode_flags(text_unicode_read(text + at, &bytes)));
        size_t end = at + bytes;
        if (kind == PLAIN) {
            end = end_of_plain(c, text, end, range.end);
            put_plain(c, last, at, end, out);
        } else if (kind == DELIM) {
            put_delimiter(c, last, at, end, out);
        }
        last = kind;
        at = end;
    }
}

const struct text_spans *text_pretokenizer_run(const struct text_pretokenizer *p, const char *text,
                                               struct text_span range, struct text_spans lists[2])
{
    struct text_spans *from = &lists[0];
    struct text_spans *to = &lists[1];
    text_spans_clear(from);
    text_spans_add(from, range.start, range.end);
    for (uint32_t i = 0; i < p->count && from->failed == KIT_OK; i++) {
        text_spans_clear(to);
        for (size_t n = 0; n < from->count; n++) {
            cut_range(&p->cut[i], text, from->at[n], to);
        }
        struct text_spans *t = from;
        from = to;
        to = t;
    }
    return from;
}

/* --- reading --- */

static enum kit_status parse_plain(const struct text_node *node, struct text_cut *cut, struct kit_err *err)
{
    (void)node, (void)cut, (void)err;
    return KIT_OK;
}

static enum kit_status parse_punctuation(const struct text_node *node, struct text_cut *cut, struct kit_err *err)
{
    static const char *const words[] = {"Removed",        "Isolated",   "MergedWithPrevious",
                                        "MergedWithNext", "Contiguous", NULL};
    uint32_t what;
    enum kit_status rc = text_node_word_or(node, "behavior", words, TEXT_DELIMITER_ISOLATED, &what, err);
    if (rc == KIT_OK) {
        cut->what = (enum text_delimiter)what;
    }
    return rc;
}

static enum kit_status parse_digits(const struct text_node *node, struct text_cut *cut, struct kit_err *err)
{
    bool each;
    enum kit_status rc = text_node_bool_or(node, "individual_digits", false, &each, err);
    if (rc == KIT_OK) {
        cut->what = each ? TEXT_DELIMITER_ISOLATED : TEXT_DELIMITER_CONTIGUOUS;
    }
    return rc;
}

#define BERT                                                                                                           \
    {                                                                                                                  \
        TEXT_SPACE, TEXT_PUNCT, false, TEXT_DELIMITER_ISOLATED                                                         \
    }

void text_pretokenizer_bert(struct text_pretokenizer *ret)
{
    *ret = (struct text_pretokenizer){.count = 1, .cut = {BERT}};
}

static const struct {
    const char *type;
    enum kit_status (*parse)(const struct text_node *node, struct text_cut *cut, struct kit_err *err);
    struct text_cut cut;
} ops[] = {
    {"BertPreTokenizer", parse_plain, BERT},
    {"Whitespace", parse_plain, {TEXT_SPACE, TEXT_WORD, true, TEXT_DELIMITER_CONTIGUOUS}},
    {"WhitespaceSplit", parse_plain, {TEXT_SPACE, 0, false, TEXT_DELIMITER_ISOLATED}},
    {"Punctuation", parse_punctuation, {0, TEXT_PUNCT, false, TEXT_DELIMITER_ISOLATED}},
    {"Digits", parse_digits, {0, TEXT_NUMERIC, false, TEXT_DELIMITER_CONTIGUOUS}},
};

static enum kit_status add_cut(const struct text_node *node, kit_str type, struct text_pretokenizer *p,
                               struct kit_err *err)
{
    for (size_t i = 0; i < KIT_COUNT(ops); i++) {
        if (!kit_str_eq(type, kit_str_c(ops[i].type))) {
            continue;
        }
        if (p->count == TEXT_CUTS_MAX) {
            return text_node_fail(node, KIT_TOO_LARGE, err, "more than %d steps", TEXT_CUTS_MAX);
        }
        p->cut[p->count] = ops[i].cut;
        return ops[i].parse(node, &p->cut[p->count++], err);
    }
    return text_node_unknown_type(node, type, err);
}

static enum kit_status add(const struct text_node *node, struct text_pretokenizer *p, struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, err);
    if (rc != KIT_OK || !kit_str_eq(type, kit_str_lit("Sequence"))) {
        return rc != KIT_OK ? rc : add_cut(node, type, p, err);
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
