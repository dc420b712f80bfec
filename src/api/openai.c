#include "api/openai.h"

#include <stdio.h>
#include <string.h>

#include "api/handlers.h"
#include "api/parameters.h"
#include "task/generate.h"

#define DONT_RETRY_FROM 500

/* --- errors --- */

static const char *type_of(enum kit_status code)
{
    switch (kit_status_http(code)) {
    case 401:
        return "authentication_error";
    case 403:
        return "permission_error";
    case 404:
        return "not_found_error";
    case 429:
        return "rate_limit_error";
    case 503:
        return "unavailable_error";
    default:
        return kit_status_http(code) >= DONT_RETRY_FROM ? "api_error" : "invalid_request_error";
    }
}

void api_openai_write_error(struct kit_json_writer *w, const struct kit_err *err)
{
    kit_json_open(w, '{');
    kit_json_member_c(w, "message", api_error_text(err));
    kit_json_member_c(w, "type", type_of(err->code));
    kit_json_member_c(w, "param", err->param[0] != '\0' ? err->param : NULL);
    kit_json_member_c(w, "code", kit_status_name(err->code));
    kit_json_close(w, '}');
}

static void write_whole(struct kit_json_writer *w, const struct kit_err *err, const char *request_id)
{
    (void)request_id;
    kit_json_open(w, '{');
    kit_json_key(w, "error");
    api_openai_write_error(w, err);
    kit_json_close(w, '}');
}

void api_openai_fail(struct http_request *h, const struct kit_err *err)
{
    int status = kit_status_http(err->code);
    if (err->retry_after_ms == 0 && status >= DONT_RETRY_FROM) {
        http_reply_field(h, "x-should-retry", kit_str_lit("false"));
    }
    api_error_reply(h, status, err, write_whole);
}

void api_openai_tell_error(struct api_telling *t, const struct kit_err *err)
{
    struct kit_json_writer w;
    api_dialect_event_begin(t, NULL, &w);
    write_whole(&w, err, t->r->request_id);
    api_dialect_event_end(t);
}

/* --- the question --- */

enum kit_status api_openai_read_model(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str id;
    enum kit_status rc = kit_json_str_or(root, "model", (kit_str){0}, &id, err);
    if (rc != KIT_OK || id.len == 0) {
        return rc;
    }
    if (id.len > MODEL_ID_BYTES_MAX || kit_str_find_char(id, '\0') < id.len) {
        return kit_fail_param(err, KIT_INVALID, "model", "'model' must be an id of 1 to %d bytes", MODEL_ID_BYTES_MAX);
    }
    kit_str_to_c(id, r->model_id, sizeof(r->model_id));
    return KIT_OK;
}

enum kit_status api_openai_read_format(struct task_request *r, const char *name, kit_json format, const char *inside,
                                       struct kit_err *err)
{
    kit_str type = kit_json_str(kit_json_get(format, "type"), (kit_str){0});
    if (kit_json_type(format) <= KIT_JSON_NULL || kit_str_eq(type, kit_str_lit("text"))) {
        return KIT_OK;
    }
    if (kit_str_eq(type, kit_str_lit("json_object"))) {
        r->parameters.format = kit_str_lit("\"json\"");
        return KIT_OK;
    }
    kit_json schema = kit_json_get(inside != NULL ? kit_json_get(format, inside) : format, "schema");
    if (!kit_str_eq(type, kit_str_lit("json_schema")) || kit_json_type(schema) != KIT_JSON_OBJECT) {
        return kit_fail_param(err, KIT_INVALID, name,
                              "'%s' must be {\"type\"} of 'text', 'json_object', or 'json_schema' with %s", name,
                              inside != NULL ? "{\"json_schema\":{\"schema\"}}" : "\"schema\"");
    }
    char where[KIT_ERR_PARAM_BYTES];
    snprintf(where, sizeof(where), "%s%s%s.schema", name, inside != NULL ? "." : "", inside != NULL ? inside : "");
    return api_parameter_take(r, "format", where, schema, err);
}

enum kit_status api_openai_read_tool_choice(struct task_request *r, kit_json root, const char *inside,
                                            struct kit_err *err)
{
    kit_json choice = kit_json_get(root, "tool_choice");
    if (kit_json_type(choice) == KIT_JSON_OBJECT) {
        choice = kit_json_get(inside != NULL ? kit_json_get(choice, inside) : choice, "name");
        if (kit_json_type(choice) != KIT_JSON_STRING) {
            return kit_fail_param(err, KIT_INVALID, "tool_choice",
                                  "'tool_choice' must be 'auto', 'none', 'required' or {\"type\":\"function\",%s}",
                                  inside != NULL ? "\"function\":{\"name\"}" : "\"name\"");
        }
    }
    return api_parameter_take(r, "tool_choice", "tool_choice", choice, err);
}

enum kit_status api_openai_read_settings(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const struct api_field fields[] = {
        {"max_completion_tokens", "max_tokens"},
        {"max_tokens", "max_tokens"},
        {"temperature", "temperature"},
        {"top_p", "top_p"},
        {"top_k", "top_k"},
        {"min_p", "min_p"},
        {"typical_p", "typical_p"},
        {"repetition_penalty", "repetition_penalty"},
        {"presence_penalty", "presence_penalty"},
        {"frequency_penalty", "frequency_penalty"},
        {"logit_bias", "logit_bias"},
        {"seed", "seed"},
        {"n", "n"},
        {"stop", "stop"},
        {"grammar", "grammar"},
        {"adapter", "adapter"},
    };
    r->parameters.max_tokens = TASK_TOKENS_MAX; /* unless it is said, up to the model's end */
    enum kit_status rc = api_parameters_take(r, root, fields, KIT_COUNT(fields), err);
    if (rc == KIT_OK) {
        rc = kit_json_bool_or(root, "stream", false, &r->streams, err);
    }
    return rc == KIT_OK
               ? api_openai_read_format(r, "response_format", kit_json_get(root, "response_format"), "json_schema", err)
               : rc;
}

#define FLAG_USAGE 1u /* of task_request.flags */

enum kit_status api_openai_read_stream_options(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_json options = kit_json_get(root, "stream_options");
    bool usage = false;
    enum kit_status rc = kit_json_bool_or(options, "include_usage", false, &usage, err);
    r->flags |= usage ? FLAG_USAGE : 0;
    return rc;
}

bool api_openai_tells_usage(const struct task_request *r)
{
    return (r->flags & FLAG_USAGE) != 0;
}

/* --- the answer --- */

const char *api_openai_finish(enum task_finish f)
{
    static const char *const names[] = {NULL, "stop", "length", "tool_calls"};
    return names[f];
}

char *api_openai_id(const struct task_request *r, const char *prefix, char to[API_OPENAI_ID_BYTES])
{
    snprintf(to, API_OPENAI_ID_BYTES, "%s-%s", prefix, r->request_id);
    return to;
}

void api_openai_write_usage(struct kit_json_writer *w, const struct task_request *r)
{
    struct task_usage u = task_generate_usage(r);
    kit_json_open(w, '{');
    kit_json_member_u64(w, "prompt_tokens", u.prompt);
    kit_json_member_u64(w, "completion_tokens", u.made);
    kit_json_member_u64(w, "total_tokens", u.prompt + u.made);
    kit_json_key(w, "prompt_tokens_details");
    kit_json_open(w, '{');
    kit_json_member_u64(w, "cached_tokens", u.cached);
    kit_json_close(w, '}');
    kit_json_close(w, '}');
}

void api_openai_write_head(struct kit_json_writer *w, const struct task_request *r, const struct api_openai_form *f,
                           uint64_t created_s)
{
    char id[API_OPENAI_ID_BYTES];
    kit_json_open(w, '{');
    kit_json_member_c(w, "id", api_openai_id(r, f->id_prefix, id));
    kit_json_member_c(w, "object", f->object);
    kit_json_member_u64(w, "created", created_s);
    kit_json_member_c(w, "model", r->model_id);
    kit_json_key(w, "choices");
    kit_json_open(w, '[');
}

void api_openai_write_tail(struct kit_json_writer *w, const struct task_request *r)
{
    kit_json_close(w, ']');
    kit_json_key(w, "usage");
    api_openai_write_usage(w, r);
    kit_json_close(w, '}');
}

void api_openai_tell_end(struct api_telling *t, const struct api_openai_form *f)
{
    if (api_openai_tells_usage(t->r)) {
        struct kit_json_writer w;
        api_dialect_event_begin(t, NULL, &w);
        api_openai_write_head(&w, t->r, f, t->created_s);
        api_openai_write_tail(&w, t->r);
        api_dialect_event_end(t);
    }
    kit_buf_add(&t->out, kit_str_lit("data: [DONE]\n\n"));
}
