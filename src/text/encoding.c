#include "text/encoding.h"

#include <string.h>

#include "kit/alloc.h"

static void *keep(struct kit_arena *arena, const void *from, size_t count, size_t bytes)
{
    void *to = kit_arena_get(arena, count * bytes + 1);
    if (to != NULL && count > 0) {
        memcpy(to, from, count * bytes);
    }
    return to;
}

enum kit_status text_encoding_keep(const struct text_encoding *e, struct kit_arena *arena, struct text_encoding *ret)
{
    struct text_encoding copy = *e;
    copy.ids = keep(arena, e->ids, e->count, sizeof(*e->ids));
    copy.types = keep(arena, e->types, e->count, sizeof(*e->types));
    copy.parts = keep(arena, e->parts, e->count, sizeof(*e->parts));
    copy.spans = keep(arena, e->spans, e->count, sizeof(*e->spans));
    copy.words = keep(arena, e->words, e->count, sizeof(*e->words));
    if (copy.ids == NULL || copy.types == NULL || copy.parts == NULL || copy.spans == NULL || copy.words == NULL) {
        return KIT_NOMEM;
    }
    *ret = copy;
    return KIT_OK;
}

void text_encoding_room_done(struct text_encoding_room *r)
{
    kit_alloc_free(r->all.ids);
    kit_alloc_free(r->all.types);
    kit_alloc_free(r->all.parts);
    kit_alloc_free(r->all.spans);
    kit_alloc_free(r->all.words);
    *r = (struct text_encoding_room){0};
}

enum kit_status text_encoding_room_reserve(struct text_encoding_room *r, size_t count)
{
    if (count <= r->room) {
        r->all.count = 0;
        return KIT_OK;
    }
    size_t room = KIT_MAX(count + count / 2, (size_t)64);
    text_encoding_room_done(r); /* nothing in it is needed any more */
    if (room > UINT32_MAX) {
        return KIT_NOMEM;
    }
    r->all.ids = kit_alloc_array(room, sizeof(*r->all.ids));
    r->all.types = kit_alloc_array(room, sizeof(*r->all.types));
    r->all.parts = kit_alloc_array(room, sizeof(*r->all.parts));
    r->all.spans = kit_alloc_array(room, sizeof(*r->all.spans));
    r->all.words = kit_alloc_array(room, sizeof(*r->all.words));
    r->room = (uint32_t)room;
    if (r->all.ids == NULL || r->all.types == NULL || r->all.parts == NULL || r->all.spans == NULL ||
        r->all.words == NULL) {
        text_encoding_room_done(r);
        return KIT_NOMEM;
    }
    return KIT_OK;
}
