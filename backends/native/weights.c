#include "weights.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "kit/alloc.h"
#include "kit/file.h"
#include "pack.h"

#define FILE_NAME "model.safetensors"
#define HUGE_PAGE (2 * KIT_MIB)
#define PACK_CORES_MAX 8u

/* One load: where it stands. */
struct job {
    const struct native_loading *load;
    const struct native_config *config;
    struct native_weights *w;
    float *room; /* the next free float of the packed memory */
    float *room_end;
    float *scratch; /* for native_pack */
    struct native_team team;
    uint64_t done, total; /* bytes of the file */
    struct kit_err *err;
};

/* --- finding tensors --- */

static const struct native_tensor *find_with(const struct job *j, const char *prefix, const char *name,
                                             const char *suffix)
{
    char full[NATIVE_NAME_BYTES + 32];
    snprintf(full, sizeof(full), "%s%s%s", prefix, name, suffix);
    return native_safetensors_find(j->w->file, kit_str_c(full));
}

/* Names differ by a prefix (a head was trained on top) and, for norms of old files, by the suffix. */
static const struct native_tensor *find(const struct job *j, const char *name, const char *suffix, const char *old)
{
    const char *const prefixes[] = {"", j->config->arch->prefix};
    for (size_t i = 0; i < KIT_COUNT(prefixes); i++) {
        const struct native_tensor *t = find_with(j, prefixes[i], name, suffix);
        t = t == NULL && old != NULL ? find_with(j, prefixes[i], name, old) : t;
        if (t != NULL) {
            return t;
        }
    }
    return NULL;
}

static enum kit_status check(const struct job *j, const struct native_tensor *t, const uint64_t *shape, uint32_t rank)
{
    if (t->rank != rank || memcmp(t->shape, shape, rank * sizeof(shape[0])) != 0) {
        char is[NATIVE_SHAPE_BYTES];
        char wanted[NATIVE_SHAPE_BYTES];
        return kit_fail(j->err, KIT_PARSE, "tensor '%.*s' is %s, but config.json makes it %s", KIT_STR_ARG(t->name),
                        native_tensor_shape_text(t->shape, t->rank, is), native_tensor_shape_text(shape, rank, wanted));
    }
    if (t->dtype == NATIVE_OTHER) {
        return kit_fail(j->err, KIT_UNSUPPORTED, "tensor '%.*s' is %.*s, but this engine reads F32, F16 and BF16",
                        KIT_STR_ARG(t->name), KIT_STR_ARG(t->dtype_name));
    }
    return KIT_OK;
}

static enum kit_status need(const struct job *j, enum native_part part, uint32_t layer, const char *suffix,
                            const char *old, const uint64_t *shape, uint32_t rank, const struct native_tensor **ret)
{
    char name[NATIVE_NAME_BYTES];
    native_arch_name(j->config->arch, part, layer, name);
    *ret = find(j, name, suffix, old);
    if (*ret == NULL) {
        return kit_fail(j->err, KIT_PARSE, "tensor '%s%s' is missing", name, suffix);
    }
    return check(j, *ret, shape, rank);
}

static enum kit_status need_weight(const struct job *j, enum native_part part, uint32_t layer, uint32_t rows,
                                   uint32_t columns, const struct native_tensor **ret)
{
    return need(j, part, layer, ".weight", NULL, (uint64_t[]){rows, columns}, 2, ret);
}

/* --- all tensors are looked at before the first byte is taken for them --- */

static enum kit_status check_pair(const struct job *j, enum native_part part, uint32_t layer, uint32_t columns,
                                  uint32_t depth)
{
    const struct native_tensor *t = NULL;
    const bool is_norm = depth == 0;
    const uint64_t shape[] = {columns, depth};
    enum kit_status rc = need(j, part, layer, ".weight", is_norm ? ".gamma" : NULL, shape, is_norm ? 1 : 2, &t);
    return rc == KIT_OK ? need(j, part, layer, ".bias", is_norm ? ".beta" : NULL, shape, 1, &t) : rc;
}

static enum kit_status check_layer(const struct job *j, uint32_t layer)
{
    const uint32_t hidden = j->config->hidden;
    const uint32_t ffn = j->config->ffn;
    const struct {
        uint32_t columns, depth; /* depth 0: a norm */
    } size[NATIVE_PART_COUNT] = {
        [NATIVE_PART_QUERY] = {hidden, hidden}, [NATIVE_PART_KEY] = {hidden, hidden},
        [NATIVE_PART_VALUE] = {hidden, hidden}, [NATIVE_PART_OUT] = {hidden, hidden},
        [NATIVE_PART_OUT_NORM] = {hidden, 0},   [NATIVE_PART_UP] = {ffn, hidden},
        [NATIVE_PART_DOWN] = {hidden, ffn},     [NATIVE_PART_DOWN_NORM] = {hidden, 0},
    };
    enum kit_status rc = KIT_OK;
    for (uint32_t p = NATIVE_PART_QUERY; p < NATIVE_PART_COUNT && rc == KIT_OK; p++) {
        rc = check_pair(j, p, layer, size[p].columns, size[p].depth);
    }
    return rc;
}

static enum kit_status find_all(struct job *j)
{
    const struct native_config *c = j->config;
    struct native_weights *w = j->w;
    enum kit_status rc = need_weight(j, NATIVE_PART_WORD, 0, c->vocab, c->hidden, &w->word);
    if (rc == KIT_OK) {
        rc = need_weight(j, NATIVE_PART_POSITION, 0, c->positions, c->hidden, &w->position);
    }
    if (rc == KIT_OK) {
        rc = need_weight(j, NATIVE_PART_TYPE, 0, c->types, c->hidden, &w->type);
    }
    if (rc == KIT_OK) {
        rc = check_pair(j, NATIVE_PART_EMBED_NORM, 0, c->hidden, 0);
    }
    for (uint32_t i = 0; i < c->layers && rc == KIT_OK; i++) {
        rc = check_layer(j, i);
    }
    return rc;
}

/* --- packing --- */

static enum kit_status tell(const struct job *j)
{
    if (j->load->progress != NULL && j->load->progress(j->load->progress_ctx, j->done, j->total) != 0) {
        return kit_fail(j->err, KIT_CANCELLED, "loading was cancelled");
    }
    return KIT_OK;
}

/* Progress goes out after each tensor, and the pages that were read go back. */
static enum kit_status finish(struct job *j, const struct native_tensor *t)
{
    const struct kit_map *map = native_safetensors_map(j->w->file);
    if (kit_map_broken(map)) {
        return kit_fail(j->err, KIT_UNAVAILABLE, "was cut while it was loaded");
    }
    kit_map_forget(map, t->from, t->bytes);
    j->done += t->bytes;
    return tell(j);
}

static float *take(struct job *j, size_t floats)
{
    float *ret = j->room;
    j->room += floats;
    return ret;
}

static size_t padded(uint32_t columns)
{
    return (size_t)NATIVE_PANELS(columns) * NATIVE_PANEL;
}

/* A vector of `columns` floats goes to `to`. */
static enum kit_status load_vector(struct job *j, enum native_part part, uint32_t layer, const char *suffix,
                                   const char *old, uint32_t columns, float *to)
{
    const struct native_tensor *t = NULL;
    enum kit_status rc = need(j, part, layer, suffix, old, (uint64_t[]){columns}, 1, &t);
    if (rc != KIT_OK) {
        return rc;
    }
    native_tensor_row(t, 0, columns, to);
    return finish(j, t);
}

static enum kit_status load_norm(struct job *j, enum native_part part, uint32_t layer, struct native_norm *ret)
{
    uint32_t n = j->config->hidden;
    float *gain = take(j, padded(n));
    float *bias = take(j, padded(n));
    *ret = (struct native_norm){.gain = gain, .bias = bias};
    enum kit_status rc = load_vector(j, part, layer, ".weight", ".gamma", n, gain);
    return rc == KIT_OK ? load_vector(j, part, layer, ".bias", ".beta", n, bias) : rc;
}

/* `count` linears from `part` on, each [columns, depth], side by side as one matrix. */
static enum kit_status load_matrix(struct job *j, enum native_part part, uint32_t layer, uint32_t count,
                                   uint32_t columns, uint32_t depth, struct native_matrix *ret)
{
    const uint32_t all = count * columns;
    float *panels = take(j, padded(all) * depth);
    float *bias = take(j, padded(all));
    struct native_pack pack = {.kernels = j->load->kernels,
                               .source_count = count,
                               .columns_each = columns,
                               .depth = depth,
                               .panels = panels,
                               .scratch = j->scratch};
    *ret = (struct native_matrix){
        .panels = panels, .bias = bias, .depth = depth, .columns = all, .panel_count = NATIVE_PANELS(all)};
    memset(bias + all, 0, (padded(all) - all) * sizeof(float));
    for (uint32_t i = 0; i < count; i++) {
        enum kit_status rc = need_weight(j, part + i, layer, columns, depth, &pack.source[i]);
        if (rc == KIT_OK) {
            rc = load_vector(j, part + i, layer, ".bias", NULL, columns, bias + (size_t)i * columns);
        }
        if (rc != KIT_OK) {
            return rc;
        }
    }
    native_pack_run(&pack, j->team);
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; i < count && rc == KIT_OK; i++) {
        rc = finish(j, pack.source[i]);
    }
    return rc;
}

static enum kit_status load_layer(struct job *j, uint32_t layer, struct native_layer *ret)
{
    const uint32_t hidden = j->config->hidden;
    const uint32_t ffn = j->config->ffn;
    enum kit_status rc = load_matrix(j, NATIVE_PART_QUERY, layer, 3, hidden, hidden, &ret->qkv);
    if (rc == KIT_OK) {
        rc = load_matrix(j, NATIVE_PART_OUT, layer, 1, hidden, hidden, &ret->out);
    }
    if (rc == KIT_OK) {
        rc = load_norm(j, NATIVE_PART_OUT_NORM, layer, &ret->out_norm);
    }
    if (rc == KIT_OK) {
        rc = load_matrix(j, NATIVE_PART_UP, layer, 1, ffn, hidden, &ret->up);
    }
    if (rc == KIT_OK) {
        rc = load_matrix(j, NATIVE_PART_DOWN, layer, 1, hidden, ffn, &ret->down);
    }
    return rc == KIT_OK ? load_norm(j, NATIVE_PART_DOWN_NORM, layer, &ret->down_norm) : rc;
}

/* --- memory --- */

static size_t matrix_floats(uint32_t columns, uint32_t depth)
{
    return padded(columns) * ((size_t)depth + 1);
}

static size_t packed_floats(const struct native_config *c)
{
    size_t layer = matrix_floats(3 * c->hidden, c->hidden) + matrix_floats(c->hidden, c->hidden) +
                   matrix_floats(c->ffn, c->hidden) + matrix_floats(c->hidden, c->ffn) + 4 * padded(c->hidden);
    return 2 * padded(c->hidden) + c->layers * layer;
}

uint64_t native_weights_packed_bytes(const struct native_config *c)
{
    return packed_floats(c) * sizeof(float) + HUGE_PAGE;
}

static uint32_t longest_depth(const struct native_config *c)
{
    return KIT_MAX(c->hidden, c->ffn);
}

/* The packed memory starts at a huge page, which spares the kernels most of their TLB misses. */
static enum kit_status make_room(struct job *j)
{
    struct native_weights *w = j->w;
    w->packed_bytes = native_weights_packed_bytes(j->config);
    w->layer = kit_alloc_zero(j->config->layers, sizeof(w->layer[0]));
    w->packed = native_host_alloc(w->packed_bytes);
    if (w->layer == NULL || w->packed == NULL) {
        return kit_fail(j->err, KIT_NOMEM, "out of memory for %" PRIu64 " bytes of packed weights", w->packed_bytes);
    }
    uintptr_t from = ((uintptr_t)w->packed + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
    size_t bytes = packed_floats(j->config) * sizeof(float);
    (void)madvise((void *)from, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* a wish only */
    j->room = (float *)from;
    j->room_end = j->room + packed_floats(j->config);
    return KIT_OK;
}

/* --- the whole --- */

static enum kit_status open_file(struct job *j)
{
    char path[NATIVE_FOLDER_BYTES + sizeof(FILE_NAME) + 1];
    enum kit_status rc =
        kit_file_join(path, sizeof(path), kit_str_c(j->config->folder), kit_str_lit(FILE_NAME), j->err);
    if (rc == KIT_OK) {
        rc = native_safetensors_open(path, &j->w->file, j->err);
    }
    if (rc == KIT_OK) {
        j->total = kit_map_bytes(native_safetensors_map(j->w->file)).len;
    }
    return rc;
}

static enum kit_status load_packed(struct job *j)
{
    const struct acb_host *host = native_host();
    uint32_t cores = host->cores_acquire(host->ctx, 1, PACK_CORES_MAX);
    enum kit_status rc = KIT_NOMEM;
    j->team = (struct native_team){.cores = cores};
    j->scratch = native_host_alloc((uint64_t)cores * NATIVE_PANEL * longest_depth(j->config) * sizeof(float));
    if (j->scratch == NULL) {
        (void)kit_fail(j->err, KIT_NOMEM, "out of memory to pack weights");
        goto out;
    }
    rc = load_norm(j, NATIVE_PART_EMBED_NORM, 0, &j->w->embed_norm);
    for (uint32_t i = 0; i < j->config->layers && rc == KIT_OK; i++) {
        rc = load_layer(j, i, &j->w->layer[i]);
    }
out:
    native_host_free(j->scratch);
    host->cores_release(host->ctx, cores);
    return rc;
}

enum kit_status native_weights_load(const struct native_loading *load, struct native_weights *ret, struct kit_err *err)
{
    struct native_weights w = {0};
    struct job j = {.load = load, .config = load->config, .w = &w, .err = err};
    enum kit_status rc = open_file(&j);
    if (rc == KIT_OK) {
        rc = find_all(&j);
    }
    if (rc == KIT_OK) {
        rc = make_room(&j);
    }
    if (rc == KIT_OK) {
        j.done = w.mapped_bytes = w.word->bytes + w.position->bytes + w.type->bytes;
        rc = load_packed(&j);
    }
    if (rc == KIT_OK) {
        j.done = j.total; /* what no part of the model needs is passed over */
        rc = tell(&j);
    }
    if (rc != KIT_OK) {
        native_weights_done(&w);
        return kit_err_prefix(err, rc, FILE_NAME);
    }
    *ret = w;
    return KIT_OK;
}

void native_weights_done(struct native_weights *w)
{
    native_host_free(w->packed);
    kit_alloc_free(w->layer);
    native_safetensors_close(w->file);
    *w = (struct native_weights){0};
}
