/* POST /serve {"model","inputs","task"?,"parameters"?,"timeout_ms"?,"priority"?}
 * -> {"id","model","version","task","outputs","usage":{"tokens"},"timing":{"queue_ms","compute_ms","total_ms"}} */
#include "api/handlers.h"

#include <string.h>

#include "api/msp_question.h"
#include "api/outputs.h"
#include "api/serve.h"
#include "kit/alloc.h"

#define ANSWER_BYTES_MAX (512 * KIT_MIB)
/* What a question may take: its body, the texts in it again, and a row's books for each text that is allowed. */
#define ARENA_OVER_BODY 8
#define ARENA_PER_TEXT 128
#define ARENA_BYTES_MIN (64 * KIT_KIB)

/* --- the answer --- */

static void write_timing(struct kit_json_writer *w, const struct sched_job *job)
{
    uint64_t started_ns = job->started_ns > 0 ? job->started_ns : job->finished_ns;
    kit_json_key(w, "timing");
    kit_json_open(w, '{');
    kit_json_member_ms(w, "queue_ms", started_ns - job->submitted_ns);
    kit_json_member_ms(w, "compute_ms", job->compute_ns);
    kit_json_member_ms(w, "total_ms", job->finished_ns - job->submitted_ns);
    kit_json_close(w, '}');
}

static void render(struct task_request *r)
{
    struct kit_json_writer w;
    kit_buf_init(&r->answer, ANSWER_BYTES_MAX);
    kit_json_writer_init(&w, &r->answer);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "id", r->request_id);
    kit_json_member_c(&w, "model", r->model_id);
    kit_json_member_u64(&w, "version", r->version);
    kit_json_member_c(&w, "task", task_kind_text(r->kind));
    kit_json_key(&w, "outputs");
    api_outputs_write(&w, r);
    kit_json_key(&w, "usage");
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "tokens", r->tokens);
    kit_json_member_u64(&w, "truncated", r->truncated);
    kit_json_close(&w, '}');
    write_timing(&w, &r->job);
    kit_json_close(&w, '}');
}

static void send(struct http_request *h, struct task_request *r)
{
    http_request_on_gone(h, NULL);
    h->user = NULL;
    if (r->status != KIT_OK) {
        api_error_send(h, &r->err);
        return;
    }
    if (!r->rendered) {
        r->asker.render(r);
    }
    api_send_json(h, 200, &r->answer);
}

void api_serve_receive(void *ctx, struct loop_msg *m)
{
    struct api_loop *al = ctx;
    struct task_request *r = task_request_of(m);
    struct http_request *h = http_server_find(al->server, r->asker.id);
    if (h != NULL) {
        send(h, r);
        task_request_unref(r); /* the asker's */
    }
    task_request_unref(r); /* the work's, which came with the message */
}

void api_serve_drop(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    task_request_unref(task_request_of(m));
}

/* --- the question --- */

static void gone(struct http_request *h)
{
    struct task_request *r = h->user;
    h->user = NULL;
    task_cancel(r);
    task_request_unref(r);
}

static enum kit_status parse(struct task_request *r, struct kit_err *err)
{
    return api_question_parse(r, r->asker.ctx, err);
}

static enum kit_status take_body(struct task_request *r, struct http_request *h, struct kit_err *err)
{
    _Static_assert(sizeof(r->request_id) == sizeof(h->request_id), "one size for request ids");
    memcpy(r->request_id, h->request_id, sizeof(r->request_id));
    r->principal = kit_str_hash(h->principal);
    r->deadline_ns = h->deadline_ns;
    size_t len = 0;
    char *body = http_request_take_body(h, &len);
    if (body != NULL && kit_arena_defer(&r->arena, kit_alloc_free, body) != KIT_OK) {
        kit_alloc_free(body);
        return kit_fail(err, KIT_NOMEM, "out of memory for a question of %zu bytes", len);
    }
    r->body = (kit_str){.ptr = body, .len = len}; /* the request's now, as long as its arena */
    return KIT_OK;
}

static enum kit_status ask(struct http_request *h, struct api *a, struct task_request **ret, struct kit_err *err)
{
    struct api_loop *al = api_loop_of(a, h->server);
    struct task_asker asker = {.parse = parse, .render = render, .home = al->home, .id = h->id, .ctx = a};
    struct task_request *r = NULL;
    size_t arena_bytes_max =
        ARENA_BYTES_MIN + ARENA_OVER_BODY * h->body.len + ARENA_PER_TEXT * (size_t)a->options.texts_max;
    enum kit_status rc = task_request_new(a->tasks, &asker, arena_bytes_max, &r, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = take_body(r, h, err);
    if (rc != KIT_OK) {
        task_request_unref(r);
        return rc;
    }
    *ret = r;
    return KIT_OK;
}

void api_serve(struct http_request *h, void *ctx)
{
    struct api *a = ctx;
    struct kit_err err = {0};
    struct task_request *r = NULL;
    if (ask(h, a, &r, &err) != KIT_OK) {
        api_error_send(h, &err);
        return;
    }
    h->user = r; /* the asker's reference */
    http_request_on_gone(h, gone);
    task_submit(r);
}
