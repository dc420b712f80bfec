/* POST /api/pull, /api/copy, /api/create, /api/push and DELETE /api/delete: which models there are changes. Source: Ollama's
 * API documentation. What it means here: docs/apis.md. */
#include "api/handlers.h"

#include <string.h>

#include "api/library.h"
#include "api/ollama.h"
#include "api/wait.h"

#define LINE_BYTES_MAX (4 * KIT_KIB)
#define STREAM_TYPE "application/x-ndjson"

static void write_status(struct kit_buf *out, const char *status)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "status", status);
    kit_json_close(&w, '}');
}

static void send_success(struct http_request *h)
{
    struct kit_buf body;
    kit_buf_init(&body, LINE_BYTES_MAX);
    write_status(&body, "success");
    api_send_json(h, 200, &body);
}

/* --- copy, delete: an empty body says that it is done --- */

static void answer_empty(struct http_request *h, kit_str id, const struct kit_err *err)
{
    (void)id;
    if (err != NULL) {
        api_ollama_fail(h, err);
    } else {
        http_reply_send(h, 200, NULL, (kit_str){0});
    }
}

static void delete_changed(struct api_watch *w, struct http_request *h)
{
    api_library_follow(w, h, answer_empty);
}

void api_ollama_delete(struct http_request *h, void *ctx)
{
    struct kit_err err = {0};
    char id[MODEL_ID_BYTES_MAX + 1];
    struct kit_json_doc *doc = NULL;
    if (api_ollama_read_name(ctx, h->body, &doc, id, &err) != KIT_OK) {
        api_ollama_fail(h, &err);
        return;
    }
    kit_json_free(doc);
    api_library_remove(h, ctx, kit_str_c(id), delete_changed, api_ollama_fail, answer_empty);
}

static enum kit_status read_copy(const struct api *a, kit_str body, char *from, char *to, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = api_json_parse(a, body, &doc, err);
    kit_json root = kit_json_root(doc);
    if (rc == KIT_OK) {
        rc = api_ollama_id(kit_json_str(kit_json_get(root, "source"), (kit_str){0}), from, err);
    }
    if (rc == KIT_OK) {
        rc = api_ollama_id(kit_json_str(kit_json_get(root, "destination"), (kit_str){0}), to, err);
    }
    kit_json_free(doc);
    return rc;
}

void api_ollama_copy(struct http_request *h, void *ctx)
{
    struct kit_err err = {0};
    char from[MODEL_ID_BYTES_MAX + 1], to[MODEL_ID_BYTES_MAX + 1];
    if (read_copy(ctx, h->body, from, to, &err) != KIT_OK) {
        api_ollama_fail(h, &err);
        return;
    }
    api_library_copy(h, ctx, kit_str_c(from), kit_str_c(to), answer_empty);
}

/* --- create: a copy under another name. What a Modelfile says besides has no place to lie yet --- */

static void answer_created(struct http_request *h, kit_str id, const struct kit_err *err)
{
    (void)id;
    if (err != NULL) {
        api_ollama_fail(h, err);
    } else {
        send_success(h);
    }
}

static enum kit_status read_create(kit_json root, char *from, struct kit_err *err)
{
    static const char *const known[] = {"model", "name", "from", "stream", NULL};
    for (struct kit_json_iter i = kit_json_iter(root); kit_json_next(&i);) {
        char key[32];
        int k = 0;
        while (known[k] != NULL && !kit_str_eq(i.key, kit_str_c(known[k]))) {
            k++;
        }
        if (known[k] == NULL && kit_json_type(i.value) > KIT_JSON_NULL) {
            return kit_fail_param(err, KIT_UNSUPPORTED, kit_str_to_c(i.key, key, sizeof(key)),
                                  "'%s' of a new model is not kept yet: say it with each question", key);
        }
    }
    return api_ollama_id(kit_json_str(kit_json_get(root, "from"), (kit_str){0}), from, err);
}

void api_ollama_create(struct http_request *h, void *ctx)
{
    struct kit_err err = {0};
    char id[MODEL_ID_BYTES_MAX + 1], from[MODEL_ID_BYTES_MAX + 1];
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = api_ollama_read_name(ctx, h->body, &doc, id, &err);
    if (rc == KIT_OK) {
        rc = read_create(kit_json_root(doc), from, &err);
        kit_json_free(doc);
    }
    if (rc != KIT_OK) {
        api_ollama_fail(h, &err);
        return;
    }
    api_library_copy(h, ctx, kit_str_c(from), kit_str_c(id), answer_created);
}

void api_ollama_push(struct http_request *h, void *ctx)
{
    struct kit_err err = {0};
    (void)ctx;
    kit_fail(&err, KIT_UNSUPPORTED, "models are not pushed from here");
    api_ollama_fail(h, &err);
}

/* --- pull --- */

/* "org/name", "org/name:Q4_K_M", with hf.co/ before it or not: from Hugging Face's hub. */
static enum kit_status read_pull(kit_str name, struct hub_name *ret, char file[HUB_FILE_BYTES], struct kit_err *err)
{
    kit_str id;
    kit_str rest = api_ollama_strip(name);
    (void)kit_str_cut(&rest, ':', &id);
    if (rest.len >= HUB_FILE_BYTES || kit_str_find_char(rest, '\0') < rest.len) {
        return kit_fail_param(err, KIT_INVALID, "model", "the tag of 'model' has at most %d bytes", HUB_FILE_BYTES - 1);
    }
    kit_str_to_c(rest, file, HUB_FILE_BYTES);
    return hub_name_parse(id, (kit_str){0}, ret, err);
}

static void write_progress(struct kit_buf *out, const struct model_event *e)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "status", e->total_bytes > 0 ? "pulling" : "pulling manifest");
    if (e->total_bytes > 0) {
        kit_json_member_u64(&w, "total", e->total_bytes);
        kit_json_member_u64(&w, "completed", e->done_bytes);
    }
    kit_json_close(&w, '}');
    kit_buf_add_char(out, '\n');
}

static void leave(struct api_watch *w, struct http_request *h)
{
    h->user = NULL;
    api_watch_close(w);
}

/* Writes what is known by now into w->pending; true: that was all. */
static bool tell(struct api_watch *w)
{
    struct model_event e;
    while (w->pending.len < LINE_BYTES_MAX && model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (!api_wait_pull_is_over(&e, &err)) {
            write_progress(&w->pending, &e);
            continue;
        }
        if (err.code != KIT_OK) {
            api_ollama_write_error(&w->pending, &err);
        } else {
            write_status(&w->pending, "success");
        }
        kit_buf_add_char(&w->pending, '\n');
        return true;
    }
    return false;
}

static void pull_more(struct http_request *h)
{
    struct api_watch *w = h->user;
    while (w != NULL) {
        w->over = w->over || tell(w);
        if (w->pending.len == 0 || http_reply_chunk(h, kit_buf_str(&w->pending)) != KIT_OK) {
            return;
        }
        kit_buf_clear(&w->pending);
        if (w->over) {
            leave(w, h);
            http_reply_finish(h);
            return;
        }
    }
}

static void pull_gone(struct http_request *h)
{
    if (h->user != NULL) {
        leave(h->user, h);
    }
}

/* The download goes on; its reader may ask again. */
static void pull_drain(struct http_request *h)
{
    pull_gone(h);
    http_reply_finish(h);
}

static void pull_changed(struct api_watch *w, struct http_request *h)
{
    (void)w;
    pull_more(h);
}

static void pull_streamed(struct http_request *h, struct api *a, const struct hub_name *name, const char *file)
{
    static const struct http_source source = {.more = pull_more, .gone = pull_gone, .drain = pull_drain};
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    struct model_event old;
    if (api_watch_open(api_loop_of(a, h->server), h, kit_str_c(name->id), pull_changed, &w, &err) != KIT_OK) {
        api_ollama_fail(h, &err);
        return;
    }
    while (model_events_read(w->listener, &old)) {
        /* what was before the wish */
    }
    enum model_state state = MODEL_AVAILABLE;
    if (model_pull(a->catalog, name, kit_str_c(file), &state, &err) != KIT_OK) {
        http_request_on_gone(h, NULL);
        leave(w, h);
        api_ollama_fail(h, &err);
        return;
    }
    if (state != MODEL_DOWNLOADING) {
        write_status(&w->pending, "success");
        kit_buf_add_char(&w->pending, '\n');
        w->over = true;
    }
    http_request_on_gone(h, NULL); /* the source's `gone` tells from here on */
    http_reply_field(h, "Cache-Control", kit_str_lit("no-store"));
    http_reply_start(h, 200, STREAM_TYPE, -1, &source);
}

static void pulled(struct api_watch *w, struct http_request *h)
{
    struct model_event e;
    while (model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (api_wait_pull_is_over(&e, &err)) {
            api_wait_end(w, h);
            answer_created(h, kit_str_c(e.id), err.code != KIT_OK ? &err : NULL);
            return;
        }
    }
}

static void pull_whole(struct http_request *h, struct api *a, const struct hub_name *name, const char *file)
{
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    enum model_state state = MODEL_AVAILABLE;
    if (!api_wait_open(h, a, kit_str_c(name->id), pulled, api_ollama_fail, &w)) {
        return;
    }
    enum kit_status rc = model_pull(a->catalog, name, kit_str_c(file), &state, &err);
    if (rc == KIT_OK && state == MODEL_DOWNLOADING) {
        pulled(w, h);
        return;
    }
    api_wait_end(w, h);
    answer_created(h, (kit_str){0}, rc != KIT_OK ? &err : NULL);
}

void api_ollama_pull(struct http_request *h, void *ctx)
{
    struct kit_err err = {0};
    struct hub_name name;
    char file[HUB_FILE_BYTES];
    struct kit_json_doc *doc = NULL;
    bool stream = true;
    enum kit_status rc = api_json_parse(ctx, h->body, &doc, &err);
    if (rc == KIT_OK) {
        kit_json root = kit_json_root(doc);
        kit_str said = kit_json_str(kit_json_get(root, "name"), (kit_str){0});
        rc = read_pull(kit_json_str(kit_json_get(root, "model"), said), &name, file, &err);
        rc = rc == KIT_OK ? kit_json_bool_or(root, "stream", true, &stream, &err) : rc;
    }
    kit_json_free(doc);
    if (rc != KIT_OK) {
        api_ollama_fail(h, &err);
    } else if (stream) {
        pull_streamed(h, ctx, &name, file);
    } else {
        pull_whole(h, ctx, &name, file);
    }
}
