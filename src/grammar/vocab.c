#include "grammar/vocab.h"

#include <stdlib.h>
#include <string.h>

#include "grammar/trie.h"
#include "kit/alloc.h"
#include "kit/utf8.h"

struct sorted {
    const char *ptr;
    uint64_t head; /* its first eight bytes, as a number that compares like them */
    uint32_t len, id;
};

static int by_bytes(const void *a, const void *b)
{
    const struct sorted *x = a;
    const struct sorted *y = b;
    if (x->head != y->head) {
        return x->head < y->head ? -1 : 1;
    }
    int order = memcmp(x->ptr, y->ptr, KIT_MIN(x->len, y->len));
    if (order != 0) {
        return order;
    }
    if (x->len != y->len) {
        return x->len < y->len ? -1 : 1;
    }
    return x->id < y->id ? -1 : 1;
}

static uint64_t head_of(kit_str s)
{
    uint64_t head = 0;
    for (size_t i = 0; i < 8; i++) {
        head = head << 8 | (i < s.len ? (uint8_t)s.ptr[i] : 0);
    }
    return head;
}

/* Characters of a token that may stand in a JSON string as they are; 0: it is not made of them. */
static uint32_t plain_length(kit_str s)
{
    uint32_t points = 0;
    for (size_t at = 0; at < s.len; points++) {
        size_t bytes = kit_utf8_at(s, at);
        uint8_t c = (uint8_t)s.ptr[at];
        if (bytes == 0 || c < 0x20 || c == '"' || c == '\\') {
            return 0;
        }
        at += bytes;
    }
    return points;
}

/* --- one tree --- */

struct planting {
    struct grammar_vocab *v;
    struct grammar_trie *t;
    const struct sorted *token;
    uint32_t open[GRAMMAR_TOKEN_BYTES_MAX + 1]; /* the nodes on the way to the newest one */
    uint32_t depth;
};

static uint32_t common(const struct sorted *a, const struct sorted *b)
{
    uint32_t n = 0;
    while (n < a->len && n < b->len && a->ptr[n] == b->ptr[n]) {
        n++;
    }
    return n;
}

static void close_down_to(struct planting *p, uint32_t depth)
{
    while (p->depth > depth) {
        p->t->skip[p->open[--p->depth]] = p->t->count;
    }
}

static void plant(struct planting *p, const struct sorted *token, const struct sorted *before, uint32_t points)
{
    struct grammar_trie *t = p->t;
    uint32_t shared = before == NULL ? 0 : common(before, token);
    if (before != NULL && shared == token->len && shared == before->len) { /* the same bytes again */
        p->v->same[token->id] = t->token[t->count - 1];
        t->token[t->count - 1] = token->id;
        return;
    }
    close_down_to(p, shared);
    for (uint32_t i = shared; i < token->len; i++) {
        p->open[p->depth++] = t->count;
        t->byte[t->count] = (uint8_t)token->ptr[i];
        t->token[t->count] = GRAMMAR_NO_TOKEN;
        t->longest[t->count++] = 0;
    }
    t->token[t->count - 1] = token->id;
    for (uint32_t i = 0; i < p->depth; i++) {
        t->longest[p->open[i]] = (uint8_t)KIT_MAX((uint32_t)t->longest[p->open[i]], points);
    }
}

static uint32_t count_nodes(const struct sorted *token, uint32_t count)
{
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < count; i++) {
        nodes += token[i].len - (i == 0 ? 0 : common(&token[i - 1], &token[i]));
    }
    return nodes;
}

static bool plant_all(struct grammar_vocab *v, struct grammar_trie *t, const struct sorted *token, uint32_t count)
{
    uint32_t nodes = count_nodes(token, count);
    struct planting p = {.v = v, .t = t, .token = token};
    t->byte = kit_alloc(nodes + 1);
    t->longest = kit_alloc(nodes + 1);
    t->skip = kit_alloc_array(nodes + 1, sizeof(*t->skip));
    t->token = kit_alloc_array(nodes + 1, sizeof(*t->token));
    v->held += (size_t)nodes * 10;
    if (t->byte == NULL || t->longest == NULL || t->skip == NULL || t->token == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t points = t == &v->trie[GRAMMAR_PLAIN] ? plain_length((kit_str){token[i].ptr, token[i].len}) : 0;
        plant(&p, &token[i], i == 0 ? NULL : &token[i - 1], points);
    }
    close_down_to(&p, 0);
    return true;
}

/* --- the vocabulary --- */

static bool copy_bytes(struct grammar_vocab *v, kit_str (*token)(void *ctx, int32_t id), void *ctx)
{
    size_t room = (size_t)v->count * 8 + 256;
    size_t len = 0;
    v->bytes = kit_alloc(room);
    for (uint32_t id = 0; id < v->count && v->bytes != NULL; id++) {
        kit_str s = token(ctx, (int32_t)id);
        v->at[id] = (uint32_t)len;
        if (s.len > GRAMMAR_TOKEN_BYTES_MAX || grammar_vocab_is_end(v, (int32_t)id)) {
            continue;
        }
        if (len + s.len > room) {
            char *bigger = kit_alloc_resize(v->bytes, room * 2);
            if (bigger == NULL) {
                return false;
            }
            v->bytes = bigger;
            room *= 2;
        }
        if (s.len > 0) {
            memcpy(v->bytes + len, s.ptr, s.len);
        }
        len += s.len;
    }
    v->at[v->count] = (uint32_t)len;
    v->held += room;
    return v->bytes != NULL;
}

/* Plain tokens in front, the others behind; each part sorted. */
static uint32_t sort_tokens(const struct grammar_vocab *v, struct sorted *token, uint32_t *plain)
{
    uint32_t front = 0;
    uint32_t back = v->count;
    for (uint32_t id = 0; id < v->count; id++) {
        kit_str s = grammar_vocab_token(v, (int32_t)id);
        if (s.len > 0) {
            token[plain_length(s) > 0 ? front++ : --back] = (struct sorted){s.ptr, head_of(s), (uint32_t)s.len, id};
        }
    }
    qsort(token, front, sizeof(*token), by_bytes);
    qsort(token + back, v->count - back, sizeof(*token), by_bytes);
    *plain = front;
    return back;
}

static bool list_plain(struct grammar_vocab *v, const struct sorted *token, uint32_t count)
{
    v->plain = kit_alloc_zero(v->words + 1, sizeof(*v->plain));
    v->by_length = kit_alloc_array(count + 1, sizeof(*v->by_length));
    if (v->plain == NULL || v->by_length == NULL) {
        return false;
    }
    uint32_t at[GRAMMAR_TOKEN_BYTES_MAX + 2] = {0};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t points = plain_length((kit_str){token[i].ptr, token[i].len});
        at[points + 1]++;
        v->plain_longest = KIT_MAX(v->plain_longest, points);
        v->plain[token[i].id / 64] |= UINT64_C(1) << token[i].id % 64;
    }
    for (uint32_t n = 1; n < KIT_COUNT(at); n++) {
        at[n] += at[n - 1];
    }
    memcpy(v->length_at, at, sizeof(at));
    for (uint32_t i = 0; i < count; i++) {
        v->by_length[at[plain_length((kit_str){token[i].ptr, token[i].len})]++] = token[i].id;
    }
    v->held += v->words * 8 + count * 4;
    return true;
}

static bool fill(struct grammar_vocab *v, kit_str (*token)(void *ctx, int32_t id), void *ctx)
{
    struct sorted *sorted = kit_alloc_array(v->count + 1, sizeof(*sorted));
    v->at = kit_alloc_array(v->count + 1, sizeof(*v->at));
    v->same = kit_alloc_array(v->count + 1, sizeof(*v->same));
    v->held = sizeof(*v) + (size_t)v->count * 8;
    bool good = sorted != NULL && v->at != NULL && v->same != NULL && copy_bytes(v, token, ctx);
    if (good) {
        uint32_t plain;
        uint32_t back = sort_tokens(v, sorted, &plain);
        memset(v->same, 0xFF, (size_t)v->count * sizeof(*v->same));
        good = plant_all(v, &v->trie[GRAMMAR_PLAIN], sorted, plain) &&
               plant_all(v, &v->trie[GRAMMAR_OTHER], sorted + back, v->count - back) && list_plain(v, sorted, plain);
    }
    kit_alloc_free(sorted);
    return good;
}

enum kit_status grammar_vocab_new(uint32_t count, kit_str (*token)(void *ctx, int32_t id), void *ctx,
                                  const int32_t *ends, uint32_t end_count, struct grammar_vocab **ret,
                                  struct kit_err *err)
{
    if (count == 0 || count > GRAMMAR_TOKENS_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "a vocabulary of %u tokens: 1 to %u are taken", count, GRAMMAR_TOKENS_MAX);
    }
    for (uint32_t i = 0; i < end_count; i++) {
        if (ends[i] < 0 || (uint32_t)ends[i] >= count) {
            return kit_fail(err, KIT_INVALID, "%d ends a text, but is no token", (int)ends[i]);
        }
    }
    struct grammar_vocab *v = kit_alloc_zero(1, sizeof(*v));
    if (v == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a vocabulary");
    }
    kit_ref_init(&v->refs);
    v->count = count;
    v->words = (count + 63) / 64;
    v->end = kit_alloc_copy(ends, end_count * sizeof(*ends));
    v->ends = v->end == NULL ? 0 : end_count;
    if (v->end == NULL || !fill(v, token, ctx)) {
        grammar_vocab_unref(v);
        return kit_fail(err, KIT_NOMEM, "no memory for a vocabulary of %u tokens", count);
    }
    *ret = v;
    return KIT_OK;
}

struct grammar_vocab *grammar_vocab_ref(struct grammar_vocab *v)
{
    kit_ref_up(&v->refs);
    return v;
}

void grammar_vocab_unref(struct grammar_vocab *v)
{
    if (v == NULL || !kit_ref_down(&v->refs)) {
        return;
    }
    for (uint32_t i = 0; i < GRAMMAR_TRIES; i++) {
        kit_alloc_free(v->trie[i].byte);
        kit_alloc_free(v->trie[i].longest);
        kit_alloc_free(v->trie[i].skip);
        kit_alloc_free(v->trie[i].token);
    }
    kit_alloc_free(v->same);
    kit_alloc_free(v->at);
    kit_alloc_free(v->bytes);
    kit_alloc_free(v->plain);
    kit_alloc_free(v->by_length);
    kit_alloc_free(v->end);
    kit_alloc_free(v);
}

uint32_t grammar_vocab_words(const struct grammar_vocab *v)
{
    return v->words;
}

size_t grammar_vocab_bytes(const struct grammar_vocab *v)
{
    return v->held;
}

kit_str grammar_vocab_token(const struct grammar_vocab *v, int32_t id)
{
    if (id < 0 || (uint32_t)id >= v->count) {
        return (kit_str){0};
    }
    return (kit_str){v->bytes + v->at[id], v->at[id + 1] - v->at[id]};
}

bool grammar_vocab_is_end(const struct grammar_vocab *v, int32_t id)
{
    for (uint32_t i = 0; i < v->ends; i++) {
        if (v->end[i] == id) {
            return true;
        }
    }
    return false;
}
