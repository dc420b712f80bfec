#include "api/tensors.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"

/* --- the table of element types --- */

#define NAME_BYTES_MAX 128
#define ELEMENTS_MAX (INT64_C(1) << 31)

static enum kit_status bad_element(const char *name, int64_t at, const char *must, kit_json got, struct kit_err *err)
{
    char what[KIT_JSON_WHAT_BYTES];
    return kit_fail_param(err, KIT_INVALID, "inputs.tensors", "tensor '%s': element %lld must be %s, but is %s", name,
                          (long long)at, must, kit_json_what(got, what));
}

static bool read_integer(kit_json v, int64_t min, int64_t max, int64_t *ret)
{
    int64_t low = kit_json_i64(v, INT64_MIN), high = kit_json_i64(v, INT64_MAX);
    *ret = low;
    return kit_json_type(v) == KIT_JSON_NUMBER && low == high && low >= min && low <= max;
}

struct element_type {
    const char *name;
    uint32_t dtype;
    uint32_t bytes;   /* 0: of variable length */
    int64_t min, max; /* of integers; min > max: not an integer */
};

/* A uint64 above 2^63-1 has no exact place in most JSON readers; it is refused on the way in. */
static const struct element_type element_types[] = {
    {"bool", ACB_BOOL, 1, 1, 0},
    {"uint8", ACB_U8, 1, 0, UINT8_MAX},
    {"int8", ACB_I8, 1, INT8_MIN, INT8_MAX},
    {"uint16", ACB_U16, 2, 0, UINT16_MAX},
    {"int16", ACB_I16, 2, INT16_MIN, INT16_MAX},
    {"uint32", ACB_U32, 4, 0, UINT32_MAX},
    {"int32", ACB_I32, 4, INT32_MIN, INT32_MAX},
    {"uint64", ACB_U64, 8, 0, INT64_MAX},
    {"int64", ACB_I64, 8, INT64_MIN, INT64_MAX},
    {"float32", ACB_F32, 4, 1, 0},
    {"float64", ACB_F64, 8, 1, 0},
    {"string", ACB_STRING, 0, 1, 0},
};
#define ELEMENT_NAMES "bool, uint8 … uint64, int8 … int64, float32, float64, string"

static const struct element_type *type_by_name(kit_str name)
{
    for (size_t i = 0; i < KIT_COUNT(element_types); i++) {
        if (kit_str_eq(name, kit_str_c(element_types[i].name))) {
            return &element_types[i];
        }
    }
    return NULL;
}

static const struct element_type *type_by_code(uint32_t dtype)
{
    for (size_t i = 0; i < KIT_COUNT(element_types); i++) {
        if (element_types[i].dtype == dtype) {
            return &element_types[i];
        }
    }
    return NULL;
}

/* --- reading --- */

struct reader {
    const struct element_type *type;
    struct acb_tensor *tensor;
    struct kit_buf bytes; /* of the elements */
    int64_t count;        /* elements by the shape */
    int64_t read;
    struct kit_err *err;
};

static enum kit_status add_string(struct reader *rd, kit_json v)
{
    if (kit_json_type(v) != KIT_JSON_STRING) {
        return bad_element(rd->tensor->name, rd->read, "a string", v, rd->err);
    }
    kit_str s = kit_json_str(v, (kit_str){0});
    uint32_t len = (uint32_t)s.len;
    kit_buf_add(&rd->bytes, (kit_str){.ptr = (const char *)&len, .len = sizeof(len)});
    return kit_buf_add(&rd->bytes, s);
}

static enum kit_status add_real(struct reader *rd, kit_json v)
{
    if (kit_json_type(v) != KIT_JSON_NUMBER) {
        return bad_element(rd->tensor->name, rd->read, "a number", v, rd->err);
    }
    double wide = kit_json_f64(v, 0);
    if (rd->type->dtype == ACB_F32 && fabs(wide) > FLT_MAX) {
        return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors", "tensor '%s': element %lld is beyond float32",
                              rd->tensor->name, (long long)rd->read);
    }
    float narrow = (float)wide;
    const void *from = rd->type->dtype == ACB_F32 ? (const void *)&narrow : &wide;
    return kit_buf_add(&rd->bytes, (kit_str){.ptr = from, .len = rd->type->bytes});
}

static enum kit_status add_bool(struct reader *rd, kit_json v)
{
    if (kit_json_type(v) != KIT_JSON_BOOL) {
        return bad_element(rd->tensor->name, rd->read, "true or false", v, rd->err);
    }
    return kit_buf_add_char(&rd->bytes, kit_json_bool(v, false) ? 1 : 0);
}

static enum kit_status add_integer(struct reader *rd, kit_json v)
{
    int64_t n = 0;
    if (!read_integer(v, rd->type->min, rd->type->max, &n)) {
        return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors",
                              "tensor '%s': element %lld must be a whole number from %lld to %lld", rd->tensor->name,
                              (long long)rd->read, (long long)rd->type->min, (long long)rd->type->max);
    }
    return kit_buf_add(&rd->bytes, (kit_str){.ptr = (const char *)&n, .len = rd->type->bytes}); /* little-endian */
}

static enum kit_status add_element(struct reader *rd, kit_json v)
{
    if (rd->read == rd->count) {
        return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors",
                              "tensor '%s': more elements than its shape has (%lld)", rd->tensor->name,
                              (long long)rd->count);
    }
    enum kit_status rc = rd->type->dtype == ACB_STRING   ? add_string(rd, v)
                         : rd->type->dtype == ACB_BOOL   ? add_bool(rd, v)
                         : rd->type->min > rd->type->max ? add_real(rd, v)
                                                         : add_integer(rd, v);
    rd->read++;
    return rc;
}

/* Nested arrays are read in row-major order; the parser has bounded their depth. */
static enum kit_status add_elements(struct reader *rd, kit_json data)
{
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(data); rc == KIT_OK && kit_json_next(&i);) {
        rc = kit_json_type(i.value) == KIT_JSON_ARRAY ? add_elements(rd, i.value) : add_element(rd, i.value);
    }
    return rc;
}

static enum kit_status parse_shape(kit_json shape, struct reader *rd)
{
    struct acb_tensor *t = rd->tensor;
    size_t rank = kit_json_count(shape);
    if (kit_json_type(shape) != KIT_JSON_ARRAY || rank > ACB_RANK_MAX) {
        return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors",
                              "tensor '%s': 'shape' must be an array of at most %d sizes", t->name, ACB_RANK_MAX);
    }
    rd->count = 1;
    for (struct kit_json_iter i = kit_json_iter(shape); kit_json_next(&i);) {
        int64_t n = 0;
        if (!read_integer(i.value, 0, ELEMENTS_MAX, &n) || (n > 0 && rd->count > ELEMENTS_MAX / n)) {
            return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors",
                                  "tensor '%s': shape[%zu] must be a size, with at most %lld elements in all", t->name,
                                  i.index, (long long)ELEMENTS_MAX);
        }
        t->shape[i.index] = n;
        rd->count *= n;
    }
    t->rank = (uint32_t)rank;
    return KIT_OK;
}

/* The bytes, aligned as back ends expect them; they live as long as the arena. */
static enum kit_status keep_data(struct reader *rd, struct kit_arena *arena)
{
    void *data = kit_alloc_aligned(ACB_ALIGN, rd->bytes.len + 1);
    if (data == NULL || kit_arena_defer(arena, kit_alloc_free, data) != KIT_OK) {
        kit_alloc_free(data);
        return KIT_NOMEM;
    }
    if (rd->bytes.len > 0) {
        memcpy(data, rd->bytes.ptr, rd->bytes.len);
    }
    rd->tensor->data = data;
    rd->tensor->bytes = rd->bytes.len;
    return KIT_OK;
}

static enum kit_status parse_data(kit_json data, struct reader *rd, struct kit_arena *arena)
{
    if (kit_json_type(data) != KIT_JSON_ARRAY) {
        return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors", "tensor '%s': 'data' must be an array",
                              rd->tensor->name);
    }
    enum kit_status rc = add_elements(rd, data);
    if (rd->bytes.failed != KIT_OK) { /* which says nothing by itself */
        rc = rd->bytes.failed == KIT_NOMEM ? KIT_NOMEM : KIT_TOO_LARGE;
        kit_fail_param(rd->err, rc, "inputs.tensors", "tensor '%s' does not fit into the memory of a question",
                       rd->tensor->name);
    }
    if (rc == KIT_OK && rd->read != rd->count) {
        rc =
            kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors", "tensor '%s': %lld elements, but its shape has %lld",
                           rd->tensor->name, (long long)rd->read, (long long)rd->count);
    }
    if (rc == KIT_OK && keep_data(rd, arena) != KIT_OK) {
        rc = kit_fail(rd->err, KIT_NOMEM, "out of memory for tensor '%s'", rd->tensor->name);
    }
    return rc;
}

static enum kit_status check_members(kit_json v, struct kit_err *err)
{
    static const char *const known[] = {"name", "dtype", "shape", "data"};
    if (kit_json_type(v) != KIT_JSON_OBJECT) {
        return kit_fail_param(err, KIT_INVALID, "inputs.tensors", "a tensor must be an object, but is %s",
                              kit_json_type_name(v));
    }
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        bool is_known = false;
        for (size_t k = 0; k < KIT_COUNT(known); k++) {
            is_known = is_known || kit_str_eq(i.key, kit_str_c(known[k]));
        }
        if (!is_known) {
            return kit_fail_param(err, KIT_INVALID, "inputs.tensors",
                                  "'%.*s' is no member of a tensor (known: name, dtype, shape, data)",
                                  KIT_STR_ARG(kit_str_sub(i.key, 0, 40)));
        }
    }
    return KIT_OK;
}

static enum kit_status parse_head(kit_json v, struct reader *rd, struct kit_arena *arena)
{
    kit_str name, dtype;
    enum kit_status rc = check_members(v, rd->err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = kit_json_need_str(v, "name", &name, rd->err);
    if (rc == KIT_OK) {
        rc = kit_json_need_str(v, "dtype", &dtype, rd->err);
    }
    if (rc != KIT_OK) {
        kit_str_to_c(kit_str_lit("inputs.tensors"), rd->err->param, sizeof(rd->err->param));
        return kit_err_prefix(rd->err, rc, "inputs.tensors");
    }
    rd->type = type_by_name(dtype);
    if (rd->type == NULL || name.len == 0 || name.len > NAME_BYTES_MAX || kit_str_find_char(name, '\0') < name.len) {
        return kit_fail_param(rd->err, KIT_INVALID, "inputs.tensors",
                              "a tensor needs a 'name' of 1 to %d bytes and a 'dtype' of " ELEMENT_NAMES,
                              NAME_BYTES_MAX);
    }
    kit_str copy;
    if (kit_arena_str(arena, name, &copy) != KIT_OK) {
        return kit_fail(rd->err, KIT_NOMEM, "out of memory for a tensor");
    }
    rd->tensor->name = copy.ptr;
    rd->tensor->dtype = rd->type->dtype;
    return KIT_OK;
}

static enum kit_status parse_tensor(kit_json v, struct kit_arena *arena, struct acb_tensor **ret, struct kit_err *err)
{
    struct acb_tensor *t = kit_arena_zero(arena, 1, sizeof(*t));
    if (t == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a tensor");
    }
    t->size = sizeof(*t);
    struct reader rd = {.tensor = t, .err = err};
    kit_buf_init(&rd.bytes, arena->max);
    enum kit_status rc = parse_head(v, &rd, arena);
    if (rc == KIT_OK) {
        rc = parse_shape(kit_json_get(v, "shape"), &rd);
    }
    if (rc == KIT_OK) {
        rc = parse_data(kit_json_get(v, "data"), &rd, arena);
    }
    kit_buf_done(&rd.bytes);
    *ret = t;
    return rc;
}

enum kit_status api_tensors_parse(kit_json tensors, struct kit_arena *arena, struct task_tensors *ret,
                                  struct kit_err *err)
{
    size_t count = kit_json_count(tensors);
    if (kit_json_type(tensors) != KIT_JSON_ARRAY || count == 0 || count > API_TENSORS_MAX) {
        return kit_fail_param(err, KIT_INVALID, "inputs.tensors",
                              "'inputs.tensors' must be an array of 1 to %d tensors", API_TENSORS_MAX);
    }
    struct acb_tensor **list = kit_arena_zero(arena, count, sizeof(struct acb_tensor *));
    if (list == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %zu tensors", count);
    }
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(tensors); rc == KIT_OK && kit_json_next(&i);) {
        rc = parse_tensor(i.value, arena, &list[i.index], err);
    }
    if (rc == KIT_OK) {
        *ret = (struct task_tensors){.tensor = list, .count = (uint32_t)count};
    }
    return rc;
}

/* --- writing --- */

static void write_strings(struct kit_json_writer *w, const struct acb_tensor *t)
{
    const char *at = t->data, *end = at + t->bytes;
    uint32_t len;
    while (end - at >= (ptrdiff_t)sizeof(len)) {
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        len = KIT_MIN(len, (uint32_t)(end - at));
        kit_json_put_str(w, (kit_str){.ptr = at, .len = len});
        at += len;
    }
}

static void write_integer(struct kit_json_writer *w, const struct element_type *type, const char *at)
{
    uint64_t raw = 0;
    memcpy(&raw, at, type->bytes);
    if (type->min == 0) {
        kit_json_put_u64(w, raw);
        return;
    }
    unsigned shift = 64 - 8 * type->bytes;
    kit_json_put_i64(w, (int64_t)(raw << shift) >> shift); /* extends the sign */
}

static void write_numbers(struct kit_json_writer *w, const struct element_type *type, const struct acb_tensor *t)
{
    const char *data = t->data;
    for (uint64_t i = 0; i < t->bytes / type->bytes; i++) {
        const char *at = data + i * type->bytes;
        if (type->dtype == ACB_BOOL) {
            kit_json_put_bool(w, *at != 0);
        } else if (type->dtype == ACB_F64) {
            double x;
            memcpy(&x, at, sizeof(x));
            kit_json_put_f64(w, x);
        } else {
            write_integer(w, type, at);
        }
    }
}

static void write_data(struct kit_json_writer *w, const struct element_type *type, const struct acb_tensor *t)
{
    if (type->dtype == ACB_F32) {
        kit_json_put_f32s(w, t->data, t->bytes / sizeof(float));
        return;
    }
    kit_json_open(w, '[');
    if (type->dtype == ACB_STRING) {
        write_strings(w, t);
    } else {
        write_numbers(w, type, t);
    }
    kit_json_close(w, ']');
}

static void write_tensor(struct kit_json_writer *w, const struct acb_tensor *t)
{
    const struct element_type *type = type_by_code(t->dtype);
    kit_json_open(w, '{');
    kit_json_member_c(w, "name", t->name);
    kit_json_member_c(w, "dtype", type != NULL ? type->name : "unknown");
    kit_json_key(w, "shape");
    kit_json_open(w, '[');
    for (uint32_t d = 0; d < t->rank; d++) {
        kit_json_put_i64(w, t->shape[d]);
    }
    kit_json_close(w, ']');
    kit_json_key(w, "data");
    if (type == NULL) {
        kit_json_put_null(w); /* float16 and bfloat16 have no JSON form */
    } else {
        write_data(w, type, t);
    }
    kit_json_close(w, '}');
}

void api_tensors_write(struct kit_json_writer *w, struct acb_tensor *const *tensor, uint32_t count)
{
    kit_json_open(w, '{');
    kit_json_key(w, "tensors");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        write_tensor(w, tensor[i]);
    }
    kit_json_close(w, ']');
    kit_json_close(w, '}');
}
