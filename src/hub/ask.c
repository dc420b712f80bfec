#include "hub/ask.h"

#include <string.h>

#include "kit/clock.h"

#define TRIES_MAX 4

/* One question under way. */
struct asking {
    struct hub_session *s;
    struct hub_route route;
    const char *method;
    struct hub_answer *answer;
    struct fetch_transfer *transfer;
    bool ended;
    struct hub_verdict verdict;
};

void hub_answer_done(struct hub_answer *a)
{
    kit_buf_done(&a->body);
}

void hub_answer_read(struct hub_answer *a, const struct fetch_transfer *t)
{
    int status = fetch_transfer_status(t);
    kit_str linked = fetch_transfer_field(t, "X-Linked-ETag");
    if (linked.len > 0) {
        kit_str_to_c(linked, a->etag, sizeof(a->etag));
    } else if (a->etag[0] == '\0' && status >= 200 && status <= 299) {
        kit_str_to_c(fetch_transfer_field(t, "ETag"), a->etag, sizeof(a->etag));
    }
    kit_str commit = fetch_transfer_field(t, "X-Repo-Commit");
    if (hub_name_is_commit(commit)) {
        kit_str_to_c(commit, a->commit, sizeof(a->commit));
    }
    int64_t size = -1;
    if (kit_str_to_i64(fetch_transfer_field(t, "X-Linked-Size"), &size) == KIT_OK && size >= 0) {
        a->size = size;
    } else if (a->size < 0 && status >= 200 && status <= 299) {
        a->size = fetch_transfer_length(t);
    }
}

static bool on_head(void *ctx, struct fetch_transfer *t)
{
    struct asking *q = ctx;
    hub_answer_read(q->answer, t);
    return true;
}

static bool on_piece(void *ctx, kit_str bytes)
{
    struct asking *q = ctx;
    return kit_buf_add(&q->answer->body, bytes) == KIT_OK;
}

static void on_done(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *err)
{
    struct asking *q = ctx;
    bool known = rc == KIT_OK && strcmp(q->method, "HEAD") == 0 && fetch_transfer_status(t) / 100 == 3 &&
                 q->answer->etag[0] != '\0';
    q->ended = true;
    if (known) {
        q->verdict = (struct hub_verdict){.outcome = HUB_DONE};
        return;
    }
    hub_session_judge(q->s, &q->route, t, rc, err, &q->verdict);
    if (q->answer->body.failed != KIT_OK) {
        kit_fail(&q->verdict.err, q->answer->body.failed == KIT_NOMEM ? KIT_NOMEM : KIT_TOO_LARGE,
                 "the hub's answer is larger than %zu bytes: %.100s", q->answer->body.max, q->route.url);
    }
}

/* One hop, to its end. An error is ours, not the hub's: that one is in the verdict. */
static enum kit_status hop(struct asking *q, struct kit_err *err)
{
    struct fetch_group_request ask = {
        .method = q->method, .head = on_head, .piece = on_piece, .done = on_done, .ctx = q};
    q->ended = false;
    kit_buf_clear(&q->answer->body);
    enum kit_status rc = hub_session_start(q->s, &q->route, &ask, NULL, &q->transfer, err);
    while (rc == KIT_OK && !q->ended) {
        rc = hub_session_turn(q->s, false, err);
        if (rc != KIT_OK && !q->ended) {
            fetch_group_stop(q->transfer);
        }
    }
    return rc;
}

static enum kit_status wait_until(struct hub_session *s, uint64_t until_ns, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    while (rc == KIT_OK && kit_clock_ns() < until_ns) {
        rc = hub_session_turn(s, false, err);
    }
    return rc;
}

/* One try, over all its redirects. */
static enum kit_status try(struct asking *q, kit_str path, struct kit_err *err)
{
    enum kit_status rc = hub_route_start(&q->route, q->s->o->endpoint, path, err);
    q->answer->etag[0] = q->answer->commit[0] = '\0';
    q->answer->size = -1;
    do {
        rc = rc == KIT_OK ? hop(q, err) : rc;
    } while (rc == KIT_OK && q->verdict.outcome == HUB_FOLLOW);
    return rc;
}

enum kit_status hub_ask(struct hub_session *s, const char *method, kit_str path, size_t body_bytes_max,
                        struct hub_answer *ret, struct kit_err *err)
{
    struct hub_answer answer = {0};
    struct asking q = {.s = s, .method = method, .answer = &answer};
    kit_buf_init(&answer.body, body_bytes_max);
    enum kit_status rc = try(&q, path, err);
    for (uint32_t n = 1; rc == KIT_OK && q.verdict.outcome == HUB_AGAIN && n < TRIES_MAX; n++) {
        rc = wait_until(s, kit_clock_ns() + hub_session_wait_ns(s, n, q.verdict.retry_after_s), err);
        rc = rc == KIT_OK ? try(&q, path, err) : rc;
    }
    if (rc == KIT_OK && q.verdict.outcome != HUB_DONE) {
        rc = q.verdict.err.code;
        if (err != NULL) {
            *err = q.verdict.err;
        }
    }
    if (rc != KIT_OK) {
        hub_answer_done(&answer);
        return rc;
    }
    *ret = answer;
    return KIT_OK;
}
