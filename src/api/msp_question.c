#include "api/msp_question.h"

#include <stdio.h>
#include <string.h>

#include "api/tensors.h"

static enum kit_status check_fields(kit_json object, const char *const *known, const char *what, struct kit_err *err)
{
    for (struct kit_json_iter i = kit_json_iter(object); kit_json_next(&i);) {
        bool found = false;
        for (const char *const *k = known; *k != NULL && !found; k++) {
            found = kit_str_eq(i.key, kit_str_c(*k));
        }
        if (!found) {
            char name[KIT_ERR_PARAM_BYTES];
            kit_str_to_c(i.key, name, sizeof(name));
            return kit_fail_param(err, KIT_INVALID, name, "'%s' is not a field of %s", name, what);
        }
    }
    return KIT_OK;
}

static enum kit_status parse_model(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str id;
    enum kit_status rc = kit_json_str_or(root, "model", (kit_str){0}, &id, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (id.len > MODEL_ID_BYTES_MAX || kit_str_find_char(id, '\0') < id.len) {
        return kit_fail_param(err, KIT_INVALID, "model", "'model' must be an id of at most %d bytes",
                              MODEL_ID_BYTES_MAX);
    }
    kit_str_to_c(id, r->model_id, sizeof(r->model_id));
    return KIT_OK;
}

static enum kit_status parse_task(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str name;
    enum kit_status rc = kit_json_str_or(root, "task", (kit_str){0}, &name, err);
    if (rc != KIT_OK || name.len == 0) {
        return rc;
    }
    r->kind = task_kind_of(name);
    if (r->kind == TASK_KIND_COUNT) {
        return kit_fail_param(err, KIT_INVALID, "task", "'task' is '%.*s', but must be one of: " TASK_NAMES,
                              KIT_STR_ARG(kit_str_sub(name, 0, 40)));
    }
    return KIT_OK;
}

static enum kit_status parse_priority(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const char *const names[SCHED_PRIORITIES] = {"high", "normal", "low"};
    kit_str name;
    enum kit_status rc = kit_json_str_or(root, "priority", kit_str_lit("normal"), &name, err);
    if (rc != KIT_OK) {
        return rc;
    }
    for (int p = 0; p < SCHED_PRIORITIES; p++) {
        if (kit_str_eq(name, kit_str_c(names[p]))) {
            r->priority = (enum sched_priority)p;
            return KIT_OK;
        }
    }
    return kit_fail_param(err, KIT_INVALID, "priority", "'priority' must be 'high', 'normal' or 'low'");
}

static enum kit_status parse_timeout(struct task_request *r, kit_json root, uint32_t max_ms, struct kit_err *err)
{
    int64_t ms = 0;
    enum kit_status rc = kit_json_i64_or(root, "timeout_ms", 1, max_ms, 0, &ms, err);
    if (rc == KIT_OK && ms > 0) {
        r->deadline_ns = KIT_MIN(r->deadline_ns, kit_clock_ns() + (uint64_t)ms * KIT_NS_PER_MS);
    }
    return rc;
}

static enum kit_status parse_parameters(struct task_request *r, kit_json root, struct kit_err *err)
{
    static const char *const known[] = {"truncate", NULL};
    kit_json parameters = kit_json_get(root, "parameters");
    enum kit_json_type type = kit_json_type(parameters);
    if (type == KIT_JSON_NONE || type == KIT_JSON_NULL) {
        return KIT_OK;
    }
    if (type != KIT_JSON_OBJECT) {
        return kit_fail_param(err, KIT_INVALID, "parameters", "'parameters' must be an object, but is %s",
                              kit_json_type_name(parameters));
    }
    enum kit_status rc = check_fields(parameters, known, "'parameters' (known: truncate)", err);
    return rc == KIT_OK ? kit_json_bool_or(parameters, "truncate", true, &r->truncate, err) : rc;
}

/* --- inputs --- */

static enum kit_status take_text(struct task_request *r, kit_json value, uint32_t index, struct kit_err *err)
{
    if (kit_json_type(value) != KIT_JSON_STRING) {
        char param[KIT_ERR_PARAM_BYTES];
        snprintf(param, sizeof(param), "inputs[%u]", index);
        return kit_fail_param(err, KIT_INVALID, param, "'%s' must be a string, but is %s", param,
                              kit_json_type_name(value));
    }
    if (kit_arena_str(&r->arena, kit_json_str(value, (kit_str){0}), &r->texts[index]) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the inputs");
    }
    return KIT_OK;
}

static enum kit_status parse_texts(struct task_request *r, kit_json inputs, uint32_t max, struct kit_err *err)
{
    size_t count = kit_json_count(inputs);
    if (count == 0 || count > max) {
        return kit_fail_param(err, count == 0 ? KIT_INVALID : KIT_TOO_LARGE, "inputs",
                              "'inputs' has %zu texts, but must have 1 to %u: send the rest in another request", count,
                              max);
    }
    r->texts = kit_arena_zero(&r->arena, count, sizeof(*r->texts));
    if (r->texts == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %zu inputs", count);
    }
    r->text_count = (uint32_t)count;
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(inputs); rc == KIT_OK && kit_json_next(&i);) {
        rc = take_text(r, i.value, (uint32_t)i.index, err);
    }
    return rc;
}

static enum kit_status parse_one_text(struct task_request *r, kit_json input, struct kit_err *err)
{
    r->texts = kit_arena_zero(&r->arena, 1, sizeof(*r->texts));
    if (r->texts == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the input");
    }
    r->text_count = 1;
    return take_text(r, input, 0, err);
}

static enum kit_status parse_inputs(struct task_request *r, kit_json root, const struct api *a, struct kit_err *err)
{
    static const char *const known[] = {"tensors", NULL};
    kit_json inputs = kit_json_get(root, "inputs");
    switch (kit_json_type(inputs)) {
    case KIT_JSON_STRING:
        return parse_one_text(r, inputs, err);
    case KIT_JSON_ARRAY:
        return parse_texts(r, inputs, a->options.texts_max, err);
    case KIT_JSON_OBJECT: {
        enum kit_status rc = check_fields(inputs, known, "'inputs' (known: tensors)", err);
        return rc == KIT_OK ? api_tensors_parse(kit_json_get(inputs, "tensors"), &r->arena, &r->tensors, err) : rc;
    }
    default:
        return kit_fail_param(err, KIT_INVALID, "inputs",
                              "'inputs' must be a string, an array of strings or {\"tensors\":[…]}, but is %s",
                              kit_json_type_name(inputs));
    }
}

static enum kit_status parse_root(struct task_request *r, kit_json root, const struct api *a, struct kit_err *err)
{
    static const char *const known[] = {"model", "inputs", "task", "parameters", "timeout_ms", "priority", NULL};
    if (kit_json_type(root) != KIT_JSON_OBJECT) {
        return kit_fail(err, KIT_INVALID, "the body must be a JSON object {\"model\",\"inputs\",…}, but is %s",
                        kit_json_type_name(root));
    }
    enum kit_status rc =
        check_fields(root, known, "a question (known: model, inputs, task, parameters, timeout_ms, priority)", err);
    if (rc == KIT_OK) {
        rc = parse_model(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = parse_task(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = parse_priority(r, root, err);
    }
    if (rc == KIT_OK) {
        rc = parse_timeout(r, root, a->options.timeout_max_ms, err);
    }
    if (rc == KIT_OK) {
        rc = parse_parameters(r, root, err);
    }
    return rc == KIT_OK ? parse_inputs(r, root, a, err) : rc;
}

enum kit_status api_question_parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = api_json_parse(a, r->body, &doc, err);
    if (rc == KIT_OK) {
        rc = parse_root(r, kit_json_root(doc), a, err);
    }
    kit_json_free(doc);
    return rc;
}
