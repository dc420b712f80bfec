#include "heimnetz/server.h"

bool heimnetz_server_call(struct heimnetz *h, const char *method, const char *path, kit_str body,
                          struct client_answer *a, int *code)
{
    struct kit_err err = {0};
    enum kit_status rc = client_call(&h->client, method, path, body, a, &err);
    if (rc == KIT_OK && a->doc == NULL) {
        rc = kit_fail(&err, KIT_IO, "%s%s did not answer in JSON: is that an aethercore?", h->client.url, path);
    }
    if (rc == KIT_OK && !h->json) {
        return true;
    }
    *code = rc == KIT_OK ? heimnetz_print_json(h, a) : heimnetz_fail(h, rc, &err, a);
    client_answer_done(a);
    return false;
}

bool heimnetz_server_call_model(struct heimnetz *h, const char *method, const char *id, const char *action,
                                struct client_answer *a, int *code)
{
    char path[SERVER_PATH_BYTES];
    struct kit_err err = {0};
    enum kit_status rc = client_model_path(kit_str_c(id), action, path, sizeof(path), &err);
    if (rc != KIT_OK) {
        *code = heimnetz_fail(h, rc, &err, NULL);
        return false;
    }
    return heimnetz_server_call(h, method, path, (kit_str){0}, a, code);
}

kit_str heimnetz_server_text(kit_json object, const char *key)
{
    return kit_json_str(kit_json_get(object, key), kit_str_lit("-"));
}

uint64_t heimnetz_server_number(kit_json object, const char *key)
{
    return (uint64_t)kit_json_i64(kit_json_get(object, key), 0);
}

char *heimnetz_server_models(kit_json checks, char buf[SERVER_TEXT_BYTES])
{
    kit_json m = kit_json_get(checks, "models");
    unsigned long long loading = heimnetz_server_number(m, "loading"), failed = heimnetz_server_number(m, "failed");
    size_t len = (size_t)snprintf(buf, SERVER_TEXT_BYTES, "%llu of %llu ready",
                                  (unsigned long long)heimnetz_server_number(m, "ready"),
                                  (unsigned long long)heimnetz_server_number(m, "known"));
    if (loading > 0) {
        len += (size_t)snprintf(buf + len, SERVER_TEXT_BYTES - len, ", %llu loading", loading);
    }
    if (failed > 0) {
        snprintf(buf + len, SERVER_TEXT_BYTES - len, ", %llu failed", failed);
    }
    return buf;
}

char *heimnetz_server_memory(kit_json checks, char buf[SERVER_TEXT_BYTES])
{
    char used[TERM_FIGURE_BYTES], limit[TERM_FIGURE_BYTES];
    kit_json memory = kit_json_get(checks, "memory");
    uint64_t budget = heimnetz_server_number(memory, "limit_bytes");
    heimnetz_term_bytes(heimnetz_server_number(memory, "used_bytes"), used);
    snprintf(buf, SERVER_TEXT_BYTES, budget > 0 ? "%s of %s in models" : "%s in models, no limit%.0s", used,
             heimnetz_term_bytes(budget, limit));
    return buf;
}

uint64_t heimnetz_server_bytes(kit_json model)
{
    kit_json held = kit_json_get(model, "bytes");
    return heimnetz_server_number(held, "weights") + heimnetz_server_number(held, "kv") +
           heimnetz_server_number(held, "cache");
}
