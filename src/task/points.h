/* src/task/points.h - places in a text as people count them: from bytes of UTF-8 to Unicode code points.
 *
 * Thread: one. Memory: a few hundred bytes, the caller's; the text is borrowed. */
#ifndef TASK_POINTS_H
#define TASK_POINTS_H

#include "kit/str.h"

#define TASK_POINTS_MARKS 128

/* Counts a text once, however its places are asked for: where each of its 128 parts begins is remembered. */
struct task_points {
    kit_str text;
    size_t part;                       /* bytes of one */
    size_t counted;                    /* parts whose beginning is known; the first is */
    uint64_t marks[TASK_POINTS_MARKS]; /* code points before each part */
};

void task_points_init(struct task_points *p, kit_str text);
/* Code points before a byte, which begins one or is the text's end; what is behind the end counts as the end. */
uint64_t task_points_before(struct task_points *p, size_t byte);

#endif
