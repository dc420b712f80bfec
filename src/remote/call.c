/* A question on its way to an upstream and its answer on the way back. */
#include "remote/inner.h"
#include "remote/metrics.h"

#define AGAIN_NS (100 * KIT_NS_PER_MS) /* before the second try, doubled for the third */
#define ERROR_BYTES_MAX (64 * KIT_KIB) /* of an answer that is none */
#define COMPLETE_NS KIT_NS_PER_S       /* a whole answer whose connection stays open is whole after so long */
#define DEPTH_MAX 64

/* --- the end --- */

static const char *result_of(enum kit_status rc)
{
    return rc == KIT_OK ? "ok" : rc == KIT_CANCELLED ? "cancelled" : rc == KIT_TIMEOUT ? "timeout" : "failed";
}

static void unlink_call(struct remote *r, const struct remote_call *c)
{
    struct remote_call **at = &r->calls;
    while (*at != c) {
        at = &(*at)->next;
    }
    *at = c->next;
}

/* The call leaves; after done it is not ours any more. */
static void finish(struct remote_call *c, enum kit_status rc, const struct kit_err *err)
{
    struct remote_upstream *u = c->upstream;
    struct remote *r = u->remote;
    unlink_call(r, c);
    kit_buf_done(&c->in);
    kit_mutex_lock(&r->lock);
    u->calls--;
    kit_mutex_unlock(&r->lock);
    METRIC_ADD_WITH(remote_running, -1, kit_str_c(u->name));
    METRIC_ADD_WITH(remote_calls_total, 1, kit_str_c(u->name), kit_str_c(result_of(rc)));
    c->done(c, rc, err);
}

/* From outside its transfer's callbacks. */
static void stop(struct remote_call *c, enum kit_status rc, const struct kit_err *err)
{
    if (c->transfer != NULL) {
        fetch_group_stop(c->transfer);
        c->transfer = NULL;
    }
    finish(c, rc, err);
}

/* --- what comes --- */

/* Ends the call from inside a callback: done finds the reason. */
static bool refuse(struct remote_call *c, enum kit_status rc, const char *what)
{
    kit_fail(&c->err, rc, "upstream '%s' %s", c->upstream->name, what);
    return false;
}

static bool take_value(struct remote_call *c, kit_str text)
{
    struct kit_json_doc *doc = NULL;
    struct kit_err err = {0};
    enum kit_status rc = kit_json_parse(text, DEPTH_MAX, &doc, NULL);
    if (rc != KIT_OK) {
        return refuse(c, rc == KIT_NOMEM ? rc : KIT_IO, "answers what is no JSON");
    }
    rc = c->value(c, kit_json_root(doc), &err);
    kit_json_free(doc);
    if (rc != KIT_OK) {
        c->err = err;
    }
    return rc == KIT_OK;
}

/* Of server-sent events only the data counts, one line each (WHATWG HTML, section 9.2.6). */
static bool take_event_line(struct remote_call *c, kit_str line)
{
    static const char *const others[] = {":", "event", "id", "retry"};
    kit_str data = kit_str_lit("data:");
    if (kit_str_starts(line, data)) {
        line = kit_str_trim(kit_str_sub(line, data.len, line.len));
        c->complete = c->complete || kit_str_eq(line, kit_str_lit("[DONE]"));
        return line.len == 0 || kit_str_eq(line, kit_str_lit("[DONE]")) || take_value(c, line);
    }
    for (size_t i = 0; i < KIT_COUNT(others); i++) {
        if (kit_str_starts(line, kit_str_c(others[i]))) {
            return true;
        }
    }
    return refuse(c, KIT_IO, "answers what are no events");
}

static bool take_line(struct remote_call *c, kit_str line)
{
    line = kit_str_trim(line);
    return line.len == 0 || (c->form == REMOTE_EVENTS ? take_event_line(c, line) : take_value(c, line));
}

static bool take_lines(struct remote_call *c)
{
    kit_str all = kit_buf_str(&c->in);
    size_t taken = 0;
    bool good = true;
    for (size_t n; good && (n = kit_str_find_char(kit_str_sub(all, taken, all.len), '\n')) < all.len - taken;) {
        good = take_line(c, kit_str_sub(all, taken, n));
        taken += n + 1;
    }
    kit_buf_drop(&c->in, taken);
    return good;
}

static bool in_parts(const struct remote_call *c)
{
    return c->form != REMOTE_WHOLE;
}

void remote_call_open(struct remote_call *c, bool good)
{
    kit_buf_init(&c->in, !good ? ERROR_BYTES_MAX : in_parts(c) ? REMOTE_PART_BYTES_MAX : REMOTE_ANSWER_BYTES_MAX);
}

bool remote_call_take(struct remote_call *c, kit_str bytes)
{
    c->bytes += bytes.len;
    enum kit_status rc = kit_buf_add(&c->in, bytes);
    if (rc != KIT_OK || c->bytes > REMOTE_STREAM_BYTES_MAX) {
        return rc == KIT_NOMEM ? refuse(c, rc, "answers more than there is memory for")
                               : refuse(c, KIT_TOO_LARGE, "answers more than is taken");
    }
    return !in_parts(c) || take_lines(c);
}

enum kit_status remote_call_end(struct remote_call *c, struct kit_err *err)
{
    bool good = in_parts(c) ? take_line(c, kit_buf_str(&c->in)) : take_value(c, kit_buf_str(&c->in));
    if (!good) {
        *err = c->err;
        return err->code;
    }
    return !in_parts(c) || c->complete
               ? KIT_OK
               : kit_fail(err, KIT_IO, "upstream '%s' ended its answer in the middle", c->upstream->name);
}

static bool is_good(const struct fetch_transfer *t)
{
    int status = fetch_transfer_status(t);
    return status >= 200 && status <= 299;
}

static bool head(void *ctx, struct fetch_transfer *t)
{
    struct remote_call *c = ctx;
    c->heard_ns = kit_clock_ns();
    if (c->first_ns == 0) {
        c->first_ns = c->heard_ns;
        METRIC_OBSERVE_WITH(remote_first_byte_seconds, (double)(c->first_ns - c->asked_ns) / (double)KIT_NS_PER_S,
                            kit_str_c(c->upstream->name));
    }
    remote_call_open(c, is_good(t));
    return true;
}

static bool piece(void *ctx, kit_str bytes)
{
    struct remote_call *c = ctx;
    c->heard_ns = kit_clock_ns();
    return kit_flag_get(&c->cancelled) ? refuse(c, KIT_CANCELLED, "is not needed any more")
                                       : remote_call_take(c, bytes);
}

/* --- the end of a transfer --- */

static enum kit_status judge(struct remote_call *c, const struct fetch_transfer *t, enum kit_status rc,
                             struct kit_err *err)
{
    if (c->err.code != KIT_OK) {
        *err = c->err;
        return err->code;
    }
    if (rc != KIT_OK && c->complete) {
        return KIT_OK;
    }
    if (rc == KIT_OK) {
        return is_good(t) ? remote_call_end(c, err) : remote_judge(c->upstream, t, kit_buf_str(&c->in), err);
    }
    return remote_retell(c->upstream, c->first_ns > 0, err);
}

static bool tries_again(struct remote_call *c, enum kit_status rc)
{
    bool lost = c->first_ns == 0 && (rc == KIT_UNAVAILABLE || rc == KIT_IO);
    if (!lost || c->tries >= REMOTE_TRIES_MAX || kit_flag_get(&c->cancelled)) {
        return false;
    }
    c->retry_at_ns = kit_clock_ns() + (AGAIN_NS << (c->tries - 1));
    METRIC_ADD_WITH(remote_retries_total, 1, kit_str_c(c->upstream->name));
    return true;
}

static void done(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *err)
{
    struct remote_call *c = ctx;
    struct kit_err why = *err;
    c->transfer = NULL;
    if (tries_again(c, rc)) {
        return;
    }
    if (rc != KIT_OK && !c->complete && c->err.code == KIT_OK) {
        remote_check_soon(c->upstream);
    }
    rc = judge(c, t, rc, &why);
    finish(c, rc, &why);
}

/* --- the beginning --- */

static void start(struct remote_call *c)
{
    struct fetch_group_request q = {
        .method = "POST", .body = c->body, .head = head, .piece = piece, .done = done, .ctx = c, .refusal = &c->in};
    struct kit_err err = {0};
    c->tries++;
    c->retry_at_ns = 0;
    c->heard_ns = kit_clock_ns();
    enum kit_status rc = remote_start(c->upstream, c->path, &q, &c->transfer, &err);
    if (rc != KIT_OK) {
        finish(c, rc, &err);
    }
}

void remote_call_begin(struct remote_call *c)
{
    struct kit_err err;
    METRIC_ADD_WITH(remote_running, 1, kit_str_c(c->upstream->name));
    if (kit_flag_get(&c->cancelled)) {
        finish(c, kit_fail(&err, KIT_CANCELLED, "cancelled by the caller"), &err);
    } else {
        start(c);
    }
}

/* --- as time passes --- */

/* False: it has ended. */
static void call_turn(struct remote_call *c, uint64_t now_ns)
{
    struct kit_err err;
    uint64_t silent_ns = now_ns > c->heard_ns ? now_ns - c->heard_ns : 0;
    if (now_ns >= c->deadline_ns) {
        stop(c,
             kit_fail_param(&err, KIT_TIMEOUT, "timeout_ms", "the time was up before upstream '%s' had answered",
                            c->upstream->name),
             &err);
    } else if (c->complete && silent_ns > COMPLETE_NS) {
        stop(c, KIT_OK, &(struct kit_err){0});
    } else if (c->retry_at_ns > 0) {
        if (now_ns >= c->retry_at_ns) {
            start(c);
        }
    } else if (silent_ns > c->upstream->stall_ms * KIT_NS_PER_MS) {
        stop(c,
             kit_fail(&err, KIT_TIMEOUT, "upstream '%s' has said nothing for %u ms", c->upstream->name,
                      c->upstream->stall_ms),
             &err);
    }
}

void remote_calls_turn(struct remote *r, uint64_t now_ns)
{
    for (struct remote_call *c = r->calls, *next; c != NULL; c = next) {
        next = c->next;
        call_turn(c, now_ns);
    }
}

void remote_calls_drop_cancelled(struct remote *r)
{
    struct kit_err err;
    for (struct remote_call *c = r->calls, *next; c != NULL; c = next) {
        next = c->next;
        if (kit_flag_get(&c->cancelled)) {
            stop(c, kit_fail(&err, KIT_CANCELLED, "cancelled by the caller"), &err);
        }
    }
}

void remote_calls_end(struct remote *r)
{
    struct kit_err err;
    while (r->calls != NULL) {
        stop(r->calls, kit_fail(&err, KIT_UNAVAILABLE, "the server is stopping"), &err);
    }
}
