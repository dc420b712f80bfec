/* heimnetz aethercore load MODEL. */
#include "heimnetz/args.h"
#include "heimnetz/load.h"
#include "heimnetz/server.h"
#include "kit/clock.h"

/* The last word on a load: what the model holds now. */
static int print_loaded(struct heimnetz *h, const char *id, bool already, uint64_t took_ns)
{
    char bytes[TERM_FIGURE_BYTES], took[TERM_FIGURE_BYTES];
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (!heimnetz_server_call_model(h, "GET", id, "", &a, &code)) {
        return code;
    }
    const struct heimnetz_term *t = &h->out;
    kit_json m = kit_json_root(a.doc);
    uint64_t dimensions = heimnetz_server_number(m, "dimensions");
    heimnetz_term_put(t, TERM_GOOD, "%s", t->terminal ? t->signs->good : "");
    heimnetz_term_put(t, TERM_BOLD, "%s%s", t->terminal ? " " : "", id);
    heimnetz_term_put(t, TERM_PLAIN, " is ready%s", already ? " already" : "");
    heimnetz_term_put(t, TERM_DIM, ": %s on %.*s", heimnetz_term_bytes(heimnetz_server_bytes(m), bytes),
                      KIT_STR_ARG(heimnetz_server_text(m, "backend")));
    if (dimensions > 0) {
        heimnetz_term_put(t, TERM_DIM, ", %llu dimensions", (unsigned long long)dimensions);
    }
    if (!already) {
        heimnetz_term_put(t, TERM_DIM, ", in %s", heimnetz_term_ms((double)took_ns / 1e6, took));
    }
    heimnetz_term_put(t, TERM_PLAIN, "\n");
    client_answer_done(&a);
    return code;
}

/* --json: the server's own answer, once it is there or at once. */
static int load_json(struct heimnetz *h, const char *id, bool wait)
{
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    h->client.timeout_ms = wait ? HEIMNETZ_WORK_MS : HEIMNETZ_CALL_MS;
    if (heimnetz_server_call_model(h, "POST", id, wait ? "load?wait=true" : "load", &a, &code)) {
        client_answer_done(&a);
    }
    return code;
}

static int load_later(struct heimnetz *h, const char *id)
{
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (heimnetz_server_call_model(h, "POST", id, "load", &a, &code)) {
        kit_str state = heimnetz_server_text(kit_json_root(a.doc), "state");
        heimnetz_term_put(&h->out, TERM_BOLD, "%s", id);
        heimnetz_term_put(&h->out, TERM_PLAIN, " is %.*s\n", KIT_STR_ARG(state));
        client_answer_done(&a);
    }
    return code;
}

int heimnetz_cmd_aethercore_load(struct heimnetz *h)
{
    struct client_answer a;
    struct kit_err err = {0};
    uint64_t started_ns = kit_clock_ns();
    bool wait = !heimnetz_args_has(h, HEIMNETZ_OPT_NO_WAIT);
    if (h->json || !wait) {
        return h->json ? load_json(h, h->words[0], wait) : load_later(h, h->words[0]);
    }
    enum kit_status rc = heimnetz_load(h, h->words[0], &a, &err);
    int code = rc == KIT_OK ? print_loaded(h, h->words[0], a.status == 200, kit_clock_ns() - started_ns)
                            : heimnetz_fail(h, rc, &err, a.status >= 400 ? &a : NULL);
    client_answer_done(&a);
    return code;
}
