#include "client/client.h"

#include <stdio.h>
#include <string.h>

#include "client/sse.h"
#include "fetch/fetch.h"
#include "fetch/url.h"
#include "kit/alloc.h"

#define ANSWER_BYTES_MAX (1 * KIT_GIB)
#define DEPTH_MAX 64
#define CONNECT_TIMEOUT_MS 2000
#define KEY_FIELD_BYTES 4096

enum kit_status client_init(struct client *c, const char *url, const char *key, struct kit_err *err)
{
    kit_str s = kit_str_c(url);
    bool http = kit_str_starts(s, kit_str_lit("http://")) || kit_str_starts(s, kit_str_lit("https://"));
    while (s.len > 0 && s.ptr[s.len - 1] == '/') {
        s.len--;
    }
    if (!http || s.len >= sizeof(c->url)) {
        return kit_fail(err, KIT_INVALID, "'%.100s' is not an address: http://HOST:PORT is expected", url);
    }
    *c = (struct client){.key = key};
    kit_str_to_c(s, c->url, sizeof(c->url));
    return KIT_OK;
}

void client_answer_done(struct client_answer *a)
{
    kit_json_free(a->doc);
    kit_alloc_free(a->text);
    *a = (struct client_answer){0};
}

struct call {
    char url[CLIENT_URL_BYTES + 2048];
    char key[KEY_FIELD_BYTES];
    struct fetch_request q;
};

static enum kit_status call_init(struct call *call, const struct client *c, const char *method, const char *path,
                                 struct kit_err *err)
{
    if (snprintf(call->url, sizeof(call->url), "%s%s", c->url, path) >= (int)sizeof(call->url)) {
        return kit_fail(err, KIT_INVALID, "the path is too long");
    }
    call->q = (struct fetch_request){.method = method,
                                     .url = call->url,
                                     .connect_timeout_ms = CONNECT_TIMEOUT_MS,
                                     .timeout_ms = c->timeout_ms,
                                     .body_bytes_max = ANSWER_BYTES_MAX,
                                     .fields = {"Content-Type: application/json", "Accept: application/json"}};
    if (c->key == NULL) {
        return KIT_OK;
    }
    if (snprintf(call->key, sizeof(call->key), "Authorization: Bearer %s", c->key) >= (int)sizeof(call->key)) {
        return kit_fail(err, KIT_INVALID, "the key is too long");
    }
    call->q.fields[2] = call->key;
    return KIT_OK;
}

static enum kit_status status_by_name(kit_str name, int http)
{
    for (int s = KIT_OK + 1; s < KIT_STATUS_COUNT; s++) {
        if (kit_str_eq(name, kit_str_c(kit_status_name((enum kit_status)s)))) {
            return (enum kit_status)s;
        }
    }
    return http >= 500 ? KIT_UNAVAILABLE : KIT_INVALID;
}

/* What the server said, as our own error. */
static enum kit_status server_said(const struct client_answer *a, struct kit_err *err)
{
    if (a->status < 400) {
        return KIT_OK;
    }
    kit_json error = a->doc != NULL ? kit_json_get(kit_json_root(a->doc), "error") : (kit_json){0};
    kit_str message = kit_json_str(kit_json_get(error, "message"), (kit_str){0});
    kit_str param = kit_json_str(kit_json_get(error, "param"), kit_str_lit(""));
    char name[KIT_ERR_PARAM_BYTES];
    enum kit_status rc = status_by_name(kit_json_str(kit_json_get(error, "code"), kit_str_lit("")), a->status);
    if (message.len == 0) {
        return kit_fail(err, rc, "HTTP %d, and no reason in JSON: is that an aethercore?", a->status);
    }
    return kit_fail_param(err, rc, kit_str_to_c(param, name, sizeof(name)), "%.*s", KIT_STR_ARG(message));
}

/* The server's address stands for the path in what failed: a person knows the one, not the other. */
static enum kit_status name_server(const struct client *c, const char *url, enum kit_status rc, struct kit_err *err)
{
    kit_str msg = kit_str_c(err != NULL ? err->msg : ""), whole = kit_str_c(url);
    size_t at = kit_str_find(msg, whole);
    if (rc == KIT_OK || at == msg.len) {
        return rc;
    }
    char text[KIT_ERR_MSG_BYTES + CLIENT_URL_BYTES];
    kit_str before = kit_str_sub(msg, 0, at), behind = kit_str_sub(msg, at + whole.len, msg.len);
    snprintf(text, sizeof(text), "%.*s%s%.*s", KIT_STR_ARG(before), c->url, KIT_STR_ARG(behind));
    return kit_fail_at(err, rc, err->where, err->param, "%s", text);
}

enum kit_status client_call(struct client *c, const char *method, const char *path, kit_str body,
                            struct client_answer *ret, struct kit_err *err)
{
    struct call call;
    struct fetch_reply reply = {0};
    *ret = (struct client_answer){0};
    enum kit_status rc = call_init(&call, c, method, path, err);
    if (rc != KIT_OK) {
        return rc;
    }
    call.q.body = body;
    rc = name_server(c, call.url, fetch_run(&call.q, &reply, err), err);
    if (rc == KIT_OK) {
        ret->status = reply.status;
        ret->total_ns = reply.total_ns;
        if (kit_json_parse(kit_buf_str(&reply.body), DEPTH_MAX, &ret->doc, NULL) != KIT_OK) {
            ret->doc = NULL; /* the caller sees the text */
        }
        ret->text = kit_alloc_copy(reply.body.len > 0 ? reply.body.ptr : "", reply.body.len);
        rc = ret->text != NULL ? server_said(ret, err) : kit_fail(err, KIT_NOMEM, "out of memory for an answer");
    }
    fetch_reply_done(&reply);
    return rc;
}

enum kit_status client_model_path(kit_str id, const char *action, char *ret, size_t size, struct kit_err *err)
{
    struct kit_buf path;
    kit_buf_init(&path, size - 1);
    kit_buf_add(&path, kit_str_lit("/models/"));
    fetch_url_escape(&path, id, true);
    if (action[0] != '\0') {
        kit_buf_printf(&path, "/%s", action);
    }
    bool good = path.failed == KIT_OK;
    kit_str_to_c(kit_buf_str(&path), ret, size);
    kit_buf_done(&path);
    return good ? KIT_OK : kit_fail_param(err, KIT_INVALID, "model", "the model's id is too long");
}

struct follower {
    struct client_sse sse;
    struct client_following *to;
    bool enough;
};

static bool take_event(void *ctx, kit_str data)
{
    struct follower *f = ctx;
    struct kit_json_doc *doc = NULL;
    if (kit_json_parse(data, DEPTH_MAX, &doc, NULL) == KIT_OK) {
        f->enough = !f->to->fn(f->to->ctx, kit_json_root(doc));
    }
    kit_json_free(doc);
    return !f->enough;
}

static bool take_piece(void *ctx, kit_str bytes)
{
    struct follower *f = ctx;
    return client_sse_feed(&f->sse, bytes, take_event, f) && !f->enough;
}

static bool ask_stop(void *ctx)
{
    const struct follower *f = ctx;
    return f->to->stop(f->to->ctx);
}

/* What a server said instead of events. */
static enum kit_status refused(const struct fetch_reply *reply, struct kit_err *err)
{
    struct client_answer said = {.status = reply->status};
    if (kit_json_parse(kit_buf_str(&reply->body), DEPTH_MAX, &said.doc, NULL) != KIT_OK) {
        said.doc = NULL;
    }
    enum kit_status rc = server_said(&said, err);
    client_answer_done(&said);
    return rc;
}

static enum kit_status follow(struct client *c, const char *method, const char *path, kit_str body,
                              struct client_following *to, struct kit_err *err)
{
    struct call call;
    struct fetch_reply reply = {0};
    struct follower f = {.to = to};
    to->status = 0;
    enum kit_status rc = call_init(&call, c, method, path, err);
    if (rc != KIT_OK) {
        return rc;
    }
    client_sse_init(&f.sse);
    call.q.body = body;
    call.q.piece = take_piece;
    call.q.stop = to->stop != NULL ? ask_stop : NULL;
    call.q.timeout_ms = 0; /* a stream lasts as long as it lasts */
    call.q.ctx = &f;
    rc = name_server(c, call.url, fetch_run(&call.q, &reply, err), err);
    rc = rc == KIT_OK ? refused(&reply, err) : rc;
    to->status = reply.status;
    client_sse_done(&f.sse);
    fetch_reply_done(&reply);
    return rc;
}

enum kit_status client_events(struct client *c, const char *path, bool (*fn)(void *ctx, kit_json data), void *ctx,
                              struct kit_err *err)
{
    struct client_following f = {.fn = fn, .ctx = ctx};
    return follow(c, "GET", path, (kit_str){0}, &f, err);
}

enum kit_status client_post_events(struct client *c, const char *path, kit_str body, struct client_following *f,
                                   struct kit_err *err)
{
    return follow(c, "POST", path, body, f, err);
}
