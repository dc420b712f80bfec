#include "task/service.h"

#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "task/batch.h"
#include "task/crowd.h"
#include "task/items.h"
#include "task/model.h"
#include "task/upstream.h"
#include "task/wait.h"

struct task_service {
    struct task_options options;
    struct plug_engine *engine;    /* borrowed */
    struct loop_work *work;        /* borrowed */
    struct model_catalog *catalog; /* borrowed; set by start */
    struct remote *remote;         /* borrowed; set by start; NULL: no upstreams */
    struct task_wait *wait;        /* owned; set by start */
    struct task_crowd *crowd;      /* owned */
};

/* --- the models' side --- */

static enum kit_status warm(void *ctx, struct model_loaded *loaded, struct kit_err *err)
{
    struct task_service *s = ctx;
    return task_model_warm(s, s->engine, loaded, err);
}

static void cool(void *ctx, struct model_loaded *loaded, bool failed, const char *why)
{
    (void)ctx;
    if (loaded->attached != NULL) {
        task_model_cool(loaded->attached, failed, why);
    }
}

static void forget(void *ctx, struct model_loaded *loaded)
{
    (void)ctx;
    task_model_free(loaded->attached);
    loaded->attached = NULL;
}

const struct model_observer *task_service_observer(void)
{
    static const struct model_observer observer = {.warm = warm, .cool = cool, .forget = forget};
    return &observer;
}

/* --- the requests' side --- */

static void fill_job(struct task_request *r)
{
    r->job.alone = task_type_of(r->kind)->alone;
    r->job.priority = r->priority;
    r->job.deadline_ns = r->deadline_ns;
    r->job.principal = r->principal;
}

/* Under the request's lock, so that a cancel comes either before (nothing is queued) or after (there is a ticket). The
 * request is the lane's as soon as it is queued. */
static enum kit_status enqueue(struct task_model *m, struct task_request *r, struct kit_err *err)
{
    kit_mutex_lock(&r->lock);
    enum kit_status rc =
        r->cancelled ? kit_fail(err, KIT_CANCELLED, "cancelled by the caller") : task_model_submit(m, r, err);
    r->queued = rc == KIT_OK;
    kit_mutex_unlock(&r->lock);
    return rc;
}

/* What preparing has found is the answer. */
static void answer_at_once(struct task_model *m, struct task_request *r)
{
    r->job.submitted_ns = r->job.started_ns = r->job.finished_ns = kit_clock_ns();
    task_items_rows_done(m, r, 0, r->rows.count);
    task_batch_send_home(r);
}

/* The model is there (r->loaded): texts become rows, rows go into the queue. */
static void proceed(struct task_request *r)
{
    struct kit_err err = {0};
    struct task_model *m = task_model_of(r->loaded);
    r->version = r->loaded->version;
    memcpy(r->model_id, r->loaded->id, sizeof(r->model_id));
    task_request_ref(r); /* enqueue gives r away while its lock is held */
    enum kit_status rc = task_type_choose(m, r, &err);
    if (rc == KIT_OK) {
        fill_job(r);
        rc = task_type_of(r->kind)->prepare(m, task_service_options(r->service), r, &err);
    }
    if (rc == KIT_OK) {
        rc = task_items_count(r, &err);
    }
    if (rc == KIT_OK && task_type_of(r->kind)->at_once) {
        answer_at_once(m, r);
    } else if (rc == KIT_OK) {
        rc = enqueue(m, r, &err);
    }
    if (rc != KIT_OK) {
        task_request_go_home_failed(r, rc, &err);
    }
    task_request_unref(r);
}

/* Takes over the reference to `loaded`. */
static void hold_model(struct task_request *r, struct model_loaded *loaded)
{
    kit_mutex_lock(&r->lock);
    r->loaded = loaded; /* given back with the request */
    kit_mutex_unlock(&r->lock);
}

static void hand_to_pool(struct task_request *r, void (*run)(struct loop_work_job *job))
{
    struct kit_err err = {0};
    r->work.run = run;
    enum kit_status rc = loop_work_submit(r->service->work, &r->work);
    if (rc != KIT_OK) {
        kit_fail(&err, rc, "the work pool is full: try again later");
        task_request_go_home_failed(r, rc, &err);
    }
}

static void proceed_on_pool(struct loop_work_job *job)
{
    proceed(KIT_CONTAINER(job, struct task_request, work));
}

/* A vocabulary that came with the weights may lie in another process: asking it blocks. */
static void go_on(struct task_request *r, bool on_pool)
{
    if (!on_pool && plug_model_has_vocab(r->loaded->model)) {
        hand_to_pool(r, proceed_on_pool);
    } else {
        proceed(r);
    }
}

/* True: another server has the model, and the request is on its way there, or home. */
static bool leave_for_upstream(struct task_request *r)
{
    struct remote *remote = r->service->remote;
    struct remote_upstream *u = NULL;
    enum remote_kind kind = REMOTE_AUTO;
    struct kit_err err = {0};
    enum kit_status rc = remote_find(remote, kit_str_c(r->model_id), &u, &kind, &err);
    if (rc == KIT_OK && u == NULL) {
        return false;
    }
    if (rc == KIT_OK) {
        task_upstream_ask(r, remote, u, kind);
    } else {
        task_request_go_home_failed(r, rc, &err);
    }
    return true;
}

/* From here on the request waits for its model, is queued, or goes home. */
static void find_model(struct task_request *r, bool on_pool)
{
    struct task_service *s = r->service;
    struct kit_err err = {0};
    struct model_loaded *loaded = NULL;
    enum model_state state = MODEL_AVAILABLE;
    bool named = r->model_id[0] != '\0';
    if (named && leave_for_upstream(r)) {
        return;
    }
    enum kit_status rc = named ? model_acquire(s->catalog, kit_str_c(r->model_id), &state, &loaded, &err)
                               : model_acquire_only(s->catalog, &loaded, &err);
    if (rc == KIT_OK) {
        hold_model(r, loaded);
        go_on(r, on_pool);
    } else if (rc == KIT_UNAVAILABLE && s->options.autoload && named && state != MODEL_FAILED) {
        task_wait_enter(s->wait, r);
    } else {
        task_request_go_home_failed(r, rc, &err);
    }
}

static void begin(struct task_request *r, bool on_pool)
{
    struct kit_err err = {0};
    enum kit_status rc = KIT_OK;
    if (task_request_is_cancelled(r)) {
        rc = kit_fail(&err, KIT_CANCELLED, "cancelled by the caller");
    } else if (r->asker.parse != NULL) {
        rc = r->asker.parse(r, &err);
    }
    if (rc == KIT_OK) {
        find_model(r, on_pool);
    } else {
        task_request_go_home_failed(r, rc, &err);
    }
}

/* --- long questions, and those that come out of the waiting room, are worked on by the pool --- */

static void begin_on_pool(struct loop_work_job *job)
{
    begin(KIT_CONTAINER(job, struct task_request, work), true);
}

static void leave_room(struct task_request *r, struct model_loaded *loaded)
{
    hold_model(r, loaded);
    task_crowd_add(r->service->crowd, r);
}

void task_submit(struct task_request *r)
{
    task_request_ref(r); /* the work side's: it comes home with the answer */
    if (r->body.len + task_inputs_bytes(&r->inputs) > r->service->options.inline_bytes_max) {
        hand_to_pool(r, begin_on_pool);
    } else {
        begin(r, false);
    }
}

void task_cancel(struct task_request *r)
{
    kit_mutex_lock(&r->lock);
    r->cancelled = true;
    if (r->queued && r->upstream != NULL) {
        task_upstream_cancel(r->upstream);
    } else if (r->queued) {
        task_model_cancel(task_model_of(r->loaded), r);
    }
    kit_mutex_unlock(&r->lock);
}

/* --- set-up --- */

enum kit_status task_service_new(const struct task_options *options, struct plug_engine *engine, struct loop_work *work,
                                 struct task_service **ret, struct kit_err *err)
{
    struct task_service *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the task service");
    }
    if (task_crowd_new(work, proceed, &s->crowd) != KIT_OK) {
        kit_alloc_free(s);
        return kit_fail(err, KIT_NOMEM, "out of memory for the task service");
    }
    s->options = *options;
    s->engine = engine;
    s->work = work;
    *ret = s;
    return KIT_OK;
}

void task_service_free(struct task_service *s)
{
    if (s != NULL) {
        task_crowd_free(s->crowd);
        kit_alloc_free(s);
    }
}

const struct task_options *task_service_options(const struct task_service *s)
{
    return &s->options;
}

struct loop_work *task_service_work(const struct task_service *s)
{
    return s->work;
}

enum kit_status task_service_start(struct task_service *s, struct model_catalog *catalog, struct remote *remote,
                                   struct loop *loop, struct kit_err *err)
{
    s->catalog = catalog;
    s->remote = remote;
    return task_wait_new(loop, catalog, s->options.waiting_max, leave_room, &s->wait, err);
}

void task_service_stop(struct task_service *s)
{
    task_wait_close(s->wait);
    s->wait = NULL;
}
