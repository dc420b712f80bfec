#include "api/dialect.h"

#include "api/handlers.h"
#include "kit/alloc.h"
#include "task/generate.h"

#define PIECE_BYTES_MAX (8 * KIT_MIB) /* of a streamed answer at a time */
#define TURN_BYTES (32 * KIT_KIB)     /* before the connection takes some */

/* Of an HTTP request whose answer is asked for in a dialect: lives until it was sent or its client has gone. */
struct asking {
    struct api_telling telling;
    struct http_request *h;
    bool begun; /* the reply has */
};

static void free_asking(struct asking *k)
{
    task_request_unref(k->telling.r);
    kit_buf_done(&k->telling.out);
    kit_buf_done(&k->telling.text);
    kit_alloc_free(k->telling.cursors);
    kit_alloc_free(k->telling.finished);
    kit_alloc_free(k);
}

/* --- parsing --- */

static const struct api_dialect *dialect_of(const struct task_request *r)
{
    return r->asker.manner;
}

static enum kit_status parse(struct task_request *r, struct kit_err *err)
{
    const struct api_loop *al = r->asker.ctx;
    return dialect_of(r)->parse(r, al->api, err);
}

static void render(struct task_request *r)
{
    kit_buf_init(&r->answer, API_ANSWER_BYTES_MAX);
    dialect_of(r)->render(r, &r->answer);
}

/* --- telling --- */

static bool streams(const struct task_request *r)
{
    return r->streams && dialect_of(r)->stream_type != NULL;
}

static enum kit_status begin_telling(struct api_telling *t)
{
    uint32_t count = KIT_MAX(task_generate_choices(t->r), 1u);
    t->cursors = kit_alloc_zero(count, sizeof(*t->cursors));
    t->finished = kit_alloc_zero(count, sizeof(*t->finished));
    return t->cursors != NULL && t->finished != NULL ? KIT_OK : KIT_NOMEM;
}

/* One piece of each choice that has one. */
static bool say_pieces(struct api_telling *t)
{
    bool said = false;
    for (uint32_t i = 0; i < task_generate_choices(t->r); i++) {
        struct task_made *m = task_generate_made(t->r, i);
        struct task_piece p;
        bool last = task_made_finish(m) != TASK_FINISH_NONE; /* before it is read: then that is all */
        kit_buf_clear(&t->text);
        if (task_made_read(m, &t->cursors[i], &p, &t->text)) {
            t->dialect->piece(t, i, &p, kit_buf_str(&t->text));
            said = true;
        } else if (last && !t->finished[i]) {
            t->finished[i] = true;
            t->dialect->finish(t, i);
            said = true;
        }
    }
    return said;
}

static void say_end(struct api_telling *t)
{
    t->ended = true;
    if (t->r->status == KIT_OK) {
        t->dialect->end(t);
    } else {
        t->dialect->error(t, &t->r->err);
    }
}

static void say_more(struct api_telling *t)
{
    while (t->out.len < TURN_BYTES && say_pieces(t)) {
        /* until the connection has enough, or nothing is left */
    }
    if (t->out.len < TURN_BYTES && t->home && !t->ended) {
        say_end(t);
    }
}

/* --- the reply --- */

static void leave(struct asking *k)
{
    k->h->user = NULL;
    free_asking(k);
}

static void push(struct asking *k)
{
    struct api_telling *t = &k->telling;
    enum kit_status rc = KIT_OK;
    while (rc == KIT_OK) {
        if (t->out.len == 0) {
            say_more(t);
        }
        if (t->out.failed != KIT_OK || t->text.failed != KIT_OK) {
            struct http_request *h = k->h;
            task_cancel(t->r);
            leave(k);
            http_reply_abort(h);
            return;
        }
        if (t->out.len == 0) {
            break;
        }
        rc = http_reply_chunk(k->h, kit_buf_str(&t->out));
        if (rc == KIT_OK) {
            kit_buf_clear(&t->out);
        }
    }
    if (rc == KIT_OK && t->ended) {
        struct http_request *h = k->h;
        leave(k);
        http_reply_finish(h);
    }
}

static void more(struct http_request *h)
{
    if (h->user != NULL) {
        push(h->user);
    }
}

static void gone(struct http_request *h)
{
    struct asking *k = h->user;
    if (k != NULL) {
        task_cancel(k->telling.r);
        leave(k);
    }
}

static void begin_reply(struct asking *k)
{
    static const struct http_source source = {.more = more, .gone = gone};
    struct api_telling *t = &k->telling;
    k->begun = true;
    http_request_on_gone(k->h, NULL);
    http_reply_field(k->h, "Cache-Control", kit_str_lit("no-store"));
    http_reply_field(k->h, "X-Accel-Buffering", kit_str_lit("no"));
    http_reply_start(k->h, 200, t->dialect->stream_type, -1, &source);
    if (t->dialect->begin != NULL) {
        t->dialect->begin(t);
    }
}

static struct asking *asking_of(struct task_request *r)
{
    struct api_loop *al = r->asker.ctx;
    struct http_request *h = http_server_find(al->server, r->asker.id);
    return h == NULL ? NULL : h->user;
}

static void told(struct task_request *r)
{
    struct asking *k = asking_of(r);
    if (k == NULL || !streams(r)) {
        return;
    }
    if (!k->begun) {
        if (begin_telling(&k->telling) != KIT_OK) {
            return; /* it comes as a whole, which fails then */
        }
        begin_reply(k);
    }
    push(k);
}

static void send_whole(struct asking *k, struct task_request *r)
{
    struct http_request *h = k->h;
    http_request_on_gone(h, NULL);
    if (r->status == KIT_OK && api_asker_render(r)) {
        api_send_json(h, 200, &r->answer);
    } else {
        dialect_of(r)->fail(h, &r->err);
    }
    leave(k);
}

/* The answer is there, and what must be done first is done. */
void api_dialect_settled(struct task_request *r)
{
    struct asking *k = asking_of(r);
    if (k == NULL) {
        return;
    }
    k->telling.home = true;
    if (streams(r) && r->status == KIT_OK) {
        told(r);
    }
    k = asking_of(r);
    if (k != NULL && k->begun) {
        push(k);
    } else if (k != NULL) {
        send_whole(k, r);
    }
}

static void answered(struct task_request *r)
{
    if (dialect_of(r)->after != NULL) {
        const struct api_loop *al = r->asker.ctx;
        dialect_of(r)->after(al->api, r);
    }
    bool settles = dialect_of(r)->settle != NULL && r->status == KIT_OK && asking_of(r) != NULL;
    if (!settles || !dialect_of(r)->settle(r)) {
        api_dialect_settled(r);
    }
}

/* --- asking --- */

static enum kit_status keep_own(struct task_request *r, struct api_own *mine, struct kit_err *err)
{
    if (mine->own != NULL && kit_arena_defer(&r->arena, mine->free, mine->own) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a request");
    }
    mine->own = NULL; /* it goes with the request */
    return KIT_OK;
}

void api_dialect_ask(struct http_request *h, struct api *a, const struct api_dialect *dialect)
{
    api_dialect_ask_with(h, a, dialect, &(struct api_own){0});
}

void api_dialect_ask_with(struct http_request *h, struct api *a, const struct api_dialect *dialect,
                          const struct api_own *own)
{
    struct api_own mine = *own;
    struct api_origin from = api_origin_of(a, h);
    struct task_asker how = {.parse = parse,
                             .render = render,
                             .answered = answered,
                             .told = dialect->stream_type != NULL ? told : NULL,
                             .manner = dialect,
                             .own = mine.own,
                             .id = h->id};
    struct asking *k = kit_alloc_zero(1, sizeof(*k));
    struct kit_err err = {0};
    enum kit_status rc = k == NULL ? kit_fail(&err, KIT_NOMEM, "out of memory for a request")
                                   : api_asker_new(&from, &how, h->body.len + mine.bytes, &k->telling.r, &err);
    if (rc == KIT_OK) {
        rc = keep_own(k->telling.r, &mine, &err);
    }
    if (rc == KIT_OK) {
        rc = api_asker_take_body(k->telling.r, h, &err);
    }
    if (rc != KIT_OK) {
        if (mine.own != NULL) {
            mine.free(mine.own);
        }
        if (k != NULL) {
            free_asking(k);
        }
        dialect->fail(h, &err);
        return;
    }
    k->h = h;
    k->telling.dialect = dialect;
    k->telling.created_s = kit_clock_wall_ns() / KIT_NS_PER_S;
    kit_buf_init(&k->telling.out, PIECE_BYTES_MAX);
    kit_buf_init(&k->telling.text, PIECE_BYTES_MAX);
    h->user = k;
    http_request_on_gone(h, gone);
    task_submit(k->telling.r);
}

void api_put_object(struct kit_json_writer *w, kit_str json)
{
    struct kit_json_doc *doc = NULL;
    if (json.len == 0) {
        kit_json_put_raw(w, kit_str_lit("{}"));
    } else if (kit_json_parse(json, KIT_JSON_DEPTH_MAX, &doc, NULL) == KIT_OK) {
        kit_json_put_raw(w, json);
    } else {
        kit_json_put_str(w, json);
    }
    kit_json_free(doc);
}

/* --- server-sent events --- */

void api_dialect_event_begin(struct api_telling *t, const char *event, struct kit_json_writer *w)
{
    if (event != NULL) {
        kit_buf_printf(&t->out, "event: %s\n", event);
    }
    kit_buf_add(&t->out, kit_str_lit("data: "));
    kit_json_writer_init(w, &t->out);
    t->said++;
}

void api_dialect_event_end(struct api_telling *t)
{
    kit_buf_add(&t->out, kit_str_lit("\n\n"));
}
