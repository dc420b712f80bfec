#include "loop/loop.h"

#include <signal.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "loop/inner.h"
#include "loop/metrics.h"

#define STALL_NS KIT_NS_PER_MS

void loop_enter(struct loop *l)
{
    l->now_ns = kit_clock_ns();
}

void loop_leave(struct loop *l)
{
    uint64_t took_ns = kit_clock_ns() - l->now_ns;
    if (took_ns > STALL_NS && took_ns < UINT64_MAX / 2) { /* a test may turn the clock back */
        METRIC_OBSERVE(loop_stall_seconds, (double)took_ns / KIT_NS_PER_S);
    }
}

/* The address of a thread's own variable names the thread. */
static uintptr_t this_thread(void)
{
    static _Thread_local char mine;
    return (uintptr_t)&mine;
}

/* --- tasks --- */

void loop_later(struct loop *l, struct loop_task *t)
{
    LOOP_ASSERT_HERE(l);
    if (t->next == NULL) {
        t->prev = l->tasks.prev;
        t->next = &l->tasks;
        t->prev->next = t;
        l->tasks.prev = t;
    }
}

void loop_later_cancel(struct loop *l, struct loop_task *t)
{
    LOOP_ASSERT_HERE(l);
    if (t->next != NULL) {
        t->prev->next = t->next;
        t->next->prev = t->prev;
        t->next = t->prev = NULL;
    }
}

/* Runs what is queued now; what these tasks queue waits for the next round. `mark` stands behind the last of this
 * round, so that any task may cancel any other. */
static void run_tasks(struct loop *l)
{
    struct loop_task mark = {0};
    if (l->tasks.next == &l->tasks) {
        return;
    }
    loop_later(l, &mark);
    while (l->tasks.next != &mark) {
        struct loop_task *t = l->tasks.next;
        loop_later_cancel(l, t);
        loop_enter(l);
        t->run(t);
        loop_leave(l);
    }
    loop_later_cancel(l, &mark);
}

static void again_at_once(uv_idle_t *idle)
{
    (void)idle;
}

/* Tasks that tasks have queued must not wait for an event: an active idle handle keeps uv from waiting. */
static void before_wait(uv_prepare_t *prepare)
{
    struct loop *l = KIT_CONTAINER(prepare, struct loop, prepare);
    run_tasks(l);
    if (l->tasks.next != &l->tasks) {
        uv_idle_start(&l->idle, again_at_once);
    } else {
        uv_idle_stop(&l->idle);
    }
}

/* --- handles --- */

void loop_handle_init(struct loop_handle *h, struct loop *l, void (*free)(struct loop_handle *h), uv_handle_t *uv)
{
    *h = (struct loop_handle){.loop = l, .life = LOOP_LIVE, .free = free};
    uv->data = h;
}

static void closed(uv_handle_t *uv)
{
    struct loop_handle *h = uv->data;
    h->life = LOOP_DEAD;
    h->free(h);
}

void loop_handle_close(struct loop_handle *h, uv_handle_t *uv)
{
    if (h->life == LOOP_LIVE) {
        h->life = LOOP_CLOSING;
        uv_close(uv, closed);
    }
}

/* --- the loop --- */

static enum kit_status init_uv(struct loop *l, struct kit_err *err)
{
    int rc = uv_loop_init(&l->uv);
    if (rc != 0) {
        return kit_fail(err, rc == UV_ENOMEM ? KIT_NOMEM : KIT_IO, "event loop: %s", uv_strerror(rc));
    }
    uv_prepare_init(&l->uv, &l->prepare);
    uv_prepare_start(&l->prepare, before_wait);
    uv_unref((uv_handle_t *)&l->prepare);
    uv_idle_init(&l->uv, &l->idle);
    return KIT_OK;
}

enum kit_status loop_new(struct loop **ret, struct kit_err *err)
{
    enum kit_status rc = KIT_NOMEM;
    struct loop *l = kit_alloc_zero(1, sizeof(*l));
    char *scratch = l == NULL ? NULL : kit_alloc(LOOP_SCRATCH_BYTES);
    if (scratch == NULL) {
        kit_fail(err, KIT_NOMEM, "out of memory for an event loop");
        goto out;
    }
    signal(SIGPIPE, SIG_IGN);
    l->tasks.next = l->tasks.prev = &l->tasks;
    rc = init_uv(l, err);
    if (rc == KIT_OK) {
        l->scratch = scratch;
        *ret = l;
        return KIT_OK;
    }
out:
    kit_alloc_free(scratch);
    kit_alloc_free(l);
    return rc;
}

static void run(struct loop *l, uv_run_mode mode)
{
    atomic_store(&l->owner, this_thread());
    uv_run(&l->uv, mode);
    run_tasks(l);
    atomic_store(&l->owner, 0);
}

void loop_run(struct loop *l)
{
    LOOP_ASSERT_HERE(l);
    run(l, UV_RUN_DEFAULT);
}

void loop_run_once(struct loop *l)
{
    LOOP_ASSERT_HERE(l);
    run(l, UV_RUN_NOWAIT);
}

void loop_stop(struct loop *l)
{
    LOOP_ASSERT_HERE(l);
    uv_stop(&l->uv);
}

/* The loop's own handles have no data. */
static void close_left(uv_handle_t *uv, void *arg)
{
    (void)arg;
    if (uv->data != NULL) {
        loop_handle_close(uv->data, uv);
    }
}

void loop_free(struct loop *l)
{
    if (l == NULL) {
        return;
    }
    LOOP_ASSERT_HERE(l);
    uv_walk(&l->uv, close_left, NULL);
    uv_close((uv_handle_t *)&l->prepare, NULL);
    uv_close((uv_handle_t *)&l->idle, NULL);
    uv_run(&l->uv, UV_RUN_DEFAULT); /* only close callbacks are left */
    int rc = uv_loop_close(&l->uv);
    assert(rc == 0);
    (void)rc;
    kit_alloc_free(l->scratch);
    kit_alloc_free(l);
}

bool loop_here(const struct loop *l)
{
    uintptr_t owner = atomic_load(&l->owner);
    return owner == 0 || owner == this_thread();
}

uint64_t loop_now_ns(const struct loop *l)
{
    return atomic_load(&l->owner) == 0 ? kit_clock_ns() : l->now_ns;
}

char *loop_scratch(struct loop *l)
{
    LOOP_ASSERT_HERE(l);
    return l->scratch;
}
