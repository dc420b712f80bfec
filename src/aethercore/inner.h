/* src/aethercore/inner.h - what app.c and reload.c share: loops of the server and the orders between them. Thread: each
 * loop's own, but for what is sent. */
#ifndef AETHERCORE_INNER_H
#define AETHERCORE_INNER_H

#include "aethercore/app.h"
#include "loop/signal.h"
#include "loop/timer.h"

struct app_loop {
    struct app *app;
    struct loop *loop;
    struct http_server *server;
    struct api_loop *api;
    struct guard guard;
    struct loop_chan *orders;             /* from other loops of ours */
    struct app_order drain, end, drained; /* to this loop, to this loop, to the first loop; each sent once at most */
    uint64_t drain_ms;                    /* goes with drain */
    bool told_to_end;                     /* main's thread */
    struct kit_thread thread;             /* not for the first */
    uint16_t port;
    /* the first loop's own */
    struct loop_signal *terminate, *interrupt, *hangup;
    struct loop_timer *tick;
};

/* --- reload.c --- */

struct http_timeouts aethercore_reload_timeouts(const struct kit_config *c);

/* On the first loop: reads arguments, settings file and key file once more, on the work pool; then what may change while the
 * server runs goes to all loops as one snapshot. What cannot be read or is wrong is logged, and nothing changes. */
void aethercore_reload(struct app *a);
void aethercore_reload_done(struct app *a); /* after the loops */

#endif
