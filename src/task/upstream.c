#include "task/upstream.h"

#include "kit/alloc.h"
#include "task/generate.h"
#include "task/pooling.h"
#include "task/words.h"

#define BODY_BYTES_MAX (128 * KIT_MIB)

static struct task_upstream *upstream_of(struct remote_call *c)
{
    return KIT_CONTAINER(c, struct task_upstream, call);
}

/* --- the answer --- */

static enum kit_status value(struct remote_call *c, kit_json v, struct kit_err *err)
{
    struct task_upstream *u = upstream_of(c);
    bool generate = u->r->kind == TASK_GENERATE;
    enum kit_status rc = generate ? u->words->made(u, v, err) : u->words->embedded(u, v, err);
    if (generate && task_request_tells(u->r)) {
        task_request_tell(u->r);
    }
    return rc;
}

static void end_choices(struct task_upstream *u)
{
    struct task_request *r = u->r;
    uint64_t now_ns = kit_clock_ns();
    for (uint32_t i = 0; i < task_generate_choices(r); i++) {
        struct task_choice *c = task_choices_at(r, i);
        struct sched_sequence *s = &c->sequence;
        s->submitted_ns = s->started_ns = u->call.asked_ns;
        s->first_ns = s->first_ns > 0 ? s->first_ns : now_ns;
        s->finished_ns = now_ns;
        if (r->status == KIT_OK) {
            task_made_end(&c->made, c->finish != TASK_FINISH_NONE ? c->finish : TASK_FINISH_STOP, -1);
        }
    }
    task_choices_keep_times(r);
}

static void end_vectors(struct task_upstream *u)
{
    struct task_request *r = u->r;
    struct kit_err err;
    if (r->status == KIT_OK && u->vectors != r->inputs.text_count) {
        task_request_fail(r,
                          kit_fail(&err, KIT_IO, "upstream '%s' answers with %u vectors to %u texts",
                                   remote_upstream_name(u->at), u->vectors, r->inputs.text_count),
                          &err);
    }
    for (uint32_t i = 0; r->status == KIT_OK && r->parameters.normalize && i < u->vectors; i++) {
        task_pooling_normalize(r->vectors + (size_t)i * r->stride, r->dimensions);
    }
    r->job.submitted_ns = r->job.started_ns = u->call.asked_ns;
    r->job.finished_ns = kit_clock_ns();
}

static void tell_items(struct task_request *r)
{
    for (uint32_t i = 0; i < r->inputs.item_count; i++) {
        task_news_add(&r->news, i);
    }
    task_request_tell(r);
}

static void done(struct remote_call *c, enum kit_status rc, const struct kit_err *err)
{
    struct task_upstream *u = upstream_of(c);
    struct task_request *r = u->r;
    if (rc != KIT_OK) {
        task_request_fail(r, rc, err);
    }
    if (r->kind == TASK_GENERATE) {
        end_choices(u);
    } else {
        end_vectors(u);
    }
    if (r->status == KIT_OK && task_request_tells(r)) {
        tell_items(r);
    }
    task_request_send_home(r, false);
}

/* --- the question --- */

static bool suits(const struct task_request *r)
{
    bool text = r->inputs.shape == TASK_SHAPE_TEXT;
    bool chat = r->inputs.shape == TASK_SHAPE_CHAT && r->inputs.item_count == 1;
    return r->kind == TASK_EMBED ? text : r->kind == TASK_GENERATE && (text || chat);
}

static enum kit_status check(struct task_upstream *u, struct kit_err *err)
{
    struct task_request *r = u->r;
    r->kind = r->kind == TASK_DEFAULT ? TASK_GENERATE : r->kind;
    if (!suits(r)) {
        return kit_fail_param(err, KIT_UNPROCESSABLE, "task",
                              "model '%s' is served by '%s', which can be asked to 'generate' from texts or a "
                              "conversation, and to 'embed' texts",
                              r->model_id, remote_upstream_name(u->at));
    }
    if (task_parameters_has(&r->parameters, "logprobs")) {
        return task_words_cannot(u, "log probabilities", err);
    }
    if (r->parameters.adapter.len > 0) {
        return task_words_cannot(u, "an adapter", err);
    }
    if (r->parameters.pooling != TASK_POOLING_OWN) {
        return task_words_cannot(u, "another pooling than its own", err);
    }
    return task_parameters_suit(&r->parameters, r->kind, err);
}

static enum kit_status write_body(struct task_upstream *u, struct kit_err *err)
{
    struct kit_json_writer w;
    kit_buf_init(&u->body, BODY_BYTES_MAX);
    kit_json_writer_init(&w, &u->body);
    enum kit_status rc = u->words->write(u, &w, err);
    if (rc == KIT_OK && u->body.failed != KIT_OK) {
        rc = kit_fail(err, u->body.failed == KIT_FULL ? KIT_TOO_LARGE : KIT_NOMEM, "no room for the question to '%s'",
                      remote_upstream_name(u->at));
    }
    return rc;
}

static enum kit_status prepare(struct task_upstream *u, struct kit_err *err)
{
    struct task_request *r = u->r;
    enum kit_status rc = check(u, err);
    if (rc == KIT_OK) {
        rc = write_body(u, err);
    }
    if (rc == KIT_OK && r->kind == TASK_GENERATE) {
        rc = task_choices_new(r, err);
        u->open = task_generate_choices(r);
    }
    if (rc == KIT_OK && task_request_tells(r) && task_news_open(&r->news, &r->arena, r->inputs.item_count) != KIT_OK) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for %u inputs", r->inputs.item_count);
    }
    u->call.path = r->kind == TASK_EMBED                ? u->words->embed
                   : r->inputs.shape == TASK_SHAPE_CHAT ? u->words->chat
                                                        : u->words->text;
    u->call.form = r->kind == TASK_EMBED ? REMOTE_WHOLE : u->words->form;
    u->call.body = kit_buf_str(&u->body);
    u->call.deadline_ns = r->deadline_ns;
    u->call.value = value;
    u->call.done = done;
    return rc;
}

/* Under the request's lock, as task/service.c queues others: a cancel comes before or after. */
static enum kit_status send(struct task_upstream *u, struct kit_err *err)
{
    struct task_request *r = u->r;
    kit_mutex_lock(&r->lock);
    enum kit_status rc = r->cancelled ? kit_fail(err, KIT_CANCELLED, "cancelled by the caller")
                                      : remote_ask(u->remote, u->at, &u->call, err);
    r->queued = rc == KIT_OK;
    kit_mutex_unlock(&r->lock);
    return rc;
}

void task_upstream_ask(struct task_request *r, struct remote *remote, struct remote_upstream *at, enum remote_kind kind)
{
    struct kit_err err = {0};
    struct task_upstream *u = kit_alloc_zero(1, sizeof(*u));
    if (u == NULL) {
        task_request_go_home_failed(r, kit_fail(&err, KIT_NOMEM, "out of memory for a request"), &err);
        return;
    }
    u->remote = remote;
    u->at = at;
    u->r = r;
    u->words = kind == REMOTE_OLLAMA ? &task_words_ollama : &task_words_openai;
    kit_mutex_lock(&r->lock);
    r->upstream = u;
    kit_mutex_unlock(&r->lock);
    r->version = 1;
    task_request_ref(r); /* send gives r away while its lock is held */
    enum kit_status rc = prepare(u, &err);
    if (rc == KIT_OK) {
        rc = send(u, &err);
    }
    if (rc != KIT_OK) {
        task_request_go_home_failed(r, rc, &err);
    }
    task_request_unref(r);
}

void task_upstream_cancel(struct task_upstream *u)
{
    remote_cancel(u->remote, &u->call);
}

void task_upstream_free(struct task_upstream *u)
{
    if (u != NULL) {
        kit_buf_done(&u->body);
        kit_alloc_free(u);
    }
}
