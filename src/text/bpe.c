#include "text/bpe.h"

#include <stdio.h>
#include <string.h>

#include "text/bytelevel.h"
#include "text/merges.h"
#include "kit/utf8.h"

#define NONE UINT32_MAX
#define NEAR TEXT_BYTELEVEL_END /* characters whose ids are in a table */

struct bpe {
    struct text_model base;
    struct text_merges merges;
    uint32_t near[NEAR]; /* id of a character on its own, or NONE */
    uint32_t byte[256];  /* byte_fallback: id of <0x00> and so on, or NONE */
    uint32_t unknown;    /* id, or NONE */
    bool byte_fallback;
    bool fuse_unknown; /* unknown characters behind each other are one token */
    bool whole_first;  /* ignore_merges: a word that is a piece is not taken apart */
    kit_str prefix;    /* of every character of a word but the first */
    kit_str suffix;    /* of the last character */
};

/* --- characters of a word --- */

struct symbol {
    uint32_t id;         /* NONE: went into the one before */
    uint32_t start, end; /* bytes of the word */
    uint32_t last, next; /* neighbours; NONE */
};

/* One word as it is put together. */
struct word {
    const struct bpe *bpe;
    struct symbol *symbol; /* [count] */
    uint32_t count;
    bool unknown_last; /* the last symbol is what is unknown */
    uint64_t *heap;    /* [waiting] merges to come, the earliest on top: rank and place of the first symbol */
    size_t waiting;
};

static void add_symbol(struct word *w, uint32_t id, size_t start, size_t end)
{
    w->symbol[w->count++] = (struct symbol){.id = id, .start = (uint32_t)start, .end = (uint32_t)end};
    w->unknown_last = false;
}

/* The id of a character with what the model puts before and behind it. */
static uint32_t decorated(const struct bpe *b, kit_str character, bool is_first, bool is_last)
{
    char text[3 * TEXT_VOCAB_PIECE_BYTES_MAX];
    kit_str parts[] = {is_first ? (kit_str){0} : b->prefix, character, is_last ? b->suffix : (kit_str){0}};
    size_t len = 0;
    for (size_t i = 0; i < KIT_COUNT(parts); i++) {
        if (parts[i].len > 0) {
            memcpy(text + len, parts[i].ptr, parts[i].len);
            len += parts[i].len;
        }
    }
    uint32_t id;
    return text_vocab_find(b->base.vocab, (kit_str){text, len}, &id) ? id : NONE;
}

static uint32_t id_of(const struct bpe *b, uint32_t cp, kit_str character, bool is_first, bool is_last)
{
    if ((b->prefix.len > 0 && !is_first) || (b->suffix.len > 0 && is_last)) {
        return decorated(b, character, is_first, is_last);
    }
    uint32_t id;
    if (cp < NEAR) {
        return b->near[cp];
    }
    return text_vocab_find(b->base.vocab, character, &id) ? id : NONE;
}

/* True: each of its bytes has a token, and they were added. */
static bool add_bytes(struct word *w, kit_str character, size_t at)
{
    const struct bpe *b = w->bpe;
    for (size_t i = 0; i < character.len; i++) {
        if (b->byte[(unsigned char)character.ptr[i]] == NONE) {
            return false;
        }
    }
    for (size_t i = 0; i < character.len; i++) { /* a byte alone has no place: all have the character's */
        add_symbol(w, b->byte[(unsigned char)character.ptr[i]], at, at + character.len);
    }
    return true;
}

static void add_unknown(struct word *w, size_t start, size_t end)
{
    if (w->bpe->unknown == NONE) {
        return;
    }
    if (w->bpe->fuse_unknown && w->unknown_last) {
        w->symbol[w->count - 1].end = (uint32_t)end;
        return;
    }
    add_symbol(w, w->bpe->unknown, start, end);
    w->unknown_last = true;
}

static void spell(struct word *w, kit_str text)
{
    uint32_t bytes;
    for (size_t at = 0; at < text.len; at += bytes) {
        uint32_t cp = kit_utf8_read(text.ptr + at, &bytes);
        kit_str character = {text.ptr + at, bytes};
        uint32_t id = id_of(w->bpe, cp, character, at == 0, at + bytes == text.len);
        if (id != NONE) {
            add_symbol(w, id, at, at + bytes);
        } else if (!w->bpe->byte_fallback || !add_bytes(w, character, at)) {
            add_unknown(w, at, at + bytes);
        }
    }
    for (uint32_t i = 0; i < w->count; i++) {
        w->symbol[i].last = i == 0 ? NONE : i - 1;
        w->symbol[i].next = i + 1 == w->count ? NONE : i + 1;
    }
}

/* --- merging --- */

static void push(struct word *w, uint64_t merge)
{
    size_t at = w->waiting++;
    for (; at > 0 && w->heap[(at - 1) / 2] > merge; at = (at - 1) / 2) {
        w->heap[at] = w->heap[(at - 1) / 2];
    }
    w->heap[at] = merge;
}

static uint64_t pop(struct word *w)
{
    uint64_t top = w->heap[0];
    uint64_t moved = w->heap[--w->waiting];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < w->waiting; at = child) {
        child += child + 1 < w->waiting && w->heap[child + 1] < w->heap[child];
        if (w->heap[child] >= moved) {
            break;
        }
        w->heap[at] = w->heap[child];
    }
    w->heap[at] = moved;
    return top;
}

/* The merge of the symbol at `at` with the next one waits from now on, if the model has it. */
static void consider(struct word *w, uint32_t at)
{
    uint32_t next = at == NONE ? NONE : w->symbol[at].next;
    if (next == NONE) {
        return;
    }
    uint32_t rank = text_merges_rank(&w->bpe->merges, w->symbol[at].id, w->symbol[next].id);
    if (rank != TEXT_MERGES_NONE) {
        push(w, (uint64_t)rank << 32 | at);
    }
}

/* Merges that another one has overtaken are still in the heap: what stands there now must make the same piece. */
static bool still_makes(const struct word *w, uint32_t at, uint32_t made)
{
    const struct symbol *s = &w->symbol[at];
    if (s->id == NONE || s->next == NONE) {
        return false;
    }
    uint32_t rank = text_merges_rank(&w->bpe->merges, s->id, w->symbol[s->next].id);
    return rank != TEXT_MERGES_NONE && w->bpe->merges.made[rank] == made;
}

static void merge(struct word *w, uint32_t at, uint32_t made)
{
    struct symbol *s = &w->symbol[at];
    struct symbol *gone = &w->symbol[s->next];
    s->id = made;
    s->end = gone->end;
    s->next = gone->next;
    gone->id = NONE;
    if (s->next != NONE) {
        w->symbol[s->next].last = at;
    }
    consider(w, s->last);
    consider(w, at);
}

static void merge_all(struct word *w)
{
    for (uint32_t i = 0; i + 1 < w->count; i++) {
        consider(w, i);
    }
    while (w->waiting > 0) {
        uint64_t top = pop(w);
        uint32_t at = (uint32_t)top;
        uint32_t made = w->bpe->merges.made[top >> 32];
        if (still_makes(w, at, made)) {
            merge(w, at, made);
        }
    }
}

/* Symbols and waiting merges of `chars` characters and `bytes` bytes. Each merge takes one from the heap and adds at most
 * two, and there are fewer merges than symbols. */
static bool take_room(struct text_room *room, size_t bytes, struct word *w)
{
    char *at = text_room_get(room, bytes * (2 * sizeof(*w->heap) + sizeof(*w->symbol)));
    if (at == NULL) {
        return false;
    }
    w->heap = (uint64_t *)(void *)at;
    w->symbol = (struct symbol *)(void *)(at + bytes * 2 * sizeof(*w->heap));
    return true;
}

static void cut(const struct text_model *m, kit_str text, size_t at, struct text_room *room, struct text_tokens *out)
{
    const struct bpe *b = (const struct bpe *)m; /* base is its first member */
    struct word w = {.bpe = b};
    uint32_t id;
    if (b->whole_first && text_vocab_find(b->base.vocab, text, &id)) {
        text_tokens_add(out, id, at, at + text.len);
        return;
    }
    if (!take_room(room, b->byte_fallback ? text.len : kit_utf8_count(text), &w)) {
        out->failed = KIT_NOMEM;
        return;
    }
    spell(&w, text);
    merge_all(&w);
    for (uint32_t i = 0; i < w.count; i++) {
        const struct symbol *s = &w.symbol[i];
        if (s->id != NONE) {
            text_tokens_add(out, s->id, at + s->start, at + s->end);
        }
    }
}

/* --- reading --- */

static enum kit_status add_item(const struct text_node *item, struct bpe *b, struct kit_err *err)
{
    kit_str first = {0};
    kit_str second = {0};
    kit_str rest = kit_json_str(item->value, (kit_str){0});
    if (kit_json_type(item->value) == KIT_JSON_ARRAY && kit_json_count(item->value) == 2) {
        struct kit_json_iter iter = kit_json_iter(item->value);
        (void)kit_json_next(&iter);
        first = kit_json_str(iter.value, (kit_str){0});
        (void)kit_json_next(&iter);
        second = kit_json_str(iter.value, (kit_str){0});
    } else if (kit_str_cut(&rest, ' ', &first)) {
        second = rest;
    }
    if (first.len == 0 || second.len == 0) {
        return text_node_fail(item, KIT_PARSE, err, "must be two pieces, \"a b\" or [\"a\", \"b\"]");
    }
    struct kit_err why = {0};
    enum kit_status rc = text_merges_add(&b->merges, b->base.vocab, first, second, &why);
    return rc == KIT_OK ? rc : text_node_fail(item, rc, err, "%s", why.msg);
}

static enum kit_status read_merges(const struct text_node *node, struct kit_arena *arena, struct bpe *b,
                                   struct kit_err *err)
{
    struct text_node list = text_node_get(node, "merges");
    enum kit_status rc = text_node_need(&list, KIT_JSON_ARRAY, err);
    size_t count = kit_json_count(list.value);
    if (rc == KIT_OK && count > TEXT_MERGES_MAX) {
        rc = text_node_fail(&list, KIT_TOO_LARGE, err, "has %zu merges; at most %u are taken", count, TEXT_MERGES_MAX);
    }
    if (rc == KIT_OK && text_merges_new(arena, (uint32_t)count, b->prefix.len, &b->merges) != KIT_OK) {
        rc = text_node_fail(&list, KIT_NOMEM, err, "no memory");
    }
    struct kit_json_iter iter = kit_json_iter(list.value);
    for (struct text_node item; rc == KIT_OK && text_node_next(&list, &iter, &item);) {
        rc = add_item(&item, b, err);
    }
    return rc;
}

static enum kit_status read_flags(const struct text_node *node, struct bpe *b, struct kit_err *err)
{
    struct text_node dropout = text_node_get(node, "dropout");
    enum kit_status rc = text_node_bool_or(node, "fuse_unk", false, &b->fuse_unknown, err);
    if (rc == KIT_OK) {
        rc = text_node_bool_or(node, "byte_fallback", false, &b->byte_fallback, err);
    }
    if (rc == KIT_OK) {
        rc = text_node_bool_or(node, "ignore_merges", false, &b->whole_first, err);
    }
    if (rc == KIT_OK && kit_json_f64(dropout.value, 0) != 0) {
        rc = text_node_fail(&dropout, KIT_UNSUPPORTED, err,
                            "merges left out at random are for training; set it to null to use the model");
    }
    return rc;
}

static enum kit_status read_affix(const struct text_node *node, const char *key, struct kit_arena *arena, kit_str *ret,
                                  struct kit_err *err)
{
    struct text_node at = text_node_get(node, key);
    kit_str text;
    enum kit_status rc = text_node_str_or(node, key, (kit_str){0}, &text, err);
    if (rc == KIT_OK && text.len > TEXT_VOCAB_PIECE_BYTES_MAX) {
        rc = text_node_fail(&at, KIT_TOO_LARGE, err, "has %zu bytes; at most %zu are taken", text.len,
                            TEXT_VOCAB_PIECE_BYTES_MAX);
    }
    if (rc == KIT_OK && kit_arena_str(arena, text, ret) != KIT_OK) {
        rc = text_node_fail(&at, KIT_NOMEM, err, "no memory");
    }
    return rc;
}

/* Ids that are looked up again and again. */
static void find_ids(struct bpe *b, kit_str unknown)
{
    char text[8];
    for (uint32_t cp = 0; cp < NEAR; cp++) {
        b->near[cp] = NONE;
        (void)text_vocab_find(b->base.vocab, (kit_str){text, kit_utf8_write(cp, text)}, &b->near[cp]);
    }
    for (uint32_t i = 0; i < 256; i++) {
        b->byte[i] = NONE;
        snprintf(text, sizeof(text), "<0x%02X>", i);
        (void)text_vocab_find(b->base.vocab, kit_str_c(text), &b->byte[i]);
    }
    b->unknown = NONE;
    if (unknown.ptr != NULL) {
        (void)text_vocab_find(b->base.vocab, unknown, &b->unknown);
    }
}

static enum kit_status parse_into(const struct text_node *node, struct kit_arena *arena, struct bpe *b,
                                  struct kit_err *err)
{
    struct text_node vocab = text_node_get(node, "vocab");
    kit_str unknown;
    enum kit_status rc = read_flags(node, b, err);
    if (rc == KIT_OK) {
        rc = text_node_str_or(node, "unk_token", (kit_str){0}, &unknown, err);
    }
    if (rc == KIT_OK) {
        rc = read_affix(node, "continuing_subword_prefix", arena, &b->prefix, err);
    }
    if (rc == KIT_OK) {
        rc = read_affix(node, "end_of_word_suffix", arena, &b->suffix, err);
    }
    if (rc == KIT_OK && b->byte_fallback && b->prefix.len + b->suffix.len > 0) {
        rc = text_node_fail(node, KIT_UNSUPPORTED, err,
                            "byte_fallback with continuing_subword_prefix or end_of_word_suffix is not supported");
    }
    if (rc == KIT_OK) {
        rc = text_vocab_parse(&vocab, arena, &b->base.vocab, err);
    }
    if (rc == KIT_OK) {
        find_ids(b, unknown);
        rc = read_merges(node, arena, b, err);
    }
    return rc;
}

static enum kit_status parse(const struct text_node *node, struct kit_arena *arena, struct text_model **ret,
                             struct kit_err *err)
{
    struct bpe *b = kit_arena_zero(arena, 1, sizeof(*b));
    if (b == NULL) {
        return text_node_fail(node, KIT_NOMEM, err, "no memory");
    }
    b->base.kind = &text_bpe_kind;
    enum kit_status rc = parse_into(node, arena, b, err);
    if (rc == KIT_OK) {
        *ret = &b->base;
    }
    return rc;
}

/* --- merges.txt --- */

/* The next line that is a merge. */
static bool next_merge(kit_str *text, uint32_t *number, kit_str *ret)
{
    while (kit_str_cut(text, '\n', ret)) {
        ++*number;
        if (kit_str_ends(*ret, kit_str_lit("\r"))) {
            ret->len--;
        }
        if (ret->len > 0 && !kit_str_starts(*ret, kit_str_lit("#version"))) {
            return true;
        }
    }
    return false;
}

static uint32_t count_merges(kit_str text)
{
    uint32_t count = 0;
    uint32_t number = 0;
    kit_str line;
    while (count <= TEXT_MERGES_MAX && next_merge(&text, &number, &line)) {
        count++;
    }
    return count;
}

static enum kit_status add_lines(kit_str text, struct bpe *b, struct kit_err *err)
{
    uint32_t number = 0;
    for (kit_str line; next_merge(&text, &number, &line);) {
        kit_str first;
        if (!kit_str_cut(&line, ' ', &first) || first.len == 0 || line.len == 0) {
            return kit_fail(err, KIT_PARSE, "line %u: must be two pieces with a space between them", number);
        }
        enum kit_status rc = text_merges_add(&b->merges, b->base.vocab, first, line, err);
        if (rc != KIT_OK) {
            return kit_err_prefix(err, rc, "line %u", number);
        }
    }
    return KIT_OK;
}

enum kit_status text_bpe_new(struct text_vocab *vocab, kit_str merges, struct kit_arena *arena, struct text_model **ret,
                             struct kit_err *err)
{
    struct bpe *b = kit_arena_zero(arena, 1, sizeof(*b));
    uint32_t count = count_merges(merges);
    if (count > TEXT_MERGES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "more than %u merges", TEXT_MERGES_MAX);
    }
    if (b == NULL || text_merges_new(arena, count, 0, &b->merges) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "no memory for %u merges", count);
    }
    b->base = (struct text_model){&text_bpe_kind, vocab};
    find_ids(b, (kit_str){0});
    enum kit_status rc = add_lines(merges, b, err);
    if (rc == KIT_OK) {
        *ret = &b->base;
    }
    return rc;
}

const struct text_model_kind text_bpe_kind = {.type = "BPE", .parse = parse, .cut = cut};
