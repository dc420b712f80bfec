/* POST /hub/pull {"id","revision"?,"file"?}: brings a model from the hub into the models folder. Answers as a load does: 202
 * with where to follow it, or with ?wait=true 200 when it is here. A pull is called off by unloading the model. */
#include "api/handlers.h"

#include "api/wait.h"

#define BODY_BYTES_MAX (16 * KIT_KIB)
#define DEPTH_MAX 4

struct question {
    struct hub_name name;
    char file[HUB_FILE_BYTES];
};

static enum kit_status check_members(kit_json object, struct kit_err *err)
{
    for (struct kit_json_iter i = kit_json_iter(object); kit_json_next(&i);) {
        if (!kit_str_eq(i.key, kit_str_lit("id")) && !kit_str_eq(i.key, kit_str_lit("revision")) &&
            !kit_str_eq(i.key, kit_str_lit("file"))) {
            char name[32];
            kit_str_to_c(i.key, name, sizeof(name));
            return kit_fail_param(err, KIT_INVALID, name, "'%s' is not a field of a pull (known: id, revision, file)",
                                  name);
        }
    }
    return KIT_OK;
}

static enum kit_status read_members(kit_json object, struct question *q, struct kit_err *err)
{
    kit_str id, revision = {0}, file = {0};
    enum kit_status rc = check_members(object, err);
    if (rc == KIT_OK) {
        rc = kit_json_need_str(object, "id", &id, err);
    }
    if (rc == KIT_OK) {
        rc = kit_json_str_or(object, "revision", (kit_str){0}, &revision, err);
    }
    if (rc == KIT_OK) {
        rc = kit_json_str_or(object, "file", (kit_str){0}, &file, err);
    }
    if (rc == KIT_OK) {
        rc = hub_name_parse(id, revision, &q->name, err);
    }
    if (rc == KIT_OK && (file.len >= sizeof(q->file) || kit_str_find_char(file, '\0') < file.len)) {
        rc = kit_fail_param(err, KIT_INVALID, "file", "'file' must have at most %zu bytes, and no NUL among them",
                            sizeof(q->file) - 1);
    }
    kit_str_to_c(file, q->file, sizeof(q->file));
    return rc;
}

static enum kit_status read_question(const struct http_request *r, struct question *q, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    if (r->body.len > BODY_BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "the body has %zu bytes, but at most %zu are taken here", r->body.len,
                        (size_t)BODY_BYTES_MAX);
    }
    enum kit_status rc = kit_json_parse(r->body, DEPTH_MAX, &doc, err);
    if (rc == KIT_OK && kit_json_type(kit_json_root(doc)) != KIT_JSON_OBJECT) {
        rc = kit_fail(err, KIT_INVALID, "the body must be an object such as {\"id\":\"org/name\"}");
    }
    if (rc == KIT_OK) {
        rc = read_members(kit_json_root(doc), q, err);
    }
    kit_json_free(doc);
    return rc;
}

/* A pull that is waited for: answers once the files are here, or will not be. */
static void pull_changed(struct api_watch *w, struct http_request *r)
{
    struct model_event e;
    while (model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (!api_wait_pull_is_over(&e, &err)) {
            continue;
        }
        api_wait_end(w, r);
        if (err.code != KIT_OK) {
            api_error_send(r, &err);
        } else {
            api_wait_send_state(r, 200, kit_str_c(e.id), e.state, false);
        }
        return;
    }
}

static void pull_and_wait(struct http_request *r, struct api *a, const struct question *q)
{
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    enum model_state state = MODEL_AVAILABLE;
    if (!api_wait_open(r, a, kit_str_c(q->name.id), pull_changed, api_error_send, &w)) {
        return;
    }
    if (model_pull(a->catalog, &q->name, kit_str_c(q->file), &state, &err) != KIT_OK) {
        api_wait_end(w, r);
        api_error_send(r, &err);
    } else if (state != MODEL_DOWNLOADING) {
        api_wait_end(w, r);
        api_wait_send_state(r, 200, kit_str_c(q->name.id), state, false);
    } else {
        pull_changed(w, r);
    }
}

void api_hub_pull(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct kit_err err = {0};
    struct question q;
    enum model_state state = MODEL_AVAILABLE;
    bool wait = false;
    if (api_wait_read(r, &wait, &err) != KIT_OK || read_question(r, &q, &err) != KIT_OK) {
        api_error_send(r, &err);
    } else if (wait) {
        pull_and_wait(r, a, &q);
    } else if (model_pull(a->catalog, &q.name, kit_str_c(q.file), &state, &err) != KIT_OK) {
        api_error_send(r, &err);
    } else {
        bool on = state == MODEL_DOWNLOADING;
        api_wait_send_state(r, on ? 202 : 200, kit_str_c(q.name.id), state, on);
    }
}
