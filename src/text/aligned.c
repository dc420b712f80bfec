#include "text/aligned.h"

#include <string.h>

#include "kit/alloc.h"
#include "kit/utf8.h"

#define FIRST_ROOM ((size_t)256)
#define SLACK ((size_t)4) /* text_aligned_put asks for the largest character, whatever it writes */

void text_aligned_init(struct text_aligned *a, size_t bytes_max)
{
    *a = (struct text_aligned){.max = bytes_max, .same = true};
}

void text_aligned_done(struct text_aligned *a)
{
    kit_alloc_free(a->bytes);
    kit_alloc_free(a->origin);
    text_aligned_init(a, a->max);
}

static void begin(struct text_aligned *a, uint32_t shift, bool same)
{
    a->len = 0;
    a->failed = KIT_OK;
    a->shift = shift;
    a->same = same;
}

static bool fail(struct text_aligned *a, enum kit_status code)
{
    if (a->failed == KIT_OK) {
        a->failed = code;
    }
    return false;
}

static bool grow_bytes(struct text_aligned *a, size_t room)
{
    char *bytes = kit_alloc_resize(a->bytes, room);
    if (bytes == NULL) {
        return fail(a, KIT_NOMEM);
    }
    a->bytes = bytes;
    a->room = room;
    return true;
}

static bool grow_origin(struct text_aligned *a, size_t room)
{
    struct text_span *origin = kit_alloc_resize(a->origin, room * sizeof(*origin));
    if (origin == NULL) {
        return fail(a, KIT_NOMEM);
    }
    a->origin = origin;
    a->origin_room = room;
    return true;
}

bool text_aligned_reserve(struct text_aligned *a, size_t bytes)
{
    size_t need = a->len + bytes;
    if (a->failed != KIT_OK) {
        return false;
    }
    if (need > a->max + SLACK) {
        return fail(a, KIT_TOO_LARGE);
    }
    size_t room = KIT_MIN(KIT_MAX(KIT_MAX(need, a->room * 2), FIRST_ROOM), a->max + SLACK);
    if (need > a->room && !grow_bytes(a, room)) {
        return false;
    }
    return a->same || need <= a->origin_room || grow_origin(a, a->room);
}

enum kit_status text_aligned_load(struct text_aligned *a, kit_str text, uint32_t shift)
{
    begin(a, shift, true);
    if (text_aligned_reserve(a, text.len) && text.len > 0) {
        memcpy(a->bytes, text.ptr, text.len);
        a->len = text.len;
    }
    return a->failed;
}

void text_aligned_begin(struct text_aligned *a, const struct text_aligned *from)
{
    begin(a, from->shift, false);
    (void)text_aligned_reserve(a, KIT_MIN(from->len + from->len / 4, a->max)); /* a guess */
}

void text_aligned_swap(struct text_aligned *a, struct text_aligned *b)
{
    struct text_aligned t = *a;
    *a = *b;
    *b = t;
}

struct text_span text_aligned_before(const struct text_aligned *a, size_t at)
{
    if (at == 0) { /* new at the very start: it came from nowhere */
        return (struct text_span){a->shift, a->shift};
    }
    size_t start = at - 1;
    while (start > 0 && kit_utf8_is_inside(a->bytes[start])) {
        start--;
    }
    return text_aligned_origin(a, start, at);
}

static void skip_one(struct text_edit *e)
{
    uint32_t bytes;
    if (e->at < e->from->len) {
        (void)kit_utf8_read(e->from->bytes + e->at, &bytes);
        e->at += bytes;
    }
}

void text_edit_put(struct text_edit *e, uint32_t cp, int32_t change)
{
    if (change > 0 || e->at >= e->from->len) {
        text_aligned_put(e->to, cp, text_aligned_before(e->from, e->at));
        return;
    }
    uint32_t bytes;
    struct text_span origin;
    (void)text_aligned_get(e->from, e->at, &bytes, &origin);
    text_aligned_put(e->to, cp, origin);
    for (e->at += bytes; change < 0; change++) {
        skip_one(e);
    }
}
