/* heimnetz aethercore info | models | unload | remove | health. */
#include <string.h>

#include "heimnetz/panel.h"
#include "heimnetz/server.h"
#include "heimnetz/service.h"

static int print_page(struct heimnetz *h, const char *title, struct heimnetz_table *table, int code)
{
    struct kit_err err = {0};
    enum kit_status rc = heimnetz_panels_print(&h->out, &(struct heimnetz_panel){title, table}, 1);
    heimnetz_table_done(table);
    if (rc == KIT_OK) {
        return code;
    }
    kit_fail(&err, rc, "out of memory for the page");
    return heimnetz_fail(h, rc, &err, NULL);
}

/* --- info --- */

/* "all-MiniLM-L6-v2, org/name": the models that are ready. */
static void add_ready(struct heimnetz_table *t, kit_json models)
{
    bool first = true;
    for (struct kit_json_iter i = kit_json_iter(models); kit_json_next(&i);) {
        if (!kit_str_eq(heimnetz_server_text(i.value, "state"), kit_str_lit("ready"))) {
            continue;
        }
        kit_str id = heimnetz_server_text(i.value, "id");
        if (first) {
            heimnetz_table_pair(t, "ready", TERM_GOOD, "%.*s", KIT_STR_ARG(id));
        } else {
            heimnetz_table_more(t, TERM_GOOD, ", %.*s", KIT_STR_ARG(id));
        }
        first = false;
    }
}

static void fill_info(struct heimnetz_table *t, struct heimnetz *h, kit_json health, kit_json models)
{
    char text[SERVER_TEXT_BYTES], figure[TERM_FIGURE_BYTES];
    kit_json checks = kit_json_get(health, "checks");
    kit_str state = heimnetz_server_text(health, "status");
    uint64_t resident = heimnetz_server_number(kit_json_get(models, "budget"), "resident_bytes");
    heimnetz_table_init(t, 2, NULL);
    heimnetz_table_pair(t, "state", heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state));
    heimnetz_table_pair(t, "address", TERM_PLAIN, "%s", h->client.url);
    heimnetz_table_pair(t, "version", TERM_PLAIN, "%.*s", KIT_STR_ARG(heimnetz_server_text(health, "version")));
    heimnetz_table_pair(t, "up", TERM_PLAIN, "%s",
                        heimnetz_term_duration(heimnetz_server_number(health, "uptime_s"), figure));
    heimnetz_table_pair(t, "models", TERM_PLAIN, "%s", heimnetz_server_models(checks, text));
    add_ready(t, kit_json_get(models, "models"));
    heimnetz_table_pair(t, "memory", TERM_PLAIN, "%s", heimnetz_server_memory(checks, text));
    if (resident > 0) {
        heimnetz_table_more(t, TERM_DIM, "; the process takes %s", heimnetz_term_bytes(resident, figure));
    }
}

int heimnetz_cmd_aethercore_info(struct heimnetz *h)
{
    struct client_answer health, models;
    struct heimnetz_table t;
    int code = HEIMNETZ_GOOD;
    if (!heimnetz_server_call(h, "GET", "/health", (kit_str){0}, &health, &code)) {
        return code;
    }
    if (heimnetz_server_call(h, "GET", "/models", (kit_str){0}, &models, &code)) {
        fill_info(&t, h, kit_json_root(health.doc), kit_json_root(models.doc));
        code = print_page(h, "AetherCore", &t, code);
        client_answer_done(&models);
    }
    client_answer_done(&health);
    return code;
}

/* --- models --- */

static void add_tasks(struct heimnetz_table *t, kit_json tasks)
{
    heimnetz_table_add(t, TERM_DIM, "%s", kit_json_count(tasks) == 0 ? "-" : "");
    for (struct kit_json_iter i = kit_json_iter(tasks); kit_json_next(&i);) {
        kit_str task = kit_json_str(i.value, kit_str_lit("?"));
        heimnetz_table_more(t, TERM_PLAIN, "%s%.*s", i.index > 0 ? ", " : "", KIT_STR_ARG(task));
    }
}

static void add_model(struct heimnetz_table *t, kit_json m)
{
    char bytes[TERM_FIGURE_BYTES];
    uint64_t held = heimnetz_server_bytes(m);
    kit_json progress = kit_json_get(m, "progress");
    uint64_t done = heimnetz_server_number(progress, "done_bytes"),
             total = heimnetz_server_number(progress, "total_bytes");
    kit_str state = heimnetz_server_text(m, "state");
    kit_str error = kit_json_str(kit_json_get(m, "error"), kit_str_lit(""));
    bool moves = kit_str_eq(state, kit_str_lit("loading")) || kit_str_eq(state, kit_str_lit("downloading"));
    kit_str engine = heimnetz_server_text(m, "backend");
    bool runs = kit_json_type(kit_json_get(m, "backend")) == KIT_JSON_STRING;
    heimnetz_table_add(t, runs ? TERM_BOLD : TERM_PLAIN, "%.*s", KIT_STR_ARG(heimnetz_server_text(m, "id")));
    heimnetz_table_add(t, heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state));
    if (moves && total > 0) {
        heimnetz_table_more(t, TERM_PLAIN, " %2u %%", (unsigned)(100 * (double)done / (double)total));
    }
    heimnetz_table_add(t, runs ? TERM_PLAIN : TERM_DIM, "%.*s", KIT_STR_ARG(engine));
    add_tasks(t, kit_json_get(m, "tasks"));
    heimnetz_table_add(t, held > 0 ? TERM_PLAIN : TERM_DIM, "%s", held > 0 ? heimnetz_term_bytes(held, bytes) : "-");
    if (error.len > 0) {
        heimnetz_table_note(t, TERM_BAD, "%.*s", KIT_STR_ARG(error));
    }
}

static int print_models(struct heimnetz *h, kit_json models)
{
    static const char *const headings[] = {"MODEL", "STATE", "ENGINE", "TASKS", ">MEMORY"};
    struct heimnetz_table t;
    heimnetz_table_init(&t, KIT_COUNT(headings), headings);
    for (struct kit_json_iter i = kit_json_iter(models); kit_json_next(&i);) {
        add_model(&t, i.value);
    }
    if (kit_json_count(models) > 0) {
        return print_page(h, "Models", &t, HEIMNETZ_GOOD);
    }
    heimnetz_table_done(&t);
    heimnetz_term_put(&h->out, TERM_PLAIN,
                      "No models yet: bring one from the hub with '%s aethercore pull ORG/NAME', or put a folder with "
                      "config.json into the models folder.\n",
                      h->name);
    return HEIMNETZ_GOOD;
}

int heimnetz_cmd_aethercore_models(struct heimnetz *h)
{
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (heimnetz_server_call(h, "GET", "/models", (kit_str){0}, &a, &code)) {
        code = print_models(h, kit_json_get(kit_json_root(a.doc), "models"));
        client_answer_done(&a);
    }
    return code;
}

/* --- unload, remove --- */

static int change(struct heimnetz *h, const char *method, const char *action, const char *done)
{
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (heimnetz_server_call_model(h, method, h->words[0], action, &a, &code)) {
        heimnetz_term_put(&h->out, TERM_GOOD, "%s", h->out.terminal ? h->out.signs->good : "");
        heimnetz_term_put(&h->out, TERM_PLAIN, "%s%s is %s\n", h->out.terminal ? " " : "", h->words[0], done);
        client_answer_done(&a);
    }
    return code;
}

int heimnetz_cmd_aethercore_unload(struct heimnetz *h)
{
    return change(h, "POST", "unload", "unloaded");
}

int heimnetz_cmd_aethercore_remove(struct heimnetz *h)
{
    return change(h, "DELETE", "", "removed");
}

/* --- health --- */

/* Good is only what says so in our own words. */
static int health_code(const struct client_answer *a)
{
    kit_str state = heimnetz_server_text(kit_json_root(a->doc), "status");
    bool well = kit_str_eq(state, kit_str_lit("ok")) || kit_str_eq(state, kit_str_lit("degraded"));
    return a->status < 500 && well ? HEIMNETZ_GOOD : HEIMNETZ_FAILING;
}

static int print_health(struct heimnetz *h, const struct client_answer *a)
{
    char text[SERVER_TEXT_BYTES], figure[TERM_FIGURE_BYTES];
    struct heimnetz_table t;
    kit_json root = kit_json_root(a->doc), checks = kit_json_get(root, "checks");
    kit_str state = heimnetz_server_text(root, "status");
    bool ready = kit_json_bool(kit_json_get(root, "ready"), true);
    heimnetz_table_init(&t, 2, NULL);
    heimnetz_table_pair(&t, "state", heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state));
    heimnetz_table_pair(&t, "ready", ready ? TERM_GOOD : TERM_WARN, ready ? "yes" : "no");
    heimnetz_table_pair(&t, "models", TERM_PLAIN, "%s", heimnetz_server_models(checks, text));
    heimnetz_table_pair(&t, "memory", TERM_PLAIN, "%s", heimnetz_server_memory(checks, text));
    heimnetz_table_pair(&t, "latency", TERM_PLAIN, "%s at %s", heimnetz_term_ms((double)a->total_ns / 1e6, figure),
                        h->client.url);
    return print_page(h, "AetherCore health", &t, health_code(a));
}

int heimnetz_cmd_aethercore_health(struct heimnetz *h)
{
    struct kit_err err = {0};
    struct client_answer a;
    enum kit_status rc = client_call(&h->client, "GET", "/health", (kit_str){0}, &a, &err);
    kit_json root = a.doc != NULL ? kit_json_root(a.doc) : (kit_json){0};
    int code = HEIMNETZ_FAILING;
    if (kit_json_type(kit_json_get(root, "status")) == KIT_JSON_STRING) { /* a 503 says how it is, too */
        code = h->json ? (heimnetz_print_json(h, &a), health_code(&a)) : print_health(h, &a);
    } else {
        if (rc == KIT_OK) {
            rc = kit_fail(&err, KIT_IO, "HTTP %d, but no health in JSON: is that an aethercore?", a.status);
        }
        int said = heimnetz_fail(h, rc, &err, &a);
        code = a.status == 0 ? HEIMNETZ_NOBODY : said == HEIMNETZ_GOOD || a.status < 400 ? HEIMNETZ_FAILING : said;
    }
    client_answer_done(&a);
    return code;
}
