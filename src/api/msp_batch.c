/* POST /serve/batch {"requests":[{"id"?,"model","inputs",…}]} -> {"results":[{"id","status":200,…}]} in the order asked.
 *
 * Each request goes its own way to task/ and has a status of its own; a bad one fails nobody else. The reply begins with the
 * first result and is pulled by the connection: a result is rendered when its turn comes (a large one before, on the work
 * pool) and freed when it is sent. A long body is parsed, and its questions are handed over, on the work pool. */
#include "api/handlers.h"

#include <stdlib.h>
#include <string.h>

#include "api/asker.h"
#include "api/errand.h"
#include "api/msp_question.h"
#include "kit/alloc.h"

#define PIECE_BYTES (32 * KIT_KIB)         /* of the reply, at a time */
#define PIECE_BYTES_MAX (PIECE_BYTES + 64) /* and what stands between results */

/* Shared by the HTTP request, which reads results, and by an errand that makes the questions. `made` and `left` are how
 * they meet: whoever comes second cancels what is there. */
struct batch {
    struct api_errand errand;
    struct kit_ref refs;
    struct api_origin from;
    kit_id request;
    char *body; /* owned, until it is parsed */
    size_t body_len;
    enum kit_status status; /* of the envelope: nothing was made when it is not OK */
    struct kit_err err;
    struct task_request **questions; /* [count]; a reference each; NULL: its result was sent */
    uint32_t count, texts;
    struct kit_flag made; /* questions and count are set */
    struct kit_flag left; /* the client has */

    /* The reply; the loop's. */
    bool *home; /* [count]: its answer is there */
    uint32_t next;
    size_t at; /* of the next one's answer: bytes that are in `piece` or sent */
    struct kit_buf piece;
};

static void batch_unref(struct batch *b)
{
    if (!kit_ref_down(&b->refs)) {
        return;
    }
    for (uint32_t i = 0; i < b->count; i++) {
        task_request_unref(b->questions[i]);
    }
    kit_buf_done(&b->piece);
    kit_alloc_free(b->questions);
    kit_alloc_free(b->home);
    kit_alloc_free(b->body);
    kit_alloc_free(b);
}

/* --- a result --- */

static void render(struct task_request *r)
{
    struct kit_json_writer w;
    api_asker_begin(&w, r);
    kit_json_member_str(&w, "id", r->tag);
    kit_json_member_u64(&w, "status", 200);
    api_asker_end(&w, r);
}

static void render_error(struct task_request *r)
{
    struct kit_json_writer w;
    kit_buf_done(&r->answer);
    api_asker_begin(&w, r);
    kit_json_member_str(&w, "id", r->tag);
    kit_json_member_u64(&w, "status", (uint64_t)kit_status_http(r->err.code));
    kit_json_key(&w, "error");
    api_error_write(&w, &r->err, r->request_id);
    kit_json_close(&w, '}');
}

/* Copies as much of the next result as there is room for; at its end, the next one's turn comes. */
static void add_result(struct batch *b)
{
    struct task_request *r = b->questions[b->next];
    if (b->at == 0) {
        kit_buf_add(&b->piece, b->next == 0 ? kit_str_lit("{\"results\":[") : kit_str_lit(","));
        if (r->status != KIT_OK || !api_asker_render(r)) {
            render_error(r);
        }
        b->piece.failed = r->answer.failed;
    }
    kit_str rest = kit_str_sub(kit_buf_str(&r->answer), b->at, PIECE_BYTES - KIT_MIN(b->piece.len, PIECE_BYTES));
    kit_buf_add(&b->piece, rest);
    b->at += rest.len;
    if (b->at < r->answer.len) {
        return;
    }
    b->questions[b->next++] = NULL;
    b->at = 0;
    task_request_unref(r);
    if (b->next == b->count) {
        kit_buf_add(&b->piece, kit_str_lit("]}\n"));
    }
}

/* --- the reply --- */

static void leave(struct http_request *h)
{
    struct batch *b = h->user;
    h->user = NULL;
    kit_flag_set(&b->left, true);
    for (uint32_t i = 0; kit_flag_get(&b->made) && i < b->count; i++) {
        if (b->questions[i] != NULL) {
            task_cancel(b->questions[i]);
        }
    }
    batch_unref(b);
}

static void more(struct http_request *h)
{
    struct batch *b = h->user;
    while (b->piece.len > 0 || (b->next < b->count && b->home[b->next])) {
        while (b->piece.len < PIECE_BYTES && b->next < b->count && b->home[b->next]) {
            add_result(b);
        }
        if (b->piece.failed != KIT_OK) {
            leave(h);
            http_reply_abort(h);
            return;
        }
        if (http_reply_chunk(h, kit_buf_str(&b->piece)) != KIT_OK) {
            return; /* it stays for the next call, or `gone` follows */
        }
        kit_buf_clear(&b->piece);
    }
    if (b->next == b->count) {
        h->user = NULL;
        http_reply_finish(h);
        batch_unref(b);
    }
}

static void answered(struct task_request *r)
{
    static const struct http_source source = {.more = more, .gone = leave};
    struct api_loop *al = r->asker.ctx;
    struct http_request *h = http_server_find(al->server, r->asker.id);
    if (h == NULL) {
        return;
    }
    struct batch *b = h->user;
    b->home[r->asker.part.slot] = true;
    if (r->asker.part.slot != b->next) {
        return; /* others come before it */
    }
    if (!http_reply_started(h)) {
        http_request_on_gone(h, NULL); /* the source's tells from here on */
        http_reply_start(h, 200, "application/json", -1, &source);
    }
    more(h);
}

/* --- the questions --- */

static enum kit_status name_by_index(struct task_request *r, uint32_t index, struct kit_err *err)
{
    char *text = kit_arena_printf(&r->arena, "%u", index);
    if (text == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for an id");
    }
    r->tag = kit_str_c(text);
    return KIT_OK;
}

static enum kit_status read_question(struct batch *b, struct task_request *r, kit_json question, struct kit_err *err)
{
    static const char *const around[] = {"id", NULL};
    enum kit_status rc = api_asker_take_id(r, question, err);
    return rc == KIT_OK ? api_msp_question_read(r, question, around, b->from.loop->api, err) : rc;
}

/* A question that is wrong is there, too, as failed. */
static enum kit_status make_question(struct batch *b, kit_json question, uint32_t index, struct kit_err *err)
{
    struct task_asker how = {.render = render, .answered = answered, .id = b->request, .part = {.slot = index}};
    struct kit_err wrong = {0};
    enum kit_status rc = api_asker_new(&b->from, &how, b->body_len, &b->questions[index], err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct task_request *r = b->questions[index];
    rc = read_question(b, r, question, &wrong);
    if (rc != KIT_OK) {
        task_request_fail(r, rc, &wrong);
    }
    b->texts += r->inputs.text_count;
    return r->tag.len == 0 ? name_by_index(r, index, err) : KIT_OK;
}

static int compare_tags(const void *a, const void *b)
{
    const struct task_request *x = *(struct task_request *const *)a, *y = *(struct task_request *const *)b;
    int order = kit_str_cmp(x->tag, y->tag);
    return order != 0 ? order : (x->asker.part.slot > y->asker.part.slot) - (x->asker.part.slot < y->asker.part.slot);
}

/* Who reads results by id must not take one for another: of two with the same id the second fails. */
static enum kit_status check_tags(struct batch *b, struct kit_err *err)
{
    struct task_request **sorted = kit_alloc_copy(b->questions, b->count * sizeof(struct task_request *));
    if (sorted == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u requests", b->count);
    }
    qsort(sorted, b->count, sizeof(struct task_request *), compare_tags);
    for (uint32_t i = 1; i < b->count; i++) {
        if (kit_str_eq(sorted[i]->tag, sorted[i - 1]->tag)) {
            struct kit_err same = {0};
            kit_fail_param(&same, KIT_INVALID, "id",
                           "requests[%u] has the id of requests[%u]: give each its own, or none (then it is its index)",
                           sorted[i]->asker.part.slot, sorted[i - 1]->asker.part.slot);
            task_request_fail(sorted[i], KIT_INVALID, &same);
        }
    }
    kit_alloc_free(sorted);
    return KIT_OK;
}

static enum kit_status make_room(struct batch *b, kit_json requests, struct kit_err *err)
{
    uint32_t max = b->from.loop->api->options.requests_max;
    size_t count = kit_json_count(requests);
    if (kit_json_type(requests) != KIT_JSON_ARRAY || count == 0) {
        return kit_fail_param(err, KIT_INVALID, "requests", "'requests' must be an array of 1 to %u questions", max);
    }
    if (count > max) {
        return kit_fail_param(err, KIT_TOO_LARGE, "requests",
                              "'requests' has %zu questions, but may have %u: send the rest in another batch", count,
                              max);
    }
    b->questions = kit_alloc_zero(count, sizeof(struct task_request *));
    b->home = kit_alloc_zero(count, sizeof(*b->home));
    if (b->questions == NULL || b->home == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %zu requests", count);
    }
    b->count = (uint32_t)count;
    return KIT_OK;
}

static enum kit_status check_envelope(kit_json root, struct kit_err *err)
{
    if (kit_json_type(root) != KIT_JSON_OBJECT) {
        return kit_fail(err, KIT_INVALID, "the body must be a JSON object {\"requests\":[…]}, but is %s",
                        kit_json_type_name(root));
    }
    for (struct kit_json_iter i = kit_json_iter(root); kit_json_next(&i);) {
        if (!kit_str_eq(i.key, kit_str_lit("requests"))) {
            char name[KIT_ERR_PARAM_BYTES];
            kit_str_to_c(i.key, name, sizeof(name));
            return kit_fail_param(err, KIT_INVALID, name, "'%s' is not a field of a batch (known: requests)", name);
        }
    }
    return KIT_OK;
}

static enum kit_status read_envelope(struct batch *b, kit_json root, struct kit_err *err)
{
    kit_json requests = kit_json_get(root, "requests");
    uint32_t texts_max = b->from.loop->api->options.texts_max;
    enum kit_status rc = check_envelope(root, err);
    if (rc == KIT_OK) {
        rc = make_room(b, requests, err);
    }
    for (struct kit_json_iter i = kit_json_iter(requests); rc == KIT_OK && kit_json_next(&i);) {
        rc = make_question(b, i.value, (uint32_t)i.index, err);
        if (rc == KIT_OK && b->texts > texts_max) {
            rc = kit_fail_param(err, KIT_TOO_LARGE, "requests",
                                "the requests have more than %u texts together: send them in several batches",
                                texts_max);
        }
    }
    return rc == KIT_OK ? check_tags(b, err) : rc;
}

static void hand_over(struct batch *b)
{
    kit_flag_set(&b->made, true);
    for (uint32_t i = 0; i < b->count; i++) {
        struct task_request *r = b->questions[i];
        if (kit_flag_get(&b->left)) {
            task_cancel(r);
        }
        if (r->status == KIT_OK) {
            task_submit(r);
        } else {
            task_request_send_home(task_request_ref(r), false);
        }
    }
}

/* The loop, or the work pool for long bodies. */
static void parse(struct batch *b)
{
    struct kit_json_doc *doc = NULL;
    kit_str body = {.ptr = b->body, .len = b->body_len};
    b->status = api_json_parse(b->from.loop->api, body, &doc, &b->err);
    if (b->status == KIT_OK) {
        b->status = read_envelope(b, kit_json_root(doc), &b->err);
    }
    kit_json_free(doc);
    kit_alloc_free(b->body);
    b->body = NULL;
    if (b->status == KIT_OK) {
        hand_over(b);
    }
}

/* Parsed. Answers go their own way; an envelope that is wrong has none. */
static void parsed(struct batch *b)
{
    struct http_request *h = http_server_find(b->from.loop->server, b->request);
    if (b->status == KIT_OK || h == NULL) {
        return;
    }
    http_request_on_gone(h, NULL);
    h->user = NULL;
    api_error_send(h, &b->err);
    batch_unref(b); /* the request's */
}

static void run_errand(struct api_errand *e)
{
    parse(KIT_CONTAINER(e, struct batch, errand));
}

static void end_errand(struct api_errand *e)
{
    struct batch *b = KIT_CONTAINER(e, struct batch, errand);
    parsed(b);
    batch_unref(b);
}

static void drop_errand(struct api_errand *e)
{
    batch_unref(KIT_CONTAINER(e, struct batch, errand));
}

static struct batch *batch_new(struct api *a, struct http_request *h)
{
    struct batch *b = kit_alloc_zero(1, sizeof(*b));
    if (b != NULL) {
        kit_ref_init(&b->refs);
        kit_buf_init(&b->piece, PIECE_BYTES_MAX);
        b->from = api_origin_of(a, h);
        b->request = h->id;
        b->body = http_request_take_body(h, &b->body_len);
        b->errand.run = run_errand;
        b->errand.back = end_errand;
        b->errand.drop = drop_errand;
    }
    return b;
}

static enum kit_status send_errand(struct batch *b, struct kit_err *err)
{
    kit_ref_up(&b->refs);
    enum kit_status rc = api_errand_go(&b->errand, b->from.loop, err);
    if (rc != KIT_OK) {
        batch_unref(b);
    }
    return rc;
}

void api_serve_batch(struct http_request *h, void *ctx)
{
    struct api *a = ctx;
    struct batch *b = batch_new(a, h);
    struct kit_err err = {0};
    if (b == NULL) {
        kit_fail(&err, KIT_NOMEM, "out of memory for a batch");
        api_error_send(h, &err);
        return;
    }
    h->user = b;
    http_request_on_gone(h, leave);
    if (b->body_len <= a->options.inline_bytes_max) {
        parse(b);
        parsed(b);
    } else if (send_errand(b, &b->err) != KIT_OK) {
        b->status = b->err.code;
        parsed(b);
    }
}
