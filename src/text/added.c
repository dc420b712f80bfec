#include "text/added.h"

#include <stdlib.h>
#include <string.h>

#include "kit/utf8.h"
#include "text/unicode.h"

/* The strings to look for, each with the index of its token. */
struct patterns {
    struct text_vocab *index; /* NULL: none */
    bool begins[256];         /* one of them begins with this byte */
    int only;                 /* the one byte that they all begin with, or -1 */
};

struct text_added {
    struct text_added_token *token; /* [count], in the order of the file */
    uint32_t *by_id;                /* [count] indexes of token, by rising id */
    uint32_t count;
    struct text_vocab *names;    /* content -> index */
    struct patterns patterns[2]; /* [normalized] */
};

/* --- looking up --- */

const struct text_added_token *text_added_by_id(const struct text_added *a, uint32_t id)
{
    uint32_t low = 0;
    uint32_t high = a->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (a->token[a->by_id[middle]].id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct text_added_token *t = low < a->count ? &a->token[a->by_id[low]] : NULL;
    return t != NULL && t->id == id ? t : NULL;
}

const struct text_added_token *text_added_by_content(const struct text_added *a, kit_str content)
{
    uint32_t index;
    return text_vocab_find(a->names, content, &index) ? &a->token[index] : NULL;
}

uint32_t text_added_id_end(const struct text_added *a)
{
    return a->count == 0 ? 0 : a->token[a->by_id[a->count - 1]].id + 1;
}

/* --- finding in text --- */

static bool is_word(uint32_t cp)
{
    return (text_unicode_flags(cp) & TEXT_WORD) != 0;
}

static bool stands_alone(kit_str text, struct text_span hit)
{
    uint32_t bytes;
    bool before = hit.start > 0 && is_word(kit_utf8_last(kit_str_sub(text, 0, hit.start)));
    bool behind = hit.end < text.len && is_word(kit_utf8_read(text.ptr + hit.end, &bytes));
    return !before && !behind;
}

static uint32_t start_of_spaces(kit_str text, uint32_t end, size_t floor)
{
    kit_str between = kit_str_sub(text, floor, KIT_MAX(end, floor) - floor);
    return (uint32_t)(floor + text_unicode_trim_end(between).len);
}

static uint32_t end_of_spaces(kit_str text, uint32_t at)
{
    uint32_t bytes;
    while (at < text.len && text_unicode_is_space(kit_utf8_read(text.ptr + at, &bytes))) {
        at += bytes;
    }
    return at;
}

/* The next byte at or behind `at` that a pattern begins with; text.len when there is none. */
static size_t next_candidate(const struct patterns *p, kit_str text, size_t at)
{
    if (p->only >= 0 && at < text.len) {
        const char *found = memchr(text.ptr + at, p->only, text.len - at);
        return found == NULL ? text.len : (size_t)(found - text.ptr);
    }
    while (at < text.len && !p->begins[(unsigned char)text.ptr[at]]) {
        at++;
    }
    return at;
}

static bool next_match(const struct patterns *p, struct text_added_walk *w, uint32_t *ret_index)
{
    while ((w->at = next_candidate(p, w->text, w->at)) < w->text.len) {
        kit_str rest = {w->text.ptr + w->at, w->text.len - w->at};
        size_t bytes;
        if (text_vocab_longest(p->index, kit_str_lit(""), rest, &bytes, ret_index)) {
            w->hit = (struct text_span){(uint32_t)w->at, (uint32_t)(w->at + bytes)};
            w->at += bytes;
            return true;
        }
        w->at++;
    }
    return false;
}

bool text_added_next(const struct text_added *a, bool normalized, struct text_added_walk *w)
{
    const struct patterns *p = &a->patterns[normalized];
    uint32_t index;
    while (p->index != NULL && next_match(p, w, &index)) {
        const struct text_added_token *t = &a->token[index];
        if (t->single_word && !stands_alone(w->text, w->hit)) {
            continue;
        }
        if (t->lstrip) {
            w->hit.start = start_of_spaces(w->text, w->hit.start, KIT_MIN(w->taken, w->hit.end));
        }
        if (t->rstrip) {
            w->hit.end = end_of_spaces(w->text, w->hit.end);
        }
        w->taken = w->hit.end;
        w->token = t;
        return true;
    }
    return false;
}

/* --- reading --- */

static enum kit_status read_flags(const struct text_node *node, struct text_added_token *t, struct kit_err *err)
{
    const struct {
        const char *key;
        bool *flag;
    } keys[] = {{"special", &t->special},
                {"single_word", &t->single_word},
                {"lstrip", &t->lstrip},
                {"rstrip", &t->rstrip},
                {"normalized", &t->normalized}};
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(keys); i++) {
        bool otherwise = keys[i].flag == &t->normalized ? !t->special : *keys[i].flag;
        rc = text_node_bool_or(node, keys[i].key, otherwise, keys[i].flag, err);
    }
    return rc;
}

static enum kit_status no_memory(struct kit_err *err)
{
    return kit_fail_param(err, KIT_NOMEM, "added_tokens", "added_tokens: no memory");
}

/* An added token is either a piece of the model with its id, or new with an id that is free. */
static enum kit_status check_id(const struct text_added_token *t, uint32_t index, const struct text_model *model,
                                struct kit_err *err)
{
    uint32_t known;
    bool is_piece = text_vocab_find(model->vocab, t->content, &known);
    if (is_piece && known != t->id) {
        return kit_fail_param(err, KIT_PARSE, "added_tokens",
                              "added_tokens[%u].id: is %u, but the vocabulary has '%.*s' as %u", index, t->id,
                              KIT_STR_ARG(kit_str_sub(t->content, 0, 40)), known);
    }
    kit_str taken = text_vocab_piece(model->vocab, t->id);
    if (!is_piece && taken.ptr != NULL) {
        return kit_fail_param(err, KIT_PARSE, "added_tokens", "added_tokens[%u].id: %u belongs to '%.*s' already",
                              index, t->id, KIT_STR_ARG(kit_str_sub(taken, 0, 40)));
    }
    return KIT_OK;
}

enum kit_status text_added_token_parse(const struct text_node *node, struct kit_arena *arena,
                                       struct text_added_token *ret, struct kit_err *err)
{
    struct text_node content = text_node_get(node, "content");
    kit_str text;
    enum kit_status rc = text_node_need(node, KIT_JSON_OBJECT, err);
    if (rc == KIT_OK) {
        rc = text_node_str(&content, &text, err);
    }
    if (rc == KIT_OK && (text.len == 0 || text.len > TEXT_VOCAB_PIECE_BYTES_MAX)) {
        rc = text_node_fail(&content, KIT_PARSE, err, "must have 1 to %zu bytes", TEXT_VOCAB_PIECE_BYTES_MAX);
    }
    if (rc == KIT_OK && kit_arena_str(arena, text, &ret->content) != KIT_OK) {
        rc = text_node_fail(&content, KIT_NOMEM, err, "no memory");
    }
    return rc == KIT_OK ? read_flags(node, ret, err) : rc;
}

/* Names the tokens, which lie in a->token already. */
static enum kit_status name_tokens(struct text_added *a, const struct text_model *model, struct kit_err *err)
{
    for (uint32_t i = 0; i < a->count; i++) {
        const struct text_added_token *t = &a->token[i];
        enum kit_status rc = check_id(t, i, model, err);
        if (rc != KIT_OK) {
            return rc;
        }
        if (!text_vocab_add(a->names, t->content, i)) {
            return kit_fail_param(err, KIT_PARSE, "added_tokens", "added_tokens[%u]: '%.*s' is there twice", i,
                                  KIT_STR_ARG(kit_str_sub(t->content, 0, 40)));
        }
    }
    return KIT_OK;
}

struct order {
    uint32_t id, index;
};

static int by_id(const void *a, const void *b)
{
    const struct order *x = a;
    const struct order *y = b;
    return (x->id > y->id) - (x->id < y->id);
}

static enum kit_status sort_ids(struct text_added *a, struct kit_arena *arena, struct kit_err *err)
{
    struct order *order = kit_arena_get(arena, a->count * sizeof(*order) + 1);
    if (order == NULL) {
        return no_memory(err);
    }
    for (uint32_t i = 0; i < a->count; i++) {
        order[i] = (struct order){a->token[i].id, i};
    }
    qsort(order, a->count, sizeof(*order), by_id);
    for (uint32_t i = 0; i < a->count; i++) {
        a->by_id[i] = order[i].index;
        if (i > 0 && order[i].id == order[i - 1].id) {
            return kit_fail_param(err, KIT_PARSE, "added_tokens", "added_tokens: id %u is there twice", order[i].id);
        }
    }
    return KIT_OK;
}

static enum kit_status set_pattern(struct text_added_token *t, struct kit_arena *arena,
                                   const struct text_normalizer *normalizer, struct text_aligned pair[2])
{
    t->pattern = t->content;
    if (!t->normalized) {
        return KIT_OK;
    }
    enum kit_status rc = text_aligned_load(&pair[0], t->content, 0);
    if (rc == KIT_OK) {
        rc = text_normalizer_run(normalizer, &pair[0], &pair[1]);
    }
    return rc == KIT_OK ? kit_arena_str(arena, text_aligned_str(&pair[0]), &t->pattern) : rc;
}

static enum kit_status set_patterns(struct text_added *a, struct kit_arena *arena,
                                    const struct text_normalizer *normalizer)
{
    struct text_aligned pair[2];
    text_aligned_init(&pair[0], TEXT_VOCAB_PIECE_BYTES_MAX);
    text_aligned_init(&pair[1], TEXT_VOCAB_PIECE_BYTES_MAX);
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < a->count; i++) {
        rc = set_pattern(&a->token[i], arena, normalizer, pair);
    }
    text_aligned_done(&pair[0]);
    text_aligned_done(&pair[1]);
    return rc;
}

static void add_pattern(struct patterns *p, kit_str text, uint32_t index)
{
    if (text.len == 0 || !text_vocab_add(p->index, text, index)) {
        return; /* normalized to nothing, or to the same as one before, which then counts */
    }
    unsigned char first = (unsigned char)text.ptr[0];
    p->only = text_vocab_count(p->index) == 1 || p->only == first ? first : -1;
    p->begins[first] = true;
}

/* Special tokens come first, so that of two that look the same the special one is found. */
static void add_patterns(struct text_added *a, bool special)
{
    for (uint32_t i = 0; i < a->count; i++) {
        if (a->token[i].special == special) {
            add_pattern(&a->patterns[a->token[i].normalized], a->token[i].pattern, i);
        }
    }
}

static enum kit_status new_patterns(struct text_added *a, struct kit_arena *arena)
{
    uint32_t count[2] = {0, 0};
    size_t bytes[2] = {0, 0};
    for (uint32_t i = 0; i < a->count; i++) {
        count[a->token[i].normalized]++;
        bytes[a->token[i].normalized] += a->token[i].pattern.len;
    }
    enum kit_status rc = KIT_OK;
    for (int i = 0; rc == KIT_OK && i < 2; i++) {
        if (count[i] > 0) {
            rc = text_vocab_new(arena, count[i], a->count, bytes[i], &a->patterns[i].index);
        }
    }
    return rc;
}

static enum kit_status build_patterns(struct text_added *a, struct kit_arena *arena,
                                      const struct text_normalizer *normalizer, struct kit_err *err)
{
    enum kit_status rc = set_patterns(a, arena, normalizer);
    if (rc == KIT_OK) {
        rc = new_patterns(a, arena);
    }
    if (rc != KIT_OK) {
        return kit_fail_param(err, rc, "added_tokens", "added_tokens: cannot be normalized: %s", kit_status_text(rc));
    }
    add_patterns(a, true);
    add_patterns(a, false);
    return KIT_OK;
}

static size_t content_bytes(const struct text_added_token *list, uint32_t count)
{
    size_t bytes = 0;
    for (uint32_t i = 0; i < count; i++) {
        bytes += list[i].content.len;
    }
    return bytes;
}

enum kit_status text_added_new(struct text_added_token *list, uint32_t count, struct kit_arena *arena,
                               const struct text_model *model, const struct text_normalizer *normalizer,
                               struct text_added **ret, struct kit_err *err)
{
    struct text_added *a = kit_arena_zero(arena, 1, sizeof(*a));
    uint32_t *order = kit_arena_zero(arena, (size_t)count + 1, sizeof(*order));
    if (a == NULL || order == NULL) {
        return no_memory(err);
    }
    a->token = list;
    a->by_id = order;
    a->count = count;
    if (text_vocab_new(arena, count, count, content_bytes(list, count), &a->names) != KIT_OK) {
        return no_memory(err);
    }
    enum kit_status rc = name_tokens(a, model, err);
    if (rc == KIT_OK) {
        rc = sort_ids(a, arena, err);
    }
    if (rc == KIT_OK) {
        rc = build_patterns(a, arena, normalizer, err);
    }
    if (rc == KIT_OK) {
        *ret = a;
    }
    return rc;
}

enum kit_status text_added_parse(const struct text_node *node, struct kit_arena *arena, const struct text_model *model,
                                 const struct text_normalizer *normalizer, struct text_added **ret, struct kit_err *err)
{
    size_t count = kit_json_count(node->value);
    enum kit_status rc = text_node_is_null(node) ? KIT_OK : text_node_need(node, KIT_JSON_ARRAY, err);
    if (rc == KIT_OK && count > TEXT_ADDED_MAX) {
        rc = text_node_fail(node, KIT_TOO_LARGE, err, "has %zu tokens; at most %u are taken", count, TEXT_ADDED_MAX);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_added_token *list = kit_arena_zero(arena, count + 1, sizeof(*list));
    if (list == NULL) {
        return no_memory(err);
    }
    struct kit_json_iter iter = kit_json_iter(node->value);
    for (struct text_node item; rc == KIT_OK && text_node_next(node, &iter, &item);) {
        struct text_node id = text_node_get(&item, "id");
        rc = text_added_token_parse(&item, arena, &list[item.index], err);
        if (rc == KIT_OK) {
            rc = text_node_u32(&id, TEXT_VOCAB_MAX - 1, &list[item.index].id, err);
        }
    }
    return rc == KIT_OK ? text_added_new(list, (uint32_t)count, arena, model, normalizer, ret, err) : rc;
}
