#include "header.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/str.h"
#include "header_type.h"

#define BUFFER_BYTES (64 * KIT_KIB)
#define KV_MAX ((uint64_t)1 << 16)
#define TENSORS_MAX ((uint64_t)1 << 20)
#define KEY_BYTES_MAX 1024
#define TENSOR_NAME_BYTES 64 /* with its ending NUL, as ggml's GGML_MAX_NAME */
#define DIMS_MAX 4
#define VOCAB_MAX ((uint64_t)1 << 22)
#define ALIGNMENT_MAX (1 << 16)

/* --- reading --- */

struct reader {
    int fd;
    struct llama_gguf *h;
    struct kit_err *err;
    uint64_t at; /* of the next byte in the file */
    unsigned char *buffer;
    size_t from, until;          /* what of the buffer is unread */
    char key[KEY_BYTES_MAX + 1]; /* of the value or tensor that is read now, for messages */

    /* What the vocabulary's arrays must agree about. */
    uint64_t scores, token_types;
    uint64_t last_special; /* largest id that a key names */
    char special_key[KEY_BYTES_MAX + 1];
    bool has_special;
};

#define fail(r, ...) kit_fail((r)->err, KIT_PARSE, __VA_ARGS__)

static uint64_t left(const struct reader *r)
{
    return r->h->file_bytes - r->at;
}

static enum kit_status fill(struct reader *r)
{
    ssize_t n;
    do {
        n = pread(r->fd, r->buffer, BUFFER_BYTES, (off_t)r->at);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return kit_fail(r->err, KIT_IO, "reading failed: %s", strerror(errno));
    }
    r->from = 0;
    r->until = (size_t)n;
    return n > 0 ? KIT_OK : fail(r, "the file became shorter while it was read");
}

static enum kit_status need(struct reader *r, uint64_t bytes)
{
    return bytes <= left(r) ? KIT_OK
                            : fail(r, "the file ends in '%s': %" PRIu64 " bytes are needed, %" PRIu64 " are left",
                                   r->key, bytes, left(r));
}

static enum kit_status take(struct reader *r, void *to, uint64_t bytes)
{
    char *out = to;
    enum kit_status rc = need(r, bytes);
    while (rc == KIT_OK && bytes > 0) {
        rc = r->from == r->until ? fill(r) : KIT_OK;
        size_t n = rc == KIT_OK ? KIT_MIN(bytes, r->until - r->from) : 0;
        if (n > 0) {
            memcpy(out, r->buffer + r->from, n);
        }
        r->from += n;
        r->at += n;
        out += n;
        bytes -= n;
    }
    return rc;
}

static enum kit_status skip(struct reader *r, uint64_t bytes)
{
    enum kit_status rc = need(r, bytes);
    if (rc == KIT_OK) {
        uint64_t buffered = KIT_MIN(bytes, r->until - r->from);
        r->from += buffered;
        r->at += bytes;
    }
    return rc;
}

static enum kit_status take_u32(struct reader *r, uint32_t *ret)
{
    return take(r, ret, sizeof(*ret));
}

static enum kit_status take_u64(struct reader *r, uint64_t *ret)
{
    return take(r, ret, sizeof(*ret));
}

/* A string of at most room - 1 bytes; a longer one is refused. */
static enum kit_status take_name(struct reader *r, char *to, size_t room, const char *what)
{
    uint64_t len = 0;
    enum kit_status rc = take_u64(r, &len);
    if (rc == KIT_OK && (len == 0 || len >= room)) {
        return fail(r, "%s behind '%s' has %" PRIu64 " bytes: 1 to %zu are possible", what, r->key, len, room - 1);
    }
    char text[KEY_BYTES_MAX + 1];
    rc = rc == KIT_OK ? take(r, text, len) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    if (memchr(text, 0, len) != NULL) {
        return fail(r, "%s behind '%s' holds a NUL", what, r->key);
    }
    memcpy(to, text, len);
    to[len] = 0;
    return KIT_OK;
}

/* --- values --- */

/* The first bytes of a string; the rest is passed over. */
static enum kit_status take_text(struct reader *r, char to[GGUF_TEXT_BYTES])
{
    uint64_t len = 0;
    enum kit_status rc = take_u64(r, &len);
    if (rc != KIT_OK) {
        return rc;
    }
    uint64_t kept = KIT_MIN(len, GGUF_TEXT_BYTES - 1);
    rc = take(r, to, kept);
    to[rc == KIT_OK ? kept : 0] = 0;
    return rc == KIT_OK ? skip(r, len - kept) : rc;
}

static enum kit_status skip_strings(struct reader *r, uint64_t count)
{
    enum kit_status rc = KIT_OK;
    for (uint64_t i = 0; rc == KIT_OK && i < count; i++) {
        uint64_t len = 0;
        rc = take_u64(r, &len);
        rc = rc == KIT_OK ? skip(r, len) : rc;
    }
    return rc;
}

/* Whole numbers of any width as u64; a negative one is refused. */
static enum kit_status take_whole(struct reader *r, uint32_t type, uint64_t *ret)
{
    uint32_t bytes = llama_gguf_value_bytes(type);
    if (!llama_gguf_value_whole(type)) {
        return fail(r, "'%s' is of type %s, a whole number is needed", r->key, llama_gguf_value_name(type));
    }
    *ret = 0;
    enum kit_status rc = take(r, ret, bytes); /* little-endian */
    bool is_signed =
        type == GGUF_VALUE_I8 || type == GGUF_VALUE_I16 || type == GGUF_VALUE_I32 || type == GGUF_VALUE_I64;
    if (rc == KIT_OK && is_signed && (*ret >> (bytes * 8 - 1)) != 0) {
        return fail(r, "'%s' is negative", r->key);
    }
    return rc;
}

static enum kit_status take_array_head(struct reader *r, uint32_t *type, uint64_t *count)
{
    enum kit_status rc = take_u32(r, type);
    rc = rc == KIT_OK ? take_u64(r, count) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    uint32_t bytes = *type == GGUF_VALUE_STRING ? 8 : llama_gguf_value_bytes(*type);
    if (bytes == 0) {
        return fail(r, "'%s' is an array of type %" PRIu32 ", which cannot be", r->key, *type);
    }
    return *count <= left(r) / bytes
               ? KIT_OK
               : fail(r, "'%s' says that it has %" PRIu64 " items: the file ends before", r->key, *count);
}

static enum kit_status skip_items(struct reader *r, uint32_t type, uint64_t count)
{
    return type == GGUF_VALUE_STRING ? skip_strings(r, count) : skip(r, count * llama_gguf_value_bytes(type));
}

static enum kit_status skip_value(struct reader *r, uint32_t type)
{
    uint32_t item = type;
    uint64_t count = 1;
    enum kit_status rc = type == GGUF_VALUE_ARRAY ? take_array_head(r, &item, &count) : KIT_OK;
    return rc == KIT_OK ? skip_items(r, item, count) : rc;
}

/* --- keys that we know --- */

/* A number, or one for each layer: the largest and the sum. */
static enum kit_status take_layers(struct reader *r, uint32_t type, uint64_t *largest, uint64_t *sum)
{
    if (type != GGUF_VALUE_ARRAY) {
        return take_whole(r, type, largest);
    }
    uint32_t item = 0;
    uint64_t count = 0;
    enum kit_status rc = take_array_head(r, &item, &count);
    if (rc == KIT_OK && count > GGUF_LAYERS_MAX) {
        return fail(r, "'%s' is for %" PRIu64 " layers: at most %d are possible", r->key, count, GGUF_LAYERS_MAX);
    }
    for (uint64_t i = 0; rc == KIT_OK && i < count; i++) {
        uint64_t n = 0;
        rc = take_whole(r, item, &n);
        *largest = KIT_MAX(*largest, n);
        *sum += KIT_MIN(n, UINT32_MAX);
    }
    return rc;
}

static enum kit_status take_count(struct reader *r, uint32_t type, bool strings, uint64_t *ret)
{
    uint32_t item = 0;
    enum kit_status rc = type == GGUF_VALUE_ARRAY ? take_array_head(r, &item, ret) : KIT_OK;
    if (rc == KIT_OK && (type != GGUF_VALUE_ARRAY || (item == GGUF_VALUE_STRING) != strings)) {
        return fail(r, "'%s' is not an array of %s", r->key, strings ? "strings" : "numbers");
    }
    if (rc == KIT_OK && *ret > VOCAB_MAX) {
        return fail(r, "'%s' has %" PRIu64 " items: at most %" PRIu64 " are possible", r->key, *ret, VOCAB_MAX);
    }
    return rc == KIT_OK ? skip_items(r, item, *ret) : rc;
}

static enum kit_status take_alignment(struct reader *r, uint32_t type)
{
    uint32_t n = 0;
    enum kit_status rc = type == GGUF_VALUE_U32 ? take_u32(r, &n) : fail(r, "'%s' is not a u32", r->key);
    if (rc == KIT_OK && (n == 0 || n > ALIGNMENT_MAX || (n & (n - 1)) != 0)) {
        return fail(r, "'%s' is %" PRIu32 ": a power of two up to %d is needed", r->key, n, ALIGNMENT_MAX);
    }
    r->h->alignment = n;
    return rc;
}

static enum kit_status take_string(struct reader *r, uint32_t type, char to[GGUF_TEXT_BYTES])
{
    return type == GGUF_VALUE_STRING
               ? take_text(r, to)
               : fail(r, "'%s' is of type %s, a string is needed", r->key, llama_gguf_value_name(type));
}

/* tokenizer.ggml.<name>_token_id: checked when the vocabulary's size is known. */
static enum kit_status take_special(struct reader *r, uint32_t type)
{
    uint64_t id = 0;
    if (!llama_gguf_value_whole(type)) {
        return fail(r, "'%s' is of type %s, a whole number is needed", r->key, llama_gguf_value_name(type));
    }
    if (type == GGUF_VALUE_I8 || type == GGUF_VALUE_I16 || type == GGUF_VALUE_I32 || type == GGUF_VALUE_I64) {
        return skip_value(r, type); /* -1: there is none */
    }
    enum kit_status rc = take_whole(r, type, &id);
    if (rc == KIT_OK && id != UINT32_MAX && (!r->has_special || id > r->last_special)) {
        r->has_special = true;
        r->last_special = id;
        memcpy(r->special_key, r->key, sizeof(r->special_key));
    }
    return rc;
}

static enum kit_status take_tokenizer(struct reader *r, kit_str name, uint32_t type)
{
    if (kit_str_eq(name, kit_str_lit("tokens"))) {
        return take_count(r, type, true, &r->h->vocab_size);
    }
    if (kit_str_eq(name, kit_str_lit("scores"))) {
        return take_count(r, type, false, &r->scores);
    }
    if (kit_str_eq(name, kit_str_lit("token_type"))) {
        return take_count(r, type, false, &r->token_types);
    }
    return kit_str_ends(name, kit_str_lit("_token_id")) ? take_special(r, type) : skip_value(r, type);
}

/* <architecture>.<name>; a key of another architecture is passed over. */
static enum kit_status take_of_model(struct reader *r, kit_str name, uint32_t type)
{
    struct llama_gguf *h = r->h;
    const struct {
        const char *name;
        uint64_t *to;
    } numbers[] = {
        {"context_length", &h->context_length},
        {"embedding_length", &h->embedding_length},
        {"block_count", &h->block_count},
        {"attention.key_length", &h->key_length},
        {"attention.value_length", &h->value_length},
        {"pooling_type", &h->pooling_type},
    };
    uint64_t ignored = 0;
    if (kit_str_eq(name, kit_str_lit("attention.head_count"))) {
        return take_layers(r, type, &h->head_count, &ignored);
    }
    if (kit_str_eq(name, kit_str_lit("attention.head_count_kv"))) {
        return take_layers(r, type, &h->head_count_kv, &h->head_count_kv_sum);
    }
    for (size_t k = 0; k < KIT_COUNT(numbers); k++) {
        if (kit_str_eq(name, kit_str_c(numbers[k].name))) {
            h->has_pooling = h->has_pooling || numbers[k].to == &h->pooling_type;
            return take_whole(r, type, numbers[k].to);
        }
    }
    return skip_value(r, type);
}

static bool begins(kit_str key, const char *with, kit_str *rest)
{
    kit_str start = kit_str_c(with);
    if (start.len == 0 || !kit_str_starts(key, start)) {
        return false;
    }
    *rest = (kit_str){key.ptr + start.len, key.len - start.len};
    return true;
}

static enum kit_status take_value(struct reader *r, uint32_t type)
{
    kit_str key = kit_str_c(r->key);
    kit_str rest;
    if (kit_str_eq(key, kit_str_lit("general.architecture"))) {
        return take_string(r, type, r->h->architecture);
    }
    if (kit_str_eq(key, kit_str_lit("general.type"))) {
        return take_string(r, type, r->h->type);
    }
    if (kit_str_eq(key, kit_str_lit("general.alignment"))) {
        return take_alignment(r, type);
    }
    if (kit_str_eq(key, kit_str_lit("split.count"))) {
        return take_whole(r, type, &r->h->split_count);
    }
    if (begins(key, "tokenizer.ggml.", &rest)) {
        return take_tokenizer(r, rest, type);
    }
    if (begins(key, r->h->architecture, &rest) && begins(rest, ".", &rest)) {
        return take_of_model(r, rest, type);
    }
    return skip_value(r, type);
}

static enum kit_status take_pair(struct reader *r)
{
    uint32_t type = 0;
    enum kit_status rc = take_name(r, r->key, sizeof(r->key), "a key");
    rc = rc == KIT_OK ? take_u32(r, &type) : rc;
    if (rc == KIT_OK && type >= GGUF_VALUE_COUNT) {
        return fail(r, "'%s' is of type %" PRIu32 ", which is none", r->key, type);
    }
    return rc == KIT_OK ? take_value(r, type) : rc;
}

/* --- tensors --- */

static enum kit_status take_shape(struct reader *r, uint64_t *numbers, uint64_t *first)
{
    uint32_t dims = 0;
    enum kit_status rc = take_u32(r, &dims);
    if (rc == KIT_OK && (dims == 0 || dims > DIMS_MAX)) {
        return fail(r, "tensor '%s' has %" PRIu32 " dimensions: 1 to %d are possible", r->key, dims, DIMS_MAX);
    }
    *numbers = 1;
    for (uint32_t d = 0; rc == KIT_OK && d < dims; d++) {
        uint64_t n = 0;
        rc = take_u64(r, &n);
        if (rc == KIT_OK && (n == 0 || n > INT64_MAX / *numbers)) {
            return fail(r, "tensor '%s': dimension %" PRIu32 " is %" PRIu64 ", which cannot be", r->key, d, n);
        }
        *numbers *= rc == KIT_OK ? n : 1;
        *first = d == 0 ? n : *first;
    }
    return rc;
}

static uint64_t padded(uint64_t n, uint64_t alignment)
{
    return (n + alignment - 1) / alignment * alignment;
}

/* Bytes of the tensor. Tensors lie behind each other, each aligned: an offset can be nothing else. */
static enum kit_status check_tensor(struct reader *r, uint32_t type, uint64_t numbers, uint64_t row, uint64_t offset)
{
    struct llama_gguf *h = r->h;
    uint32_t block = 0, bytes = 0;
    if (!llama_gguf_block(type, &block, &bytes)) {
        return fail(r, "tensor '%s' is of type %" PRIu32 ", which is none", r->key, type);
    }
    if (row % block != 0) {
        return fail(r, "tensor '%s': rows of %" PRIu64 " numbers do not fill blocks of %" PRIu32, r->key, row, block);
    }
    if (numbers / block > (uint64_t)INT64_MAX / bytes || numbers / block * bytes > h->file_bytes) {
        return fail(r, "tensor '%s' is larger than the file", r->key);
    }
    if (offset != h->tensor_bytes) {
        return fail(r, "tensor '%s' begins at %" PRIu64 ", not behind the one before at %" PRIu64, r->key, offset,
                    h->tensor_bytes);
    }
    h->tensor_bytes += padded(numbers / block * bytes, h->alignment);
    h->weights += numbers;
    return h->tensor_bytes <= h->file_bytes + h->alignment ? KIT_OK
                                                           : fail(r, "tensor '%s' ends behind the file", r->key);
}

static enum kit_status take_tensor(struct reader *r)
{
    uint64_t numbers = 0, row = 0, offset = 0;
    uint32_t type = 0;
    enum kit_status rc = take_name(r, r->key, TENSOR_NAME_BYTES, "a tensor's name");
    rc = rc == KIT_OK ? take_shape(r, &numbers, &row) : rc;
    rc = rc == KIT_OK ? take_u32(r, &type) : rc;
    rc = rc == KIT_OK ? take_u64(r, &offset) : rc;
    return rc == KIT_OK ? check_tensor(r, type, numbers, row, offset) : rc;
}

/* --- the whole --- */

static enum kit_status take_start(struct reader *r)
{
    struct llama_gguf *h = r->h;
    char magic[4] = "";
    enum kit_status rc = take(r, magic, sizeof(magic));
    if (rc == KIT_OK && memcmp(magic, "GGUF", sizeof(magic)) != 0) {
        return fail(r, "it does not begin with GGUF");
    }
    rc = rc == KIT_OK ? take_u32(r, &h->version) : rc;
    if (rc == KIT_OK && h->version != 2 && h->version != 3) {
        return kit_fail(r->err, KIT_UNSUPPORTED, "version %" PRIu32 "%s: versions 2 and 3 are read", h->version,
                        (h->version & 0xffff) == 0 ? ", perhaps big-endian" : "");
    }
    rc = rc == KIT_OK ? take_u64(r, &h->tensor_count) : rc;
    rc = rc == KIT_OK ? take_u64(r, &h->kv_count) : rc;
    if (rc == KIT_OK && (h->kv_count > KV_MAX || h->tensor_count > TENSORS_MAX)) {
        return fail(
            r, "it says that it has %" PRIu64 " keys and %" PRIu64 " tensors: %" PRIu64 " and %" PRIu64 " are possible",
            h->kv_count, h->tensor_count, KV_MAX, TENSORS_MAX);
    }
    return rc;
}

static enum kit_status check_vocab(struct reader *r)
{
    uint64_t tokens = r->h->vocab_size;
    if ((r->scores > 0 && r->scores != tokens) || (r->token_types > 0 && r->token_types != tokens)) {
        return fail(r, "'tokenizer.ggml' has %" PRIu64 " tokens, but %" PRIu64 " scores and %" PRIu64 " types", tokens,
                    r->scores, r->token_types);
    }
    if (tokens > 0 && r->has_special && r->last_special >= tokens) {
        return fail(r, "'%.100s' is %" PRIu64 ", but there are %" PRIu64 " tokens", r->special_key, r->last_special,
                    tokens);
    }
    return KIT_OK;
}

/* Numbers that llama.cpp divides by, or makes arrays of. */
static enum kit_status check_model(struct reader *r)
{
    const struct llama_gguf *h = r->h;
    const struct {
        const char *name;
        uint64_t value, max;
    } limits[] = {
        {"block_count", h->block_count, GGUF_LAYERS_MAX},       {"attention.head_count", h->head_count, 1 << 16},
        {"attention.head_count_kv", h->head_count_kv, 1 << 16}, {"attention.key_length", h->key_length, 1 << 20},
        {"attention.value_length", h->value_length, 1 << 20},   {"embedding_length", h->embedding_length, 1 << 24},
        {"context_length", h->context_length, INT32_MAX},       {"pooling_type", h->pooling_type, GGUF_POOLING_RANK},
    };
    for (size_t k = 0; k < KIT_COUNT(limits); k++) {
        if (limits[k].value > limits[k].max) {
            return fail(r, "'%s.%s' is %" PRIu64 ": at most %" PRIu64 " is possible", h->architecture, limits[k].name,
                        limits[k].value, limits[k].max);
        }
    }
    return KIT_OK;
}

static enum kit_status check_end(struct reader *r)
{
    struct llama_gguf *h = r->h;
    h->header_bytes = padded(r->at, h->alignment);
    uint64_t needed = h->header_bytes + h->tensor_bytes;
    /* The last tensor may go without its padding. */
    if (h->tensor_count > 0 && needed - KIT_MIN(needed, h->alignment - 1) > h->file_bytes) {
        return fail(r, "the tensors end at byte %" PRIu64 ", the file at %" PRIu64 ": it was cut", needed,
                    h->file_bytes);
    }
    return KIT_OK;
}

static enum kit_status read_all(struct reader *r)
{
    enum kit_status rc = take_start(r);
    for (uint64_t i = 0; rc == KIT_OK && i < r->h->kv_count; i++) {
        rc = take_pair(r);
    }
    rc = rc == KIT_OK ? check_vocab(r) : rc;
    rc = rc == KIT_OK ? check_model(r) : rc;
    for (uint64_t i = 0; rc == KIT_OK && i < r->h->tensor_count; i++) {
        rc = take_tensor(r);
    }
    return rc == KIT_OK ? check_end(r) : rc;
}

enum kit_status llama_gguf_read_fd(int fd, const char *name, struct llama_gguf *ret, struct kit_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return kit_fail(err, KIT_IO, "%s: is no regular file", name);
    }
    struct llama_gguf h = {.file_bytes = (uint64_t)st.st_size, .alignment = 32};
    struct reader r = {.fd = fd, .h = &h, .err = err, .buffer = kit_alloc(BUFFER_BYTES), .key = "the start"};
    enum kit_status rc = r.buffer != NULL ? read_all(&r) : kit_fail(err, KIT_NOMEM, "out of memory");
    kit_alloc_free(r.buffer);
    if (rc == KIT_OK) {
        *ret = h;
    }
    return rc == KIT_OK ? KIT_OK : kit_err_prefix(err, rc, "%s", name);
}

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

enum kit_status llama_gguf_read(const char *path, struct llama_gguf *ret, struct kit_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return kit_fail(err, errno == ENOENT ? KIT_NOT_FOUND : KIT_IO, "%s: %s", name_of(path), strerror(errno));
    }
    enum kit_status rc = llama_gguf_read_fd(fd, name_of(path), ret, err);
    (void)close(fd);
    return rc;
}

bool llama_gguf_is(const char *path)
{
    char magic[4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool is = fd >= 0 && pread(fd, magic, sizeof(magic), 0) == (ssize_t)sizeof(magic) &&
              memcmp(magic, "GGUF", sizeof(magic)) == 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return is;
}
