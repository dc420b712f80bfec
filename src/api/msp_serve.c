/* POST /serve {"model","inputs","task"?,"parameters"?,"timeout_ms"?,"priority"?}
 * -> {"id","model","version","task","outputs","usage":{"tokens"},"timing":{"queue_ms","compute_ms","total_ms"}} */
#include "api/handlers.h"

#include "api/asker.h"
#include "api/msp_question.h"

static enum kit_status parse(struct task_request *r, struct kit_err *err)
{
    const struct api_loop *al = r->asker.ctx;
    return api_msp_question_parse(r, al->api, err);
}

static void render(struct task_request *r)
{
    struct kit_json_writer w;
    api_asker_begin(&w, r);
    kit_json_member_c(&w, "id", r->request_id);
    api_asker_end(&w, r);
}

static void answered(struct task_request *r)
{
    struct api_loop *al = r->asker.ctx;
    struct http_request *h = http_server_find(al->server, r->asker.id);
    if (h == NULL) {
        return; /* gone, and its reference with it */
    }
    http_request_on_gone(h, NULL);
    h->user = NULL;
    if (r->status == KIT_OK && api_asker_render(r)) {
        api_send_json(h, 200, &r->answer);
    } else {
        api_error_send(h, &r->err);
    }
    task_request_unref(r);
}

static void gone(struct http_request *h)
{
    struct task_request *r = h->user;
    h->user = NULL;
    task_cancel(r);
    task_request_unref(r);
}

void api_serve(struct http_request *h, void *ctx)
{
    struct api_origin from = api_origin_of(ctx, h);
    struct task_asker how = {.parse = parse, .render = render, .answered = answered, .id = h->id};
    struct task_request *r = NULL;
    struct kit_err err = {0};
    enum kit_status rc = api_asker_new(&from, &how, h->body.len, &r, &err);
    if (rc == KIT_OK) {
        rc = api_asker_take_body(r, h, &err);
    }
    if (rc != KIT_OK) {
        task_request_unref(r);
        api_error_send(h, &err);
        return;
    }
    h->user = r; /* the asker's reference */
    http_request_on_gone(h, gone);
    task_submit(r);
}
