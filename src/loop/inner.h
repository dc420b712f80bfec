/* src/loop/inner.h - what the files of this folder share about a loop and its handles. For src/loop/ only: it shows uv.
 *
 * A handle is LIVE until it is closed, CLOSING until uv says that nothing refers to it, then freed: only the close
 * callback frees, and every other callback returns at once unless LIVE. */
#ifndef LOOP_INNER_H
#define LOOP_INNER_H

#include <stdatomic.h>

#include <uv.h>

#include "loop/loop.h"

struct loop {
    uv_loop_t uv;
    uv_prepare_t prepare;    /* runs the tasks before the loop waits */
    uv_idle_t idle;          /* active while tasks wait for the next round */
    _Atomic uintptr_t owner; /* its thread while it runs; 0: not running */
    uint64_t now_ns;         /* when this callback began */
    struct loop_task tasks;  /* ring; this is its head */
    char *scratch;           /* owned; LOOP_SCRATCH_BYTES */
};

enum loop_life { LOOP_LIVE, LOOP_CLOSING, LOOP_DEAD };

/* The start of each struct that holds a uv handle; the uv handle's `data` points here. */
struct loop_handle {
    struct loop *loop;
    enum loop_life life;
    void (*free)(struct loop_handle *h); /* called once, by the close callback */
};

void loop_handle_init(struct loop_handle *h, struct loop *l, void (*free)(struct loop_handle *h), uv_handle_t *uv);
void loop_handle_close(struct loop_handle *h, uv_handle_t *uv);

/* Around each callback: sets the loop's time, and counts a callback that took over 1 ms. */
void loop_enter(struct loop *l);
void loop_leave(struct loop *l);

#endif
