#include "api/msp_parameters.h"

#include <stdio.h>
#include <string.h>

#define PATH_BYTES KIT_ERR_PARAM_BYTES

static const char *path_of(const struct task_parameter *p, char to[PATH_BYTES])
{
    snprintf(to, PATH_BYTES, "parameters.%s", p->name);
    return to;
}

static enum kit_status bad_value(const struct task_parameter *p, const char *must, kit_json got, struct kit_err *err)
{
    char path[PATH_BYTES], what[KIT_JSON_WHAT_BYTES];
    path_of(p, path);
    return kit_fail_param(err, KIT_INVALID, path, "'%s' must be %s, but is %s", path, must, kit_json_what(got, what));
}

static enum kit_status take_bool(const struct task_parameter *p, kit_json v, void *to, struct kit_err *err)
{
    if (kit_json_type(v) != KIT_JSON_BOOL) {
        return bad_value(p, "true or false", v, err);
    }
    bool value = kit_json_bool(v, false);
    memcpy(to, &value, sizeof(value));
    return KIT_OK;
}

static enum kit_status take_count(const struct task_parameter *p, kit_json v, void *to, struct kit_err *err)
{
    int64_t n = kit_json_i64(v, -1);
    if (kit_json_type(v) != KIT_JSON_NUMBER || n < p->min || n > p->max) {
        char must[64];
        snprintf(must, sizeof(must), "a whole number from %u to %u", p->min, p->max);
        return bad_value(p, must, v, err);
    }
    uint32_t value = (uint32_t)n;
    memcpy(to, &value, sizeof(value));
    return KIT_OK;
}

static enum kit_status take_name(const struct task_parameter *p, kit_json v, void *to, struct kit_err *err)
{
    char must[120] = "";
    size_t len = 0;
    kit_str said = kit_json_str(v, (kit_str){0});
    for (uint32_t i = 0; p->names[i] != NULL; i++) {
        if (said.len > 0 && kit_str_eq(said, kit_str_c(p->names[i]))) {
            memcpy(to, &i, sizeof(i));
            return KIT_OK;
        }
        if (p->names[i][0] != '\0') {
            len += (size_t)snprintf(must + len, sizeof(must) - len, "%s'%s'", len > 0 ? ", " : "one of ", p->names[i]);
        }
    }
    char path[PATH_BYTES];
    path_of(p, path);
    return kit_json_type(v) != KIT_JSON_STRING
               ? bad_value(p, must, v, err)
               : kit_fail_param(err, KIT_INVALID, path, "'%s' must be %s, but is '%.*s'", path, must,
                                KIT_STR_ARG(kit_str_sub(said, 0, 40)));
}

static enum kit_status take_texts(const struct task_parameter *p, kit_json v, struct task_request *r,
                                  struct kit_err *err)
{
    size_t count = kit_json_count(v);
    if (kit_json_type(v) != KIT_JSON_ARRAY || count < p->min || count > p->max) {
        char must[64];
        snprintf(must, sizeof(must), "an array of %u to %u strings", p->min, p->max);
        return bad_value(p, must, v, err);
    }
    kit_str *texts = kit_arena_zero(&r->arena, count, sizeof(*texts));
    if (texts == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the parameters");
    }
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        if (kit_json_type(i.value) != KIT_JSON_STRING) {
            char path[PATH_BYTES], what[KIT_JSON_WHAT_BYTES];
            return kit_fail_param(err, KIT_INVALID, path_of(p, path), "'%s[%zu]' must be a string, but is %s", path,
                                  i.index, kit_json_what(i.value, what));
        }
        if (kit_arena_str(&r->arena, kit_json_str(i.value, (kit_str){0}), &texts[i.index]) != KIT_OK) {
            return kit_fail(err, KIT_NOMEM, "out of memory for the parameters");
        }
    }
    r->parameters.targets = texts;
    r->parameters.target_count = (uint32_t)count;
    return KIT_OK;
}

static enum kit_status take(const struct task_parameter *p, kit_json v, struct task_request *r, struct kit_err *err)
{
    void *to = (char *)&r->parameters + p->offset;
    switch (p->type) {
    case TASK_PARAMETER_BOOL:
        return take_bool(p, v, to, err);
    case TASK_PARAMETER_COUNT:
        return take_count(p, v, to, err);
    case TASK_PARAMETER_NAME:
        return take_name(p, v, to, err);
    default:
        return take_texts(p, v, r, err);
    }
}

static enum kit_status unknown(kit_str key, struct kit_err *err)
{
    char name[32], path[PATH_BYTES], known[200];
    kit_str_to_c(key, name, sizeof(name));
    snprintf(path, sizeof(path), "parameters.%s", name);
    return kit_fail_param(err, KIT_INVALID, path, "'%s' is no parameter (known: %s)", path,
                          task_parameters_list(TASK_DEFAULT, known, sizeof(known)));
}

static enum kit_status take_member(struct task_request *r, kit_str key, kit_json v, struct kit_err *err)
{
    const struct task_parameter *p;
    for (uint32_t i = 0; (p = task_parameter_at(i)) != NULL; i++) {
        if (kit_str_eq(key, kit_str_c(p->name))) {
            if (kit_json_type(v) == KIT_JSON_NULL || (r->parameters.given & (1u << i)) != 0) {
                return KIT_OK; /* not said; or said twice: the first counts */
            }
            r->parameters.given |= 1u << i;
            return take(p, v, r, err);
        }
    }
    return unknown(key, err);
}

enum kit_status api_msp_parameters_parse(struct task_request *r, kit_json parameters, struct kit_err *err)
{
    enum kit_json_type type = kit_json_type(parameters);
    if (type == KIT_JSON_NONE || type == KIT_JSON_NULL) {
        return KIT_OK;
    }
    if (type != KIT_JSON_OBJECT) {
        return kit_fail_param(err, KIT_INVALID, "parameters", "'parameters' must be an object, but is %s",
                              kit_json_type_name(parameters));
    }
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(parameters); rc == KIT_OK && kit_json_next(&i);) {
        rc = take_member(r, i.key, i.value, err);
    }
    return rc;
}
