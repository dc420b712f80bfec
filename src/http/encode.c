#include "http/encode.h"

#include "kit/alloc.h"

#define WORTH_BYTES_MIN KIT_KIB
#define INLINE_BYTES_MAX (32 * KIT_KIB) /* 0.3 ms of gzip */
#define JOBS_MAX 4096                   /* of one server on their way home; bounded by the work pool's queue anyway */

/* --- what the client wants --- */

enum http_coding http_encode_choose(const struct http_request *r)
{
    static const char name[] = "Accept-Encoding";
    int gzip = KIT_MAX(http_request_weight(r, name, "gzip"), http_request_weight(r, name, "x-gzip"));
    int zstd = http_request_weight(r, name, "zstd"), identity = http_request_weight(r, name, "identity");
    int best = KIT_MAX(gzip, zstd);
    if (best <= 0 || identity > best) {
        return HTTP_CODING_NONE;
    }
    return zstd == best ? HTTP_CODING_ZSTD : HTTP_CODING_GZIP;
}

/* --- what is worth it --- */

static bool is_compressible(kit_str type)
{
    static const char *const types[] = {"application/json", "application/javascript", "application/xml",
                                        "image/svg+xml"};
    type = kit_str_trim(kit_str_sub(type, 0, kit_str_find_char(type, ';')));
    if (kit_str_starts(type, kit_str_lit("text/")) || kit_str_ends(type, kit_str_lit("+json"))) {
        return !kit_str_eq(type, kit_str_lit("text/event-stream"));
    }
    for (size_t i = 0; i < KIT_COUNT(types); i++) {
        if (kit_str_eq(type, kit_str_c(types[i]))) {
            return true;
        }
    }
    return false;
}

/* Has the handler added one of the fields that name the very bytes of a body? */
static bool names_its_bytes(const struct http_reply *reply)
{
    static const char *const names[] = {"Content-Encoding", "ETag", "Content-Range"};
    kit_str rest = reply->fields;
    for (kit_str line; kit_str_cut(&rest, '\n', &line);) {
        kit_str name = kit_str_sub(line, 0, kit_str_find_char(line, ':'));
        for (size_t i = 0; i < KIT_COUNT(names); i++) {
            if (kit_str_eq_nocase(name, kit_str_c(names[i]))) {
                return true;
            }
        }
    }
    return false;
}

/* --- on the work pool --- */

struct job {
    struct loop_work_job work;
    struct loop_msg home;
    struct loop_chan *chan; /* a reference */
    kit_id id;              /* of the exchange, which may have gone meanwhile */
    int status;
    const char *content_type;
    enum http_coding coding;
    char *body; /* owned */
    size_t len;
    bool smaller; /* it is compressed now */
};

static void free_job(struct job *j)
{
    loop_chan_unref(j->chan);
    kit_alloc_free(j->body);
    kit_alloc_free(j);
}

static void run_job(struct loop_work_job *work)
{
    struct job *j = KIT_CONTAINER(work, struct job, work);
    struct http_compressor c = {0};
    char *less = NULL;
    j->smaller = http_compress(&c, j->coding, (kit_str){j->body, j->len}, &less, &j->len) == KIT_OK;
    if (j->smaller) {
        kit_alloc_free(j->body);
        j->body = less;
    }
    http_compressor_done(&c);
    if (loop_chan_send_answer(j->chan, &j->home) != KIT_OK) {
        free_job(j); /* the server has gone */
    }
}

static void send_encoded(struct http_exchange *x, int status, const char *content_type, enum http_coding coding,
                         char *body, size_t len)
{
    if (coding != HTTP_CODING_NONE) {
        http_reply_field(&x->request, "Content-Encoding", http_coding_name(coding));
    }
    http_exchange_send_owned(x, status, content_type, body, len);
}

static void job_is_home(void *ctx, struct loop_msg *m)
{
    struct http_server *s = ctx;
    struct job *j = KIT_CONTAINER(m, struct job, home);
    struct http_exchange *x = kit_slots_get(s->requests, j->id);
    if (x != NULL) {
        send_encoded(x, j->status, j->content_type, j->smaller ? j->coding : HTTP_CODING_NONE, j->body, j->len);
        j->body = NULL;
    }
    free_job(j);
}

static void drop_job(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    free_job(KIT_CONTAINER(m, struct job, home));
}

/* The handler is done: its id dies, nobody is told any more, and the exchange waits under a new one. */
static bool take_over(struct http_exchange *x)
{
    struct http_server *s = x->request.server;
    kit_id id;
    if (kit_slots_add(s->requests, x, &id) != KIT_OK) {
        return false;
    }
    kit_slots_remove(s->requests, x->request.id);
    x->request.id = id;
    x->reply.gone = NULL;
    return true;
}

static bool start_job(struct http_exchange *x, int status, const char *content_type, enum http_coding coding,
                      kit_str body, bool owned)
{
    struct http_server *s = x->request.server;
    struct job *j = s->encoded == NULL ? NULL : kit_alloc_zero(1, sizeof(*j));
    if (j == NULL) {
        return false;
    }
    j->work.run = run_job;
    j->chan = loop_chan_ref(s->encoded);
    j->status = status;
    j->content_type = content_type;
    j->coding = coding;
    j->body = owned ? (char *)(uintptr_t)body.ptr : kit_alloc_copy(body.ptr, body.len);
    j->len = body.len;
    if (j->body != NULL && take_over(x)) {
        j->id = x->request.id;
        if (loop_work_submit(s->options.work, &j->work) == KIT_OK) {
            return true;
        }
    }
    if (owned) {
        j->body = NULL; /* still the caller's */
    }
    free_job(j);
    return false;
}

/* --- the whole --- */

bool http_encode_send(struct http_exchange *x, int status, const char *content_type, kit_str body, bool owned)
{
    struct http_server *s = x->request.server;
    if (!s->options.compress || body.len < WORTH_BYTES_MIN || !is_compressible(kit_str_c(content_type)) ||
        names_its_bytes(&x->reply)) {
        return false;
    }
    http_reply_field(&x->request, "Vary", kit_str_lit("Accept-Encoding"));
    enum http_coding coding = http_encode_choose(&x->request);
    if (coding == HTTP_CODING_NONE) {
        return false;
    }
    if (body.len > INLINE_BYTES_MAX) {
        return start_job(x, status, content_type, coding, body, owned);
    }
    char *less = NULL;
    size_t len = 0;
    if (http_compress(&s->compressor, coding, body, &less, &len) != KIT_OK) {
        return false;
    }
    if (owned) {
        kit_alloc_free((char *)(uintptr_t)body.ptr);
    }
    send_encoded(x, status, content_type, coding, less, len);
    return true;
}

enum kit_status http_encode_open(struct http_server *s, struct kit_err *err)
{
    struct loop_chan_options o = {.max = JOBS_MAX, .ctx = s, .receive = job_is_home, .drop = drop_job};
    return s->options.work == NULL || !s->options.compress ? KIT_OK : loop_chan_new(s->loop, &o, &s->encoded, err);
}

void http_encode_close(struct http_server *s)
{
    if (s->encoded != NULL) {
        loop_chan_close(s->encoded);
    }
    s->encoded = NULL;
    http_compressor_done(&s->compressor);
}
