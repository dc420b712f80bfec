#include "text/merges.h"

#include <assert.h>
#include <string.h>

_Static_assert(TEXT_VOCAB_MAX == UINT32_C(1) << 20 && TEXT_MERGES_MAX == UINT32_C(1) << 20, "20 bits each in a slot");

enum kit_status text_merges_new(struct kit_arena *arena, uint32_t max, size_t prefix_bytes, struct text_merges *ret)
{
    assert(max <= TEXT_MERGES_MAX);
    uint32_t slots = 16;
    while (slots < max * 2) {
        slots *= 2;
    }
    *ret = (struct text_merges){.mask = slots - 1, .max = max, .prefix_bytes = prefix_bytes};
    ret->slot = kit_arena_get(arena, slots * sizeof(*ret->slot));
    ret->made = kit_arena_get(arena, max * sizeof(*ret->made) + 1);
    if (ret->slot == NULL || ret->made == NULL) {
        return KIT_NOMEM;
    }
    memset(ret->slot, 0xFF, slots * sizeof(*ret->slot));
    return KIT_OK;
}

static enum kit_status find(const struct text_vocab *v, kit_str piece, uint32_t *ret, struct kit_err *err)
{
    if (text_vocab_find(v, piece, ret)) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_PARSE, "'%.*s' is not in the vocabulary", KIT_STR_ARG(kit_str_sub(piece, 0, 40)));
}

static enum kit_status find_both(const struct text_merges *m, const struct text_vocab *v, kit_str first, kit_str second,
                                 uint32_t *ret, struct kit_err *err)
{
    char text[2 * TEXT_VOCAB_PIECE_BYTES_MAX];
    kit_str tail = kit_str_sub(second, m->prefix_bytes, second.len);
    memcpy(text, first.ptr, first.len); /* both are pieces, hence not too long */
    memcpy(text + first.len, tail.ptr, tail.len);
    return find(v, (kit_str){text, first.len + tail.len}, ret, err);
}

enum kit_status text_merges_add(struct text_merges *m, const struct text_vocab *v, kit_str first, kit_str second,
                                struct kit_err *err)
{
    assert(m->count < m->max);
    uint32_t a;
    uint32_t b;
    enum kit_status rc = find(v, first, &a, err);
    if (rc == KIT_OK) {
        rc = find(v, second, &b, err);
    }
    if (rc == KIT_OK) {
        rc = find_both(m, v, first, second, &m->made[m->count], err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    uint64_t pair = (uint64_t)a << 20 | b;
    uint32_t at = text_merges_slot(m, pair);
    while (m->slot[at] != UINT64_MAX && m->slot[at] >> 20 != pair) {
        at = (at + 1) & m->mask;
    }
    m->slot[at] = pair << 20 | m->count++;
    return KIT_OK;
}
