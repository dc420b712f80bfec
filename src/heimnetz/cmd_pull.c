/* heimnetz aethercore pull MODEL[@REVISION]. */
#include <string.h>

#include "heimnetz/args.h"
#include "heimnetz/progress.h"
#include "heimnetz/server.h"
#include "kit/clock.h"

#define BODY_BYTES_MAX (16 * KIT_KIB)
#define COMMIT_SHOWN 10 /* digits */

struct pull {
    struct heimnetz_progress progress;
    char id[SERVER_TEXT_BYTES]; /* without the revision */
    char state[32];
    char error[KIT_ERR_MSG_BYTES];
    uint64_t bytes; /* of all files, as far as it was told */
};

/* One event of the model; false once the download has come to its end. */
static bool follow(void *ctx, kit_json event)
{
    struct pull *p = ctx;
    kit_json progress = kit_json_get(event, "progress");
    uint64_t total = heimnetz_server_number(progress, "total_bytes");
    kit_str_to_c(heimnetz_server_text(event, "state"), p->state, sizeof(p->state));
    kit_str_to_c(kit_json_str(kit_json_get(event, "error"), kit_str_lit("")), p->error, sizeof(p->error));
    bool on = strcmp(p->state, "downloading") == 0;
    if (on) {
        p->bytes = KIT_MAX(p->bytes, total);
        heimnetz_progress_set(&p->progress, p->state, heimnetz_server_number(progress, "done_bytes"), total);
    }
    return on;
}

static enum kit_status watch(struct heimnetz *h, struct pull *p, struct kit_err *err)
{
    char path[SERVER_PATH_BYTES], farewell[SERVER_PATH_BYTES];
    enum kit_status rc = client_model_path(kit_str_c(p->id), "events", path, sizeof(path), err);
    if (rc != KIT_OK) {
        return rc;
    }
    snprintf(farewell, sizeof(farewell), "%s goes on downloading; '%s aethercore unload %s' calls it off", p->id,
             h->name, p->id);
    heimnetz_progress_start(&p->progress, &h->err, p->id, farewell);
    rc = client_events(&h->client, path, follow, p, err);
    heimnetz_progress_stop(&p->progress);
    if (rc == KIT_OK && strcmp(p->state, "failed") == 0) {
        rc = kit_fail(err, KIT_LOAD_FAILED, "%s", p->error);
    } else if (rc == KIT_OK && strcmp(p->state, "downloading") == 0) {
        rc =
            kit_fail(err, KIT_UNAVAILABLE, "the server stopped while '%s' was downloading: pull again to go on", p->id);
    }
    return rc;
}

/* The last word: what lies there now. A pull that was called off has left nothing to ask for. */
static int print_pulled(struct heimnetz *h, const struct pull *p, bool already, uint64_t took_ns)
{
    char bytes[TERM_FIGURE_BYTES], took[TERM_FIGURE_BYTES];
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (!heimnetz_server_call_model(h, "GET", p->id, "", &a, &code)) {
        return code;
    }
    const struct heimnetz_term *t = &h->out;
    kit_str commit = kit_json_str(kit_json_get(kit_json_root(a.doc), "commit"), (kit_str){0});
    heimnetz_term_put(t, TERM_GOOD, "%s", t->terminal ? t->signs->good : "");
    heimnetz_term_put(t, TERM_BOLD, "%s%s", t->terminal ? " " : "", p->id);
    heimnetz_term_put(t, TERM_PLAIN, " is here%s", already ? " already" : "");
    if (commit.len > 0) {
        kit_str digits = kit_str_sub(commit, 0, COMMIT_SHOWN);
        heimnetz_term_put(t, TERM_DIM, ", at commit %.*s", KIT_STR_ARG(digits));
    }
    if (p->bytes > 0) {
        heimnetz_term_put(t, TERM_DIM, ": %s in %s", heimnetz_term_bytes(p->bytes, bytes),
                          heimnetz_term_ms((double)took_ns / 1e6, took));
    }
    heimnetz_term_put(t, TERM_PLAIN, "\n");
    client_answer_done(&a);
    return code;
}

static bool ask(struct heimnetz *h, const char *action, struct client_answer *a, int *code)
{
    struct kit_buf body;
    struct kit_json_writer w;
    struct kit_err err = {0};
    kit_buf_init(&body, BODY_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "id", h->words[0]);
    kit_json_close(&w, '}');
    bool good = body.failed == KIT_OK;
    if (good) {
        good = heimnetz_server_call(h, "POST", action, kit_buf_str(&body), a, code);
    } else {
        *code = heimnetz_fail(h, kit_fail(&err, KIT_INVALID, "that name is too long"), &err, NULL);
    }
    kit_buf_done(&body);
    return good;
}

int heimnetz_cmd_aethercore_pull(struct heimnetz *h)
{
    struct client_answer a;
    struct kit_err err = {0};
    struct pull p = {0};
    int code = HEIMNETZ_GOOD;
    uint64_t started_ns = kit_clock_ns();
    bool wait = !heimnetz_args_has(h, HEIMNETZ_OPT_NO_WAIT);
    h->client.timeout_ms = h->json && wait ? HEIMNETZ_WORK_MS : HEIMNETZ_CALL_MS;
    if (!ask(h, h->json && wait ? "/hub/pull?wait=true" : "/hub/pull", &a, &code)) {
        return code;
    }
    bool already = a.status == 200;
    kit_str_to_c(heimnetz_server_text(kit_json_root(a.doc), "id"), p.id, sizeof(p.id));
    kit_str_to_c(heimnetz_server_text(kit_json_root(a.doc), "state"), p.state, sizeof(p.state));
    client_answer_done(&a);
    if (!already && !wait) {
        heimnetz_term_put(&h->out, TERM_BOLD, "%s", p.id);
        heimnetz_term_put(&h->out, TERM_PLAIN, " is %s\n", p.state);
        return code;
    }
    enum kit_status rc = already ? KIT_OK : watch(h, &p, &err);
    return rc == KIT_OK ? print_pulled(h, &p, already, kit_clock_ns() - started_ns) : heimnetz_fail(h, rc, &err, NULL);
}
