/* src/loop/loop.h - one event loop a thread, over libuv. No uv type leaves this folder.
 *
 * Everything that belongs to a loop is touched on its thread only (LOOP_ASSERT_HERE); other threads reach it through a
 * loop_chan. Memory: handles are allocated by loop_*_new and freed by the loop after their asynchronous close; after
 * close no callback of a handle runs again. A callback that takes over 1 ms is counted in loop_stall_seconds. */
#ifndef LOOP_LOOP_H
#define LOOP_LOOP_H

#include <assert.h>

#include "kit/status.h"

struct loop;

/* From here on the process ignores SIGPIPE: a write to a peer that left is an error code, not a signal. IO, NOMEM. */
KIT_MUST_CHECK enum kit_status loop_new(struct loop **ret, struct kit_err *err);
/* Runs on the calling thread until loop_stop, or until nothing is left to wait for. */
void loop_run(struct loop *l);
/* One round: what is ready now, without waiting. For tests, which pump server and client on one thread. */
void loop_run_once(struct loop *l);
void loop_stop(struct loop *l); /* on the loop's thread */
/* Closes what is left and frees. Not while running. NULL is fine. */
void loop_free(struct loop *l);

bool loop_here(const struct loop *l); /* is this its thread (or is it not running)? */
#define LOOP_ASSERT_HERE(l) assert(loop_here(l))

/* When the callback that runs now began; kit_clock_ns's scale. Outside of callbacks: now. */
uint64_t loop_now_ns(const struct loop *l);

/* Something to do once before the loop waits again, such as writing what several callbacks have queued. Embedded in its
 * owner, zeroed at first. */
struct loop_task {
    struct loop_task *next, *prev; /* the loop's while queued; NULL: not queued */
    void (*run)(struct loop_task *t);
};
void loop_later(struct loop *l, struct loop_task *t); /* queued already: does nothing. From a task: the next round */
void loop_later_cancel(struct loop *l, struct loop_task *t);

/* A buffer to read into; borrowed until the callback that took it returns. http/ holds it while it calls handlers: what
 * lies above http/ must not use it. */
#define LOOP_SCRATCH_BYTES (64 * KIT_KIB)
char *loop_scratch(struct loop *l);

#endif
