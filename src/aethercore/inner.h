/* src/aethercore/inner.h - what app.c, loops.c and reload.c share. For src/aethercore/ only.
 *
 * Thread: main, which runs the first loop, unless said; a loop is its own thread's but for what is sent to it. */
#ifndef AETHERCORE_INNER_H
#define AETHERCORE_INNER_H

#include "aethercore/app.h"
#include "loop/signal.h"
#include "loop/timer.h"

struct aethercore_loop {
    struct aethercore_app *app;
    struct loop *loop;
    struct http_server *server;
    struct api_loop *api;
    struct guard guard;
    struct loop_chan *orders; /* from other loops of ours */
    struct aethercore_order drain, end,
        drained;              /* to this loop, to this loop, to the first loop; each sent once at most */
    uint64_t drain_ms;        /* goes with drain */
    bool told_to_end;         /* main's thread */
    struct kit_thread thread; /* not for the first */
    uint16_t port;
    /* the first loop's own */
    struct loop_signal *terminate, *interrupt, *hangup;
    struct loop_timer *tick;
};

/* --- loops.c: servers, one a loop, and the orders between them --- */

/* Makes all loops with their servers, which listen from then on. What was made when it fails is ended by the calls below.
 * NOMEM, IO: the address is taken (the message says what to do); what the servers say. */
KIT_MUST_CHECK enum kit_status aethercore_loops_make(struct aethercore_app *a, struct kit_err *err);
/* Starts the threads of all but the first. NOMEM. */
KIT_MUST_CHECK enum kit_status aethercore_loops_start(struct aethercore_app *a, struct kit_err *err);
/* Tells each to drain; when all have, or server.drain is over, all end. Once. */
void aethercore_loops_drain(struct aethercore_app *a);
/* All end now. */
void aethercore_loops_end(struct aethercore_app *a);
/* Ends all but the first, also those that never ran, and waits for their threads. The first does not run any more. */
void aethercore_loops_join(struct aethercore_app *a);
/* The first one's server and channels, behind the join: nobody can ask anything after it. */
void aethercore_loops_close_first(struct aethercore_app *a);
void aethercore_loops_free(struct aethercore_app *a); /* when nothing sends to them any more */

/* --- reload.c --- */

/* The time-outs that settings say. Any thread. */
struct http_timeouts aethercore_reload_timeouts(const struct kit_config *c);

/* On the first loop: reads arguments, settings file and key file once more, on the work pool; then what may change while the
 * server runs goes to all loops as one snapshot. What cannot be read or is wrong is logged, and nothing changes. */
void aethercore_reload(struct aethercore_app *a);
void aethercore_reload_done(struct aethercore_app *a); /* after the loops */

#endif
