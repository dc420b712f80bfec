#include "task/points.h"

#include <string.h>

#define TOP_BITS UINT64_C(0x8080808080808080)

/* Every byte but 10xxxxxx begins a code point (RFC 3629, section 3). Eight bytes at a time. */
static uint64_t count(const char *at, size_t bytes)
{
    uint64_t points = bytes;
    for (; bytes >= sizeof(uint64_t); at += sizeof(uint64_t), bytes -= sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, at, sizeof(eight));
        points -= (uint64_t)__builtin_popcountll(eight & ~(eight << 1) & TOP_BITS);
    }
    for (; bytes > 0; at++, bytes--) {
        points -= ((unsigned char)*at & 0xC0) == 0x80;
    }
    return points;
}

void task_points_init(struct task_points *p, kit_str text)
{
    p->text = text;
    p->part = text.len / TASK_POINTS_MARKS + 1;
    p->counted = 1;
    p->marks[0] = 0;
}

uint64_t task_points_before(struct task_points *p, size_t byte)
{
    if (p->text.len == 0) {
        return 0;
    }
    byte = KIT_MIN(byte, p->text.len);
    size_t at = byte / p->part;
    for (; p->counted <= at; p->counted++) {
        size_t from = (p->counted - 1) * p->part;
        p->marks[p->counted] = p->marks[p->counted - 1] + count(p->text.ptr + from, p->part);
    }
    return p->marks[at] + count(p->text.ptr + at * p->part, byte - at * p->part);
}
