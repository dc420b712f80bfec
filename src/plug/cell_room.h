/* src/plug/cell_room.h - the output memory of an instance inside a cell: pieces that the parent makes when it is asked.
 *
 * Thread: the instance's own. Memory: owned by the instance. */
#ifndef PLUG_CELL_ROOM_H
#define PLUG_CELL_ROOM_H

#include "plug/cell_memory.h"

#define PLUG_CELL_ROOM_PIECES_MAX 16

struct plug_cell_room {
    int socket;
    struct plug_cell_memory out[PLUG_CELL_ROOM_PIECES_MAX];
    uint32_t count;
    uint64_t used; /* of the last piece */
    bool gone;     /* the parent does not answer */
};

/* All pieces but the newest ones are given back; what is left is free again. */
void plug_cell_room_drop(struct plug_cell_room *r, uint32_t keep);
/* struct plug_room's get: the next free place, aligned to 64 bytes; ctx is the room. NULL: the parent gives no more. */
void *plug_cell_room_get(void *ctx, uint64_t bytes);

#endif
