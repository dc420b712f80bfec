#include "text/vocab.h"

#include <assert.h>
#include <string.h>

#include "text/unicode.h"
#include "kit/utf8.h"

/* A slot is 0 when free, else 12 bits of hash (never 0) above 20 bits of id. */
#define ID_BITS 20
#define ID_MASK (TEXT_VOCAB_MAX - 1)

struct piece {
    uint32_t at, len; /* in text; at is NOWHERE where the id has no piece */
};
#define NOWHERE UINT32_MAX

struct text_vocab {
    uint32_t *slot; /* [mask + 1], half of them free at least */
    uint32_t mask;
    struct piece *piece; /* [id_end] */
    uint32_t id_end, count;
    char *text; /* all pieces, one behind the other */
    size_t text_len, text_room;
    size_t longest; /* bytes of the longest piece */
};

/* FNV-1a, which can be carried on from any prefix. */
#define HASH_START UINT64_C(0xcbf29ce484222325)

static uint64_t hash_byte(uint64_t state, char c)
{
    return (state ^ (unsigned char)c) * UINT64_C(0x100000001b3);
}

static uint64_t hash_str(uint64_t state, kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        state = hash_byte(state, s.ptr[i]);
    }
    return state;
}

/* FNV mixes its last bytes badly; slot and tag are taken from the upper half of one more product. */
static uint64_t mix(uint64_t hash)
{
    hash *= UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 32;
}

static uint32_t slot_of(const struct text_vocab *v, uint64_t mixed)
{
    return (uint32_t)mixed & v->mask;
}

static uint32_t tag_of(uint64_t mixed)
{
    return ((uint32_t)(mixed >> 52) | 1) << ID_BITS;
}

static bool is_piece(const struct text_vocab *v, uint32_t id, kit_str head, kit_str tail)
{
    const struct piece *p = &v->piece[id];
    return p->len == head.len + tail.len && memcmp(v->text + p->at, head.ptr, head.len) == 0 &&
           memcmp(v->text + p->at + head.len, tail.ptr, tail.len) == 0;
}

/* The id of head + tail, whose hash is given; *ret_slot gets its slot, or the free one where it would go. */
static bool lookup(const struct text_vocab *v, uint64_t hash, kit_str head, kit_str tail, uint32_t *ret_slot)
{
    uint64_t mixed = mix(hash);
    uint32_t tag = tag_of(mixed);
    uint32_t at = slot_of(v, mixed);
    for (; v->slot[at] != 0; at = (at + 1) & v->mask) {
        if ((v->slot[at] & ~ID_MASK) == tag && is_piece(v, v->slot[at] & ID_MASK, head, tail)) {
            *ret_slot = at;
            return true;
        }
    }
    *ret_slot = at;
    return false;
}

enum kit_status text_vocab_new(struct kit_arena *arena, uint32_t pieces, uint32_t id_end, size_t bytes,
                               struct text_vocab **ret)
{
    assert(pieces <= TEXT_VOCAB_MAX && id_end <= TEXT_VOCAB_MAX && bytes < NOWHERE);
    uint32_t slots = 16;
    while (slots < pieces * 2) {
        slots *= 2;
    }
    struct text_vocab *v = kit_arena_zero(arena, 1, sizeof(*v));
    uint32_t *slot = kit_arena_zero(arena, slots, sizeof(*slot));
    struct piece *piece = kit_arena_get(arena, (size_t)id_end * sizeof(*piece) + 1);
    char *text = kit_arena_get(arena, bytes + 1);
    if (v == NULL || slot == NULL || piece == NULL || text == NULL) {
        return KIT_NOMEM;
    }
    memset(piece, 0xFF, (size_t)id_end * sizeof(*piece)); /* at = NOWHERE */
    *v = (struct text_vocab){
        .slot = slot, .mask = slots - 1, .piece = piece, .id_end = id_end, .text = text, .text_room = bytes};
    *ret = v;
    return KIT_OK;
}

bool text_vocab_add(struct text_vocab *v, kit_str piece, uint32_t id)
{
    assert(id < v->id_end && piece.len <= TEXT_VOCAB_PIECE_BYTES_MAX && piece.len <= v->text_room - v->text_len);
    assert(v->count * 2 <= v->mask);
    uint64_t hash = hash_str(HASH_START, piece);
    uint32_t slot;
    if (v->piece[id].at != NOWHERE || lookup(v, hash, (kit_str){"", 0}, piece, &slot)) {
        return false;
    }
    v->slot[slot] = tag_of(mix(hash)) | id;
    v->piece[id] = (struct piece){(uint32_t)v->text_len, (uint32_t)piece.len};
    memcpy(v->text + v->text_len, piece.ptr, piece.len);
    v->text_len += piece.len;
    v->longest = KIT_MAX(v->longest, piece.len);
    v->count++;
    return true;
}

uint32_t text_vocab_count(const struct text_vocab *v)
{
    return v->count;
}

uint32_t text_vocab_id_end(const struct text_vocab *v)
{
    return v->id_end;
}

bool text_vocab_find(const struct text_vocab *v, kit_str piece, uint32_t *ret)
{
    uint32_t slot;
    if (!lookup(v, hash_str(HASH_START, piece), (kit_str){"", 0}, piece, &slot)) {
        return false;
    }
    *ret = v->slot[slot] & ID_MASK;
    return true;
}

kit_str text_vocab_piece(const struct text_vocab *v, uint32_t id)
{
    if (id >= v->id_end || v->piece[id].at == NOWHERE) {
        return (kit_str){0};
    }
    return (kit_str){v->text + v->piece[id].at, v->piece[id].len};
}

bool text_vocab_longest(const struct text_vocab *v, kit_str prefix, kit_str text, size_t *ret_bytes, uint32_t *ret_id)
{
    uint64_t hash[TEXT_VOCAB_PIECE_BYTES_MAX + 1]; /* hash[n]: of prefix + n bytes of text */
    if (prefix.len >= v->longest) {
        return false;
    }
    size_t most = KIT_MIN(text.len, v->longest - prefix.len);
    hash[0] = hash_str(HASH_START, prefix);
    for (size_t n = 1; n <= most; n++) {
        hash[n] = hash_byte(hash[n - 1], text.ptr[n - 1]);
    }
    for (size_t n = most; n > 0; n--) {
        uint32_t slot;
        if (n < text.len && kit_utf8_is_inside(text.ptr[n])) {
            continue; /* within a character */
        }
        if (lookup(v, hash[n], prefix, (kit_str){text.ptr, n}, &slot)) {
            *ret_bytes = n;
            *ret_id = v->slot[slot] & ID_MASK;
            return true;
        }
    }
    return false;
}

/* What the table must hold, read in a first walk that also refuses what cannot be. */
struct sums {
    uint32_t id_end;
    size_t bytes;
};

static enum kit_status measure(const struct text_node *object, struct sums *ret, struct kit_err *err)
{
    struct kit_json_iter iter = kit_json_iter(object->value);
    for (struct text_node n; text_node_next(object, &iter, &n);) {
        uint32_t id;
        enum kit_status rc = text_node_u32(&n, TEXT_VOCAB_MAX - 1, &id, err);
        if (rc != KIT_OK) {
            return rc;
        }
        if (n.key.len > TEXT_VOCAB_PIECE_BYTES_MAX) {
            return text_node_fail(&n, KIT_TOO_LARGE, err, "the piece has %zu bytes; at most %zu are taken", n.key.len,
                                  TEXT_VOCAB_PIECE_BYTES_MAX);
        }
        ret->id_end = KIT_MAX(ret->id_end, id + 1);
        ret->bytes += n.key.len;
    }
    return KIT_OK;
}

static enum kit_status fill(const struct text_node *object, struct text_vocab *v, struct kit_err *err)
{
    struct kit_json_iter iter = kit_json_iter(object->value);
    for (struct text_node n; text_node_next(object, &iter, &n);) {
        uint32_t id = (uint32_t)kit_json_i64(n.value, 0);
        if (!text_vocab_add(v, n.key, id)) {
            kit_str taken = text_vocab_piece(v, id);
            return taken.ptr == NULL ? text_node_fail(&n, KIT_PARSE, err, "this piece is there twice")
                                     : text_node_fail(&n, KIT_PARSE, err, "id %u belongs to '%.*s' already", id,
                                                      KIT_STR_ARG(kit_str_sub(taken, 0, 40)));
        }
    }
    return KIT_OK;
}

enum kit_status text_vocab_parse(const struct text_node *object, struct kit_arena *arena, struct text_vocab **ret,
                                 struct kit_err *err)
{
    enum kit_status rc = text_node_need(object, KIT_JSON_OBJECT, err);
    if (rc != KIT_OK) {
        return rc;
    }
    size_t pieces = kit_json_count(object->value);
    if (pieces == 0) {
        return text_node_fail(object, KIT_PARSE, err, "must not be empty");
    }
    if (pieces > TEXT_VOCAB_MAX) {
        return text_node_fail(object, KIT_TOO_LARGE, err, "has %zu pieces; at most %u are taken", pieces,
                              TEXT_VOCAB_MAX);
    }
    struct sums sums = {0};
    rc = measure(object, &sums, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_vocab *v = NULL;
    rc = text_vocab_new(arena, (uint32_t)pieces, sums.id_end, sums.bytes, &v);
    if (rc != KIT_OK) {
        return kit_fail(err, rc, "no memory for a vocabulary of %zu pieces", pieces);
    }
    rc = fill(object, v, err);
    if (rc == KIT_OK) {
        *ret = v;
    }
    return rc;
}

static enum kit_status measure_lines(kit_str text, struct sums *ret, struct kit_err *err)
{
    for (kit_str line; kit_str_cut(&text, '\n', &line); ret->id_end++) {
        if (!kit_utf8_is_valid(line)) {
            return kit_fail(err, KIT_PARSE, "line %u is not valid UTF-8", ret->id_end + 1);
        }
        if (line.len > TEXT_VOCAB_PIECE_BYTES_MAX) {
            return kit_fail(err, KIT_TOO_LARGE, "line %u has %zu bytes; at most %zu are taken", ret->id_end + 1,
                            line.len, TEXT_VOCAB_PIECE_BYTES_MAX);
        }
        if (ret->id_end == TEXT_VOCAB_MAX) {
            return kit_fail(err, KIT_TOO_LARGE, "more than %u lines", TEXT_VOCAB_MAX);
        }
        ret->bytes += line.len;
    }
    return ret->id_end > 0 ? KIT_OK : kit_fail(err, KIT_PARSE, "must not be empty");
}

/* From the last line to the first, so that of two that are the same the last is added, and the first is not. */
static void fill_lines(kit_str text, uint32_t lines, struct text_vocab *v)
{
    size_t end = text.len - (text.ptr[text.len - 1] == '\n');
    for (uint32_t id = lines; id-- > 0;) {
        const char *before = memrchr(text.ptr, '\n', end);
        size_t start = before == NULL ? 0 : (size_t)(before - text.ptr) + 1;
        bool added = text_vocab_add(v, text_unicode_trim_end(kit_str_sub(text, start, end - start)), id);
        (void)added;
        end = start - (start > 0);
    }
}

enum kit_status text_vocab_parse_lines(kit_str text, struct kit_arena *arena, struct text_vocab **ret,
                                       struct kit_err *err)
{
    struct sums sums = {0};
    enum kit_status rc = measure_lines(text, &sums, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_vocab *v = NULL;
    if (text_vocab_new(arena, sums.id_end, sums.id_end, sums.bytes, &v) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "no memory for a vocabulary of %u pieces", sums.id_end);
    }
    fill_lines(text, sums.id_end, v);
    *ret = v;
    return KIT_OK;
}
