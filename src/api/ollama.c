#include "api/ollama.h"

#include <string.h>

#include "api/error.h"
#include "api/parameters.h"
#include "task/generate.h"

#define ERROR_BYTES_MAX (4 * KIT_KIB)
#define LATEST ":latest"

/* --- errors --- */

static void write_error(struct kit_buf *out, const struct kit_err *err)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "error", err->msg[0] != '\0' ? err->msg : kit_status_text(err->code));
    kit_json_close(&w, '}');
}

void api_ollama_fail(struct http_request *h, const struct kit_err *err)
{
    struct kit_buf body;
    kit_buf_init(&body, ERROR_BYTES_MAX);
    write_error(&body, err);
    api_error_add_retry_after(h, err);
    http_reply_send(h, kit_status_http(err->code), "application/json", kit_buf_str(&body));
    kit_buf_done(&body);
}

void api_ollama_tell_error(struct api_telling *t, const struct kit_err *err)
{
    write_error(&t->out, err);
    kit_buf_add_char(&t->out, '\n');
}

/* --- the question --- */

enum kit_status api_ollama_id(kit_str name, char *to, struct kit_err *err)
{
    if (kit_str_ends(name, kit_str_lit(LATEST))) {
        name.len -= strlen(LATEST);
    }
    if (name.len == 0 || name.len > MODEL_ID_BYTES_MAX || kit_str_find_char(name, '\0') < name.len) {
        return kit_fail_param(err, KIT_INVALID, "model", "'model' must be an id of 1 to %d bytes", MODEL_ID_BYTES_MAX);
    }
    kit_str_to_c(name, to, MODEL_ID_BYTES_MAX + 1);
    return KIT_OK;
}

static enum kit_status read_model(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str name = kit_json_str(kit_json_get(root, "model"), kit_json_str(kit_json_get(root, "name"), (kit_str){0}));
    return api_ollama_id(name, r->model_id, err);
}

enum kit_status api_ollama_parse(struct task_request *r, const struct api *a, struct kit_json_doc **doc, kit_json *root,
                                 struct kit_err *err)
{
    enum kit_status rc = api_json_parse(a, r->body, doc, err);
    if (rc != KIT_OK) {
        return rc;
    }
    *root = kit_json_root(*doc);
    rc = kit_json_type(*root) == KIT_JSON_OBJECT
             ? read_model(r, *root, err)
             : kit_fail(err, KIT_INVALID, "the body must be a JSON object, but is %s", kit_json_type_name(*root));
    if (rc != KIT_OK) {
        kit_json_free(*doc);
        *doc = NULL;
    }
    return rc;
}

/* -1 and -2 are words of Ollama for "as many as fit". */
static enum kit_status read_num_predict(struct task_request *r, kit_json options, struct kit_err *err)
{
    kit_json v = kit_json_get(options, "num_predict");
    r->parameters.max_tokens = TASK_TOKENS_MAX; /* unless it is said, up to the model's end */
    return kit_json_i64(v, 0) < 0 ? KIT_OK : api_parameter_take(r, "max_tokens", "options.num_predict", v, err);
}

/* 0: penalties look at nothing, which is none; -1: at everything. */
static enum kit_status read_repeat_last_n(struct task_request *r, kit_json options, struct kit_err *err)
{
    kit_json v = kit_json_get(options, "repeat_last_n");
    return kit_json_i64(v, 1) <= 0 ? KIT_OK : api_parameter_take(r, "penalty_tokens", "options.repeat_last_n", v, err);
}

static enum kit_status read_top_k(struct task_request *r, kit_json options, struct kit_err *err)
{
    kit_json v = kit_json_get(options, "top_k");
    return kit_json_i64(v, 1) <= 0 ? KIT_OK : api_parameter_take(r, "top_k", "options.top_k", v, err);
}

static enum kit_status read_options(struct task_request *r, kit_json options, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"options.temperature", "temperature"},
        {"options.top_p", "top_p"},
        {"options.min_p", "min_p"},
        {"options.typical_p", "typical_p"},
        {"options.repeat_penalty", "repetition_penalty"},
        {"options.presence_penalty", "presence_penalty"},
        {"options.frequency_penalty", "frequency_penalty"},
        {"options.seed", "seed"},
        {"options.stop", "stop"},
    };
    enum kit_status rc = api_parameters_take(r, options, fields, KIT_COUNT(fields), err);
    if (rc == KIT_OK) {
        rc = read_num_predict(r, options, err);
    }
    if (rc == KIT_OK) {
        rc = read_repeat_last_n(r, options, err);
    }
    return rc == KIT_OK ? read_top_k(r, options, err) : rc;
}

enum kit_status api_ollama_read_settings(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_json format = kit_json_get(root, "format");
    enum kit_status rc = read_options(r, kit_json_get(root, "options"), err);
    if (rc == KIT_OK) {
        rc = kit_json_bool_or(root, "stream", true, &r->streams, err);
    }
    bool none = kit_json_type(format) == KIT_JSON_STRING && kit_json_str(format, (kit_str){0}).len == 0;
    return rc == KIT_OK && !none ? api_parameter_take(r, "format", "format", format, err) : rc;
}

/* --- the answer --- */

void api_ollama_begin_line(struct kit_json_writer *w, struct kit_buf *out, const struct task_request *r)
{
    char time[KIT_CLOCK_TEXT_BYTES];
    kit_json_writer_init(w, out);
    kit_json_open(w, '{');
    kit_json_member_c(w, "model", r->model_id);
    kit_json_member_c(w, "created_at", kit_clock_text(kit_clock_wall_ns(), time));
}

void api_ollama_end_line(struct kit_json_writer *w)
{
    kit_json_member_bool(w, "done", false);
    kit_json_close(w, '}');
    kit_buf_add_char(w->out, '\n');
}

static const char *reason_of(const struct task_request *r)
{
    if (task_generate_choices(r) == 0) {
        return "load";
    }
    return task_made_finish(task_generate_made(r, 0)) == TASK_FINISH_LENGTH ? "length" : "stop";
}

void api_ollama_end_last(struct kit_json_writer *w, const struct task_request *r)
{
    struct task_usage u = task_generate_usage(r);
    kit_json_member_bool(w, "done", true);
    kit_json_member_c(w, "done_reason", reason_of(r));
    kit_json_member_u64(w, "total_duration", r->job.finished_ns - r->job.submitted_ns);
    kit_json_member_u64(w, "load_duration", 0);
    kit_json_member_u64(w, "prompt_eval_count", u.prompt);
    kit_json_member_u64(w, "prompt_eval_duration", u.prompt_ns);
    kit_json_member_u64(w, "eval_count", u.made);
    kit_json_member_u64(w, "eval_duration", u.made_ns);
    kit_json_close(w, '}');
    kit_buf_add_char(w->out, '\n');
}
