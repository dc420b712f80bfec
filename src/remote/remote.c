#include "remote/remote.h"

#include <stdio.h>
#include <string.h>

#include "fetch/url.h"
#include "kit/alloc.h"
#include "kit/log.h"
#include "remote/inner.h"
#include "remote/metrics.h"

#define TURN_MS 50 /* while something is on its way */
#define IDLE_TURN_MS 250
#define PATH_BYTES 1024
#define SAID_BYTES 160 /* of an upstream's own words */
#define ERROR_DEPTH_MAX 16

/* --- requests --- */

enum kit_status remote_start(struct remote_upstream *u, const char *path, struct fetch_group_request *ask,
                             struct fetch_transfer **ret, struct kit_err *err)
{
    char url[PATH_BYTES];
    size_t n = 0;
    int len = snprintf(url, sizeof(url), "%s%s", u->url, path);
    if (len < 0 || (size_t)len >= sizeof(url)) {
        return kit_fail(err, KIT_INVALID, "the address of upstream '%s' is too long", u->name);
    }
    ask->url = url;
    ask->connect_timeout_ms = KIT_MIN(u->stall_ms, (uint32_t)REMOTE_CONNECT_MS);
    ask->ca_file = u->remote->ca_file;
    ask->buffer_bytes = REMOTE_BUFFER_BYTES;
    ask->fields[n++] = "User-Agent: heimnetz/" HEIMNETZ_VERSION;
    if (u->key[0] != '\0') {
        ask->fields[n++] = u->key;
    }
    if (ask->body.len > 0) {
        ask->fields[n++] = "Content-Type: application/json";
        ask->fields[n++] = "Expect:"; /* large bodies go at once */
    }
    ask->fields[n] = NULL;
    return fetch_group_start(u->remote->group, ask, ret, err);
}

/* {"error":{"message"}}, {"error":"…"}, {"message"} or {"detail"}. */
static kit_str words_of(kit_json root)
{
    kit_json error = kit_json_get(root, "error");
    kit_str words = kit_json_str(kit_json_get(error, "message"), kit_json_str(error, (kit_str){0}));
    if (words.len == 0) {
        words = kit_json_str(kit_json_get(root, "message"), kit_json_str(kit_json_get(root, "detail"), (kit_str){0}));
    }
    return words;
}

static enum kit_status code_of(int status)
{
    switch (status) {
    case 400:
    case 422:
        return KIT_INVALID;
    case 404:
        return KIT_MODEL_NOT_FOUND;
    case 413:
        return KIT_TOO_LARGE;
    case 429:
        return KIT_FULL;
    case 504:
        return KIT_TIMEOUT;
    default:
        return status < 400 ? KIT_IO : KIT_UNAVAILABLE;
    }
}

enum kit_status remote_judge(const struct remote_upstream *u, const struct fetch_transfer *t, kit_str body,
                             struct kit_err *err)
{
    int status = fetch_transfer_status(t);
    struct kit_json_doc *doc = NULL;
    char said[SAID_BYTES] = "";
    if (kit_json_parse(body, ERROR_DEPTH_MAX, &doc, NULL) == KIT_OK) {
        kit_str_to_c(words_of(kit_json_root(doc)), said, sizeof(said));
        kit_json_free(doc);
    }
    if (status == 401 || status == 403) {
        kit_fail(err, KIT_UNAVAILABLE, "upstream '%s' refuses our key: see remote.%s.key_file", u->name, u->name);
    } else if (status >= 300 && status < 400) {
        kit_fail(err, KIT_IO, "upstream '%s' leads elsewhere, which is not followed: set remote.%s.url", u->name,
                 u->name);
    } else {
        kit_fail(err, code_of(status), "upstream '%s' answers %d%s%s", u->name, status, said[0] != '\0' ? ": " : "",
                 said);
    }
    uint32_t after_s = fetch_transfer_retry_after_s(t);
    if (after_s > 0 && (err->code == KIT_FULL || err->code == KIT_UNAVAILABLE)) {
        err->retry_after_ms = KIT_MIN(after_s, UINT32_MAX / 1000) * 1000;
    }
    return err->code;
}

enum kit_status remote_retell(const struct remote_upstream *u, bool begun, struct kit_err *err)
{
    enum kit_status rc = err->code;
    LOG_DEBUG("remote.failed", "upstream=%s why=%s", u->name, LOG_QUOTE(err->msg));
    switch (rc) {
    case KIT_UNAVAILABLE:
        return kit_fail(err, rc, "upstream '%s' does not answer", u->name);
    case KIT_TIMEOUT:
        return kit_fail(err, rc, "upstream '%s' does not answer in time", u->name);
    case KIT_NOMEM:
        return kit_fail(err, rc, "out of memory for a request to upstream '%s'", u->name);
    case KIT_DENIED:
        return kit_fail(err, KIT_UNAVAILABLE, "the certificate of upstream '%s' is not to be trusted", u->name);
    default:
        return kit_fail(err, KIT_IO, "upstream '%s' broke off %s", u->name,
                        begun ? "in the middle of its answer" : "before it answered");
    }
}

/* --- its thread --- */

static struct remote_call *take_coming(struct remote *r)
{
    kit_mutex_lock(&r->lock);
    struct remote_call *list = r->coming;
    r->coming = NULL;
    kit_mutex_unlock(&r->lock);
    return list;
}

static void begin_coming(struct remote *r)
{
    for (struct remote_call *c = take_coming(r), *next; c != NULL; c = next) {
        next = c->next;
        c->next = r->calls;
        r->calls = c;
        remote_call_begin(c);
    }
}

static void turn(struct remote *r)
{
    struct kit_err err = {0};
    uint64_t now_ns = kit_clock_ns();
    begin_coming(r);
    if (kit_flag_get(&r->look)) {
        kit_flag_set(&r->look, false);
        remote_calls_drop_cancelled(r);
    }
    remote_calls_turn(r, now_ns);
    for (uint32_t i = 0; i < r->count; i++) {
        remote_check_turn(&r->upstreams[i], now_ns);
    }
    (void)!fetch_group_run(r->group, r->calls != NULL ? TURN_MS : IDLE_TURN_MS, &err); /* no memory: the next turn */
}

static void run(void *arg)
{
    struct remote *r = arg;
    while (!kit_flag_get(&r->ending)) {
        turn(r);
    }
    begin_coming(r);
    remote_calls_end(r);
    for (uint32_t i = 0; i < r->count; i++) {
        remote_check_end(&r->upstreams[i]);
    }
}

/* --- life --- */

static kit_str base_of(const char *url)
{
    kit_str s = kit_str_c(url);
    while (kit_str_ends(s, kit_str_lit("/"))) {
        s.len--;
    }
    if (kit_str_ends(s, kit_str_lit("/v1"))) {
        s.len -= strlen("/v1");
    }
    return s;
}

static enum kit_status set_upstream(struct remote *r, struct remote_upstream *u,
                                    const struct remote_upstream_options *o, struct kit_err *err)
{
    kit_str base = base_of(o->url);
    bool http = fetch_url_is_http(o->url) || fetch_url_is_https(o->url);
    if (!http || strchr(o->url, '@') != NULL || strpbrk(o->url, "?# ") != NULL) {
        return kit_fail(err, KIT_INVALID, "remote.%s.url must be an address, http://HOST:PORT, but is '%.80s'", o->name,
                        o->url);
    }
    if (strlen(o->key) > REMOTE_KEY_BYTES || strlen(o->name) >= sizeof(u->name)) {
        return kit_fail(err, KIT_INVALID, "the name or the key of upstream '%.40s' is too long", o->name);
    }
    u->remote = r;
    kit_str_to_c(kit_str_c(o->name), u->name, sizeof(u->name));
    u->url = kit_alloc_copy(base.ptr, base.len);
    u->models = kit_alloc_printf("%s", o->models);
    if (o->key[0] != '\0') {
        snprintf(u->key, sizeof(u->key), "Authorization: Bearer %s", o->key);
    }
    u->wish = u->kind = o->kind;
    u->check_ms = o->check_ms;
    u->stall_ms = o->stall_ms;
    u->calls_max = o->calls_max;
    kit_buf_init(&u->list, REMOTE_PART_BYTES_MAX);
    return u->url != NULL && u->models != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for upstreams");
}

static enum kit_status set_upstreams(struct remote *r, const struct remote_options *o, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    r->upstreams = kit_alloc_zero(KIT_MAX(o->count, 1u), sizeof(*r->upstreams));
    r->ca_file = kit_alloc_printf("%s", o->ca_file != NULL ? o->ca_file : "");
    if (r->upstreams == NULL || r->ca_file == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for upstreams");
    }
    for (uint32_t i = 0; i < o->count && rc == KIT_OK; i++) {
        r->count++;
        rc = set_upstream(r, &r->upstreams[i], &o->upstreams[i], err);
    }
    return rc;
}

enum kit_status remote_new(const struct remote_options *options, struct model_catalog *catalog, struct remote **ret,
                           struct kit_err *err)
{
    struct remote *r = kit_alloc_zero(1, sizeof(*r));
    if (r == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for upstreams");
    }
    r->catalog = catalog;
    kit_mutex_init(&r->lock);
    enum kit_status rc = set_upstreams(r, options, err);
    if (rc == KIT_OK) {
        rc = fetch_group_new(&r->group, err);
    }
    if (rc == KIT_OK) {
        rc = kit_thread_start(&r->thread, "remote", run, r, err);
    }
    if (rc != KIT_OK) {
        remote_free(r);
        return rc;
    }
    *ret = r;
    return KIT_OK;
}

void remote_free(struct remote *r)
{
    if (r == NULL) {
        return;
    }
    kit_flag_set(&r->ending, true);
    if (r->group != NULL) {
        fetch_group_wake(r->group);
    }
    kit_thread_join(&r->thread);
    fetch_group_free(r->group);
    for (uint32_t i = 0; i < r->count; i++) {
        kit_alloc_free(r->upstreams[i].url);
        kit_alloc_free(r->upstreams[i].models);
        kit_buf_done(&r->upstreams[i].list);
    }
    kit_alloc_free(r->upstreams);
    kit_alloc_free(r->ca_file);
    kit_mutex_done(&r->lock);
    kit_alloc_free(r);
}

/* --- from other threads --- */

const char *remote_upstream_name(const struct remote_upstream *u)
{
    return u->name;
}

static struct remote_upstream *upstream_of(struct remote *r, const char *name)
{
    for (uint32_t i = 0; i < r->count; i++) {
        if (strcmp(r->upstreams[i].name, name) == 0) {
            return &r->upstreams[i];
        }
    }
    return NULL;
}

enum kit_status remote_find(struct remote *r, kit_str model, struct remote_upstream **ret, enum remote_kind *kind,
                            struct kit_err *err)
{
    char name[MODEL_UPSTREAM_BYTES], why[KIT_ERR_MSG_BYTES];
    *ret = NULL;
    if (r == NULL || !model_remote_find(r->catalog, model, name, why)) {
        return KIT_OK;
    }
    if (why[0] != '\0') {
        return kit_fail_param(err, KIT_UNAVAILABLE, "model", "model '%.*s': %s", KIT_STR_ARG(model), why);
    }
    *ret = upstream_of(r, name);
    kit_mutex_lock(&r->lock);
    *kind = *ret != NULL ? (*ret)->kind : REMOTE_AUTO;
    kit_mutex_unlock(&r->lock);
    return KIT_OK;
}

enum kit_status remote_ask(struct remote *r, struct remote_upstream *u, struct remote_call *c, struct kit_err *err)
{
    kit_mutex_lock(&r->lock);
    bool room = u->calls < u->calls_max;
    if (room) {
        u->calls++;
        c->asked_ns = kit_clock_ns();
        c->upstream = u;
        c->next = r->coming;
        r->coming = c;
    }
    kit_mutex_unlock(&r->lock);
    if (!room) {
        METRIC_ADD_WITH(remote_calls_total, 1, kit_str_c(u->name), kit_str_lit("refused"));
        return kit_fail(err, KIT_FULL, "%u questions are on their way to upstream '%s' already", u->calls_max, u->name);
    }
    fetch_group_wake(r->group);
    return KIT_OK;
}

void remote_cancel(struct remote *r, struct remote_call *c)
{
    kit_flag_set(&c->cancelled, true);
    kit_flag_set(&r->look, true);
    fetch_group_wake(r->group);
}
