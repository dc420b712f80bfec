#include "api/asker.h"

#include <string.h>

#include "api/handlers.h"
#include "api/outputs.h"
#include "kit/alloc.h"

/* What a question may take: its JSON, the texts in it again, and a row's books for each text that is allowed. */
#define ARENA_OVER_JSON 8
#define ARENA_PER_TEXT 128
#define ARENA_BYTES_MIN (64 * KIT_KIB)

struct api_origin api_origin_of(struct api *a, const struct http_request *h)
{
    struct api_origin from = {
        .loop = api_loop_of(a, h->server), .principal = kit_str_hash(h->principal), .deadline_ns = h->deadline_ns};
    memcpy(from.request_id, h->request_id, sizeof(from.request_id));
    return from;
}

enum kit_status api_asker_new(const struct api_origin *from, const struct task_asker *how, size_t question_bytes,
                              struct task_request **ret, struct kit_err *err)
{
    const struct api *a = from->loop->api;
    struct task_asker asker = *how;
    size_t arena_bytes_max =
        ARENA_BYTES_MIN + ARENA_OVER_JSON * question_bytes + ARENA_PER_TEXT * (size_t)a->options.texts_max;
    asker.home = from->loop->home;
    asker.news = how->told != NULL ? from->loop->news : NULL;
    asker.ctx = from->loop;
    enum kit_status rc = task_request_new(a->tasks, &asker, arena_bytes_max, ret, err);
    if (rc == KIT_OK) {
        struct task_request *r = *ret;
        _Static_assert(sizeof(r->request_id) == sizeof(from->request_id), "one size for request ids");
        memcpy(r->request_id, from->request_id, sizeof(r->request_id));
        r->principal = from->principal;
        r->deadline_ns = from->deadline_ns;
    }
    return rc;
}

enum kit_status api_asker_take_id(struct task_request *r, kit_json question, struct kit_err *err)
{
    kit_json id = kit_json_get(question, "id");
    enum kit_json_type type = kit_json_type(id);
    if (type == KIT_JSON_NONE || type == KIT_JSON_NULL) {
        return KIT_OK;
    }
    kit_str text = kit_json_str(id, (kit_str){0});
    if (text.len == 0 || text.len > API_TAG_BYTES_MAX) {
        return kit_fail_param(err, KIT_INVALID, "id", "'id' must be a string of 1 to %d bytes", API_TAG_BYTES_MAX);
    }
    return kit_arena_str(&r->arena, text, &r->tag) == KIT_OK ? KIT_OK
                                                             : kit_fail(err, KIT_NOMEM, "out of memory for an id");
}

enum kit_status api_asker_take_body(struct task_request *r, struct http_request *h, struct kit_err *err)
{
    size_t len = 0;
    char *body = http_request_take_body(h, &len);
    if (body != NULL && kit_arena_defer(&r->arena, kit_alloc_free, body) != KIT_OK) {
        kit_alloc_free(body);
        return kit_fail(err, KIT_NOMEM, "out of memory for a question of %zu bytes", len);
    }
    r->body = (kit_str){.ptr = body, .len = len};
    return KIT_OK;
}

/* --- the answer --- */

static void write_usage(struct kit_json_writer *w, const struct task_request *r)
{
    kit_json_key(w, "usage");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "tokens", r->tokens);
    kit_json_member_u64(w, "truncated", r->truncated);
    kit_json_close(w, '}');
}

static void write_timing(struct kit_json_writer *w, const struct sched_job *job)
{
    uint64_t started_ns = job->started_ns > 0 ? job->started_ns : job->finished_ns;
    kit_json_key(w, "timing");
    kit_json_open(w, '{');
    kit_json_member_ms(w, "queue_ms", started_ns - job->submitted_ns);
    kit_json_member_ms(w, "compute_ms", job->compute_ns);
    kit_json_member_ms(w, "total_ms", job->finished_ns - job->submitted_ns);
    kit_json_close(w, '}');
}

void api_asker_begin(struct kit_json_writer *w, struct task_request *r)
{
    kit_buf_init(&r->answer, API_ANSWER_BYTES_MAX);
    kit_json_writer_init(w, &r->answer);
    kit_json_open(w, '{');
}

void api_asker_end(struct kit_json_writer *w, const struct task_request *r)
{
    kit_json_member_c(w, "model", r->model_id);
    kit_json_member_u64(w, "version", r->version);
    kit_json_member_c(w, "task", task_kind_text(r->kind));
    if (!task_request_tells(r)) {
        kit_json_key(w, "outputs");
        api_outputs_write(w, r);
    }
    write_usage(w, r);
    write_timing(w, &r->job);
    kit_json_close(w, '}');
}

bool api_asker_render(struct task_request *r)
{
    if (!r->rendered) {
        r->asker.render(r);
        r->rendered = true;
    }
    return api_body_is_whole(&r->answer, &r->err);
}
