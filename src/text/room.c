#include "text/room.h"

#include "kit/alloc.h"

void *text_room_get(struct text_room *r, size_t bytes)
{
    if (bytes > r->bytes || r->at == NULL) {
        text_room_done(r);
        r->at = kit_alloc(bytes + bytes / 2);
        r->bytes = r->at == NULL ? 0 : bytes + bytes / 2;
    }
    return r->at;
}

void text_room_done(struct text_room *r)
{
    kit_alloc_free(r->at);
    *r = (struct text_room){0};
}
