#include "safetensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "kit/alloc.h"
#include "kit/json.h"

#define HEADER_DEPTH_MAX 8

struct native_safetensors {
    struct kit_map *map;
    struct kit_json_doc *header;  /* names are borrowed from it */
    struct native_tensor *tensor; /* [count], sorted by name */
    size_t count;
    uint64_t data_from; /* byte of the file where the tensors start */
    uint64_t data_bytes;
};

/* --- dtypes --- */

struct dtype {
    const char *name;
    uint32_t bits;
    enum native_dtype dtype;
};

static const struct dtype dtypes[] = {
    {"F32", 32, NATIVE_F32},      {"F16", 16, NATIVE_F16},   {"BF16", 16, NATIVE_BF16},    {"F64", 64, NATIVE_OTHER},
    {"I64", 64, NATIVE_OTHER},    {"I32", 32, NATIVE_OTHER}, {"I16", 16, NATIVE_OTHER},    {"I8", 8, NATIVE_OTHER},
    {"U64", 64, NATIVE_OTHER},    {"U32", 32, NATIVE_OTHER}, {"U16", 16, NATIVE_OTHER},    {"U8", 8, NATIVE_OTHER},
    {"BOOL", 8, NATIVE_OTHER},    {"C64", 64, NATIVE_OTHER}, {"F8_E5M2", 8, NATIVE_OTHER}, {"F8_E4M3", 8, NATIVE_OTHER},
    {"F8_E8M0", 8, NATIVE_OTHER}, {"F4", 4, NATIVE_OTHER},   {"F6_E2M3", 6, NATIVE_OTHER}, {"F6_E3M2", 6, NATIVE_OTHER},
};

static const struct dtype *find_dtype(kit_str name)
{
    for (size_t i = 0; i < KIT_COUNT(dtypes); i++) {
        if (kit_str_eq(name, kit_str_c(dtypes[i].name))) {
            return &dtypes[i];
        }
    }
    return NULL;
}

/* --- one tensor of the header --- */

#define bad_tensor(t, err, format, ...)                                                                                \
    kit_fail((err), KIT_PARSE, "tensor '%.*s': " format, KIT_STR_ARG(kit_str_sub((t)->name, 0, 96)), __VA_ARGS__)

static enum kit_status read_shape(kit_json v, struct native_tensor *t, struct kit_err *err)
{
    size_t rank = kit_json_count(v);
    if (kit_json_type(v) != KIT_JSON_ARRAY || rank > NATIVE_SAFETENSORS_RANK_MAX) {
        return bad_tensor(t, err, "'shape' must be an array of at most %d numbers", NATIVE_SAFETENSORS_RANK_MAX);
    }
    t->rank = (uint32_t)rank;
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        int64_t n = kit_json_i64(i.value, -1);
        if (n < 0) {
            return bad_tensor(t, err, "'shape' item %zu is no whole number from 0", i.index);
        }
        t->shape[i.index] = (uint64_t)n;
    }
    return KIT_OK;
}

static bool shape_bytes(const struct native_tensor *t, uint32_t bits, uint64_t *ret)
{
    uint64_t n = 1;
    for (uint32_t i = 0; i < t->rank; i++) {
        if (__builtin_mul_overflow(n, t->shape[i], &n)) {
            return false;
        }
    }
    if (__builtin_mul_overflow(n, bits, &n) || n % 8 != 0) {
        return false;
    }
    *ret = n / 8;
    return true;
}

static enum kit_status read_dtype(kit_json v, struct native_tensor *t, struct kit_err *err)
{
    uint64_t bytes = 0;
    t->dtype_name = kit_json_str(kit_json_get(v, "dtype"), (kit_str){0});
    const struct dtype *d = find_dtype(t->dtype_name);
    if (d == NULL) {
        return bad_tensor(t, err, "'dtype' is '%.*s', which the format does not know",
                          KIT_STR_ARG(kit_str_sub(t->dtype_name, 0, 32)));
    }
    t->dtype = d->dtype;
    if (!shape_bytes(t, d->bits, &bytes) || bytes != t->bytes) {
        char text[NATIVE_SHAPE_BYTES];
        return bad_tensor(t, err, "shape %s of %s does not make its %" PRIu64 " bytes",
                          native_tensor_shape_text(t->shape, t->rank, text), d->name, t->bytes);
    }
    return KIT_OK;
}

static enum kit_status read_offsets(const struct native_safetensors *s, kit_json v, struct native_tensor *t,
                                    struct kit_err *err)
{
    int64_t at[2] = {-1, -1};
    if (kit_json_type(v) != KIT_JSON_ARRAY || kit_json_count(v) != 2) {
        return bad_tensor(t, err, "'data_offsets' must be %d numbers", 2);
    }
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        at[i.index] = kit_json_i64(i.value, -1);
    }
    if (at[0] < 0 || at[1] < at[0] || (uint64_t)at[1] > s->data_bytes) {
        return bad_tensor(t, err,
                          "'data_offsets' [%" PRId64 ", %" PRId64 "] do not lie within the %" PRIu64
                          " bytes of data; the file is broken or cut, fetch it again",
                          at[0], at[1], s->data_bytes);
    }
    t->from = s->data_from + (uint64_t)at[0];
    t->bytes = (uint64_t)(at[1] - at[0]);
    t->data = (const uint8_t *)kit_map_bytes(s->map).ptr + t->from;
    return KIT_OK;
}

static enum kit_status read_tensor(const struct native_safetensors *s, kit_str name, kit_json v,
                                   struct native_tensor *t, struct kit_err *err)
{
    *t = (struct native_tensor){.name = name, .map = s->map};
    if (kit_json_type(v) != KIT_JSON_OBJECT) {
        return bad_tensor(t, err, "must be an object, but is %s", kit_json_type_name(v));
    }
    enum kit_status rc = read_shape(kit_json_get(v, "shape"), t, err);
    if (rc == KIT_OK) {
        rc = read_offsets(s, kit_json_get(v, "data_offsets"), t, err);
    }
    return rc == KIT_OK ? read_dtype(v, t, err) : rc;
}

/* --- the whole table --- */

static enum kit_status read_tensors(struct native_safetensors *s, struct kit_err *err)
{
    kit_json root = kit_json_root(s->header);
    if (kit_json_type(root) != KIT_JSON_OBJECT) {
        return kit_fail(err, KIT_PARSE, "the header must be an object, but is %s", kit_json_type_name(root));
    }
    s->tensor = kit_alloc_zero(kit_json_count(root) + 1, sizeof(s->tensor[0]));
    if (s->tensor == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the table of tensors");
    }
    for (struct kit_json_iter i = kit_json_iter(root); kit_json_next(&i);) {
        if (kit_str_eq(i.key, kit_str_lit("__metadata__"))) {
            continue;
        }
        enum kit_status rc = read_tensor(s, i.key, i.value, &s->tensor[s->count], err);
        if (rc != KIT_OK) {
            return rc;
        }
        s->count++;
    }
    return KIT_OK;
}

static int by_offset(const void *a, const void *b)
{
    const struct native_tensor *x = a;
    const struct native_tensor *y = b;
    if (x->from != y->from) {
        return x->from < y->from ? -1 : 1;
    }
    return x->bytes < y->bytes ? -1 : x->bytes > y->bytes; /* empty ones first */
}

static int by_name(const void *a, const void *b)
{
    return kit_str_cmp(((const struct native_tensor *)a)->name, ((const struct native_tensor *)b)->name);
}

/* The format wants the data covered from end to end, so that nothing can hide between. */
static enum kit_status check_cover(const struct native_safetensors *s, struct kit_err *err)
{
    uint64_t at = s->data_from;
    for (size_t i = 0; i < s->count; i++) {
        const struct native_tensor *t = &s->tensor[i];
        if (t->from != at) {
            return bad_tensor(t, err, "its data %s at byte %" PRIu64,
                              t->from < at ? "overlaps another tensor" : "leaves a gap", KIT_MIN(t->from, at));
        }
        at += t->bytes;
    }
    if (at != s->data_from + s->data_bytes) {
        return kit_fail(err, KIT_PARSE, "%" PRIu64 " bytes at the end belong to no tensor",
                        s->data_from + s->data_bytes - at);
    }
    return KIT_OK;
}

static enum kit_status check_names(const struct native_safetensors *s, struct kit_err *err)
{
    for (size_t i = 1; i < s->count; i++) {
        if (kit_str_eq(s->tensor[i - 1].name, s->tensor[i].name)) {
            return bad_tensor(&s->tensor[i], err, "is there %s", "twice");
        }
    }
    return KIT_OK;
}

static enum kit_status read_header(struct native_safetensors *s, struct kit_err *err)
{
    kit_str file = kit_map_bytes(s->map);
    uint64_t bytes = 0;
    if (file.len < sizeof(bytes)) {
        return kit_fail(err, KIT_PARSE, "has %zu bytes; even the header's length takes 8", file.len);
    }
    for (size_t i = sizeof(bytes); i-- > 0;) {
        bytes = bytes << 8 | (uint8_t)file.ptr[i];
    }
    if (bytes > NATIVE_SAFETENSORS_HEADER_BYTES_MAX || bytes > file.len - sizeof(bytes)) {
        return kit_fail(err, KIT_PARSE,
                        "the header says that it has %" PRIu64 " bytes; the file has %zu, the format allows %" PRIu64,
                        bytes, file.len, NATIVE_SAFETENSORS_HEADER_BYTES_MAX);
    }
    s->data_from = sizeof(bytes) + bytes;
    s->data_bytes = file.len - s->data_from;
    kit_str text = kit_str_sub(file, sizeof(bytes), bytes);
    enum kit_status rc = kit_json_parse(text, HEADER_DEPTH_MAX, &s->header, err);
    return rc == KIT_OK ? rc : kit_err_prefix(err, rc, "header");
}

static enum kit_status read_all(struct native_safetensors *s, struct kit_err *err)
{
    enum kit_status rc = read_header(s, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = read_tensors(s, err);
    if (rc != KIT_OK) {
        return rc;
    }
    qsort(s->tensor, s->count, sizeof(s->tensor[0]), by_offset);
    rc = check_cover(s, err);
    if (rc != KIT_OK) {
        return rc;
    }
    qsort(s->tensor, s->count, sizeof(s->tensor[0]), by_name);
    return check_names(s, err);
}

enum kit_status native_safetensors_open(const char *path, struct native_safetensors **ret, struct kit_err *err)
{
    struct native_safetensors *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    enum kit_status rc = kit_map_open(path, &s->map, err);
    if (rc == KIT_OK) {
        rc = read_all(s, err);
    }
    if (rc == KIT_OK && kit_map_broken(s->map)) {
        rc = kit_fail(err, KIT_PARSE, "was cut while it was read");
    }
    if (rc != KIT_OK) {
        native_safetensors_close(s);
        return rc;
    }
    *ret = s;
    return KIT_OK;
}

void native_safetensors_close(struct native_safetensors *s)
{
    if (s != NULL) {
        kit_alloc_free(s->tensor);
        kit_json_free(s->header);
        kit_map_close(s->map);
        kit_alloc_free(s);
    }
}

const struct native_tensor *native_safetensors_find(const struct native_safetensors *s, kit_str name)
{
    struct native_tensor key = {.name = name};
    return bsearch(&key, s->tensor, s->count, sizeof(s->tensor[0]), by_name);
}

const struct kit_map *native_safetensors_map(const struct native_safetensors *s)
{
    return s->map;
}

void native_tensor_row(const struct native_tensor *t, uint64_t row, uint64_t n, float *ret)
{
    switch (t->dtype) {
    case NATIVE_F16:
        native_half_from_f16(t->data + row * n * 2, n, ret);
        break;
    case NATIVE_BF16:
        native_half_from_bf16(t->data + row * n * 2, n, ret);
        break;
    default:
        memcpy(ret, t->data + row * n * sizeof(float), n * sizeof(float));
        break;
    }
}

bool native_tensor_is_floats(const struct native_tensor *t)
{
    return t->dtype == NATIVE_F32 && (uintptr_t)t->data % sizeof(float) == 0;
}

const float *native_tensor_floats(const struct native_tensor *t, uint64_t row, uint64_t n, float *piece)
{
    if (native_tensor_is_floats(t)) {
        return (const float *)(const void *)t->data + row * n;
    }
    native_tensor_row(t, row, n, piece);
    return piece;
}

const char *native_tensor_shape_text(const uint64_t *shape, uint32_t rank, char buf[NATIVE_SHAPE_BYTES])
{
    size_t at = 0;
    buf[at++] = '[';
    for (uint32_t i = 0; i < rank && at < NATIVE_SHAPE_BYTES - 24; i++) {
        at += (size_t)snprintf(buf + at, NATIVE_SHAPE_BYTES - at, "%s%" PRIu64, i > 0 ? ", " : "", shape[i]);
    }
    buf[at++] = ']';
    buf[at] = '\0';
    return buf;
}
