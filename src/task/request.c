#include "task/request.h"

#include <assert.h>

#include "kit/alloc.h"
#include "task/generate.h"
#include "task/rows.h"
#include "task/upstream.h"

enum kit_status task_request_new(struct task_service *service, const struct task_asker *asker, size_t arena_bytes_max,
                                 struct task_request **ret, struct kit_err *err)
{
    struct task_request *r = kit_alloc_zero(1, sizeof(*r));
    if (r == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a request");
    }
    r->service = service;
    r->asker = *asker;
    r->asker.home = loop_chan_ref(asker->home);
    r->asker.news = asker->news != NULL ? loop_chan_ref(asker->news) : NULL;
    r->deadline_ns = KIT_NEVER_NS;
    r->priority = SCHED_NORMAL;
    task_parameters_init(&r->parameters);
    kit_ref_init(&r->refs);
    kit_arena_init(&r->arena, arena_bytes_max);
    task_news_init(&r->news);
    kit_mutex_init(&r->lock);
    *ret = r;
    return KIT_OK;
}

struct task_request *task_request_ref(struct task_request *r)
{
    kit_ref_up(&r->refs);
    return r;
}

void task_request_unref(struct task_request *r)
{
    if (r == NULL || !kit_ref_down(&r->refs)) {
        return;
    }
    if (r->loaded != NULL) {
        model_loaded_unref(r->loaded);
    }
    plug_outputs_done(&r->outputs);
    task_choices_free(r->choices);
    task_upstream_free(r->upstream);
    task_rows_done(&r->rows);
    task_hits_done(&r->hits);
    kit_alloc_free(r->vectors);
    kit_buf_done(&r->answer);
    kit_arena_done(&r->arena);
    kit_mutex_done(&r->lock);
    task_news_done(&r->news);
    loop_chan_unref(r->asker.home);
    loop_chan_unref(r->asker.news);
    kit_alloc_free(r);
}

struct task_request *task_request_of(struct loop_msg *m)
{
    return KIT_CONTAINER(m, struct task_request, msg);
}

void task_request_fail(struct task_request *r, enum kit_status rc, const struct kit_err *err)
{
    assert(rc != KIT_OK);
    if (r->status != KIT_OK) {
        return;
    }
    r->status = rc;
    r->err = *err;
    if (err->code != rc) {
        kit_fail(&r->err, rc, "%s", kit_status_text(rc));
    }
}

void task_request_go_home_failed(struct task_request *r, enum kit_status rc, const struct kit_err *err)
{
    task_request_fail(r, rc, err);
    task_request_send_home(r, false);
}

bool task_request_is_cancelled(struct task_request *r)
{
    kit_mutex_lock(&r->lock);
    bool cancelled = r->cancelled;
    kit_mutex_unlock(&r->lock);
    return cancelled;
}

void task_request_send_home(struct task_request *r, bool render_here)
{
    if (render_here) {
        r->asker.render(r);
        r->rendered = true;
    }
    /* Only a closed channel refuses an answer: the asker's loop has ended, nobody waits any more. */
    if (loop_chan_send_answer(r->asker.home, &r->msg) != KIT_OK) {
        task_request_unref(r);
    }
}

/* --- news --- */

void task_request_tell(struct task_request *r)
{
    if (kit_flag_raise(&r->news_sent)) {
        return; /* whoever receives it reads these items too */
    }
    task_request_ref(r);
    if (loop_chan_send_answer(r->asker.news, &r->news_msg) != KIT_OK) {
        kit_flag_set(&r->news_sent, false); /* the asker's loop has ended */
        task_request_unref(r);
    }
}

/* --- the asker's channels --- */

void task_request_receive(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct task_request *r = task_request_of(m);
    r->asker.answered(r);
    task_request_unref(r);
}

void task_request_drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    task_request_unref(task_request_of(m));
}

void task_request_receive_news(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct task_request *r = KIT_CONTAINER(m, struct task_request, news_msg);
    kit_flag_set(&r->news_sent, false); /* before they are read: what comes after that is told anew */
    r->asker.told(r);
    task_request_unref(r);
}

void task_request_drop_news(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    task_request_unref(KIT_CONTAINER(m, struct task_request, news_msg));
}
