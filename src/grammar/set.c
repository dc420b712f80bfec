#include "grammar/set.h"

#include <stdlib.h>

#include "kit/utf8.h"

void grammar_set_add(struct kit_arena *a, struct grammar_set *s, uint32_t low, uint32_t high)
{
    if (low > high || s->failed) {
        return;
    }
    if (s->count == s->room) {
        uint32_t room = s->room * 2 + 4;
        struct grammar_range *bigger = kit_arena_zero(a, room, sizeof(*bigger));
        if (bigger == NULL) {
            s->failed = true;
            return;
        }
        for (uint32_t i = 0; i < s->count; i++) {
            bigger[i] = s->range[i];
        }
        s->range = bigger;
        s->room = room;
    }
    s->range[s->count++] = (struct grammar_range){low, high};
}

static int by_low(const void *a, const void *b)
{
    uint32_t x = ((const struct grammar_range *)a)->low;
    uint32_t y = ((const struct grammar_range *)b)->low;
    return x < y ? -1 : x > y;
}

static void merge(struct grammar_set *s)
{
    uint32_t out = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        struct grammar_range r = s->range[i];
        if (out > 0 && r.low <= s->range[out - 1].high + 1) {
            s->range[out - 1].high = KIT_MAX(s->range[out - 1].high, r.high);
        } else {
            s->range[out++] = r;
        }
    }
    s->count = out;
}

void grammar_set_tidy(struct kit_arena *a, struct grammar_set *s)
{
    uint32_t count = s->count;
    for (uint32_t i = 0; i < count; i++) { /* surrogates fall out */
        struct grammar_range r = s->range[i];
        if (r.low <= 0xDFFF && r.high >= 0xD800) {
            s->range[i] = r.low < 0xD800 ? (struct grammar_range){r.low, 0xD7FF} : (struct grammar_range){1, 0};
            grammar_set_add(a, s, 0xE000, r.high >= 0xE000 ? r.high : 0);
        }
    }
    uint32_t out = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->range[i].low <= s->range[i].high) {
            s->range[out++] = s->range[i];
        }
    }
    s->count = out;
    if (out > 1) {
        qsort(s->range, out, sizeof(s->range[0]), by_low);
    }
    merge(s);
}

struct grammar_set grammar_set_not(struct kit_arena *a, const struct grammar_set *s)
{
    struct grammar_set out = {.failed = s->failed};
    uint32_t from = 0;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->range[i].low > from) {
            grammar_set_add(a, &out, from, s->range[i].low - 1);
        }
        from = s->range[i].high + 1;
    }
    grammar_set_add(a, &out, from, GRAMMAR_POINT_MAX);
    grammar_set_tidy(a, &out);
    return out;
}

bool grammar_set_is_all(const struct grammar_set *s)
{
    return s->count == 2 && s->range[0].low == 0 && s->range[0].high == 0xD7FF && s->range[1].low == 0xE000 &&
           s->range[1].high == GRAMMAR_POINT_MAX;
}

uint32_t grammar_point_next(kit_str text, size_t *at)
{
    uint32_t bytes = 1;
    bool whole = kit_utf8_at(text, *at) > 0;
    uint32_t point = whole ? kit_utf8_read(text.ptr + *at, &bytes) : (uint8_t)text.ptr[*at];
    *at += bytes;
    return point;
}
