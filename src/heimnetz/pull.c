#include "heimnetz/pull.h"

#include <string.h>

#include "heimnetz/progress.h"

#define BODY_BYTES_MAX (16 * KIT_KIB)

static void write_wish(struct kit_buf *out, const char *name, const char *file)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "id", name);
    if (file != NULL) {
        kit_json_member_c(&w, "file", file);
    }
    kit_json_close(&w, '}');
}

enum kit_status heimnetz_pull_ask(struct heimnetz *h, const char *name, const char *file, bool wait,
                                  struct heimnetz_pull *ret, struct client_answer *a, struct kit_err *err)
{
    struct kit_buf body;
    *ret = (struct heimnetz_pull){0};
    *a = (struct client_answer){0};
    kit_buf_init(&body, BODY_BYTES_MAX);
    write_wish(&body, name, file);
    enum kit_status rc =
        body.failed == KIT_OK
            ? client_call(&h->client, "POST", wait ? "/hub/pull?wait=true" : "/hub/pull", kit_buf_str(&body), a, err)
            : kit_fail(err, KIT_INVALID, "that name is too long");
    kit_buf_done(&body);
    if (rc == KIT_OK && a->doc == NULL) {
        rc = kit_fail(err, KIT_IO, "%s did not answer in JSON: is that an aethercore?", h->client.url);
    }
    if (rc == KIT_OK) {
        ret->already = a->status == 200;
        kit_str_to_c(heimnetz_server_text(kit_json_root(a->doc), "id"), ret->id, sizeof(ret->id));
        kit_str_to_c(heimnetz_server_text(kit_json_root(a->doc), "state"), ret->state, sizeof(ret->state));
    }
    return rc;
}

struct following {
    struct heimnetz_progress progress;
    struct heimnetz_pull *pull;
};

/* One event of the model; false once the download has come to its end. */
static bool follow(void *ctx, kit_json event)
{
    struct following *f = ctx;
    struct heimnetz_pull *p = f->pull;
    kit_json progress = kit_json_get(event, "progress");
    uint64_t total = heimnetz_server_number(progress, "total_bytes");
    kit_str_to_c(heimnetz_server_text(event, "state"), p->state, sizeof(p->state));
    kit_str_to_c(kit_json_str(kit_json_get(event, "error"), kit_str_lit("")), p->error, sizeof(p->error));
    bool on = strcmp(p->state, "downloading") == 0;
    if (on) {
        p->bytes = KIT_MAX(p->bytes, total);
        heimnetz_progress_set(&f->progress, p->state, heimnetz_server_number(progress, "done_bytes"), total);
    }
    return on;
}

enum kit_status heimnetz_pull_watch(struct heimnetz *h, struct heimnetz_pull *p, struct kit_err *err)
{
    struct following f = {.pull = p};
    char path[SERVER_PATH_BYTES], farewell[SERVER_PATH_BYTES];
    enum kit_status rc = client_model_path(kit_str_c(p->id), "events", path, sizeof(path), err);
    if (rc != KIT_OK) {
        return rc;
    }
    snprintf(farewell, sizeof(farewell), "%s goes on downloading; '%s aethercore unload %s' calls it off", p->id,
             h->name, p->id);
    heimnetz_progress_start(&f.progress, &h->err, p->id, farewell);
    rc = client_events(&h->client, path, follow, &f, err);
    heimnetz_progress_stop(&f.progress);
    if (rc == KIT_OK && strcmp(p->state, "failed") == 0) {
        rc = kit_fail(err, KIT_LOAD_FAILED, "%s", p->error);
    } else if (rc == KIT_OK && strcmp(p->state, "downloading") == 0) {
        rc =
            kit_fail(err, KIT_UNAVAILABLE, "the server stopped while '%s' was downloading: pull again to go on", p->id);
    }
    return rc;
}
