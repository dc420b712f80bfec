#include "plug/tensor.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/str.h"

#define BYTES_MAX (UINT64_C(1) << 62)

struct plug_tensor {
    struct acb_tensor pub;  /* what the back end sees; first, so that its address is ours */
    struct acb_tensor made; /* as it was made */
    struct plug_tensor *next;
    void *heap;            /* owned data; NULL when it lies in the call's room */
    uint64_t *row_offsets; /* owned, or NULL */
    char name[ACB_NAME_BYTES];
};

static struct plug_tensor *inside(const struct acb_tensor *t)
{
    return KIT_CONTAINER((uintptr_t)t, struct plug_tensor, pub);
}

/* --- sizes and names --- */

static const struct {
    const char *name;
    uint32_t bytes;
} dtypes[] = {
    [ACB_BOOL] = {"bool", 1}, [ACB_U8] = {"u8", 1},         [ACB_I8] = {"i8", 1},     [ACB_U16] = {"u16", 2},
    [ACB_I16] = {"i16", 2},   [ACB_U32] = {"u32", 4},       [ACB_I32] = {"i32", 4},   [ACB_U64] = {"u64", 8},
    [ACB_I64] = {"i64", 8},   [ACB_F16] = {"f16", 2},       [ACB_BF16] = {"bf16", 2}, [ACB_F32] = {"f32", 4},
    [ACB_F64] = {"f64", 8},   [ACB_STRING] = {"string", 0},
};

const char *plug_tensor_dtype_name(uint32_t dtype)
{
    return dtype > 0 && dtype < KIT_COUNT(dtypes) ? dtypes[dtype].name : "unknown";
}

enum kit_status plug_tensor_bytes(uint32_t dtype, uint32_t rank, const int64_t *shape, uint64_t *ret,
                                  struct kit_err *err)
{
    if (dtype == 0 || dtype >= KIT_COUNT(dtypes)) {
        return kit_fail(err, KIT_INVALID, "dtype %" PRIu32 " is not known", dtype);
    }
    if (rank > ACB_RANK_MAX) {
        return kit_fail(err, KIT_INVALID, "%" PRIu32 " dimensions, at most %d are possible", rank, ACB_RANK_MAX);
    }
    uint64_t bytes = dtype == ACB_STRING ? 1 : dtypes[dtype].bytes;
    bool empty = false;
    for (uint32_t d = 0; d < rank; d++) {
        if (shape[d] < 0) {
            return kit_fail(err, KIT_INVALID, "dimension %" PRIu32 " is %" PRId64, d, shape[d]);
        }
        empty = empty || shape[d] == 0;
        if (shape[d] > 0 && (uint64_t)shape[d] > BYTES_MAX / bytes) {
            return kit_fail(err, KIT_INVALID, "the shape holds more than 2^62 bytes");
        }
        bytes *= shape[d] > 0 ? (uint64_t)shape[d] : 1;
    }
    *ret = empty ? 0 : bytes;
    return KIT_OK;
}

bool plug_tensor_name_ok(const char *name)
{
    if (name == NULL) {
        return false;
    }
    size_t len = strnlen(name, ACB_NAME_BYTES);
    if (len == 0 || len == ACB_NAME_BYTES) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)name[i] < 0x20 || name[i] == 0x7f) {
            return false;
        }
    }
    return true;
}

/* --- checks --- */

/* Each element is a u32 length and that many bytes, and the last one ends where the bytes end. */
static enum kit_status check_strings(const struct acb_tensor *t, uint64_t count, struct kit_err *err)
{
    const unsigned char *at = t->data;
    uint64_t left = t->bytes;
    for (uint64_t i = 0; i < count; i++) {
        uint32_t len = 0;
        if (left < sizeof(len)) {
            return kit_fail(err, KIT_INVALID, "tensor '%s': string %" PRIu64 " of %" PRIu64 " is missing", t->name, i,
                            count);
        }
        memcpy(&len, at, sizeof(len));
        left -= sizeof(len);
        if (left < len) {
            return kit_fail(err, KIT_INVALID, "tensor '%s': string %" PRIu64 " is longer than the data", t->name, i);
        }
        at += sizeof(len) + len;
        left -= len;
    }
    return left == 0
               ? KIT_OK
               : kit_fail(err, KIT_INVALID, "tensor '%s': %" PRIu64 " bytes behind the last string", t->name, left);
}

static enum kit_status check_rows(const struct acb_tensor *t, struct kit_err *err)
{
    if (t->row_offsets == NULL) {
        return t->rows == 0 ? KIT_OK : kit_fail(err, KIT_INVALID, "tensor '%s': rows without row_offsets", t->name);
    }
    if (t->rank == 0) {
        return kit_fail(err, KIT_INVALID, "tensor '%s': a scalar has no rows", t->name);
    }
    if (t->row_offsets[0] != 0 || t->row_offsets[t->rows] != (uint64_t)t->shape[0]) {
        return kit_fail(err, KIT_INVALID, "tensor '%s': row_offsets must go from 0 to %" PRId64, t->name, t->shape[0]);
    }
    for (uint64_t i = 0; i < t->rows; i++) {
        if (t->row_offsets[i] > t->row_offsets[i + 1]) {
            return kit_fail(err, KIT_INVALID, "tensor '%s': row_offsets fall at row %" PRIu64, t->name, i);
        }
    }
    return KIT_OK;
}

enum kit_status plug_tensor_check(const struct acb_tensor *t, struct kit_err *err)
{
    if (t == NULL || !plug_tensor_name_ok(t->name)) {
        return kit_fail(err, KIT_INVALID, "a tensor has no name of 1 to %d printable bytes", ACB_NAME_BYTES - 1);
    }
    uint64_t bytes = 0;
    enum kit_status rc = plug_tensor_bytes(t->dtype, t->rank, t->shape, &bytes, err);
    if (rc != KIT_OK) {
        return kit_err_prefix(err, rc, "tensor '%s'", t->name);
    }
    if (t->dtype != ACB_STRING && t->bytes != bytes) {
        return kit_fail(err, KIT_INVALID, "tensor '%s': %" PRIu64 " bytes, its shape needs %" PRIu64, t->name, t->bytes,
                        bytes);
    }
    if (t->data == NULL && t->bytes != 0) {
        return kit_fail(err, KIT_INVALID, "tensor '%s': no data", t->name);
    }
    rc = t->dtype == ACB_STRING ? check_strings(t, bytes, err) : KIT_OK;
    return rc == KIT_OK ? check_rows(t, err) : rc;
}

/* The first dimension of a ragged port is two, [rows, length], in a dense tensor. */
static enum kit_status check_shape(const struct acb_tensor *t, const struct acb_port *port, struct kit_err *err)
{
    bool ragged = (port->flags & ACB_PORT_RAGGED) != 0 && t->row_offsets == NULL;
    uint32_t more = ragged && t->rank == port->rank + 1 ? 1 : 0;
    if (t->rank != port->rank + more) {
        return kit_fail(err, KIT_INVALID, "tensor '%s' has %" PRIu32 " dimensions, not %" PRIu32, t->name, t->rank,
                        port->rank);
    }
    for (uint32_t d = more; d < port->rank; d++) {
        if (port->shape[d] >= 0 && port->shape[d] != t->shape[d + more]) {
            return kit_fail(err, KIT_INVALID, "tensor '%s': dimension %" PRIu32 " is %" PRId64 ", not %" PRId64,
                            t->name, d + more, t->shape[d + more], port->shape[d]);
        }
    }
    return KIT_OK;
}

enum kit_status plug_tensor_suits(const struct acb_tensor *t, const struct acb_port *port, struct kit_err *err)
{
    if (port->dtype != ACB_DTYPE_ANY && port->dtype != t->dtype) {
        return kit_fail(err, KIT_INVALID, "tensor '%s' is %s, not %s", t->name, plug_tensor_dtype_name(t->dtype),
                        plug_tensor_dtype_name(port->dtype));
    }
    return port->rank == ACB_RANK_ANY ? KIT_OK : check_shape(t, port, err);
}

/* --- calls --- */

void plug_tensor_call_init(struct plug_call *c, const struct plug_room *room)
{
    *c = (struct plug_call){.room = room};
}

void plug_tensor_call_done(struct plug_call *c)
{
    while (c->first != NULL) {
        plug_tensor_free(plug_tensor_call_take(c, &c->first->pub));
    }
}

void plug_tensor_free(struct acb_tensor *t)
{
    if (t != NULL) {
        struct plug_tensor *p = inside(t);
        kit_alloc_free(p->heap);
        kit_alloc_free(p->row_offsets);
        kit_alloc_free(p);
    }
}

static bool get_data(struct plug_call *c, struct plug_tensor *p)
{
    if (c->room != NULL) {
        p->pub.data = c->room->get(c->room->ctx, KIT_MAX(p->pub.bytes, 1));
    } else {
        p->heap = kit_alloc_aligned(64, KIT_MAX(p->pub.bytes, 1));
        p->pub.data = p->heap;
    }
    return p->pub.data != NULL;
}

static bool copy_rows(struct plug_tensor *p, const struct acb_tensor *like)
{
    if (like->row_offsets == NULL) {
        return true;
    }
    if (like->rows >= BYTES_MAX / sizeof(uint64_t)) {
        return false;
    }
    p->row_offsets = kit_alloc_copy(like->row_offsets, (like->rows + 1) * sizeof(uint64_t));
    p->pub.row_offsets = p->row_offsets;
    p->pub.rows = like->rows;
    return p->row_offsets != NULL;
}

static void append(struct plug_call *c, struct plug_tensor *p)
{
    if (c->last == NULL) {
        c->first = p;
    } else {
        c->last->next = p;
    }
    c->last = p;
    c->count++;
}

static int32_t fill(struct plug_call *c, struct plug_tensor *p, const struct acb_tensor *like, uint64_t bytes)
{
    (void)kit_str_to_c(kit_str_c(like->name), p->name, sizeof(p->name));
    p->pub = (struct acb_tensor){.size = sizeof(p->pub), .dtype = like->dtype, .rank = like->rank, .name = p->name};
    p->pub.bytes = like->dtype == ACB_STRING ? like->bytes : bytes;
    memcpy(p->pub.shape, like->shape, like->rank * sizeof(like->shape[0]));
    if (!copy_rows(p, like) || !get_data(c, p)) {
        return ACB_NOMEM;
    }
    p->made = p->pub;
    return ACB_OK;
}

int32_t plug_tensor_call_tensor(struct plug_call *c, const struct acb_tensor *like, struct acb_tensor **ret)
{
    uint64_t bytes = 0;
    if (like == NULL || !plug_tensor_name_ok(like->name) ||
        plug_tensor_bytes(like->dtype, like->rank, like->shape, &bytes, NULL) != KIT_OK || like->bytes > BYTES_MAX) {
        return ACB_INVALID;
    }
    if (c->count == PLUG_CALL_TENSORS_MAX) {
        return ACB_FULL;
    }
    struct plug_tensor *p = kit_alloc_zero(1, sizeof(*p));
    if (p == NULL) {
        return ACB_NOMEM;
    }
    int32_t rc = fill(c, p, like, bytes);
    if (rc != ACB_OK) {
        plug_tensor_free(&p->pub);
        return rc;
    }
    append(c, p);
    *ret = &p->pub;
    return ACB_OK;
}

struct acb_tensor *plug_tensor_call_get(const struct plug_call *c, uint32_t index)
{
    struct plug_tensor *p = c->first;
    while (p != NULL && index-- > 0) {
        p = p->next;
    }
    return p != NULL ? &p->pub : NULL;
}

static bool has(const struct plug_call *c, const struct acb_tensor *t)
{
    for (const struct plug_tensor *p = c->first; p != NULL; p = p->next) {
        if (&p->pub == t) {
            return true;
        }
    }
    return false;
}

static bool intact(const struct acb_tensor *t)
{
    const struct acb_tensor *made = &inside(t)->made;
    return t->dtype == made->dtype && t->rank == made->rank && t->device == made->device && t->name == made->name &&
           memcmp(t->shape, made->shape, sizeof(t->shape)) == 0 && t->data == made->data && t->bytes == made->bytes &&
           t->row_offsets == made->row_offsets && t->rows == made->rows;
}

enum kit_status plug_tensor_call_check(const struct plug_call *c, const struct acb_tensor *t, struct kit_err *err)
{
    if (!has(c, t)) {
        return kit_fail(err, KIT_INTERNAL, "an output is missing, given twice, or not from tensor_new");
    }
    return intact(t) ? KIT_OK : kit_fail(err, KIT_INTERNAL, "an output's description was changed after tensor_new");
}

struct acb_tensor *plug_tensor_call_take(struct plug_call *c, struct acb_tensor *t)
{
    struct plug_tensor *before = NULL;
    struct plug_tensor *p = c->first;
    while (p != inside(t)) {
        assert(p != NULL);
        before = p;
        p = p->next;
    }
    *(before != NULL ? &before->next : &c->first) = p->next;
    c->last = c->last == p ? before : c->last;
    c->count--;
    p->next = NULL;
    return &p->pub;
}
