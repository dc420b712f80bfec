/* POST /serve {"model","inputs","task"?,"parameters"?,"timeout_ms"?,"priority"?}
 * -> {"id","model","version","task","outputs","usage":{"tokens"},"timing":{"queue_ms","compute_ms","total_ms"}} */
#include "api/handlers.h"

#include <string.h>

#include "api/msp_question.h"
#include "api/serve.h"
#include "api/tensors.h"
#include "kit/alloc.h"

#define ANSWER_BYTES_MAX (512 * KIT_MIB)
#define ARENA_OVER_BODY 8 /* arena bytes for each byte of the body: texts, rows, ids */
#define ARENA_BYTES_MIN (64 * KIT_KIB)

/* --- the answer --- */

static void write_outputs(struct kit_json_writer *w, const struct task_request *r)
{
    kit_json_key(w, "outputs");
    if (r->kind == TASK_RAW) {
        api_tensors_write(w, r->outputs.tensor, r->outputs.count);
        return;
    }
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < r->text_count; i++) {
        kit_json_put_f32s(w, r->vectors + (size_t)i * r->dimensions, r->dimensions);
    }
    kit_json_close(w, ']');
}

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
    write_outputs(&w, r);
    kit_json_key(&w, "usage");
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "tokens", r->tokens);
    kit_json_close(&w, '}');
    write_timing(&w, &r->job);
    kit_json_close(&w, '}');
}

static void send(struct http_request *h, struct task_request *r)
{
    http_request_on_gone(h, NULL);
    h->user = NULL;
    if (r->status != KIT_OK) {
        api_error_send(h, &r->err, r->retry_after_ms);
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

static void parse_and_submit(struct task_request *r)
{
    struct kit_err err = {0};
    const struct api *a = r->asker.ctx;
    if (api_question_parse(r, a, &err) == KIT_OK) {
        task_submit(r);
        return;
    }
    task_request_ref(r); /* the message's */
    task_request_fail(r, &err);
    task_request_send_home(r, false);
}

static void parse_on_pool(struct loop_work_job *job)
{
    parse_and_submit(KIT_CONTAINER(job, struct task_request, work));
}

static enum kit_status copy_body(struct task_request *r, const struct http_request *h, struct kit_err *err)
{
    memcpy(r->request_id, h->request_id, sizeof(r->request_id));
    r->principal = kit_str_hash(h->principal);
    r->deadline_ns = h->deadline_ns;
    if (kit_arena_str(&r->arena, h->body, &r->body) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a question of %zu bytes", h->body.len);
    }
    return KIT_OK;
}

static enum kit_status ask(struct http_request *h, struct api *a, struct task_request **ret, struct kit_err *err)
{
    struct api_loop *al = api_loop_of(a, h->server);
    struct task_asker asker = {.render = render, .home = al->home, .id = h->id, .ctx = a};
    struct task_request *r = NULL;
    enum kit_status rc = task_request_new(a->tasks, &asker, ARENA_BYTES_MIN + ARENA_OVER_BODY * h->body.len, &r, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = copy_body(r, h, err);
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
        api_error_send(h, &err, 0);
        return;
    }
    h->user = r; /* the asker's reference */
    http_request_on_gone(h, gone);
    if (h->body.len <= a->options.inline_bytes_max) {
        parse_and_submit(r);
        return;
    }
    r->on_pool = true;
    r->work.run = parse_on_pool;
    if (loop_work_submit(a->work, &r->work) != KIT_OK) {
        kit_fail(&err, KIT_FULL, "the work pool is full: try again later");
        http_request_on_gone(h, NULL);
        h->user = NULL;
        task_request_unref(r);
        api_error_send(h, &err, 1000);
    }
}
