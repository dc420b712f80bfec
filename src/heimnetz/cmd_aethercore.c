/* heimnetz aethercore info | models | load | unload. */
#include <string.h>

#include "heimnetz/command.h"
#include "heimnetz/table.h"

#define PATH_BYTES 1024

static kit_str text_of(kit_json object, const char *key)
{
    return kit_json_str(kit_json_get(object, key), kit_str_lit("-"));
}

static uint64_t number(kit_json object, const char *key)
{
    return (uint64_t)kit_json_i64(kit_json_get(object, key), 0);
}

/* Calls and, where it failed or --json is wanted, has the last word: true means *code is the answer. */
static bool call(struct heimnetz *h, const char *method, const char *path, struct client_answer *a, int *code)
{
    struct kit_err err = {0};
    enum kit_status rc = client_call(&h->client, method, path, (kit_str){0}, a, &err);
    if (rc == KIT_OK && !h->json && a->doc != NULL) {
        return false;
    }
    if (h->json && a->text != NULL) {
        *code = heimnetz_print_json(h, a);
    } else if (rc == KIT_OK) {
        kit_fail(&err, KIT_IO, "%s%s did not answer in JSON: is that an aethercore?", h->client.url, path);
        *code = heimnetz_fail(h, KIT_IO, &err, NULL);
    } else {
        *code = heimnetz_fail(h, rc, &err, a);
    }
    client_answer_done(a);
    return true;
}

/* --- info --- */

static void put_line(const struct heimnetz_term *t, const char *name, const char *value)
{
    heimnetz_term_put(t, TERM_DIM, "  %-10s", name);
    fprintf(t->out, "%s\n", value);
}

static void print_info(struct heimnetz *h, kit_json health)
{
    char text[160], limit[32], used[32];
    const struct heimnetz_term *t = &h->out;
    kit_json checks = kit_json_get(health, "checks"), models = kit_json_get(checks, "models"),
             memory = kit_json_get(checks, "memory");
    kit_str state = text_of(health, "status");
    heimnetz_term_put(t, TERM_BOLD, "AetherCore %.*s  ", KIT_STR_ARG(text_of(health, "version")));
    heimnetz_term_put(t, heimnetz_term_style_of_state(state), "%.*s\n", KIT_STR_ARG(state));
    put_line(t, "address", h->client.url);
    put_line(t, "up", heimnetz_term_duration(number(health, "uptime_s"), text, sizeof(text)));
    snprintf(text, sizeof(text), "%llu known, %llu ready, %llu loading, %llu failed",
             (unsigned long long)number(models, "known"), (unsigned long long)number(models, "ready"),
             (unsigned long long)number(models, "loading"), (unsigned long long)number(models, "failed"));
    put_line(t, "models", text);
    uint64_t budget = number(memory, "limit_bytes");
    snprintf(text, sizeof(text), "%s in models, %s",
             heimnetz_term_bytes(number(memory, "used_bytes"), used, sizeof(used)),
             budget > 0 ? heimnetz_term_bytes(budget, limit, sizeof(limit)) : "no limit set");
    put_line(t, "memory", text);
}

int heimnetz_cmd_aethercore_info(struct heimnetz *h)
{
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (call(h, "GET", "/health", &a, &code)) {
        return code;
    }
    print_info(h, kit_json_root(a.doc));
    client_answer_done(&a);
    return code;
}

/* --- models --- */

static void join_tasks(kit_json tasks, char *buf, size_t size)
{
    struct kit_buf text;
    kit_buf_init(&text, size - 1);
    for (struct kit_json_iter i = kit_json_iter(tasks); kit_json_next(&i);) {
        kit_str task = kit_json_str(i.value, kit_str_lit("?"));
        kit_buf_printf(&text, "%s%.*s", i.index > 0 ? ", " : "", KIT_STR_ARG(task));
    }
    kit_str_to_c(text.len > 0 ? kit_buf_str(&text) : kit_str_lit("-"), buf, size);
    kit_buf_done(&text);
}

static enum kit_status add_model(struct heimnetz_table *t, kit_json m)
{
    char tasks[128], bytes[32] = "-";
    kit_json held = kit_json_get(m, "bytes");
    uint64_t sum = number(held, "weights") + number(held, "kv") + number(held, "cache");
    kit_str state = text_of(m, "state");
    join_tasks(kit_json_get(m, "tasks"), tasks, sizeof(tasks));
    if (sum > 0) {
        heimnetz_term_bytes(sum, bytes, sizeof(bytes));
    }
    enum kit_status rc = heimnetz_table_add(t, TERM_BOLD, "%.*s", KIT_STR_ARG(text_of(m, "id")));
    rc = rc == KIT_OK ? heimnetz_table_add(t, heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state)) : rc;
    rc = rc == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%.*s", KIT_STR_ARG(text_of(m, "backend"))) : rc;
    rc = rc == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%s", tasks) : rc;
    rc = rc == KIT_OK ? heimnetz_table_add(t, TERM_PLAIN, "%s", bytes) : rc;
    kit_str error = kit_json_str(kit_json_get(m, "error"), kit_str_lit(""));
    return rc == KIT_OK ? heimnetz_table_add(t, TERM_BAD, "%.*s", KIT_STR_ARG(error)) : rc;
}

static void print_models(struct heimnetz *h, kit_json models)
{
    static const char *const headings[] = {"MODEL", "STATE", "ENGINE", "TASKS", ">MEMORY", ""};
    struct heimnetz_table t;
    enum kit_status rc = KIT_OK;
    heimnetz_table_init(&t, KIT_COUNT(headings), headings);
    for (struct kit_json_iter i = kit_json_iter(models); rc == KIT_OK && kit_json_next(&i);) {
        rc = add_model(&t, i.value);
    }
    if (rc == KIT_OK && t.count > 0) {
        heimnetz_table_print(&t, &h->out);
    } else if (rc == KIT_OK) {
        fputs("No models yet: a folder with config.json that is put into the models folder appears here.\n",
              h->out.out);
    }
    heimnetz_table_done(&t);
}

int heimnetz_cmd_aethercore_models(struct heimnetz *h)
{
    struct client_answer a;
    int code = HEIMNETZ_GOOD;
    if (call(h, "GET", "/models", &a, &code)) {
        return code;
    }
    print_models(h, kit_json_get(kit_json_root(a.doc), "models"));
    client_answer_done(&a);
    return code;
}

/* --- load, unload --- */

struct load {
    struct heimnetz *h;
    const char *id;
    char state[32];
    char error[KIT_ERR_MSG_BYTES];
};

/* One event of the model: draws the bar; false once the load has come to its end. */
static bool follow(void *ctx, kit_json event)
{
    struct load *l = ctx;
    kit_json progress = kit_json_get(event, "progress");
    bool wanted = kit_json_bool(kit_json_get(event, "wanted"), true);
    kit_str_to_c(text_of(event, "state"), l->state, sizeof(l->state));
    kit_str_to_c(kit_json_str(kit_json_get(event, "error"), kit_str_lit("")), l->error, sizeof(l->error));
    heimnetz_term_bar(&l->h->err, l->id, number(progress, "done_bytes"), number(progress, "total_bytes"));
    return wanted && strcmp(l->state, "ready") != 0;
}

/* The last word on a load: what the model holds now. */
static int print_loaded(struct heimnetz *h, const char *id)
{
    char path[PATH_BYTES], bytes[32];
    struct client_answer a;
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    if (client_model_path(kit_str_c(id), "", path, sizeof(path), &err) != KIT_OK || call(h, "GET", path, &a, &code)) {
        return code;
    }
    kit_json m = kit_json_root(a.doc), held = kit_json_get(m, "bytes");
    kit_str state = text_of(m, "state");
    fprintf(h->out.out, "%s is ", id);
    heimnetz_term_put(&h->out, heimnetz_term_style_of_state(state), "%.*s", KIT_STR_ARG(state));
    fprintf(
        h->out.out, ": %s on %.*s, %llu dimensions\n",
        heimnetz_term_bytes(number(held, "weights") + number(held, "kv") + number(held, "cache"), bytes, sizeof(bytes)),
        KIT_STR_ARG(text_of(m, "backend")), (unsigned long long)number(m, "dimensions"));
    client_answer_done(&a);
    return code;
}

static int finish_load(struct load *l, enum kit_status rc, struct kit_err *err)
{
    heimnetz_term_bar_end(&l->h->err);
    if (rc == KIT_OK && strcmp(l->state, "ready") == 0) {
        return print_loaded(l->h, l->id);
    }
    if (rc == KIT_OK && l->error[0] != '\0') {
        rc = kit_fail(err, KIT_LOAD_FAILED, "%s", l->error);
    } else if (rc == KIT_OK) {
        rc = kit_fail(err, KIT_CONFLICT, "model '%s' was unloaded while it was loading", l->id);
    }
    return heimnetz_fail(l->h, rc, err, NULL);
}

/* --json: the server's own answer once it is there. */
static int load_json(struct heimnetz *h, const char *id)
{
    char path[PATH_BYTES];
    struct client_answer a;
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    enum kit_status rc = client_model_path(kit_str_c(id), "load?wait=true", path, sizeof(path), &err);
    if (rc != KIT_OK) {
        return heimnetz_fail(h, rc, &err, NULL);
    }
    h->client.timeout_ms = HEIMNETZ_WORK_MS;
    if (!call(h, "POST", path, &a, &code)) {
        client_answer_done(&a);
    }
    return code;
}

int heimnetz_cmd_aethercore_load(struct heimnetz *h)
{
    char path[PATH_BYTES];
    struct client_answer a;
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    if (h->arg_count != 1) {
        return heimnetz_usage(h, "aethercore load");
    }
    struct load l = {.h = h, .id = h->args[0]};
    if (h->json) {
        return load_json(h, l.id);
    }
    enum kit_status rc = client_model_path(kit_str_c(l.id), "load", path, sizeof(path), &err);
    if (rc != KIT_OK) {
        return heimnetz_fail(h, rc, &err, NULL);
    }
    if (call(h, "POST", path, &a, &code)) {
        return code;
    }
    client_answer_done(&a);
    rc = client_model_path(kit_str_c(l.id), "events", path, sizeof(path), &err);
    return finish_load(&l, rc == KIT_OK ? client_events(&h->client, path, follow, &l, &err) : rc, &err);
}

int heimnetz_cmd_aethercore_unload(struct heimnetz *h)
{
    char path[PATH_BYTES];
    struct client_answer a;
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    if (h->arg_count != 1) {
        return heimnetz_usage(h, "aethercore unload");
    }
    enum kit_status rc = client_model_path(kit_str_c(h->args[0]), "unload", path, sizeof(path), &err);
    if (rc != KIT_OK) {
        return heimnetz_fail(h, rc, &err, NULL);
    }
    if (call(h, "POST", path, &a, &code)) {
        return code;
    }
    fprintf(h->out.out, "%s is unloaded\n", h->args[0]);
    client_answer_done(&a);
    return code;
}
