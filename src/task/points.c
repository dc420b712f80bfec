#include "task/points.h"

#include "kit/utf8.h"

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
        p->marks[p->counted] = p->marks[p->counted - 1] + kit_utf8_count((kit_str){p->text.ptr + from, p->part});
    }
    return p->marks[at] + kit_utf8_count((kit_str){p->text.ptr + at * p->part, byte - at * p->part});
}
