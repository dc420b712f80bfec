/* src/jinja/run.h - one compilation or rendering: its memory, its limits, and the first thing that went wrong. For
 * src/jinja/ only.
 *
 * A failure sticks: whatever is asked after it does nothing and answers with an empty value, so that callers look at
 * `failed` where they loop and at the end. Thread: one. Memory: the arena's. */
#ifndef JINJA_RUN_H
#define JINJA_RUN_H

#include "kit/arena.h"

#define JINJA_DEPTH_MAX 200 /* of a source: expressions, blocks and brackets inside each other */
#define JINJA_EVAL_DEPTH_MAX                                                                                           \
    1000 /* of a rendering: nodes, calls and values inside each other; about 500 bytes of stack each */

struct jinja_scope;
struct jinja_build;
struct jinja_template;

struct jinja_run {
    struct kit_arena *arena; /* borrowed */
    struct kit_err *err;     /* borrowed; may be NULL */
    enum kit_status failed;
    uint32_t line; /* where we are */
    uint32_t depth, depth_max;
    uint64_t steps, steps_max;
    size_t output_max;
    int64_t now_s;
    /* eval.c's */
    const struct jinja_template *template;
    struct jinja_scope *scope;
    struct jinja_build *out;
};

/* Fails with "line 3: …" unless something failed before. Returns what failed. */
enum kit_status jinja_run_fail(struct jinja_run *r, enum kit_status code, const char *format, ...) KIT_PRINTF(3, 4);
/* Bytes of the arena, cleared; NULL: failed. */
void *jinja_run_get(struct jinja_run *r, size_t count, size_t bytes);
kit_str jinja_run_copy(struct jinja_run *r, kit_str s);
/* Counts work; false: failed, now or before. */
bool jinja_run_step(struct jinja_run *r, uint64_t steps);
/* One level deeper; false: failed, and no leave is wanted. */
bool jinja_run_enter(struct jinja_run *r);
void jinja_run_leave(struct jinja_run *r);

#endif
