#include "fetch/group.h"

#include "fetch/inner.h"
#include "kit/alloc.h"
#include "kit/clock.h"

#define IGNORED_BYTES_MAX (64 * KIT_KIB) /* of the body of an answer that is not 2xx: more costs the connection */

struct fetch_transfer {
    struct fetch_group *group;      /* borrowed */
    struct fetch_transfer *next;    /* the group's */
    struct fetch_group_request ask; /* of its texts libcurl has copies */
    char *url;                      /* owned */
    CURL *curl;                     /* owned */
    struct curl_slist *fields;      /* owned */
    bool headed;                    /* head was called */
    bool ended;                     /* by head or piece */
    uint64_t ignored;
    uint64_t window_ns, window_bytes; /* stall: when the count began, and what came since */
    char text[CURL_ERROR_SIZE];
};

struct fetch_group {
    CURLM *multi;                 /* owned */
    struct fetch_transfer *first; /* owned */
};

/* --- a group --- */

enum kit_status fetch_group_new(struct fetch_group **ret, struct kit_err *err)
{
    fetch_set_up();
    struct fetch_group *g = kit_alloc_zero(1, sizeof(*g));
    CURLM *multi = curl_multi_init();
    if (g == NULL || multi == NULL) {
        kit_alloc_free(g);
        curl_multi_cleanup(multi);
        return kit_fail(err, KIT_NOMEM, "out of memory for downloads");
    }
    curl_multi_setopt(multi, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    g->multi = multi;
    *ret = g;
    return KIT_OK;
}

static void detach(struct fetch_transfer *t)
{
    struct fetch_transfer **at = &t->group->first;
    while (*at != NULL && *at != t) {
        at = &(*at)->next;
    }
    if (*at == t) {
        *at = t->next;
        curl_multi_remove_handle(t->group->multi, t->curl);
    }
}

static void release(struct fetch_transfer *t)
{
    curl_easy_cleanup(t->curl);
    curl_slist_free_all(t->fields);
    kit_alloc_free(t->url);
    kit_alloc_free(t);
}

void fetch_group_stop(struct fetch_transfer *t)
{
    detach(t);
    release(t);
}

void fetch_group_free(struct fetch_group *g)
{
    if (g == NULL) {
        return;
    }
    while (g->first != NULL) {
        fetch_group_stop(g->first);
    }
    curl_multi_cleanup(g->multi);
    kit_alloc_free(g);
}

void fetch_group_wake(struct fetch_group *g)
{
    curl_multi_wakeup(g->multi);
}

/* --- a transfer --- */

static bool call_head(struct fetch_transfer *t)
{
    if (!t->headed) {
        t->headed = true;
        t->ended = !t->ask.head(t->ask.ctx, t);
    }
    return !t->ended;
}

static bool pass_on(struct fetch_transfer *t, kit_str bytes)
{
    int status = fetch_transfer_status(t);
    if (status < 200 || status > 299) {
        t->ignored += bytes.len;
        if (t->ask.refusal != NULL) {
            kit_buf_add(t->ask.refusal, bytes);
        }
        t->ended = t->ignored > IGNORED_BYTES_MAX;
    } else {
        t->ended = !t->ask.piece(t->ask.ctx, bytes);
    }
    return !t->ended;
}

static size_t take(char *bytes, size_t size, size_t count, void *ctx)
{
    struct fetch_transfer *t = ctx;
    t->window_bytes += size * count;
    return call_head(t) && pass_on(t, (kit_str){.ptr = bytes, .len = size * count}) ? size * count : 0;
}

static void set_options(struct fetch_transfer *t)
{
    const struct fetch_group_request *q = &t->ask;
    fetch_set_common(t->curl, q->method, q->url, q->connect_timeout_ms, t->fields, t->text);
    curl_easy_setopt(t->curl, CURLOPT_NOBODY, (long)kit_str_eq(kit_str_c(q->method), kit_str_lit("HEAD")));
    curl_easy_setopt(t->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->curl, CURLOPT_TIMEOUT_MS, (long)q->timeout_ms);
    curl_easy_setopt(t->curl, CURLOPT_BUFFERSIZE, (long)(q->buffer_bytes > 0 ? q->buffer_bytes : FETCH_BUFFER_BYTES));
    curl_easy_setopt(t->curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(t->curl, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->curl, CURLOPT_PRIVATE, t);
    if (kit_str_eq(kit_str_c(q->method), kit_str_lit("POST"))) {
        fetch_set_body(t->curl, q->body);
    }
    if (q->ca_file != NULL && q->ca_file[0] != '\0') {
        curl_easy_setopt(t->curl, CURLOPT_CAINFO, q->ca_file);
    }
}

enum kit_status fetch_group_start(struct fetch_group *g, const struct fetch_group_request *ask,
                                  struct fetch_transfer **ret, struct kit_err *err)
{
    struct fetch_transfer *t = kit_alloc_zero(1, sizeof(*t));
    if (t == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a request to %s", ask->url);
    }
    t->group = g;
    t->ask = *ask;
    t->url = kit_alloc_printf("%s", ask->url);
    t->curl = curl_easy_init();
    t->window_ns = kit_clock_ns();
    enum kit_status rc = t->curl != NULL && t->url != NULL
                             ? fetch_add_fields(ask->fields, ask->url, &t->fields, err)
                             : kit_fail(err, KIT_NOMEM, "out of memory for a request to %s", ask->url);
    if (rc == KIT_OK) {
        set_options(t);
        if (curl_multi_add_handle(g->multi, t->curl) != CURLM_OK) {
            rc = kit_fail(err, KIT_NOMEM, "out of memory for a request to %s", ask->url);
        }
    }
    if (rc != KIT_OK) {
        release(t);
        return rc;
    }
    t->next = g->first;
    g->first = t;
    *ret = t;
    return KIT_OK;
}

/* --- going on --- */

static enum kit_status why(const struct fetch_transfer *t, CURLcode code, struct kit_err *err)
{
    if (t->ended) {
        return kit_fail(err, KIT_CANCELLED, "%s: ended before its end", t->url);
    }
    return code == CURLE_OK ? KIT_OK : fetch_fail(code, t->text, t->url, err);
}

/* The transfer leaves the group, tells its end and is freed. */
static void finish(struct fetch_transfer *t, CURLcode code)
{
    struct kit_err err = {0};
    if (code == CURLE_OK) {
        call_head(t);
    }
    detach(t);
    enum kit_status rc = why(t, code, &err);
    t->ask.done(t->ask.ctx, t, rc, &err);
    release(t);
}

static bool has_stalled(struct fetch_transfer *t, uint64_t now_ns)
{
    if (t->ask.stall_ms == 0 || now_ns - t->window_ns < t->ask.stall_ms * KIT_NS_PER_MS) {
        return false;
    }
    bool stalled = t->window_bytes < FETCH_STALL_BYTES;
    t->window_ns = now_ns;
    t->window_bytes = 0;
    return stalled;
}

static bool finish_one_stalled(struct fetch_group *g)
{
    uint64_t now_ns = kit_clock_ns();
    for (struct fetch_transfer *t = g->first; t != NULL; t = t->next) {
        if (has_stalled(t, now_ns)) {
            finish(t, CURLE_OPERATION_TIMEDOUT);
            return true;
        }
    }
    return false;
}

/* How many have ended. */
static uint32_t go_on(struct fetch_group *g)
{
    int running = 0, left = 0;
    uint32_t ended = 0;
    curl_multi_perform(g->multi, &running);
    for (const CURLMsg *m; (m = curl_multi_info_read(g->multi, &left)) != NULL;) {
        struct fetch_transfer *t = NULL;
        CURLcode code = m->data.result; /* m goes with its handle */
        curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        finish(t, code);
        ended++;
    }
    while (finish_one_stalled(g)) {
        ended++;
    }
    return ended;
}

enum kit_status fetch_group_run(struct fetch_group *g, uint32_t wait_ms, struct kit_err *err)
{
    if (go_on(g) > 0) {
        return KIT_OK;
    }
    if (curl_multi_poll(g->multi, NULL, 0, (int)wait_ms, NULL) != CURLM_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for downloads");
    }
    go_on(g);
    return KIT_OK;
}

/* --- what came --- */

int fetch_transfer_status(const struct fetch_transfer *t)
{
    long status = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
    return (int)status;
}

kit_str fetch_transfer_field(const struct fetch_transfer *t, const char *name)
{
    struct curl_header *h = NULL;
    return curl_easy_header(t->curl, name, 0, CURLH_HEADER, -1, &h) == CURLHE_OK ? kit_str_c(h->value) : kit_str_c("");
}

int64_t fetch_transfer_length(const struct fetch_transfer *t)
{
    curl_off_t length = -1;
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    return (int64_t)length;
}

const char *fetch_transfer_redirect(const struct fetch_transfer *t)
{
    const char *url = NULL;
    curl_easy_getinfo(t->curl, CURLINFO_REDIRECT_URL, &url);
    return url;
}

uint32_t fetch_transfer_retry_after_s(const struct fetch_transfer *t)
{
    curl_off_t seconds = 0;
    curl_easy_getinfo(t->curl, CURLINFO_RETRY_AFTER, &seconds);
    return (uint32_t)KIT_MIN(KIT_MAX(seconds, 0), INT32_MAX);
}
