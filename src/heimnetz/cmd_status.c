/* heimnetz status, heimnetz aethercore health: what runs, and how it is. */
#include <string.h>

#include "heimnetz/command.h"
#include "heimnetz/table.h"

#define NS_PER_MS 1e6

static uint64_t number(kit_json object, const char *key)
{
    return (uint64_t)kit_json_i64(kit_json_get(object, key), 0);
}

/* "1 ready, 0 loading, 0 failed, 3 known" */
static void describe_models(kit_json checks, char *buf, size_t size)
{
    kit_json m = kit_json_get(checks, "models");
    snprintf(buf, size, "%llu ready, %llu known%s", (unsigned long long)number(m, "ready"),
             (unsigned long long)number(m, "known"), number(m, "failed") > 0 ? ", some failed" : "");
}

static enum kit_status add_row(struct heimnetz_table *t, const char *url, enum kit_status rc,
                               const struct client_answer *a)
{
    char uptime[64], models[64];
    kit_json root = a->doc != NULL ? kit_json_root(a->doc) : (kit_json){0};
    kit_str state = rc == KIT_OK || a->doc != NULL ? kit_json_str(kit_json_get(root, "status"), kit_str_lit("failing"))
                                                   : kit_str_lit("down");
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

static int exit_code(enum kit_status rc, const struct client_answer *a)
{
    if (a->doc == NULL) {
        return HEIMNETZ_NOBODY;
    }
    kit_str state = kit_json_str(kit_json_get(kit_json_root(a->doc), "status"), kit_str_lit(""));
    return rc == KIT_OK && !kit_str_eq(state, kit_str_lit("failing")) ? HEIMNETZ_GOOD : HEIMNETZ_FAILING;
}

static void print_status(struct heimnetz *h, enum kit_status rc, const struct client_answer *a)
{
    static const char *const headings[] = {"SERVICE", "STATE", "ADDRESS", "VERSION", "UP", "MODELS", ">LATENCY"};
    struct heimnetz_table t;
    heimnetz_table_init(&t, KIT_COUNT(headings), headings);
    if (add_row(&t, h->client.url, rc, a) == KIT_OK) {
        heimnetz_table_print(&t, &h->out);
    }
    heimnetz_table_done(&t);
}

int heimnetz_cmd_status(struct heimnetz *h)
{
    struct kit_err err = {0};
    struct client_answer a;
    enum kit_status rc = client_call(&h->client, "GET", "/health", (kit_str){0}, &a, &err);
    int code = exit_code(rc, &a);
    if (h->json) {
        fprintf(h->out.out, "{\"services\":[{\"name\":\"aethercore\",\"url\":\"%s\",\"health\":%s}]}\n", h->client.url,
                a.doc != NULL ? a.text : "null");
    } else {
        print_status(h, rc, &a);
        if (code == HEIMNETZ_NOBODY) {
            heimnetz_fail(h, rc, &err);
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
    if (code == HEIMNETZ_NOBODY) {
        heimnetz_fail(h, rc, &err);
    } else if (h->json) {
        heimnetz_print_json(h, &a);
    } else {
        char models[64];
        kit_json root = kit_json_root(a.doc);
        kit_str state = kit_json_str(kit_json_get(root, "status"), kit_str_lit("failing"));
        describe_models(kit_json_get(root, "checks"), models, sizeof(models));
        heimnetz_term_put(&h->out, heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state));
        fprintf(h->out.out, "  %s at %s\n", models, h->client.url);
    }
    client_answer_done(&a);
    return code;
}
