#include "api/ollama.h"

#include <string.h>

#include "api/error.h"
#include "model/catalog.h"
#include "api/parameters.h"
#include "task/generate.h"

#define LATEST ":latest"

/* --- errors --- */

static void write_error(struct kit_json_writer *w, const struct kit_err *err, const char *request_id)
{
    (void)request_id;
    kit_json_open(w, '{');
    kit_json_member_c(w, "error", api_error_text(err));
    kit_json_close(w, '}');
}

void api_ollama_write_error(struct kit_buf *out, const struct kit_err *err)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    write_error(&w, err, NULL);
}

void api_ollama_fail(struct http_request *h, const struct kit_err *err)
{
    api_error_reply(h, kit_status_http(err->code), err, write_error);
}

void api_ollama_tell_error(struct api_telling *t, const struct kit_err *err)
{
    api_ollama_write_error(&t->out, err);
    kit_buf_add_char(&t->out, '\n');
}

/* --- the question --- */

kit_str api_ollama_strip(kit_str name)
{
    static const char *const hubs[] = {"hf.co/", "huggingface.co/"};
    if (kit_str_ends(name, kit_str_lit(LATEST))) {
        name.len -= strlen(LATEST);
    }
    for (size_t i = 0; i < KIT_COUNT(hubs); i++) {
        if (kit_str_starts(name, kit_str_c(hubs[i]))) {
            return kit_str_sub(name, strlen(hubs[i]), name.len);
        }
    }
    return name;
}

enum kit_status api_ollama_id(kit_str name, char *to, struct kit_err *err)
{
    name = api_ollama_strip(name);
    if (name.len == 0 || name.len > MODEL_ID_BYTES_MAX || kit_str_find_char(name, '\0') < name.len) {
        return kit_fail_param(err, KIT_INVALID, "model", "'model' must be an id of 1 to %d bytes", MODEL_ID_BYTES_MAX);
    }
    kit_str_to_c(name, to, MODEL_ID_BYTES_MAX + 1);
    return KIT_OK;
}

enum kit_status api_ollama_read_name(const struct api *a, kit_str body, struct kit_json_doc **doc, char *id,
                                     struct kit_err *err)
{
    kit_json root;
    enum kit_status rc = api_json_parse_object(a, body, doc, &root, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_str name = kit_json_str(kit_json_get(root, "name"), (kit_str){0});
    rc = api_ollama_id(kit_json_str(kit_json_get(root, "model"), name), id, err);
    if (rc != KIT_OK) {
        kit_json_free(*doc);
        *doc = NULL;
    }
    return rc;
}

enum kit_status api_ollama_parse(struct task_request *r, const struct api *a, struct kit_json_doc **doc, kit_json *root,
                                 struct kit_err *err)
{
    enum kit_status rc = api_ollama_read_name(a, r->body, doc, r->model_id, err);
    *root = kit_json_root(*doc);
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

/* --- keep_alive --- */

#define FLAG_UNLOAD 1u /* of task_request.flags */

static bool is_unit(kit_str s)
{
    static const char *const units[] = {"ns", "us", "ms", "s", "m", "h"};
    for (size_t i = 0; i < KIT_COUNT(units); i++) {
        if (kit_str_eq(s, kit_str_c(units[i]))) {
            return true;
        }
    }
    return false;
}

static size_t run_of(kit_str s, size_t at, const char *set)
{
    size_t n = 0;
    while (at + n < s.len && strchr(set, s.ptr[at + n]) != NULL && s.ptr[at + n] != '\0') {
        n++;
    }
    return n;
}

/* As Go writes durations: [-] and numbers, each with its unit. */
static bool read_duration(kit_str s, bool *ret_zero)
{
    size_t at = s.len > 0 && s.ptr[0] == '-', parts = 0;
    *ret_zero = true;
    for (; at < s.len; parts++) {
        size_t digits = run_of(s, at, "0123456789.");
        *ret_zero = *ret_zero && run_of(s, at, "0.") == digits;
        size_t unit = run_of(s, at + digits, "nusmh");
        bool bare = digits == s.len && *ret_zero; /* "0" */
        if (digits == 0 || (!bare && !is_unit(kit_str_sub(s, at + digits, unit)))) {
            return false;
        }
        at += digits + unit;
    }
    return parts > 0;
}

enum kit_status api_ollama_read_keep_alive(kit_json v, bool *ret_unload, struct kit_err *err)
{
    kit_str text = kit_json_str(v, (kit_str){0});
    *ret_unload = kit_json_type(v) == KIT_JSON_NUMBER && kit_json_f64(v, 1) == 0;
    if (kit_json_type(v) <= KIT_JSON_NULL || kit_json_type(v) == KIT_JSON_NUMBER || read_duration(text, ret_unload)) {
        return KIT_OK;
    }
    return kit_fail_param(err, KIT_INVALID, "keep_alive", "'keep_alive' must be seconds, or a duration such as '5m'");
}

void api_ollama_after(struct api *a, const struct task_request *r)
{
    if ((r->flags & FLAG_UNLOAD) != 0) {
        (void)(model_unload(a->catalog, kit_str_c(r->model_id), NULL) == KIT_OK); /* it may be gone already */
    }
}

/* "think" of models that can be told; templates know it by this name. */
static enum kit_status read_think(struct task_request *r, kit_json v, struct kit_err *err)
{
    kit_str level = kit_json_str(v, (kit_str){0});
    bool on = kit_json_bool(v, level.len > 0);
    if (kit_json_type(v) <= KIT_JSON_NULL) {
        return KIT_OK;
    }
    if (kit_json_type(v) != KIT_JSON_BOOL && level.len == 0) {
        return kit_fail_param(err, KIT_INVALID, "think", "'think' must be true, false, 'low', 'medium' or 'high'");
    }
    api_parameter_set(r, "template_values");
    r->parameters.template_values =
        on ? kit_str_lit("{\"enable_thinking\":true}") : kit_str_lit("{\"enable_thinking\":false}");
    return KIT_OK;
}

static bool is_said(kit_json v)
{
    bool empty =
        kit_json_type(v) == KIT_JSON_ARRAY ? kit_json_count(v) == 0 : kit_json_str(v, kit_str_lit("?")).len == 0;
    return kit_json_type(v) > KIT_JSON_NULL && !empty;
}

/* What would change the answer, and is not done here, is refused. */
static enum kit_status refuse_others(kit_json root, struct kit_err *err)
{
    static const char *const names[] = {"images", "suffix", "template"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        if (is_said(kit_json_get(root, names[i]))) {
            return kit_fail_param(err, KIT_UNSUPPORTED, names[i], "'%s' is not taken here", names[i]);
        }
    }
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(root, "messages")); kit_json_next(&i);) {
        if (is_said(kit_json_get(i.value, "images"))) {
            return kit_fail_param(err, KIT_UNSUPPORTED, "messages", "'messages[%zu].images' are not taken here",
                                  i.index);
        }
    }
    return KIT_OK;
}

static enum kit_status read_others(struct task_request *r, kit_json root, struct kit_err *err)
{
    bool unload = false;
    enum kit_status rc = refuse_others(root, err);
    if (rc == KIT_OK) {
        rc = api_ollama_read_keep_alive(kit_json_get(root, "keep_alive"), &unload, err);
    }
    r->flags |= unload ? FLAG_UNLOAD : 0;
    return rc == KIT_OK ? read_think(r, kit_json_get(root, "think"), err) : rc;
}

enum kit_status api_ollama_read_settings(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_json format = kit_json_get(root, "format");
    enum kit_status rc = read_options(r, kit_json_get(root, "options"), err);
    if (rc == KIT_OK) {
        rc = read_others(r, root, err);
    }
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
