#include "api/api.h"

#include "api/errand.h"
#include "api/anthropic.h"
#include "api/handlers.h"
#include "api/ollama.h"
#include "api/openai.h"
#include "api/tei.h"
#include "api/watch.h"
#include "kit/alloc.h"

#define JSON_DEPTH_MAX 64
#define HOME_MAX 65536 /* answers are bounded by what was accepted; this is only a ceiling for wakes */

static const struct http_route routes[] = {
#define ACCESS_OPEN true
#define ACCESS_KEY false
#define WORDS_MSP api_error_send
#define WORDS_OPENAI api_openai_fail
#define WORDS_ANTHROPIC api_anthropic_fail
#define WORDS_OLLAMA api_ollama_fail
#define WORDS_TEI api_tei_fail
#define ROUTE(method_, pattern_, access_, body_, words_, handler_, name_)                                              \
    {.method = HTTP_##method_,                                                                                         \
     .pattern = pattern_,                                                                                              \
     .body = HTTP_BODY_##body_,                                                                                        \
     .handler = {.handle = handler_, .fail = WORDS_##words_},                                                          \
     .name = name_,                                                                                                    \
     .open = ACCESS_##access_},
#include "api/routes.def"
#undef ROUTE
};

/* --- the channels of a loop: open as long as it runs, in memory as long as other threads work for it --- */

static enum kit_status open_channel(struct loop *l, const struct loop_chan_options *options, struct loop_chan **ret,
                                    struct kit_err *err)
{
    enum kit_status rc = loop_chan_new(l, options, ret, err);
    if (rc == KIT_OK) {
        loop_chan_ref(*ret);
    }
    return rc;
}

static enum kit_status open_channels(struct api_loop *al, struct loop *l, struct kit_err *err)
{
    struct {
        struct loop_chan **chan;
        struct loop_chan_options options;
    } rows[] = {
        {&al->home, {.receive = task_request_receive, .drop = task_request_drop}},
        {&al->news, {.receive = task_request_receive_news, .drop = task_request_drop_news}},
        {&al->errands, {.receive = api_errand_receive, .drop = api_errand_dropped}},
        {&al->stored, {.receive = store_tx_receive, .drop = store_tx_drop}},
        {&al->wakes, {.receive = api_watch_receive, .drop = api_watch_receive}}, /* closed ones free themselves */
    };
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(rows); i++) {
        rows[i].options.max = HOME_MAX;
        rows[i].options.ctx = al;
        rc = open_channel(l, &rows[i].options, rows[i].chan, err);
    }
    return rc;
}

static void forget_channels(struct api_loop *al)
{
    loop_chan_unref(al->home);
    loop_chan_unref(al->news);
    loop_chan_unref(al->errands);
    loop_chan_unref(al->wakes);
    loop_chan_unref(al->stored);
    al->home = al->news = al->errands = al->wakes = al->stored = NULL;
}

void api_loop_close(struct api_loop *al)
{
    loop_chan_close(al->home);
    loop_chan_close(al->news);
    loop_chan_close(al->errands);
    loop_chan_close(al->wakes);
    loop_chan_close(al->stored);
}

/* --- */

enum kit_status api_init(struct api *a, struct kit_err *err)
{
    a->started_ns = kit_clock_ns();
    enum kit_status rc = http_router_new(&a->router);
    if (rc != KIT_OK) {
        return kit_fail(err, rc, "out of memory for the routes");
    }
    return http_router_add(a->router, routes, KIT_COUNT(routes), a, err);
}

void api_done(struct api *a)
{
    for (uint32_t i = 0; i < a->loop_count; i++) {
        forget_channels(&a->loops[i]);
    }
    a->loop_count = 0;
    http_router_free(a->router);
    a->router = NULL;
}

enum kit_status api_loop_add(struct api *a, struct loop *l, struct http_server *server, struct kit_err *err)
{
    if (a->loop_count == API_LOOPS_MAX) {
        return kit_fail(err, KIT_FULL, "at most %d loops", API_LOOPS_MAX);
    }
    struct api_loop *al = &a->loops[a->loop_count];
    al->api = a;
    al->server = server;
    enum kit_status rc = open_channels(al, l, err);
    if (rc != KIT_OK) {
        api_loop_close(al);
        forget_channels(al);
        return rc;
    }
    a->loop_count++;
    return KIT_OK;
}

struct api_loop *api_loop_of(struct api *a, const struct http_server *server)
{
    for (uint32_t i = 0; i < a->loop_count; i++) {
        if (a->loops[i].server == server) {
            return &a->loops[i];
        }
    }
    return NULL;
}

enum kit_status api_json_parse(const struct api *a, kit_str text, struct kit_json_doc **ret, struct kit_err *err)
{
    struct kit_json_limits limits = {
        .depth_max = JSON_DEPTH_MAX, .trees = a->trees, .trees_bytes_max = a->options.trees_bytes_max};
    return kit_json_parse_within(text, &limits, ret, err);
}

enum kit_status api_json_parse_object(const struct api *a, kit_str text, struct kit_json_doc **doc, kit_json *root,
                                      struct kit_err *err)
{
    enum kit_status rc = api_json_parse(a, text, doc, err);
    if (rc != KIT_OK) {
        return rc;
    }
    *root = kit_json_root(*doc);
    if (kit_json_type(*root) != KIT_JSON_OBJECT) {
        rc = kit_fail(err, KIT_INVALID, "the body must be a JSON object, but is %s", kit_json_type_name(*root));
        kit_json_free(*doc);
        *doc = NULL;
    }
    return rc;
}

bool api_body_is_whole(const struct kit_buf *body, struct kit_err *err)
{
    if (body->failed == KIT_FULL) {
        kit_fail(err, KIT_TOO_LARGE, "the answer is larger than %zu bytes: ask for less at a time", body->max);
    } else if (body->failed != KIT_OK) {
        kit_fail(err, body->failed, "out of memory for the answer");
    }
    return body->failed == KIT_OK;
}

void api_send_json(struct http_request *r, int status, struct kit_buf *body)
{
    struct kit_err err = {0};
    kit_buf_add_char(body, '\n'); /* for who reads it in a terminal */
    if (!api_body_is_whole(body, &err)) {
        api_error_send(r, &err);
    } else {
        size_t len = 0;
        char *text = kit_buf_take(body, &len);
        http_reply_send_owned(r, status, "application/json", text, len);
    }
    kit_buf_done(body);
}

void api_write_progress(struct kit_json_writer *w, uint64_t done, uint64_t total)
{
    kit_json_open(w, '{');
    kit_json_member_u64(w, "done_bytes", done);
    kit_json_member_u64(w, "total_bytes", total);
    kit_json_close(w, '}');
}
