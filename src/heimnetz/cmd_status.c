/* heimnetz status, heimnetz aethercore health: what runs, and how it is. */
#include <string.h>

#include "heimnetz/command.h"
#include "heimnetz/table.h"

#define NS_PER_MS 1e6

static uint64_t number(kit_json object, const char *key)
{
    return (uint64_t)kit_json_i64(kit_json_get(object, key), 0);
}

/* "1 of 3 ready, 1 failed" */
static void describe_models(kit_json checks, char *buf, size_t size)
{
    kit_json m = kit_json_get(checks, "models");
    unsigned long long failed = number(m, "failed");
    int len = snprintf(buf, size, "%llu of %llu ready", (unsigned long long)number(m, "ready"),
                       (unsigned long long)number(m, "known"));
    if (failed > 0) {
        snprintf(buf + len, size - (size_t)len, ", %llu failed", failed);
    }
}

static kit_str state_of(const struct client_answer *a)
{
    kit_json root = a->doc != NULL ? kit_json_root(a->doc) : (kit_json){0};
    return kit_json_str(kit_json_get(root, "status"), a->status == 0 ? kit_str_lit("down") : kit_str_lit("failing"));
}

static enum kit_status add_row(struct heimnetz_table *t, const char *url, const struct client_answer *a)
{
    char uptime[64], models[64];
    kit_json root = a->doc != NULL ? kit_json_root(a->doc) : (kit_json){0};
    kit_str state = state_of(a);
    describe_models(kit_json_get(root, "checks"), models, sizeof(models));
    enum kit_status added = heimnetz_table_add(t, TERM_BOLD, "aethercore");
    added = added == KIT_OK ? heimnetz_table_add(t, heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state))
                            : added;
    added = added == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%s", url) : added;
    if (a->doc == NULL) {
        for (int i = 0; added == KIT_OK && i < 4; i++) {
            added = heimnetz_table_add(t, TERM_DIM, "-");
        }
        return added;
    }
    kit_str version = kit_json_str(kit_json_get(root, "version"), kit_str_lit("?"));
    added = added == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%.*s", KIT_STR_ARG(version)) : added;
    added = added == KIT_OK
                ? heimnetz_table_add(t, TERM_PLAIN, "%s",
                                     heimnetz_term_duration(number(root, "uptime_s"), uptime, sizeof(uptime)))
                : added;
    added = added == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%s", models) : added;
    return added == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%.1f ms", (double)a->total_ns / NS_PER_MS) : added;
}

/* Good is only what says so in our own words. */
static int exit_code(enum kit_status rc, const struct client_answer *a)
{
    kit_str state = state_of(a);
    bool well = kit_str_eq(state, kit_str_lit("ok")) || kit_str_eq(state, kit_str_lit("degraded"));
    return a->status == 0 ? HEIMNETZ_NOBODY : rc == KIT_OK && well ? HEIMNETZ_GOOD : HEIMNETZ_FAILING;
}

/* Why there is nothing to show: nobody answers, or somebody else. */
static int complain(struct heimnetz *h, enum kit_status rc, struct kit_err *err, const struct client_answer *a)
{
    if (rc == KIT_OK) {
        rc = kit_fail(err, KIT_IO, "HTTP %d, but no health in JSON: is that an aethercore?", a->status);
    }
    heimnetz_fail(h, rc, err, a);
    return a->status == 0 ? HEIMNETZ_NOBODY : HEIMNETZ_FAILING;
}

static void print_status(struct heimnetz *h, const struct client_answer *a)
{
    static const char *const headings[] = {"SERVICE", "STATE", "ADDRESS", "VERSION", "UP", "MODELS", ">LATENCY"};
    struct heimnetz_table t;
    heimnetz_table_init(&t, KIT_COUNT(headings), headings);
    if (add_row(&t, h->client.url, a) == KIT_OK) {
        heimnetz_table_print(&t, &h->out);
    }
    heimnetz_table_done(&t);
}

static void print_status_json(struct heimnetz *h, const struct client_answer *a)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, KIT_MIB);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_key(&w, "services");
    kit_json_open(&w, '[');
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "name", "aethercore");
    kit_json_member_c(&w, "url", h->client.url);
    kit_json_key(&w, "health");
    kit_json_put_raw(&w, a->doc != NULL ? kit_str_c(a->text) : kit_str_lit("null"));
    kit_json_close(&w, '}');
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    fprintf(h->out.out, "%.*s\n", KIT_STR_ARG(kit_buf_str(&text)));
    kit_buf_done(&text);
}

int heimnetz_cmd_status(struct heimnetz *h)
{
    struct kit_err err = {0};
    struct client_answer a;
    enum kit_status rc = client_call(&h->client, "GET", "/health", (kit_str){0}, &a, &err);
    int code = exit_code(rc, &a);
    if (h->json) {
        print_status_json(h, &a);
    } else {
        print_status(h, &a);
        if (a.doc == NULL) {
            code = complain(h, rc, &err, &a);
        }
    }
    client_answer_done(&a);
    return code;
}

int heimnetz_cmd_aethercore_health(struct heimnetz *h)
{
    struct kit_err err = {0};
    struct client_answer a;
    enum kit_status rc = client_call(&h->client, "GET", "/health", (kit_str){0}, &a, &err);
    int code = exit_code(rc, &a);
    if (a.doc == NULL) {
        code = complain(h, rc, &err, &a);
    } else if (h->json) {
        heimnetz_print_json(h, &a);
    } else {
        char models[64];
        kit_json root = kit_json_root(a.doc);
        kit_str state = kit_json_str(kit_json_get(root, "status"), kit_str_lit("failing"));
        describe_models(kit_json_get(root, "checks"), models, sizeof(models));
        heimnetz_term_put(&h->out, heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state));
        fprintf(h->out.out, "  models: %s; %s\n", models, h->client.url);
    }
    client_answer_done(&a);
    return code;
}
