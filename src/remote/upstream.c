/* Looking at an upstream: does it answer, and which models has it? */
#include <string.h>

#include "kit/log.h"
#include "remote/inner.h"
#include "remote/metrics.h"

#define CHECK_STALL_NS (10 * KIT_NS_PER_S)
#define AGAIN_NS (500 * KIT_NS_PER_MS) /* after a failure, doubled each time */
#define AGAIN_MAX_NS (60 * KIT_NS_PER_S)
#define DOUBLINGS_MAX 7
#define LIST_DEPTH_MAX 16
#define LATEST ":latest"

/* --- which models --- */

/* "org/" and a star take all that begin with "org/". */
static bool is_wished(kit_str wishes, kit_str id)
{
    kit_str wish;
    bool any = kit_str_trim(wishes).len == 0;
    while (!any && kit_str_cut(&wishes, ',', &wish)) {
        wish = kit_str_trim(wish);
        any = kit_str_ends(wish, kit_str_lit("*")) ? kit_str_starts(id, kit_str_sub(wish, 0, wish.len - 1))
                                                   : kit_str_eq(id, wish);
    }
    return any;
}

/* What it has from others itself is theirs to serve: no question goes in circles. */
static kit_str id_of(kit_json model, enum remote_kind kind)
{
    bool ollama = kind == REMOTE_OLLAMA;
    kit_str id = kit_json_str(kit_json_get(model, ollama ? "name" : "id"), (kit_str){0});
    if (ollama && kit_str_ends(id, kit_str_lit(LATEST))) {
        id.len -= strlen(LATEST);
    }
    bool others = kit_str_eq(kit_json_str(kit_json_get(model, "kind"), (kit_str){0}), kit_str_lit("remote"));
    return others ? (kit_str){0} : id;
}

static enum kit_status take_list(struct remote_upstream *u, kit_json list, struct kit_err *err)
{
    kit_str ids[REMOTE_MODELS_MAX];
    uint32_t count = 0;
    for (struct kit_json_iter i = kit_json_iter(list); kit_json_next(&i) && count < REMOTE_MODELS_MAX;) {
        kit_str id = id_of(i.value, u->asked);
        if (model_remote_id_is_valid(id) && is_wished(kit_str_c(u->models), id)) {
            ids[count++] = id;
        }
    }
    return model_remote_set(u->remote->catalog, u->name, ids, count, err);
}

/* --- how it went --- */

static void note_up(struct remote_upstream *u)
{
    u->failures = 0;
    u->check_at_ns = kit_clock_ns() + u->check_ms * KIT_NS_PER_MS;
    METRIC_SET_WITH(remote_up, 1, kit_str_c(u->name));
    if (!u->up || !u->said) {
        LOG_INFO("remote.up", "upstream=%s kind=%s", u->name, u->asked == REMOTE_OLLAMA ? "ollama" : "openai");
    }
    u->up = u->said = true;
}

static void note_down(struct remote_upstream *u, const struct kit_err *why)
{
    uint64_t wait_ns = AGAIN_NS << KIT_MIN(u->failures, (uint32_t)DOUBLINGS_MAX);
    u->failures++;
    u->check_at_ns = kit_clock_ns() + KIT_MIN(wait_ns, AGAIN_MAX_NS);
    model_remote_fail(u->remote->catalog, u->name, why->msg);
    METRIC_SET_WITH(remote_up, 0, kit_str_c(u->name));
    if (u->up || !u->said) {
        LOG_WARN("remote.down", "upstream=%s why=%s", u->name, LOG_QUOTE(why->msg));
    }
    u->up = false;
    u->said = true;
}

static void set_kind(struct remote_upstream *u, enum remote_kind kind)
{
    kit_mutex_lock(&u->remote->lock);
    u->kind = kind;
    kit_mutex_unlock(&u->remote->lock);
}

static enum kit_status read_list(struct remote_upstream *u, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct kit_err why = {0};
    enum kit_status rc =
        u->list.failed != KIT_OK ? u->list.failed : kit_json_parse(kit_buf_str(&u->list), LIST_DEPTH_MAX, &doc, NULL);
    kit_json list = kit_json_get(kit_json_root(doc), u->asked == REMOTE_OLLAMA ? "models" : "data");
    if (rc != KIT_OK || kit_json_type(list) != KIT_JSON_ARRAY) {
        rc = kit_fail(err, KIT_IO, "upstream '%s' answers, but not with a list of models", u->name);
    } else if (take_list(u, list, &why) != KIT_OK) {
        LOG_WARN("remote.list", "upstream=%s why=%s", u->name, LOG_QUOTE(why.msg));
    }
    kit_json_free(doc);
    return rc;
}

/* --- asking --- */

static void ask(struct remote_upstream *u, enum remote_kind kind);

static bool head(void *ctx, struct fetch_transfer *t)
{
    (void)ctx;
    (void)t;
    return true;
}

static bool piece(void *ctx, kit_str bytes)
{
    struct remote_upstream *u = ctx;
    u->check_heard_ns = kit_clock_ns();
    return kit_buf_add(&u->list, bytes) == KIT_OK;
}

static void done(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *err)
{
    struct remote_upstream *u = ctx;
    struct kit_err why = *err;
    int status = fetch_transfer_status(t);
    u->check = NULL;
    if (rc == KIT_OK && status >= 200 && status <= 299) {
        rc = read_list(u, &why);
    } else {
        rc = rc == KIT_OK ? remote_judge(u, t, kit_buf_str(&u->list), &why) : remote_retell(u, status != 0, &why);
    }
    if (rc == KIT_OK) {
        set_kind(u, u->asked);
        note_up(u);
    } else if (u->wish == REMOTE_AUTO && u->asked == REMOTE_OPENAI && status == 404) {
        ask(u, REMOTE_OLLAMA);
    } else {
        set_kind(u, u->wish);
        note_down(u, &why);
    }
}

static void ask(struct remote_upstream *u, enum remote_kind kind)
{
    struct fetch_group_request q = {
        .method = "GET", .head = head, .piece = piece, .done = done, .ctx = u, .refusal = &u->list};
    struct kit_err err = {0};
    u->asked = kind;
    u->check_heard_ns = kit_clock_ns();
    kit_buf_clear(&u->list);
    if (remote_start(u, kind == REMOTE_OLLAMA ? "/api/tags" : "/v1/models", &q, &u->check, &err) != KIT_OK) {
        note_down(u, &err);
    }
}

void remote_check_end(struct remote_upstream *u)
{
    if (u->check != NULL) {
        fetch_group_stop(u->check);
        u->check = NULL;
    }
}

void remote_check_soon(struct remote_upstream *u)
{
    u->check_at_ns = 0;
}

void remote_check_turn(struct remote_upstream *u, uint64_t now_ns)
{
    if (u->check != NULL && now_ns > u->check_heard_ns && now_ns - u->check_heard_ns > CHECK_STALL_NS) {
        struct kit_err err;
        remote_check_end(u);
        kit_fail(&err, KIT_TIMEOUT, "upstream '%s' does not answer in time", u->name);
        note_down(u, &err);
    } else if (u->check == NULL && now_ns >= u->check_at_ns) {
        ask(u, u->kind == REMOTE_OLLAMA ? REMOTE_OLLAMA : REMOTE_OPENAI);
    }
}
