#include "fetch/fetch.h"

#include "fetch/inner.h"
#include "kit/clock.h"
#include "kit/sync.h"

#define CONNECT_TIMEOUT_MS 5000

struct transfer {
    const struct fetch_request *q;
    struct fetch_reply *reply;
    CURL *curl;
    bool stopped; /* piece said that it has enough */
};

static size_t take(char *bytes, size_t size, size_t count, void *ctx)
{
    struct transfer *t = ctx;
    kit_str piece = {.ptr = bytes, .len = size * count};
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    if (t->q->piece == NULL || status < 200 || status > 299) {
        return kit_buf_add(&t->reply->body, piece) == KIT_OK ? piece.len : 0;
    }
    t->stopped = !t->q->piece(t->q->ctx, piece);
    return t->stopped ? 0 : piece.len;
}

static int look(void *ctx, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    struct transfer *t = ctx;
    (void)a, (void)b, (void)c, (void)d;
    return t->q->stop(t->q->ctx) ? 1 : 0;
}

enum kit_status fetch_fail(CURLcode code, const char *text, const char *url, struct kit_err *err)
{
    switch (code) {
    case CURLE_COULDNT_CONNECT:
        return kit_fail(err, KIT_UNAVAILABLE, "nothing answers at %s", url);
    case CURLE_COULDNT_RESOLVE_HOST:
        return kit_fail(err, KIT_UNAVAILABLE, "no such host: %s", url);
    case CURLE_OPERATION_TIMEDOUT:
        return kit_fail(err, KIT_TIMEOUT, "no answer in time from %s", url);
    case CURLE_UNSUPPORTED_PROTOCOL: /* the scheme is checked above; this is an answer in another language */
    case CURLE_WEIRD_SERVER_REPLY:
        return kit_fail(err, KIT_IO, "what answers at %s does not speak HTTP", url);
    case CURLE_URL_MALFORMAT:
        return kit_fail(err, KIT_INVALID, "'%s' is not an address: http://HOST:PORT is expected", url);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return kit_fail(err, KIT_DENIED, "%s: its certificate is not to be trusted: %s", url, text);
    case CURLE_ABORTED_BY_CALLBACK:
        return kit_fail(err, KIT_CANCELLED, "the request to %s was called off", url);
    case CURLE_OUT_OF_MEMORY:
        return kit_fail(err, KIT_NOMEM, "out of memory for a request to %s", url);
    default:
        return kit_fail(err, KIT_IO, "%s: %s", url, text[0] != '\0' ? text : curl_easy_strerror(code));
    }
}

static enum kit_status why(const struct transfer *t, CURLcode code, const char *text, struct kit_err *err)
{
    if (code == CURLE_WRITE_ERROR) {
        return kit_fail(err, KIT_TOO_LARGE, "%s: the answer is larger than %zu bytes", t->q->url, t->q->body_bytes_max);
    }
    return fetch_fail(code, text, t->q->url, err);
}

enum kit_status fetch_add_fields(const char *const fields[FETCH_FIELDS_MAX], const char *url, struct curl_slist **list,
                                 struct kit_err *err)
{
    for (size_t i = 0; i < FETCH_FIELDS_MAX && fields[i] != NULL; i++) {
        struct curl_slist *longer = curl_slist_append(*list, fields[i]);
        if (longer == NULL) {
            return kit_fail(err, KIT_NOMEM, "out of memory for a request to %s", url);
        }
        *list = longer;
    }
    return KIT_OK;
}

void fetch_set_common(CURL *c, const char *method, const char *url, uint32_t connect_timeout_ms,
                      struct curl_slist *fields, char *text)
{
    curl_easy_setopt(c, CURLOPT_URL, url);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(c, CURLOPT_HTTPHEADER, fields);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_NOPROXY, "localhost,127.0.0.1,::1"); /* no proxy stands between us and ourselves */
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, text);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT_MS,
                     (long)(connect_timeout_ms > 0 ? connect_timeout_ms : CONNECT_TIMEOUT_MS));
}

void fetch_set_body(CURL *c, kit_str body)
{
    curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.len);
    curl_easy_setopt(c, CURLOPT_POSTFIELDS, body.len > 0 ? body.ptr : "");
}

static void set_options(CURL *c, struct transfer *t, struct curl_slist *fields, char *text)
{
    const struct fetch_request *q = t->q;
    fetch_set_common(c, q->method, q->url, q->connect_timeout_ms, fields, text);
    curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, t);
    if (q->stop != NULL) {
        curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
        curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, look);
        curl_easy_setopt(c, CURLOPT_XFERINFODATA, t);
    }
    if (q->body.len > 0 || kit_str_eq(kit_str_c(q->method), kit_str_lit("POST"))) {
        fetch_set_body(c, q->body);
    }
}

static enum kit_status perform(struct transfer *t, struct curl_slist *fields, struct kit_err *err)
{
    char text[CURL_ERROR_SIZE] = "";
    long status = 0;
    set_options(t->curl, t, fields, text);
    CURLcode code = curl_easy_perform(t->curl);
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    t->reply->status = (int)status;
    return code == CURLE_OK || t->stopped ? KIT_OK : why(t, code, text, err);
}

static struct kit_once set_up_once = KIT_ONCE;

static void set_up(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

void fetch_set_up(void)
{
    kit_once(&set_up_once, set_up);
}

enum kit_status fetch_run(const struct fetch_request *q, struct fetch_reply *ret, struct kit_err *err)
{
    struct curl_slist *fields = NULL;
    uint64_t started_ns = kit_clock_ns();
    *ret = (struct fetch_reply){0};
    kit_buf_init(&ret->body, q->body_bytes_max);
    fetch_set_up();
    struct transfer t = {.q = q, .reply = ret, .curl = curl_easy_init()};
    if (t.curl == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a request to %s", q->url);
    }
    enum kit_status rc = fetch_add_fields(q->fields, q->url, &fields, err);
    if (rc == KIT_OK) {
        rc = perform(&t, fields, err);
    }
    curl_slist_free_all(fields);
    curl_easy_cleanup(t.curl);
    ret->total_ns = kit_clock_ns() - started_ns;
    return rc;
}

void fetch_reply_done(struct fetch_reply *r)
{
    kit_buf_done(&r->body);
}
