/* src/loop/chan.h - messages to a loop from any thread, bounded, in order of sending for each sender.
 *
 * A message is an embedded node that owns its bytes; whoever holds it owns it. Thread: new, close: the loop's; send: any.
 * Memory: a closed channel gives queued messages to `drop`. An open channel keeps its loop running. */
#ifndef LOOP_CHAN_H
#define LOOP_CHAN_H

#include "loop/loop.h"

struct loop_msg {
    struct loop_msg *next; /* the channel's while queued */
    bool counted;          /* the channel's while queued: it takes one of max */
};

struct loop_chan;

struct loop_chan_options {
    uint32_t max; /* messages waiting at most */
    void *ctx;
    void (*receive)(void *ctx, struct loop_msg *m); /* on the loop's thread; owns m */
    void (*drop)(void *ctx, struct loop_msg *m);    /* closed before it was received; owns m; loop's thread */
};

KIT_MUST_CHECK enum kit_status loop_chan_new(struct loop *l, const struct loop_chan_options *options,
                                             struct loop_chan **ret, struct kit_err *err);
/* OK: the channel owns m. FULL, or UNAVAILABLE after close: the caller still owns m. Senders must be finished, or hold a
 * reference, before the channel may go: loop_chan_ref. */
KIT_MUST_CHECK enum kit_status loop_chan_send(struct loop_chan *c, struct loop_msg *m);
/* A message that must arrive (an answer to something accepted, so bounded by that): not counted against max. */
KIT_MUST_CHECK enum kit_status loop_chan_send_answer(struct loop_chan *c, struct loop_msg *m);
struct loop_chan *loop_chan_ref(struct loop_chan *c); /* any thread that already has one */
void loop_chan_unref(struct loop_chan *c);            /* NULL is fine */
/* The loop's thread, also from receive; drops what waits, gives up the owner's reference. NULL is fine. loop_free
 * closes a channel that is left open. */
void loop_chan_close(struct loop_chan *c);

#endif
