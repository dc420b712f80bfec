/* heimnetz aethercore pull MODEL[@REVISION]. */
#include "heimnetz/args.h"
#include "heimnetz/pull.h"
#include "kit/clock.h"

#define COMMIT_SHOWN 10 /* digits */

/* The last word: what lies there now. A pull that was called off has left nothing to ask for. */
static int print_pulled(struct heimnetz *h, const struct heimnetz_pull *p, uint64_t took_ns)
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
    heimnetz_term_put(t, TERM_PLAIN, " is here%s", p->already ? " already" : "");
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

static int pull(struct heimnetz *h, bool wait, struct client_answer *a)
{
    struct heimnetz_pull p;
    struct kit_err err = {0};
    uint64_t started_ns = kit_clock_ns();
    enum kit_status rc = heimnetz_pull_ask(h, h->words[0], NULL, h->json && wait, &p, a, &err);
    if (rc != KIT_OK || h->json) {
        return rc == KIT_OK ? heimnetz_print_json(h, a) : heimnetz_fail(h, rc, &err, a);
    }
    if (!p.already && !wait) {
        heimnetz_term_put(&h->out, TERM_BOLD, "%s", p.id);
        heimnetz_term_put(&h->out, TERM_PLAIN, " is %s\n", p.state);
        return HEIMNETZ_GOOD;
    }
    rc = p.already ? KIT_OK : heimnetz_pull_watch(h, &p, &err);
    return rc == KIT_OK ? print_pulled(h, &p, kit_clock_ns() - started_ns) : heimnetz_fail(h, rc, &err, NULL);
}

int heimnetz_cmd_aethercore_pull(struct heimnetz *h)
{
    struct client_answer a;
    bool wait = !heimnetz_args_has(h, HEIMNETZ_OPT_NO_WAIT);
    h->client.timeout_ms = h->json && wait ? HEIMNETZ_WORK_MS : HEIMNETZ_CALL_MS;
    int code = pull(h, wait, &a);
    client_answer_done(&a);
    return code;
}
