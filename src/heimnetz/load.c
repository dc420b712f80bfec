#include "heimnetz/load.h"

#include <string.h>

#include "heimnetz/progress.h"
#include "heimnetz/server.h"

struct load {
    struct heimnetz_progress progress;
    char state[32];
    char error[KIT_ERR_MSG_BYTES];
    bool wanted; /* as of the last event */
};

/* One event of the model; false once the load has come to its end. */
static bool follow(void *ctx, kit_json event)
{
    struct load *l = ctx;
    kit_json progress = kit_json_get(event, "progress");
    l->wanted = kit_json_bool(kit_json_get(event, "wanted"), true);
    kit_str_to_c(heimnetz_server_text(event, "state"), l->state, sizeof(l->state));
    kit_str_to_c(kit_json_str(kit_json_get(event, "error"), kit_str_lit("")), l->error, sizeof(l->error));
    bool queued = l->wanted && strcmp(l->state, "available") == 0; /* others load first */
    heimnetz_progress_set(&l->progress, queued ? "waits for others" : l->state,
                          heimnetz_server_number(progress, "done_bytes"),
                          heimnetz_server_number(progress, "total_bytes"));
    return l->wanted && strcmp(l->state, "ready") != 0;
}

static enum kit_status conclude(const struct load *l, const char *id, struct kit_err *err)
{
    if (strcmp(l->state, "ready") == 0) {
        return KIT_OK;
    }
    if (l->error[0] != '\0') {
        return kit_fail(err, KIT_LOAD_FAILED, "'%s' is not loaded: %s", id, l->error);
    }
    if (l->wanted) {
        return kit_fail(err, KIT_UNAVAILABLE, "the server stopped while '%s' was loading", id);
    }
    return kit_fail(err, KIT_CONFLICT, "model '%s' was unloaded while it was loading", id);
}

static enum kit_status watch(struct heimnetz *h, const char *id, struct kit_err *err)
{
    struct load l = {.wanted = true};
    char path[SERVER_PATH_BYTES], farewell[SERVER_PATH_BYTES];
    enum kit_status rc = client_model_path(kit_str_c(id), "events", path, sizeof(path), err);
    if (rc != KIT_OK) {
        return rc;
    }
    snprintf(farewell, sizeof(farewell), "%s goes on loading; '%s aethercore unload %s' calls it off", id, h->name, id);
    heimnetz_progress_start(&l.progress, &h->err, id, farewell);
    rc = client_events(&h->client, path, follow, &l, err);
    heimnetz_progress_stop(&l.progress);
    return rc == KIT_OK ? conclude(&l, id, err) : rc;
}

enum kit_status heimnetz_load(struct heimnetz *h, const char *id, struct client_answer *a, struct kit_err *err)
{
    char path[SERVER_PATH_BYTES];
    *a = (struct client_answer){0};
    enum kit_status rc = client_model_path(kit_str_c(id), "load", path, sizeof(path), err);
    rc = rc == KIT_OK ? client_call(&h->client, "POST", path, (kit_str){0}, a, err) : rc;
    if (rc != KIT_OK || a->status == 200) { /* 200: it was ready already */
        return rc;
    }
    return watch(h, id, err);
}
