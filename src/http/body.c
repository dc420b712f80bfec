#include "http/body.h"

#include <assert.h>

#include "kit/alloc.h"

#define KEPT_BYTES (16 * KIT_KIB) /* of a buffer that goes back to the pool */
#define MS_PER_S 1000
#define STEP_BYTES (64 * KIT_KIB)     /* of the part of the sum; also the first room for a large body */
#define RATE_BYTES_MIN (16 * KIT_KIB) /* a second, beyond the time-out between two pieces */

static enum kit_status too_large(const struct http_exchange *x, struct kit_err *err)
{
    return kit_fail(err, KIT_TOO_LARGE, "the body is larger than the limit of %llu bytes for this path",
                    (unsigned long long)x->body_max);
}

/* --- the part of the sum --- */

static enum kit_status no_room(const struct http_server *s, struct kit_err *err)
{
    return kit_fail(err, KIT_UNAVAILABLE,
                    "the bodies of all requests together would pass the limit of %llu bytes: try again later",
                    (unsigned long long)s->bodies_bytes_max);
}

/* What a body of so many bytes takes: whole steps, so that small pieces do not ask for each of them. */
static uint64_t part_of(uint64_t bytes, uint64_t max)
{
    uint64_t steps = (bytes + STEP_BYTES - 1) / STEP_BYTES;
    return steps <= 1 ? 0 : KIT_MIN(steps * STEP_BYTES, max);
}

enum kit_status http_body_hold(struct http_server *s, uint64_t *held, uint64_t bytes, uint64_t max, struct kit_err *err)
{
    uint64_t part = part_of(bytes, max);
    if (part <= *held) {
        return KIT_OK;
    }
    if (!kit_budget_take(s->bodies, part - *held, s->bodies_bytes_max)) {
        return no_room(s, err);
    }
    *held = part;
    return KIT_OK;
}

void http_body_give(struct http_server *s, uint64_t *held)
{
    kit_budget_give(s->bodies, *held);
    *held = 0;
}

/* Nothing is taken for bytes that are only announced. */
static enum kit_status check_room(const struct http_exchange *x, uint64_t bytes, struct kit_err *err)
{
    const struct http_server *s = x->request.server;
    uint64_t part = part_of(bytes, x->body_max), used = kit_budget_used(s->bodies);
    return part == 0 || (used <= s->bodies_bytes_max && part <= s->bodies_bytes_max - used) ? KIT_OK : no_room(s, err);
}

/* --- its rate --- */

/* The time-out between two pieces alone would let one byte at a time hold its part for days. */
static enum kit_status check_rate(struct http_exchange *x, struct kit_err *err)
{
    const struct http_server *s = x->request.server;
    uint64_t now_ns = loop_now_ns(s->loop);
    x->body_since_ns = x->body_since_ns == 0 ? now_ns : x->body_since_ns;
    uint64_t ms = s->options.body_timeout_ms + x->request.body.len * MS_PER_S / RATE_BYTES_MIN;
    if (now_ns - x->body_since_ns <= ms * KIT_NS_PER_MS) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_TIMEOUT,
                    "the body of the request comes too slowly: after %u ms, at least %u bytes a second",
                    s->options.body_timeout_ms, (unsigned)RATE_BYTES_MIN);
}

/* --- its bytes --- */

/* A body that is decoded may be a thousand times as long as what has come: nobody here does that on a loop. */
static enum kit_status check_coding(struct http_exchange *x, struct kit_err *err)
{
    kit_str coding = http_request_field(&x->request, "Content-Encoding");
    if (coding.len == 0 || kit_str_eq_nocase(coding, kit_str_lit("identity"))) {
        return KIT_OK;
    }
    http_reply_field(&x->request, "Accept-Encoding", kit_str_lit("identity")); /* RFC 9110, section 15.5.16 */
    return kit_fail(err, KIT_MEDIA_TYPE,
                    "bodies are taken as they are: send it without Content-Encoding (this one: %.*s)",
                    (int)KIT_MIN(coding.len, 40), coding.ptr);
}

enum kit_status http_body_announce(struct http_exchange *x, int64_t bytes, struct kit_err *err)
{
    if (bytes > 0 && (uint64_t)bytes > x->body_max) {
        return too_large(x, err);
    }
    x->body.max = bytes >= 0 ? (size_t)bytes : (size_t)x->body_max;
    enum kit_status rc = x->keep_body && bytes != 0 ? check_coding(x, err) : KIT_OK;
    return rc == KIT_OK && x->keep_body && bytes > 0 ? check_room(x, (uint64_t)bytes, err) : rc;
}

enum kit_status http_body_add(struct http_exchange *x, kit_str bytes, struct kit_err *err)
{
    if (bytes.len > x->body_max - x->request.body.len) {
        return too_large(x, err);
    }
    x->request.body.len += bytes.len; /* counted, and without a pointer until it is complete */
    enum kit_status rc = check_rate(x, err);
    if (rc != KIT_OK || !x->keep_body || x->refusal != NULL) {
        return rc;
    }
    rc = http_body_hold(x->request.server, &x->body_held, x->request.body.len, x->body_max, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (x->body.room == 0 && bytes.len > KEPT_BYTES &&
        kit_buf_reserve(&x->body, KIT_MIN(x->body.max, STEP_BYTES)) == NULL) {
        kit_buf_clear(&x->body); /* a smaller piece may still be had */
    }
    rc = kit_buf_add(&x->body, bytes);
    return rc == KIT_OK ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for the body");
}

/* A buffer from the pool may be much larger than what is in it. */
static void shrink(struct kit_buf *b)
{
    char *less = b->room / 2 > b->len ? kit_alloc_resize(b->ptr, b->len + 1) : NULL;
    if (less != NULL) {
        b->ptr = less;
        b->room = b->len;
    }
}

char *http_body_take(struct http_exchange *x, size_t *len)
{
    assert(x->phase == HTTP_PHASE_DISPATCHED && !x->reply.finished);
    x->request.body = (kit_str){0};
    *len = 0;
    if (x->body.len == 0) {
        return NULL;
    }
    shrink(&x->body);
    return kit_buf_take(&x->body, len);
}

void http_body_drop(struct http_exchange *x)
{
    http_body_give(x->request.server, &x->body_held);
    if (x->body.room > KEPT_BYTES) {
        kit_buf_done(&x->body);
    }
    kit_buf_clear(&x->body);
}
