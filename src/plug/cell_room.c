#include "plug/cell_room.h"

#include "plug/cell_wire.h"

void plug_cell_room_drop(struct plug_cell_room *r, uint32_t keep)
{
    uint32_t first = r->count - KIT_MIN(keep, r->count);
    for (uint32_t p = 0; p < first; p++) {
        plug_cell_memory_done(&r->out[p]);
    }
    if (first > 0 && first < r->count) {
        r->out[0] = r->out[first];
    }
    r->count -= first;
    r->used = 0;
}

/* Asks the parent for one more piece; it does not believe what we say of our own. */
static bool grow(struct plug_cell_room *r, uint64_t bytes)
{
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_GROW, .a = bytes};
    int fd = -1;
    if (r->count == PLUG_CELL_ROOM_PIECES_MAX || !plug_cell_wire_send(r->socket, &head, NULL, -1, true)) {
        return false;
    }
    char nothing[PLUG_CELL_WIRE_BYTES_MAX + 1];
    if (plug_cell_wire_receive(r->socket, &head, nothing, &fd, true) != PLUG_CELL_WIRE_GOT ||
        head.type != PLUG_CELL_WIRE_GROWN) {
        r->gone = true;
        return false;
    }
    if (head.status != ACB_OK || !plug_cell_memory_map(fd, false, &r->out[r->count])) {
        return false;
    }
    plug_cell_memory_detach(&r->out[r->count]);
    r->count++;
    r->used = 0;
    return true;
}

void *plug_cell_room_get(void *ctx, uint64_t bytes)
{
    struct plug_cell_room *r = ctx;
    uint64_t at = (r->used + 63) / 64 * 64;
    bool fits = r->count > 0 && plug_cell_memory_holds(&r->out[r->count - 1], at, bytes);
    if (!fits) {
        if (!grow(r, bytes)) {
            return NULL;
        }
        at = 0;
    }
    r->used = at + bytes;
    return r->out[r->count - 1].at + at;
}
