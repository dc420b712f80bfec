/* src/text/room.h - bytes to work in that are asked for again and again.
 *
 * Thread: one at a time. Memory: owned; it only grows, so that room that is used again costs nothing. */
#ifndef TEXT_ROOM_H
#define TEXT_ROOM_H

#include "kit/base.h"

struct text_room {
    void *at; /* owned */
    size_t bytes;
};

/* `bytes` of it, 16-byte aligned; what was in it before is gone. NULL: out of memory. */
KIT_MUST_CHECK void *text_room_get(struct text_room *r, size_t bytes);
void text_room_done(struct text_room *r); /* zeroed is fine */

#endif
