/* heimnetz run MODEL[:QUANT]: a conversation, and before it whatever is missing. */
#include <string.h>

#include "heimnetz/pull.h"
#include "heimnetz/service.h"
#include "heimnetz/talk.h"
#include "heimnetz/up.h"

/* "org/name:Q4_K_M" taken apart. */
struct wish {
    char id[SERVER_TEXT_BYTES];
    const char *quant; /* NULL: not said */
};

static enum kit_status read_wish(const char *word, struct wish *ret, struct kit_err *err)
{
    const char *colon = strrchr(word, ':');
    kit_str id = kit_str_sub(kit_str_c(word), 0, colon != NULL ? (size_t)(colon - word) : strlen(word));
    ret->quant = colon != NULL ? colon + 1 : NULL;
    kit_str_to_c(id, ret->id, sizeof(ret->id));
    return id.len > 0 && id.len < sizeof(ret->id) && (colon == NULL || colon[1] != '\0')
               ? KIT_OK
               : kit_fail(err, KIT_INVALID, "'%.100s' is not MODEL or MODEL:QUANT", word);
}

/* Where nobody answers and the server is ours to start, it is started. */
static enum kit_status need_server(struct heimnetz *h, struct kit_err *err)
{
    struct client_answer a;
    char start[SERVICE_START_BYTES];
    enum kit_status rc = client_call(&h->client, "GET", "/health", (kit_str){0}, &a, err);
    bool nobody = rc == KIT_UNAVAILABLE && a.status == 0;
    client_answer_done(&a);
    if (!nobody || heimnetz_service_start(HEIMNETZ_SERVICE_AETHERCORE, h->client.url, start) == NULL) {
        return nobody ? rc : KIT_OK; /* what else it says is said again by what follows */
    }
    return heimnetz_up(h, err);
}

/* Is there a model of this id, and does it run? */
static bool is_there(struct heimnetz *h, const char *id, bool *loaded)
{
    struct client_answer a = {0};
    char path[SERVER_PATH_BYTES];
    *loaded = false;
    bool there = client_model_path(kit_str_c(id), "", path, sizeof(path), NULL) == KIT_OK &&
                 client_call(&h->client, "GET", path, (kit_str){0}, &a, NULL) == KIT_OK && a.doc != NULL;
    if (there) {
        *loaded = kit_str_eq(heimnetz_server_text(kit_json_root(a.doc), "state"), kit_str_lit("ready"));
    }
    client_answer_done(&a);
    return there;
}

/* A quant that was said is brought from the hub, unless the model runs. */
static enum kit_status need_quant(struct heimnetz *h, const struct wish *w, struct client_answer *a,
                                  struct kit_err *err)
{
    struct heimnetz_pull p;
    enum kit_status rc = heimnetz_pull_ask(h, w->id, w->quant, false, &p, a, err);
    return rc != KIT_OK || p.already ? rc : heimnetz_pull_watch(h, &p, err);
}

int heimnetz_cmd_run(struct heimnetz *h)
{
    struct wish w;
    struct client_answer a = {0};
    struct kit_err err = {0};
    bool loaded = false;
    enum kit_status rc = read_wish(h->words[0], &w, &err);
    if (rc != KIT_OK) {
        return heimnetz_usage(h, "%s", err.msg);
    }
    rc = need_server(h, &err);
    bool whole = rc == KIT_OK && is_there(h, h->words[0], &loaded); /* a name with a ':' of its own */
    if (rc == KIT_OK && !whole && w.quant != NULL && !(is_there(h, w.id, &loaded) && loaded)) {
        rc = need_quant(h, &w, &a, &err);
    }
    int code = rc == KIT_OK ? HEIMNETZ_GOOD : heimnetz_fail(h, rc, &err, a.status >= 400 ? &a : NULL);
    client_answer_done(&a);
    return code == HEIMNETZ_GOOD ? heimnetz_talk(h, whole ? h->words[0] : w.id) : code;
}
