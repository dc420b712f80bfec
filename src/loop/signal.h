/* src/loop/signal.h - Unix signals as callbacks of a loop, such as SIGTERM for a drain.
 *
 * A handler does not keep its loop running. Thread: the loop's; every other thread of ours blocks signals (kit/sync.h).
 * Memory: freed by the loop after close. */
#ifndef LOOP_SIGNAL_H
#define LOOP_SIGNAL_H

#include "loop/loop.h"

struct loop_signal;

/* Calls fire for each arrival of signal `number`; with `once`, for the first only: after that the signal has its default
 * effect again, so that a second Ctrl-C ends a program whose drain hangs. IO, NOMEM. */
KIT_MUST_CHECK enum kit_status loop_signal_new(struct loop *l, int number, bool once,
                                               void (*fire)(void *ctx, int number), void *ctx, struct loop_signal **ret,
                                               struct kit_err *err);
void loop_signal_close(struct loop_signal *s); /* NULL is fine */

#endif
