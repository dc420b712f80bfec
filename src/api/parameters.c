#include "api/parameters.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kit/near.h"

#define PATH_BYTES KIT_ERR_PARAM_BYTES
#define MUST_BYTES 120

/* A parameter that is being read. */
struct reading {
    const struct task_parameter *p;
    const char *path;
    struct task_request *r;
    void *to;
};

static enum kit_status bad_value(const struct reading *rd, const char *must, kit_json got, struct kit_err *err)
{
    char what[KIT_JSON_WHAT_BYTES];
    return kit_fail_param(err, KIT_INVALID, rd->path, "'%s' must be %s, but is %s", rd->path, must,
                          kit_json_what(got, what));
}

static enum kit_status no_memory(struct kit_err *err)
{
    return kit_fail(err, KIT_NOMEM, "out of memory for the parameters");
}

static enum kit_status take_bool(const struct reading *rd, kit_json v, struct kit_err *err)
{
    if (kit_json_type(v) != KIT_JSON_BOOL) {
        return bad_value(rd, "true or false", v, err);
    }
    *(bool *)rd->to = kit_json_bool(v, false);
    return KIT_OK;
}

static enum kit_status take_count(const struct reading *rd, kit_json v, struct kit_err *err)
{
    int64_t n = kit_json_i64(v, -1);
    if (kit_json_type(v) != KIT_JSON_NUMBER || n < (int64_t)rd->p->min || n > (int64_t)rd->p->max) {
        char must[MUST_BYTES];
        snprintf(must, sizeof(must), "a whole number from %.0f to %.0f", rd->p->min, rd->p->max);
        return bad_value(rd, must, v, err);
    }
    *(uint32_t *)rd->to = (uint32_t)n;
    return KIT_OK;
}

static enum kit_status take_number(const struct reading *rd, kit_json v, struct kit_err *err)
{
    double x = kit_json_f64(v, NAN);
    if (!(x >= rd->p->min && x <= rd->p->max)) {
        char must[MUST_BYTES];
        snprintf(must, sizeof(must), "a number from %g to %g", rd->p->min, rd->p->max);
        return bad_value(rd, must, v, err);
    }
    *(float *)rd->to = (float)x;
    return KIT_OK;
}

static enum kit_status take_seed(const struct reading *rd, kit_json v, struct kit_err *err)
{
    int64_t low = kit_json_i64(v, 0), high = kit_json_i64(v, 1);
    if (kit_json_type(v) != KIT_JSON_NUMBER || low != high) {
        return bad_value(rd, "a whole number", v, err);
    }
    *(uint64_t *)rd->to = (uint64_t)low;
    return KIT_OK;
}

static enum kit_status take_name(const struct reading *rd, kit_json v, struct kit_err *err)
{
    const char *const *names = rd->p->names;
    char must[MUST_BYTES] = "";
    size_t len = 0;
    kit_str said = kit_json_str(v, (kit_str){0});
    for (uint32_t i = 0; names[i] != NULL; i++) {
        if (said.len > 0 && kit_str_eq(said, kit_str_c(names[i]))) {
            *(uint32_t *)rd->to = i;
            return KIT_OK;
        }
        if (names[i][0] != '\0') {
            len += (size_t)snprintf(must + len, sizeof(must) - len, "%s'%s'", len > 0 ? ", " : "one of ", names[i]);
        }
    }
    return kit_json_type(v) != KIT_JSON_STRING
               ? bad_value(rd, must, v, err)
               : kit_fail_param(err, KIT_INVALID, rd->path, "'%s' must be %s, but is '%.*s'", rd->path, must,
                                KIT_STR_ARG(kit_str_sub(said, 0, 40)));
}

static enum kit_status take_text(const struct reading *rd, kit_json v, struct kit_err *err)
{
    kit_str text = kit_json_str(v, (kit_str){0});
    if (kit_json_type(v) != KIT_JSON_STRING || text.len < (size_t)rd->p->min || text.len > (size_t)rd->p->max) {
        char must[MUST_BYTES];
        snprintf(must, sizeof(must), "a string of %.0f to %.0f bytes", rd->p->min, rd->p->max);
        return bad_value(rd, must, v, err);
    }
    return kit_arena_str(&rd->r->arena, text, rd->to) == KIT_OK ? KIT_OK : no_memory(err);
}

static enum kit_status bad_texts(const struct reading *rd, kit_json v, struct kit_err *err)
{
    char must[MUST_BYTES];
    snprintf(must, sizeof(must), "an array of %.0f to %.0f strings", rd->p->min, rd->p->max);
    return bad_value(rd, must, v, err);
}

/* An array of strings, or one of them alone. */
static enum kit_status take_texts(const struct reading *rd, kit_json v, struct kit_err *err)
{
    struct task_list list = {.count = 1};
    bool alone = kit_json_type(v) == KIT_JSON_STRING;
    if (!alone) {
        list.count = (uint32_t)KIT_MIN(kit_json_count(v), UINT32_MAX);
    }
    if ((!alone && kit_json_type(v) != KIT_JSON_ARRAY) || list.count < rd->p->min || list.count > rd->p->max) {
        return bad_texts(rd, v, err);
    }
    list.texts = kit_arena_zero(&rd->r->arena, KIT_MAX(list.count, 1u), sizeof(*list.texts));
    if (list.texts == NULL) {
        return no_memory(err);
    }
    struct kit_json_iter i = kit_json_iter(v);
    for (uint32_t k = 0; k < list.count; k++) {
        kit_json text = alone || !kit_json_next(&i) ? v : i.value;
        if (kit_json_type(text) != KIT_JSON_STRING) {
            char what[KIT_JSON_WHAT_BYTES];
            return kit_fail_param(err, KIT_INVALID, rd->path, "'%s[%u]' must be a string, but is %s", rd->path, k,
                                  kit_json_what(text, what));
        }
        if (kit_arena_str(&rd->r->arena, kit_json_str(text, (kit_str){0}), &list.texts[k]) != KIT_OK) {
            return no_memory(err);
        }
    }
    *(struct task_list *)rd->to = list;
    return KIT_OK;
}

static bool take_bias(kit_str key, kit_json v, struct task_bias *ret)
{
    uint64_t token;
    double bias = kit_json_f64(v, NAN);
    bool good = kit_str_to_u64(key, &token) == KIT_OK && token <= INT32_MAX && bias >= -100 && bias <= 100;
    *ret = (struct task_bias){.token = good ? (int32_t)token : 0, .bias = good ? (float)bias : 0};
    return good;
}

static enum kit_status take_biases(const struct reading *rd, kit_json v, struct kit_err *err)
{
    static const char must[] = "an object {\"token id\": -100 to 100} of at most 1024 members";
    struct task_biases *to = rd->to;
    size_t count = kit_json_count(v);
    if (kit_json_type(v) != KIT_JSON_OBJECT || count > (size_t)rd->p->max) {
        return bad_value(rd, must, v, err);
    }
    to->list = kit_arena_zero(&rd->r->arena, KIT_MAX(count, (size_t)1), sizeof(*to->list));
    if (to->list == NULL) {
        return no_memory(err);
    }
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        if (!take_bias(i.key, i.value, &to->list[to->count])) {
            return bad_value(rd, must, i.value, err);
        }
        to->count++;
    }
    return KIT_OK;
}

static enum kit_status take_json(const struct reading *rd, kit_json v, struct kit_err *err)
{
    return kit_json_text(v, &rd->r->arena, rd->to) == KIT_OK ? KIT_OK : no_memory(err);
}

static enum kit_status take(const struct reading *rd, kit_json v, struct kit_err *err)
{
    switch (rd->p->type) {
    case TASK_PARAMETER_BOOL:
        return take_bool(rd, v, err);
    case TASK_PARAMETER_COUNT:
        return take_count(rd, v, err);
    case TASK_PARAMETER_NUMBER:
        return take_number(rd, v, err);
    case TASK_PARAMETER_SEED:
        return take_seed(rd, v, err);
    case TASK_PARAMETER_NAME:
        return take_name(rd, v, err);
    case TASK_PARAMETER_TEXT:
        return take_text(rd, v, err);
    case TASK_PARAMETER_TEXTS:
        return take_texts(rd, v, err);
    case TASK_PARAMETER_BIASES:
        return take_biases(rd, v, err);
    default:
        return take_json(rd, v, err);
    }
}

static enum kit_status take_row(struct task_request *r, uint32_t row, const char *path, kit_json v, struct kit_err *err)
{
    uint64_t bit = UINT64_C(1) << row;
    if (kit_json_type(v) <= KIT_JSON_NULL || (r->parameters.given & bit) != 0) {
        return KIT_OK; /* not said; or said twice: the first counts */
    }
    const struct task_parameter *p = task_parameter_at(row);
    struct reading rd = {.p = p, .path = path, .r = r, .to = (char *)&r->parameters + p->offset};
    r->parameters.given |= bit;
    return take(&rd, v, err);
}

enum kit_status api_parameter_take(struct task_request *r, const char *name, const char *path, kit_json value,
                                   struct kit_err *err)
{
    return take_row(r, task_parameter_of(name), path, value, err);
}

void api_parameter_set(struct task_request *r, const char *name)
{
    r->parameters.given |= UINT64_C(1) << task_parameter_of(name);
}

enum kit_status api_parameters_take(struct task_request *r, kit_json object, const struct api_field *fields,
                                    size_t count, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < count; i++) {
        const char *dot = strrchr(fields[i].path, '.');
        kit_json v = kit_json_get(object, dot != NULL ? dot + 1 : fields[i].path);
        rc = api_parameter_take(r, fields[i].name, fields[i].path, v, err);
    }
    return rc;
}

/* --- "parameters" of MSP --- */

static enum kit_status unknown(const char *name, const char *path, struct kit_err *err)
{
    struct kit_near near = {.wanted = kit_str_c(name)};
    const struct task_parameter *p;
    for (uint32_t i = 0; (p = task_parameter_at(i)) != NULL; i++) {
        kit_near_offer(&near, p->name);
    }
    return near.best != NULL
               ? kit_fail_param(err, KIT_INVALID, path, "'%s' is no parameter; '%s' is", path, near.best)
               : kit_fail_param(err, KIT_INVALID, path, "'%s' is no parameter: /docs lists those of each task", path);
}

static enum kit_status take_member(struct task_request *r, kit_str key, kit_json v, struct kit_err *err)
{
    char name[32], path[PATH_BYTES];
    kit_str_to_c(key, name, sizeof(name));
    snprintf(path, sizeof(path), "parameters.%s", name);
    uint32_t row = task_parameter_of(name);
    return task_parameter_at(row) != NULL && kit_str_eq(key, kit_str_c(name)) ? take_row(r, row, path, v, err)
                                                                              : unknown(name, path, err);
}

enum kit_status api_parameters_parse(struct task_request *r, kit_json parameters, struct kit_err *err)
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
