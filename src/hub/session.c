#include "hub/session.h"

#include <stdio.h>

#include "kit/clock.h"

#define TURN_MS 50
#define CONNECT_MS_MAX 10000
#define FIELD_BYTES 1024
#define WAIT_MS 500
#define WAIT_MAX_NS (30 * KIT_NS_PER_S)
#define DOUBLINGS_MAX 8

enum kit_status hub_session_turn(struct hub_session *s, bool busy, struct kit_err *err)
{
    enum kit_status rc = fetch_group_run(s->group, busy ? 0 : TURN_MS, err);
    if (rc == KIT_OK && !s->wish->progress(s->wish->ctx, s->done, s->total)) {
        rc = kit_fail(err, KIT_CANCELLED, "the download was cancelled; what is here is kept for the next time");
    }
    return rc;
}

enum kit_status hub_session_start(struct hub_session *s, const struct hub_route *r, struct fetch_group_request *ask,
                                  const char *range, struct fetch_transfer **ret, struct kit_err *err)
{
    char token[FIELD_BYTES], bytes[64];
    size_t n = 0;
    ask->url = r->url;
    ask->stall_ms = s->o->stall_ms;
    ask->connect_timeout_ms = KIT_MIN(s->o->stall_ms, (uint32_t)CONNECT_MS_MAX);
    ask->ca_file = s->o->ca_file;
    ask->fields[n++] = "User-Agent: heimnetz/" HEIMNETZ_VERSION;
    if (!r->away && s->o->token != NULL && s->o->token[0] != '\0') {
        snprintf(token, sizeof(token), "Authorization: Bearer %s", s->o->token);
        ask->fields[n++] = token;
    }
    if (range != NULL) {
        snprintf(bytes, sizeof(bytes), "Range: %s", range);
        ask->fields[n++] = bytes;
    }
    ask->fields[n] = NULL;
    return fetch_group_start(s->group, ask, ret, err);
}

uint64_t hub_session_wait_ns(const struct hub_session *s, uint32_t n, uint32_t retry_after_s)
{
    uint64_t first_ms = s->o->retry_ms > 0 ? s->o->retry_ms : WAIT_MS;
    uint64_t wait_ns = (first_ms * KIT_NS_PER_MS) << KIT_MIN(n - 1, (uint32_t)DOUBLINGS_MAX);
    return KIT_MAX(KIT_MIN(wait_ns, WAIT_MAX_NS), retry_after_s * KIT_NS_PER_S);
}

/* --- what an end means --- */

static bool has_token(const struct hub_session *s)
{
    return s->o->token != NULL && s->o->token[0] != '\0';
}

static enum kit_status fail_gated(const struct hub_session *s, struct kit_err *err)
{
    const char *id = s->wish->name.id;
    if (has_token(s)) {
        return kit_fail(err, KIT_DENIED, "'%s' is gated and this token has no access: accept its terms at %s/%s", id,
                        s->o->endpoint, id);
    }
    return kit_fail(err, KIT_DENIED, "'%s' is gated: accept its terms at %s/%s, then give your token by HF_TOKEN", id,
                    s->o->endpoint, id);
}

static enum kit_status fail_denied(const struct hub_session *s, int status, kit_str code, struct kit_err *err)
{
    const char *id = s->wish->name.id;
    if (kit_str_eq(code, kit_str_lit("GatedRepo"))) {
        return fail_gated(s, err);
    }
    if (status == 401 && !has_token(s)) { /* the hub does not tell strangers what there is */
        return kit_fail(err, KIT_NOT_FOUND, "no model '%s' on %s, or it is private: give a token by HF_TOKEN", id,
                        s->o->endpoint);
    }
    return kit_fail(err, KIT_DENIED, "%s does not let this token read '%s': make one at %s/settings/tokens",
                    s->o->endpoint, id, s->o->endpoint);
}

static enum kit_status fail_not_found(const struct hub_session *s, kit_str code, struct kit_err *err)
{
    const struct hub_name *name = &s->wish->name;
    if (kit_str_eq(code, kit_str_lit("RevisionNotFound"))) {
        return kit_fail_param(err, KIT_NOT_FOUND, "revision", "'%s' has no revision '%s' on %s", name->id,
                              name->revision, s->o->endpoint);
    }
    if (kit_str_eq(code, kit_str_lit("EntryNotFound"))) {
        return kit_fail(err, KIT_NOT_FOUND, "a file of '%s' is not on %s any more", name->id, s->o->endpoint);
    }
    return kit_fail_param(err, KIT_NOT_FOUND, "id", "no model '%s' on %s", name->id, s->o->endpoint);
}

static enum kit_status refused(const struct hub_session *s, const struct hub_route *r, const struct fetch_transfer *t,
                               struct kit_err *err)
{
    int status = fetch_transfer_status(t);
    kit_str code = fetch_transfer_field(t, "X-Error-Code");
    if (r->away) {
        return kit_fail(err, KIT_IO, "the hub's storage answers %d: %.100s", status, r->url);
    }
    if (status == 401 || status == 403) {
        return fail_denied(s, status, code, err);
    }
    if (status == 404 || status == 410) {
        return fail_not_found(s, code, err);
    }
    return kit_fail(err, KIT_IO, "the hub answers %d: %.100s", status, r->url);
}

static bool status_may_pass(int status)
{
    return status == 408 || status == 425 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

static void judge_again(const struct hub_route *r, const struct fetch_transfer *t, struct hub_verdict *v)
{
    v->retry_after_s = fetch_transfer_retry_after_s(t);
    v->outcome = v->retry_after_s > HUB_RETRY_AFTER_MAX_S ? HUB_FAILED : HUB_AGAIN;
    kit_fail(&v->err, KIT_UNAVAILABLE, "the hub answers %d%s: %.100s", fetch_transfer_status(t),
             fetch_transfer_status(t) == 429 ? ", too many requests" : "", r->url);
    if (v->retry_after_s > 0) {
        v->err.retry_after_ms = KIT_MIN(v->retry_after_s, UINT32_MAX / 1000) * 1000;
    }
}

void hub_session_judge(const struct hub_session *s, struct hub_route *r, const struct fetch_transfer *t,
                       enum kit_status rc, const struct kit_err *err, struct hub_verdict *ret)
{
    int status = fetch_transfer_status(t);
    *ret = (struct hub_verdict){.outcome = HUB_FAILED};
    if (rc != KIT_OK) {
        ret->outcome = rc == KIT_UNAVAILABLE || rc == KIT_TIMEOUT || rc == KIT_IO ? HUB_AGAIN : HUB_FAILED;
        ret->err = *err;
        if (rc == KIT_UNAVAILABLE) {
            kit_fail(&ret->err, rc, "the hub is out of reach: %s", err->msg);
        }
    } else if (status >= 200 && status <= 299) {
        ret->outcome = HUB_DONE;
    } else if (status >= 301 && status <= 308) {
        rc = hub_route_follow(r, s->o->endpoint, fetch_transfer_redirect(t), &ret->err);
        ret->outcome = rc == KIT_OK ? HUB_FOLLOW : HUB_FAILED;
    } else if (status_may_pass(status)) {
        judge_again(r, t, ret);
    } else {
        rc = refused(s, r, t, &ret->err);
    }
}
