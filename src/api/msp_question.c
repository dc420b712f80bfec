#include "api/msp_question.h"

#include "api/inputs.h"
#include "api/parameters.h"

static bool is_among(kit_str name, const char *const *names)
{
    while (*names != NULL && !kit_str_eq(name, kit_str_c(*names))) {
        names++;
    }
    return *names != NULL;
}

static enum kit_status check_fields(kit_json question, const char *const *around, struct kit_err *err)
{
    static const char *const known[] = {"model", "inputs", "task", "parameters", "timeout_ms", "priority", NULL};
    for (struct kit_json_iter i = kit_json_iter(question); kit_json_next(&i);) {
        if (!is_among(i.key, known) && !is_among(i.key, around)) {
            char name[KIT_ERR_PARAM_BYTES];
            kit_str_to_c(i.key, name, sizeof(name));
            return kit_fail_param(
                err, KIT_INVALID, name,
                "'%s' is not a field of a question (known: model, inputs, task, parameters, timeout_ms, priority)",
                name);
        }
    }
    return KIT_OK;
}

static enum kit_status parse_model(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str id;
    enum kit_status rc = kit_json_str_or(root, "model", (kit_str){0}, &id, err);
    if (rc != KIT_OK || id.ptr == NULL) {
        return rc;
    }
    if (id.len == 0 || id.len > MODEL_ID_BYTES_MAX || kit_str_find_char(id, '\0') < id.len) {
        return kit_fail_param(err, KIT_INVALID, "model",
                              "'model' must be an id of 1 to %d bytes; leave it out for the only model that is ready",
                              MODEL_ID_BYTES_MAX);
    }
    kit_str_to_c(id, r->model_id, sizeof(r->model_id));
    return KIT_OK;
}

static enum kit_status parse_task(struct task_request *r, kit_json root, struct kit_err *err)
{
    kit_str name;
    enum kit_status rc = kit_json_str_or(root, "task", (kit_str){0}, &name, err);
    if (rc != KIT_OK || name.ptr == NULL) {
        return rc;
    }
    r->kind = task_kind_of(name);
    if (r->kind == TASK_KIND_COUNT || r->kind == TASK_DEFAULT) {
        return kit_fail_param(err, KIT_INVALID, "task", "'task' is '%.*s', but must be one of:" TASK_NAMES,
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

enum kit_status api_msp_question_read(struct task_request *r, kit_json root, const char *const *around,
                                      const struct api *a, struct kit_err *err)
{
    if (kit_json_type(root) != KIT_JSON_OBJECT) {
        return kit_fail(err, KIT_INVALID, "a question must be a JSON object {\"model\",\"inputs\",…}, but is %s",
                        kit_json_type_name(root));
    }
    enum kit_status rc = check_fields(root, around, err);
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
        rc = api_parameters_parse(r, kit_json_get(root, "parameters"), err);
    }
    return rc == KIT_OK ? api_inputs_parse(r, "inputs", kit_json_get(root, "inputs"), a->options.texts_max, err) : rc;
}

enum kit_status api_msp_question_parse(struct task_request *r, const struct api *a, struct kit_err *err)
{
    static const char *const nothing[] = {NULL};
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = api_json_parse(a, r->body, &doc, err);
    if (rc == KIT_OK) {
        rc = api_msp_question_read(r, kit_json_root(doc), nothing, a, err);
    }
    kit_json_free(doc);
    return rc;
}
