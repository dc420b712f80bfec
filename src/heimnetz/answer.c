#include "heimnetz/answer.h"

#include <math.h>
#include <string.h>

#include "heimnetz/panel.h"
#include "heimnetz/rich.h"
#include "kit/utf8.h"
#include "task/kind.h"

#define VALUES_SHOWN 4
#define BAR_COLUMNS 24
#define TEXT_COLUMNS_MIN 16 /* of a text in a table on a terminal */
#define TEXT_COLUMNS_MAX 48
#define VALUES_COLUMNS 58 /* what stands beside it: dimensions, norm, first values; */
#define SCORE_COLUMNS 42  /* or a bar and a score of 8 signs */
#define EXCERPT_CHARS 60  /* of a context on each side of its answer */

struct page {
    const struct heimnetz_term *term;
    const struct heimnetz_question *question;
    struct heimnetz_table table;
    uint32_t beside; /* columns that a text must leave to what stands beside it, and to the frame */
};

/* --- texts --- */

static const struct heimnetz_item *item_at(const struct page *p, size_t index)
{
    static const struct heimnetz_item none = {.text = {.ptr = "", .len = 0}};
    return index < p->question->count ? &p->question->items[index] : &none;
}

/* A cell with a text on one line: cut on a terminal, whole in a pipe. */
static void add_text(struct page *p, enum heimnetz_style style, const char *indent, kit_str text)
{
    struct kit_buf shown;
    kit_buf_init(&shown, 4 * KIT_MIB);
    for (size_t i = 0; i < text.len; i++) {
        kit_buf_add_char(&shown, text.ptr[i] == '\n' || text.ptr[i] == '\r' ? ' ' : text.ptr[i]);
    }
    kit_str line = kit_buf_str(&shown);
    struct kit_buf cut;
    kit_buf_init(&cut, 4 * KIT_MIB);
    uint32_t room = p->term->width > p->beside ? p->term->width - p->beside : 0;
    uint32_t columns = KIT_MIN(KIT_MAX(room, TEXT_COLUMNS_MIN), TEXT_COLUMNS_MAX);
    if (!p->term->terminal) {
        columns = UINT32_MAX;
    }
    heimnetz_rich_fit(&cut, TERM_PLAIN, line, columns, p->term);
    heimnetz_table_add(&p->table, style, "%s%.*s", indent, KIT_STR_ARG(kit_buf_str(&cut)));
    kit_buf_done(&cut);
    kit_buf_done(&shown);
}

/* A line of its own: the text that the rows below it are about. */
static void add_title(struct page *p, size_t index)
{
    const struct heimnetz_item *item = item_at(p, index);
    heimnetz_table_span(&p->table, TERM_BOLD, "%.*s", KIT_STR_ARG(item->text));
    if (item->second.ptr != NULL) {
        heimnetz_table_more(&p->table, TERM_DIM, " | ");
        heimnetz_table_more(&p->table, TERM_BOLD, "%.*s", KIT_STR_ARG(item->second));
    }
}

/* --- scores --- */

/* Two cells: a bar (on a terminal only) for a score from `low` to `high`, and the score. */
static void add_score(struct page *p, double score, double low, double high)
{
    double part = high > low ? (score - low) / (high - low) : 0;
    uint32_t full = (uint32_t)(fmin(fmax(part, 0), 1) * BAR_COLUMNS + 0.5);
    const struct heimnetz_signs *signs = p->term->signs;
    heimnetz_table_add(&p->table, TERM_PLAIN, "%s", "");
    for (uint32_t i = 0; p->term->terminal && i < BAR_COLUMNS; i++) {
        heimnetz_table_more(&p->table, i < full ? TERM_ACCENT : TERM_DIM, "%s", i < full ? signs->full : signs->empty);
    }
    heimnetz_table_add(&p->table, TERM_PLAIN, "%.4f", score);
}

static kit_str text_of(kit_json object, const char *key)
{
    return kit_json_str(kit_json_get(object, key), kit_str_lit(""));
}

static double score_of(kit_json object)
{
    return kit_json_f64(kit_json_get(object, "score"), 0);
}

/* The rows of one text: "label" or "token", bar, score. */
static void add_scored(struct page *p, kit_json rows, const char *key)
{
    for (struct kit_json_iter i = kit_json_iter(rows); kit_json_next(&i);) {
        kit_str name = text_of(i.value, key);
        heimnetz_table_add(&p->table, TERM_PLAIN, "  %.*s", KIT_STR_ARG(name));
        add_score(p, score_of(i.value), 0, 1);
    }
}

static void init_scores(struct page *p)
{
    heimnetz_table_init(&p->table, 3, NULL);
    p->table.right[2] = true;
    p->beside = SCORE_COLUMNS;
}

static void fill_classify(struct page *p, kit_json outputs)
{
    init_scores(p);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        add_title(p, i.index);
        add_scored(p, i.value, "label");
    }
}

static void fill_mask(struct page *p, kit_json outputs)
{
    init_scores(p);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        add_title(p, i.index);
        add_scored(p, i.value, "token");
    }
}

/* The least and greatest of scores that may be any number. */
static void range_of(kit_json outputs, double *low, double *high)
{
    *low = 0;
    *high = 1;
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        double score = kit_json_type(i.value) == KIT_JSON_NUMBER ? kit_json_f64(i.value, 0) : score_of(i.value);
        *low = fmin(*low, score);
        *high = fmax(*high, score);
    }
}

static void fill_rerank(struct page *p, kit_json outputs)
{
    double low, high;
    init_scores(p);
    range_of(outputs, &low, &high);
    heimnetz_table_span(&p->table, TERM_BOLD, "%.*s", KIT_STR_ARG(p->question->query));
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        int64_t index = kit_json_i64(kit_json_get(i.value, "index"), (int64_t)i.index);
        add_text(p, TERM_PLAIN, "  ", item_at(p, (size_t)index)->text);
        add_score(p, score_of(i.value), low, high);
    }
}

static void fill_similarity(struct page *p, kit_json outputs)
{
    double low, high;
    init_scores(p);
    range_of(outputs, &low, &high);
    if (p->question->query.ptr != NULL) {
        heimnetz_table_span(&p->table, TERM_BOLD, "%.*s", KIT_STR_ARG(p->question->query));
    }
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        add_text(p, TERM_PLAIN, "  ", item_at(p, i.index)->text);
        add_score(p, kit_json_f64(i.value, 0), low, high);
    }
}

/* --- vectors --- */

static double norm_of(kit_json vector)
{
    double square = 0;
    for (struct kit_json_iter i = kit_json_iter(vector); kit_json_next(&i);) {
        double x = kit_json_f64(i.value, 0);
        square += x * x;
    }
    return sqrt(square);
}

/* More text of the last cell: the first numbers, "-0.0345, 0.0310, …". */
static void add_values(struct page *p, kit_json vector)
{
    for (struct kit_json_iter i = kit_json_iter(vector); kit_json_next(&i) && i.index < VALUES_SHOWN;) {
        heimnetz_table_more(&p->table, TERM_DIM, "%s%.4f", i.index > 0 ? ", " : "", kit_json_f64(i.value, 0));
    }
    if (kit_json_count(vector) > VALUES_SHOWN) {
        heimnetz_table_more(&p->table, TERM_DIM, ", %s", p->term->unicode ? "…" : "...");
    }
}

static void fill_embed(struct page *p, kit_json outputs)
{
    static const char *const headings[] = {"TEXT", ">DIMENSIONS", ">NORM", "FIRST VALUES"};
    heimnetz_table_init(&p->table, KIT_COUNT(headings), headings);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        add_text(p, TERM_BOLD, "", item_at(p, i.index)->text);
        heimnetz_table_add(&p->table, TERM_PLAIN, "%zu", kit_json_count(i.value));
        heimnetz_table_add(&p->table, TERM_PLAIN, "%.3f", norm_of(i.value));
        heimnetz_table_add(&p->table, TERM_PLAIN, "%s", "");
        add_values(p, i.value);
    }
}

/* "[2, 384]" and the first values of each tensor. */
static void fill_raw(struct page *p, kit_json outputs)
{
    static const char *const headings[] = {"TENSOR", "TYPE", "SHAPE", "FIRST VALUES"};
    kit_json tensors = kit_json_get(outputs, "tensors");
    heimnetz_table_init(&p->table, KIT_COUNT(headings), headings);
    for (struct kit_json_iter i = kit_json_iter(tensors); kit_json_next(&i);) {
        heimnetz_table_add(&p->table, TERM_BOLD, "%.*s", KIT_STR_ARG(text_of(i.value, "name")));
        heimnetz_table_add(&p->table, TERM_PLAIN, "%.*s", KIT_STR_ARG(text_of(i.value, "dtype")));
        heimnetz_table_add(&p->table, TERM_PLAIN, "[");
        for (struct kit_json_iter k = kit_json_iter(kit_json_get(i.value, "shape")); kit_json_next(&k);) {
            heimnetz_table_more(&p->table, TERM_PLAIN, "%s%lld", k.index > 0 ? ", " : "",
                                (long long)kit_json_i64(k.value, 0));
        }
        heimnetz_table_more(&p->table, TERM_PLAIN, "]");
        heimnetz_table_add(&p->table, TERM_PLAIN, "%s", "");
        add_values(p, kit_json_get(i.value, "data"));
    }
}

/* --- texts that were made --- */

/* One to an input, or several of one: then they are numbered. */
static void add_made(struct page *p, kit_json made, size_t number)
{
    kit_str reasoning = text_of(made, "reasoning"), text = text_of(made, "text"), end = text_of(made, "end");
    if (number > 0) {
        heimnetz_table_span(&p->table, TERM_DIM, "%zu", number);
    }
    if (reasoning.len > 0) {
        heimnetz_table_span(&p->table, TERM_DIM, "%.*s", KIT_STR_ARG(reasoning));
    }
    if (text.len > 0) {
        heimnetz_table_span(&p->table, TERM_PLAIN, "%.*s", KIT_STR_ARG(text));
    }
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(made, "tool_calls")); kit_json_next(&i);) {
        heimnetz_table_span(&p->table, TERM_ACCENT, "%.*s", KIT_STR_ARG(text_of(i.value, "name")));
        heimnetz_table_more(&p->table, TERM_PLAIN, " %.*s", KIT_STR_ARG(text_of(i.value, "arguments")));
    }
    if (kit_str_eq(end, kit_str_lit("length"))) {
        heimnetz_table_span(&p->table, TERM_WARN, "cut off: it has as many tokens as it may");
    }
}

static void fill_generate(struct page *p, kit_json outputs)
{
    heimnetz_table_init(&p->table, 1, NULL);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        add_title(p, i.index);
        if (kit_json_type(i.value) != KIT_JSON_ARRAY) {
            add_made(p, i.value, 0);
        }
        for (struct kit_json_iter k = kit_json_iter(i.value);
             kit_json_type(i.value) == KIT_JSON_ARRAY && kit_json_next(&k);) {
            add_made(p, k.value, k.index + 1);
        }
    }
}

/* --- spans --- */

/* The byte at which code point `index` of s begins; s.len behind the last. */
static size_t byte_of(kit_str s, int64_t index)
{
    size_t at = 0;
    for (int64_t seen = 0; at < s.len; at++) {
        bool begins = !kit_utf8_is_inside(s.ptr[at]);
        if (begins && seen++ == index) {
            return at;
        }
    }
    return at;
}

struct span {
    size_t from, to; /* bytes */
};

static struct span span_of(kit_str text, kit_json entity)
{
    size_t from = byte_of(text, kit_json_i64(kit_json_get(entity, "start"), 0));
    size_t to = byte_of(text, kit_json_i64(kit_json_get(entity, "end"), 0));
    return (struct span){.from = from, .to = KIT_MAX(from, to)};
}

/* More text of the last cell: a piece of a text that was found, marked so that it shows without colours, too. */
static void add_marked(struct page *p, kit_str piece)
{
    heimnetz_table_more(&p->table, TERM_DIM, "[");
    heimnetz_table_more(&p->table, TERM_ACCENT, "%.*s", KIT_STR_ARG(piece));
    heimnetz_table_more(&p->table, TERM_DIM, "]");
}

static void add_piece(struct page *p, enum heimnetz_style style, kit_str text, size_t from, size_t to)
{
    kit_str piece = kit_str_sub(text, from, to > from ? to - from : 0);
    heimnetz_table_more(&p->table, style, "%.*s", KIT_STR_ARG(piece));
}

/* The text with each entity marked; entities come in the order of the text. */
static void add_spans(struct page *p, kit_str text, kit_json entities)
{
    size_t at = 0;
    heimnetz_table_span(&p->table, TERM_PLAIN, "%s", "");
    for (struct kit_json_iter i = kit_json_iter(entities); kit_json_next(&i);) {
        struct span s = span_of(text, i.value);
        if (s.from < at) {
            continue;
        }
        add_piece(p, TERM_PLAIN, text, at, s.from);
        add_marked(p, kit_str_sub(text, s.from, s.to - s.from));
        at = s.to;
    }
    add_piece(p, TERM_PLAIN, text, at, text.len);
}

static void fill_tokens(struct page *p, kit_json outputs)
{
    heimnetz_table_init(&p->table, 4, NULL);
    p->table.right[3] = true;
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        add_spans(p, item_at(p, i.index)->text, i.value);
        for (struct kit_json_iter k = kit_json_iter(i.value); kit_json_next(&k);) {
            heimnetz_table_add(&p->table, TERM_ACCENT, "  %.*s", KIT_STR_ARG(text_of(k.value, "text")));
            heimnetz_table_add(&p->table, TERM_PLAIN, "%.*s", KIT_STR_ARG(text_of(k.value, "label")));
            add_score(p, score_of(k.value), 0, 1);
        }
        if (kit_json_count(i.value) == 0) {
            heimnetz_table_note(&p->table, TERM_DIM, "nothing was found");
        }
    }
}

/* The context around an answer, which is marked in it. */
static void add_excerpt(struct page *p, kit_str context, kit_json answer)
{
    struct span s = span_of(context, answer);
    kit_str before = kit_str_sub(context, 0, s.from), behind = kit_str_sub(context, s.to, context.len);
    size_t chars = kit_utf8_count(before);
    size_t from = chars > EXCERPT_CHARS ? byte_of(context, (int64_t)(chars - EXCERPT_CHARS)) : 0;
    size_t to = byte_of(behind, EXCERPT_CHARS);
    const char *ellipsis = p->term->unicode ? "…" : "...";
    heimnetz_table_note(&p->table, TERM_DIM, "%s", from > 0 ? ellipsis : "");
    add_piece(p, TERM_DIM, before, from, before.len);
    add_marked(p, kit_str_sub(context, s.from, s.to - s.from));
    add_piece(p, TERM_DIM, behind, 0, to);
    heimnetz_table_more(&p->table, TERM_DIM, "%s", to < behind.len ? ellipsis : "");
}

static void add_answer(struct page *p, size_t index, kit_json answer)
{
    kit_str text = text_of(answer, "text");
    heimnetz_table_add(&p->table, text.len > 0 ? TERM_ACCENT : TERM_DIM, "  %.*s",
                       KIT_STR_ARG(text.len > 0 ? text : kit_str_lit("no answer in the context")));
    add_score(p, score_of(answer), 0, 1);
    if (text.len > 0) {
        add_excerpt(p, item_at(p, index)->second, answer);
    }
}

static void fill_answer(struct page *p, kit_json outputs)
{
    init_scores(p);
    for (struct kit_json_iter i = kit_json_iter(outputs); kit_json_next(&i);) {
        heimnetz_table_span(&p->table, TERM_BOLD, "%.*s", KIT_STR_ARG(item_at(p, i.index)->text));
        if (kit_json_type(i.value) != KIT_JSON_ARRAY) {
            add_answer(p, i.index, i.value);
        }
        for (struct kit_json_iter k = kit_json_iter(i.value);
             kit_json_type(i.value) == KIT_JSON_ARRAY && kit_json_next(&k);) {
            add_answer(p, i.index, k.value);
        }
    }
}

/* --- the page --- */

#define NAME(name, text) [TASK_##name] = (text),
static const char *const names[] = {TASK_KINDS(NAME)};
#undef NAME

static void (*const fills[TASK_KIND_COUNT])(struct page *p, kit_json outputs) = {
    [TASK_EMBED] = fill_embed,           [TASK_SIMILARITY] = fill_similarity,
    [TASK_RERANK] = fill_rerank,         [TASK_CLASSIFY] = fill_classify,
    [TASK_TOKEN_CLASSIFY] = fill_tokens, [TASK_FILL_MASK] = fill_mask,
    [TASK_ANSWER] = fill_answer,         [TASK_RAW] = fill_raw,
    [TASK_GENERATE] = fill_generate,
};

static void fill(struct page *p, kit_str task, kit_json outputs)
{
    for (size_t i = 0; i < KIT_COUNT(fills); i++) {
        if (fills[i] != NULL && kit_str_eq(task, kit_str_c(names[i]))) {
            fills[i](p, outputs);
            return;
        }
    }
    heimnetz_table_init(&p->table, 1, NULL);
    heimnetz_table_add(&p->table, TERM_DIM, "'%.*s' is newer than this heimnetz: --json shows its answer",
                       KIT_STR_ARG(task));
}

/* "4 tokens, 1.9 ms in the model, 3.1 ms in all", and whether something was cut off. */
static void add_footer(struct page *p, kit_json answer, double total_ms)
{
    char compute[TERM_FIGURE_BYTES], total[TERM_FIGURE_BYTES];
    kit_json usage = kit_json_get(answer, "usage"), timing = kit_json_get(answer, "timing");
    long long tokens = (long long)kit_json_i64(kit_json_get(usage, "tokens"), 0);
    int64_t cut = kit_json_i64(kit_json_get(usage, "truncated"), 0);
    heimnetz_table_span(&p->table, TERM_PLAIN, "%s", "");
    if (cut > 0) {
        heimnetz_table_span(&p->table, TERM_WARN,
                            "%lld of the texts %s longer than the model takes; the rest was cut off", (long long)cut,
                            cut == 1 ? "was" : "were");
    }
    heimnetz_table_span(&p->table, TERM_DIM, "%lld token%s, %s in the model, %s in all", tokens, tokens == 1 ? "" : "s",
                        heimnetz_term_ms(kit_json_f64(kit_json_get(timing, "compute_ms"), 0), compute),
                        heimnetz_term_ms(total_ms, total));
}

enum kit_status heimnetz_answer_print(const struct heimnetz_term *t, const struct heimnetz_question *q, kit_json answer,
                                      double total_ms)
{
    struct page p = {.term = t, .question = q, .beside = VALUES_COLUMNS};
    char title[256];
    kit_str task = text_of(answer, "task"), model = text_of(answer, "model");
    fill(&p, task, kit_json_get(answer, "outputs"));
    add_footer(&p, answer, total_ms);
    snprintf(title, sizeof(title), "%.*s: %.*s", KIT_STR_ARG(model), KIT_STR_ARG(task));
    enum kit_status rc = heimnetz_panels_print(t, &(struct heimnetz_panel){title, &p.table}, 1);
    heimnetz_table_done(&p.table);
    return rc;
}
