/* heimnetz bench MODEL|URL. */
#include <stdlib.h>
#include <string.h>

#include "fetch/url.h"
#include "heimnetz/args.h"
#include "heimnetz/bench_report.h"
#include "heimnetz/interrupt.h"
#include "heimnetz/load.h"
#include "heimnetz/progress.h"
#include "heimnetz/server.h"
#include "kit/file.h"

#define REQUESTS_MAX 10000000
#define PROMPT_TOKENS_MAX 1000000
#define PROMPT_BYTES_MAX (16 * KIT_MIB)
#define RATE_MAX 100000
#define TOKENS_MAX (1u << 30)
#define TIMEOUT_S_MAX 86400
#define TIMEOUT_S 300
#define JSON_BYTES_MAX KIT_MIB

struct order {
    struct heimnetz_bench_plan plan;
    struct client server; /* whose it is */
    char model[SERVER_TEXT_BYTES];
    struct kit_buf prompt;
};

/* --- what is asked for --- */

static enum kit_status read_rate(const struct heimnetz *h, double *ret, struct kit_err *err)
{
    const char *text = heimnetz_args_value(h, HEIMNETZ_OPT_RATE);
    struct kit_json_doc *doc = NULL;
    if (text == NULL) {
        return KIT_OK;
    }
    if (kit_json_parse(kit_str_c(text), 1, &doc, NULL) == KIT_OK) {
        *ret = kit_json_f64(kit_json_root(doc), 0);
    }
    kit_json_free(doc);
    bool both = heimnetz_args_has(h, HEIMNETZ_OPT_CONCURRENCY);
    return both ? kit_fail(err, KIT_INVALID, "--rate and --concurrency do not go together")
           : *ret > 0.001 && *ret <= RATE_MAX
               ? KIT_OK
               : kit_fail(err, KIT_INVALID, "--rate takes a number up to %d, not '%s'", RATE_MAX, text);
}

static enum kit_status read_prompt(const struct heimnetz *h, struct order *o, struct kit_err *err)
{
    const char *file = heimnetz_args_value(h, HEIMNETZ_OPT_PROMPT);
    kit_buf_init(&o->prompt, PROMPT_BYTES_MAX);
    if (file == NULL) {
        return KIT_OK;
    }
    if (heimnetz_args_has(h, HEIMNETZ_OPT_PROMPT_TOKENS)) {
        return kit_fail(err, KIT_INVALID, "--prompt and --prompt-tokens do not go together");
    }
    enum kit_status rc = kit_file_read(file, &o->prompt, err);
    o->plan.prompt = kit_str_trim(kit_buf_str(&o->prompt));
    return rc == KIT_OK && o->plan.prompt.len == 0 ? kit_fail(err, KIT_INVALID, "there is nothing in '%s'", file) : rc;
}

static enum kit_status read_numbers(const struct heimnetz *h, struct heimnetz_bench_plan *p, struct kit_err *err)
{
    uint64_t concurrency = 1, words = 64, timeout_s = TIMEOUT_S;
    const struct {
        enum heimnetz_option option;
        uint64_t max, otherwise, *value;
    } rows[] = {
        {HEIMNETZ_OPT_CONCURRENCY, BENCH_RUNNING_MAX, 1, &concurrency},
        {HEIMNETZ_OPT_REQUESTS, REQUESTS_MAX, 32, &p->requests},
        {HEIMNETZ_OPT_PROMPT_TOKENS, PROMPT_TOKENS_MAX, 64, &words},
        {HEIMNETZ_OPT_MAX_TOKENS, TOKENS_MAX, 128, &p->max_tokens},
        {HEIMNETZ_OPT_TIMEOUT, TIMEOUT_S_MAX, TIMEOUT_S, &timeout_s},
    };
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(rows); i++) {
        rc = heimnetz_args_number(h, rows[i].option, 1, rows[i].max, rows[i].otherwise, rows[i].value, err);
    }
    p->concurrency = (uint32_t)concurrency;
    p->prompt_tokens = (uint32_t)words;
    p->timeout_ms = (uint32_t)timeout_s * 1000;
    return rc;
}

static enum kit_status read_order(const struct heimnetz *h, struct order *o, struct kit_err *err)
{
    enum kit_status rc = read_numbers(h, &o->plan, err);
    rc = rc == KIT_OK ? read_rate(h, &o->plan.rate, err) : rc;
    return rc == KIT_OK ? read_prompt(h, o, err) : rc;
}

/* --- whom --- */

/* Our key goes to our server only. */
static enum kit_status take_server(const struct heimnetz *h, const char *url, struct order *o, struct kit_err *err)
{
    bool ours = fetch_url_same_origin(url, h->client.url);
    enum kit_status rc = client_init(&o->server, url, ours ? h->client.key : getenv("OPENAI_API_KEY"), err);
    if (rc == KIT_OK && kit_str_ends(kit_str_c(o->server.url), kit_str_lit("/v1"))) {
        o->server.url[strlen(o->server.url) - 3] = '\0';
    }
    o->server.timeout_ms = HEIMNETZ_CALL_MS;
    return rc;
}

/* The first model of its list. */
static enum kit_status take_first_model(struct order *o, struct client_answer *a, struct kit_err *err)
{
    enum kit_status rc = client_call(&o->server, "GET", "/v1/models", (kit_str){0}, a, err);
    kit_json root = a->doc != NULL ? kit_json_root(a->doc) : (kit_json){0};
    struct kit_json_iter i = kit_json_iter(kit_json_get(root, "data"));
    if (rc == KIT_OK && !kit_json_next(&i)) {
        rc = kit_fail(err, KIT_NOT_FOUND, "%s names no model: --model says which", o->server.url);
    }
    if (rc == KIT_OK) {
        kit_str_to_c(heimnetz_server_text(i.value, "id"), o->model, sizeof(o->model));
    }
    return rc;
}

/* How to start it is said of our own server only. */
static int tell(struct heimnetz *h, bool url, enum kit_status rc, const struct kit_err *err,
                const struct client_answer *a)
{
    if (rc == KIT_INVALID && a->status == 0) {
        return heimnetz_usage(h, "%s", err->msg);
    }
    if (!url || a->status != 0) {
        return heimnetz_fail(h, rc, err, a->status >= 400 ? a : NULL);
    }
    heimnetz_error(h, rc, err, NULL);
    return HEIMNETZ_NOBODY;
}

/* The command's exit code; what failed has been told. */
static int find_server(struct heimnetz *h, struct order *o)
{
    struct client_answer a = {0};
    struct kit_err err = {0};
    const char *word = h->words[0], *model = heimnetz_args_value(h, HEIMNETZ_OPT_MODEL);
    bool url = fetch_url_is_http(word) || fetch_url_is_https(word);
    enum kit_status rc = take_server(h, url ? word : h->client.url, o, &err);
    if (!url || model != NULL) {
        kit_str_to_c(kit_str_c(url ? model : word), o->model, sizeof(o->model));
    }
    if (rc == KIT_OK && !url) {
        rc = heimnetz_load(h, o->model, &a, &err);
    } else if (rc == KIT_OK && model == NULL) {
        rc = take_first_model(o, &a, &err);
    }
    int code = rc == KIT_OK ? HEIMNETZ_GOOD : tell(h, url, rc, &err, &a);
    client_answer_done(&a);
    o->plan.url = o->server.url;
    o->plan.key = o->server.key;
    o->plan.model = o->model;
    return code;
}

/* --- measuring --- */

struct watch {
    struct heimnetz_progress progress;
    uint64_t requests;
};

static bool go_on(void *ctx, uint64_t ended)
{
    struct watch *w = ctx;
    char stage[64];
    snprintf(stage, sizeof(stage), "%llu of %llu requests", (unsigned long long)ended, (unsigned long long)w->requests);
    heimnetz_progress_set(&w->progress, stage, 0, 0);
    return !heimnetz_interrupt_said();
}

static int print(struct heimnetz *h, const struct heimnetz_bench_plan *plan, const struct heimnetz_bench_result *r)
{
    struct kit_buf text;
    struct kit_err err = {0};
    enum kit_status rc = KIT_OK;
    int code = HEIMNETZ_GOOD;
    if (h->json) {
        kit_buf_init(&text, JSON_BYTES_MAX);
        heimnetz_bench_write(plan, r, &text);
        code = heimnetz_print_buf(h, &text);
        kit_buf_done(&text);
    } else if ((rc = heimnetz_bench_print(&h->out, plan, r)) != KIT_OK) {
        kit_fail(&err, rc, "out of memory for the page");
        code = heimnetz_fail(h, rc, &err, NULL);
    }
    return code != HEIMNETZ_GOOD                         ? code
           : r->failed > 0 && r->failed == r->unanswered ? HEIMNETZ_NOBODY
           : r->failed > 0                               ? HEIMNETZ_FAILING
                                                         : HEIMNETZ_GOOD;
}

static int measure(struct heimnetz *h, const struct heimnetz_bench_plan *plan)
{
    static struct heimnetz_bench_result result; /* 60 KiB */
    struct watch w = {.requests = plan->requests};
    struct kit_err err = {0};
    heimnetz_interrupt_watch();
    heimnetz_progress_start(&w.progress, &h->err, plan->model, NULL);
    enum kit_status rc = heimnetz_bench_run(plan, go_on, &w, &result, &err);
    heimnetz_progress_stop(&w.progress);
    heimnetz_interrupt_unwatch();
    return rc == KIT_OK ? print(h, plan, &result) : heimnetz_fail(h, rc, &err, NULL);
}

int heimnetz_cmd_bench(struct heimnetz *h)
{
    struct order o = {.model = ""};
    struct kit_err err = {0};
    enum kit_status rc = read_order(h, &o, &err);
    int code = rc == KIT_OK        ? find_server(h, &o)
               : rc == KIT_INVALID ? heimnetz_usage(h, "%s", err.msg)
                                   : heimnetz_fail(h, rc, &err, NULL);
    code = code == HEIMNETZ_GOOD ? measure(h, &o.plan) : code;
    kit_buf_done(&o.prompt);
    return code;
}
