/* /models and /models/{id}: which there are, load, unload, remove. */
#include "api/handlers.h"

#include <stdio.h>
#include <string.h>

#include "api/library.h"
#include "api/wait.h"
#include "kit/cpu.h"
#include "loop/timer.h"

#define LIST_BYTES_MAX (16 * KIT_MIB)
#define REPLY_BYTES_MAX (16 * KIT_KIB)

/* "" is written as null. */
static void put_known(struct kit_json_writer *w, const char *key, const char *value)
{
    kit_json_member_c(w, key, value[0] != '\0' ? value : NULL);
}

static void write_tasks(struct kit_json_writer *w, const char *tasks)
{
    kit_str rest = kit_str_c(tasks), name;
    kit_json_key(w, "tasks");
    kit_json_open(w, '[');
    while (kit_str_cut(&rest, ',', &name)) {
        kit_json_put_str(w, name);
    }
    kit_json_close(w, ']');
}

static void write_bytes(struct kit_json_writer *w, const struct model_info *info)
{
    static const char *const kinds[] = {
#define KIND_TEXT(name, text) text,
        KIT_LEDGER_KINDS(KIND_TEXT)
#undef KIND_TEXT
    };
    kit_json_key(w, "bytes");
    kit_json_open(w, '{');
    for (size_t k = 0; k < KIT_LEDGER_KIND_COUNT; k++) {
        kit_json_member_u64(w, kinds[k], info->bytes[k]);
    }
    kit_json_member_c(w, "source", kit_ledger_source_text(info->source[KIT_LEDGER_WEIGHTS]));
    kit_json_close(w, '}');
}

static void write_model(struct kit_json_writer *w, const struct model_info *info)
{
    char since[KIT_CLOCK_TEXT_BYTES];
    kit_json_open(w, '{');
    kit_json_member_c(w, "id", info->id);
    put_known(w, "format", info->format);
    put_known(w, "backend", info->backend);
    kit_json_member_c(w, "kind", info->origin == MODEL_SOURCE_REMOTE ? "remote" : "engine");
    kit_json_member_c(w, "source", model_source_text(info->origin));
    put_known(w, "commit", info->commit);
    write_tasks(w, info->tasks);
    kit_json_member_c(w, "state", model_state_text(info->state));
    kit_json_member_c(w, "since", kit_clock_text(info->since_ns, since));
    kit_json_key(w, "progress");
    api_write_progress(w, info->done_bytes, info->total_bytes);
    write_bytes(w, info);
    put_known(w, "device", info->device);
    kit_json_member_c(w, "isolation", info->isolation == PLUG_IN_CELL ? "process" : "none");
    kit_json_member_u64(w, "restarts", info->restarts);
    if (info->hidden_size > 0) {
        kit_json_member_u64(w, "dimensions", info->hidden_size);
        kit_json_member_u64(w, "context_tokens", info->context_tokens);
    }
    if (strstr(info->tasks, "generate") != NULL) {
        kit_json_member_bool(w, "chat_template", info->chat_template);
    }
    kit_json_key(w, "versions");
    kit_json_open(w, '[');
    kit_json_put_u64(w, info->version);
    kit_json_close(w, ']');
    kit_json_key(w, "replicas");
    kit_json_open(w, '[');
    kit_json_close(w, ']');
    put_known(w, "error", info->error);
    kit_json_close(w, '}');
}

static void write_each(void *ctx, const struct model_info *info)
{
    write_model(ctx, info);
}

static void write_budget(struct kit_json_writer *w, struct kit_ledger *ledger)
{
    uint64_t limit = 0, used = 0, rss = kit_cpu_rss_bytes();
    kit_ledger_sum(ledger, &limit, &used);
    kit_json_key(w, "budget");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "limit_bytes", limit);
    kit_json_member_u64(w, "used_bytes", used);
    kit_json_member_u64(w, "resident_bytes", rss);
    kit_json_close(w, '}');
}

void api_models(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, LIST_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_key(&w, "models");
    kit_json_open(&w, '[');
    enum kit_status rc = model_info_each(a->catalog, write_each, &w);
    if (rc != KIT_OK) {
        body.failed = rc;
    }
    kit_json_close(&w, ']');
    write_budget(&w, a->ledger);
    kit_json_close(&w, '}');
    api_send_json(r, 200, &body);
}

void api_model(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct model_info info;
    struct kit_err err = {0};
    if (model_info_get(a->catalog, r->param[0], &info, &err) != KIT_OK) {
        api_error_send(r, &err);
        return;
    }
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, REPLY_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    write_model(&w, &info);
    api_send_json(r, 200, &body);
}

/* --- load and unload --- */

/* A load that is waited for: answers once it is ready, failed, or was called off. */
static void load_changed(struct api_watch *w, struct http_request *r)
{
    struct model_event e;
    while (model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (!api_wait_load_is_over(&e, &err)) {
            continue;
        }
        api_wait_end(w, r);
        if (err.code != KIT_OK) {
            api_error_send(r, &err);
        } else {
            api_wait_send_state(r, 200, r->param[0], e.state, false);
        }
        return;
    }
}

/* An unload that is waited for: running work ends first. */
static void unload_changed(struct api_watch *w, struct http_request *r)
{
    struct model_event e;
    while (model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (e.state == MODEL_AVAILABLE || e.state == MODEL_FAILED) {
            api_wait_end(w, r);
            api_wait_send_state(r, 200, r->param[0], MODEL_AVAILABLE, false);
            return;
        }
        if (e.wanted && e.state != MODEL_DRAINING) {
            kit_fail_param(&err, KIT_CONFLICT, "model", "model '%s' was loaded again meanwhile", w->model);
            api_wait_end(w, r);
            api_error_send(r, &err);
            return;
        }
    }
}

static bool is_in_state(struct api *a, kit_str id, enum model_state state)
{
    struct model_info info;
    return model_info_get(a->catalog, id, &info, NULL) != KIT_OK || info.state == state;
}

static void load_and_wait(struct http_request *r, struct api *a)
{
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    enum model_state state = MODEL_AVAILABLE;
    if (!api_wait_open(r, a, r->param[0], load_changed, api_error_send, &w)) {
        return;
    }
    if (model_load(a->catalog, r->param[0], &state, &err) != KIT_OK) {
        api_wait_end(w, r);
        api_error_send(r, &err);
    } else if (state == MODEL_READY) {
        api_wait_end(w, r);
        api_wait_send_state(r, 200, r->param[0], state, false);
    } else {
        load_changed(w, r);
    }
}

void api_model_load(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct kit_err err = {0};
    enum model_state state = MODEL_AVAILABLE;
    bool wait = false;
    if (api_wait_read(r, &wait, &err) != KIT_OK) {
        api_error_send(r, &err);
    } else if (wait) {
        load_and_wait(r, a);
    } else if (model_load(a->catalog, r->param[0], &state, &err) != KIT_OK) {
        api_error_send(r, &err);
    } else {
        api_wait_send_state(r, state == MODEL_READY ? 200 : 202, r->param[0], state, state != MODEL_READY);
    }
}

void api_model_unload(struct http_request *r, void *ctx)
{
    struct api *a = ctx;
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    if (!api_wait_open(r, a, r->param[0], unload_changed, api_error_send, &w)) {
        return;
    }
    if (model_unload(a->catalog, r->param[0], &err) != KIT_OK) {
        api_wait_end(w, r);
        api_error_send(r, &err);
    } else if (is_in_state(a, r->param[0], MODEL_AVAILABLE)) {
        api_wait_end(w, r);
        api_wait_send_state(r, 200, r->param[0], MODEL_AVAILABLE, false);
    } else {
        unload_changed(w, r);
    }
}

/* --- remove --- */

static void answer_removed(struct http_request *r, kit_str id, const struct kit_err *err)
{
    struct kit_buf body;
    struct kit_json_writer w;
    if (err != NULL) {
        api_error_send(r, err);
        return;
    }
    kit_buf_init(&body, REPLY_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_str(&w, "id", id);
    kit_json_member_bool(&w, "removed", true);
    kit_json_close(&w, '}');
    api_send_json(r, 200, &body);
}

static void remove_changed(struct api_watch *w, struct http_request *r)
{
    api_library_follow(w, r, answer_removed);
}

void api_model_remove(struct http_request *r, void *ctx)
{
    api_library_remove(r, ctx, r->param[0], remove_changed, api_error_send, answer_removed);
}
