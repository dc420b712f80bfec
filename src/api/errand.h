/* src/api/errand.h - work that a loop sends to the work pool and hears of when it is done: long JSON, large answers.
 *
 * Thread: go: the loop's; the rest as each function says. Memory: an errand is part of what it works on, which lives until
 * `back` or `drop`. */
#ifndef API_ERRAND_H
#define API_ERRAND_H

#include "api/api.h"

struct api_errand {
    struct loop_work_job job;
    struct loop_msg msg;
    struct api_loop *loop;
    void (*run)(struct api_errand *e);  /* on the pool */
    void (*back)(struct api_errand *e); /* on the loop, when it has run */
    void (*drop)(struct api_errand *e); /* instead of back, when the loop has ended; any thread */
};

/* run, back and drop are set. FULL (the pool has too much to do), NOMEM: nothing happens. */
KIT_MUST_CHECK enum kit_status api_errand_go(struct api_errand *e, struct api_loop *al, struct kit_err *err);
/* What the loop's `errands` channel calls. */
void api_errand_receive(void *ctx, struct loop_msg *m);
void api_errand_dropped(void *ctx, struct loop_msg *m);

#endif
