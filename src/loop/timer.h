/* src/loop/timer.h - one-shot and repeating timers of a loop. Thread: the loop's. Memory: freed by the loop after close. */
#ifndef LOOP_TIMER_H
#define LOOP_TIMER_H

#include "loop/loop.h"

struct loop_timer;

/* At rest until it is started. fire may start, stop and close it. NOMEM. */
KIT_MUST_CHECK enum kit_status loop_timer_new(struct loop *l, void (*fire)(void *ctx), void *ctx,
                                              struct loop_timer **ret);
/* Sets or moves it. repeat_ms 0: once. */
void loop_timer_start(struct loop_timer *t, uint64_t after_ms, uint64_t repeat_ms);
void loop_timer_stop(struct loop_timer *t);  /* back to rest */
void loop_timer_close(struct loop_timer *t); /* NULL is fine */

#endif
