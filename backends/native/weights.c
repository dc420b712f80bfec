#include "weights.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>

#include "kit/alloc.h"
#include "finite.h"
#include "packer.h"
#include "tensors.h"

#define HUGE_PAGE (2 * KIT_MIB)
#define PIECE_BYTES (32 * KIT_MIB)

/* One load: where it stands. */
struct job {
    const struct native_loading *load;
    const struct native_config *config;
    struct native_names names;
    struct native_weights *w;
    float *room;                /* the next free float of the packed memory */
    struct native_pack *matrix; /* [matrices], owned: what is to be packed */
    uint32_t matrices;
    uint64_t done, total; /* bytes of the files; done: of vectors, and of what stays in the file */
    struct kit_err *err;
};

/* --- sizes --- */

static size_t padded(uint32_t columns)
{
    return (size_t)NATIVE_PANELS(columns) * NATIVE_PANEL;
}

static float *huge_page(void *packed)
{
    return (float *)(((uintptr_t)packed + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
}

static size_t matrix_floats(uint32_t columns, uint32_t depth)
{
    return padded(columns) * ((size_t)depth + 1);
}

static size_t head_floats(const struct native_config *c, const struct native_head_weights *h)
{
    const struct native_head_form *f = &c->arch->head[h->kind];
    size_t dense = f->dense != NULL ? matrix_floats(c->hidden, c->hidden) : 0;
    size_t norm = f->norm != NULL ? 2 * padded(c->hidden) : 0;
    return dense + norm + padded(h->labels);
}

static size_t packed_floats(const struct native_config *c, const struct native_head_weights *h)
{
    size_t layer = matrix_floats(3 * c->hidden, c->hidden) + matrix_floats(c->hidden, c->hidden) +
                   matrix_floats(c->ffn, c->hidden) + matrix_floats(c->hidden, c->ffn) + 4 * padded(c->hidden);
    return 2 * padded(c->hidden) + c->layers * layer + head_floats(c, h);
}

/* --- opening: all tensors are looked at before the first byte is taken for them --- */

static enum kit_status open_table(const struct native_names *n, enum native_part part, uint32_t rows,
                                  const struct native_tensor **ret, struct kit_err *err)
{
    char name[NATIVE_NAME_BYTES];
    const uint64_t shape[] = {rows, n->config->hidden};
    native_arch_name(n->config->arch, part, 0, name);
    return native_tensors_need(n, name, ".weight", shape, 2, ret, err);
}

static enum kit_status open_encoder(const struct native_names *n, struct native_weights *w, struct kit_err *err)
{
    const struct native_config *c = n->config;
    enum kit_status rc = open_table(n, NATIVE_PART_WORD, c->vocab, &w->word, err);
    if (rc == KIT_OK) {
        rc = open_table(n, NATIVE_PART_POSITION, c->positions + c->position_from, &w->position, err);
    }
    if (rc == KIT_OK && c->types > 0) {
        rc = open_table(n, NATIVE_PART_TYPE, c->types, &w->type, err);
    }
    if (rc == KIT_OK) {
        rc = native_tensors_check_pair(n, c->arch->part[NATIVE_PART_EMBED_NORM], c->hidden, 0, err);
    }
    for (uint32_t i = 0; i < c->layers && rc == KIT_OK; i++) {
        rc = native_tensors_check_layer(n, i, err);
    }
    return rc;
}

static enum kit_status open_head(const struct native_names *n, struct native_head_weights *h, struct kit_err *err)
{
    const struct native_tensor *bias = NULL;
    const uint32_t hidden = n->config->hidden;
    h->kind = native_tensors_head(n);
    const struct native_head_form *f = &n->config->arch->head[h->kind];
    enum kit_status rc = KIT_OK;
    if (h->kind == NATIVE_HEAD_NONE) {
        return rc;
    }
    if (f->dense != NULL) {
        rc = native_tensors_check_pair(n, f->dense, hidden, hidden, err);
    }
    if (rc == KIT_OK && f->norm != NULL) {
        rc = native_tensors_check_pair(n, f->norm, hidden, 0, err);
    }
    if (rc == KIT_OK) {
        rc = native_tensors_head_out(n, h->kind, &h->out, &bias, err);
    }
    if (rc == KIT_OK) {
        h->labels = (uint32_t)h->out->shape[0];
    }
    return rc;
}

static uint64_t table_bytes(const struct native_weights *w)
{
    const struct native_tensor *const tables[] = {w->word, w->position, w->type,
                                                  w->head.out != w->word ? w->head.out : NULL};
    uint64_t bytes = 0;
    for (size_t i = 0; i < KIT_COUNT(tables); i++) {
        bytes += tables[i] != NULL ? tables[i]->bytes : 0;
    }
    return bytes;
}

enum kit_status native_weights_open(const struct native_config *c, struct native_weights *ret, struct kit_err *err)
{
    struct native_weights w = {0};
    enum kit_status rc = native_checkpoint_open(c->folder, &w.files, err);
    struct native_names n = {.config = c, .files = w.files};
    if (rc == KIT_OK) {
        rc = open_encoder(&n, &w, err);
        rc = rc == KIT_OK ? open_head(&n, &w.head, err) : rc;
        rc = rc == KIT_OK ? rc : kit_err_prefix(err, rc, "%s", native_checkpoint_name(w.files));
    }
    if (rc != KIT_OK) {
        native_weights_done(&w);
        return rc;
    }
    w.packed_bytes = packed_floats(c, &w.head) * sizeof(float) + HUGE_PAGE;
    w.mapped_bytes = table_bytes(&w);
    *ret = w;
    return KIT_OK;
}

/* --- loading: vectors at once, matrices listed and then packed by others --- */

static enum kit_status tell(const struct job *j, uint64_t packed)
{
    if (j->load->progress != NULL && j->load->progress(j->load->progress_ctx, j->done + packed, j->total) != 0) {
        return kit_fail(j->err, KIT_CANCELLED, "loading was cancelled");
    }
    return KIT_OK;
}

static enum kit_status tell_packed(void *ctx, uint64_t packed)
{
    return tell(ctx, packed);
}

static float *take(struct job *j, size_t floats)
{
    float *ret = j->room;
    j->room += floats;
    return ret;
}

static enum kit_status load_vector(struct job *j, const struct native_tensor *t, uint32_t columns, float *to)
{
    native_tensor_row(t, 0, columns, to);
    if (kit_map_broken(t->map)) {
        return kit_fail(j->err, KIT_UNAVAILABLE, "the file was cut while it was loaded (tensor '%.*s')",
                        KIT_STR_ARG(kit_str_sub(t->name, 0, 96)));
    }
    if (!native_finite_all(to, columns)) {
        return native_pack_refuse(t, j->err);
    }
    kit_map_forget(t->map, t->from, t->bytes);
    j->done += t->bytes;
    return tell(j, 0);
}

/* Weight or bias of what open has found already. */
static const struct native_tensor *tensor(const struct job *j, const char *name, const char *suffix)
{
    return native_tensors_find(&j->names, name, suffix);
}

static enum kit_status load_norm(struct job *j, const char *name, struct native_norm *ret)
{
    uint32_t n = j->config->hidden;
    float *gain = take(j, padded(n));
    float *bias = take(j, padded(n));
    *ret = (struct native_norm){.gain = gain, .bias = bias};
    enum kit_status rc = load_vector(j, tensor(j, name, ".weight"), n, gain);
    return rc == KIT_OK ? load_vector(j, tensor(j, name, ".bias"), n, bias) : rc;
}

/* `count` linears [columns, depth], side by side as one matrix. */
static enum kit_status load_matrix(struct job *j, const char *const *names, uint32_t count, uint32_t columns,
                                   uint32_t depth, struct native_matrix *ret)
{
    const uint32_t all = count * columns;
    float *panels = take(j, padded(all) * depth);
    float *bias = take(j, padded(all));
    struct native_pack *pack = &j->matrix[j->matrices++];
    enum kit_status rc = KIT_OK;
    *pack = (struct native_pack){
        .kernels = j->load->kernels, .source_count = count, .columns_each = columns, .depth = depth, .panels = panels};
    *ret = (struct native_matrix){
        .panels = panels, .bias = bias, .depth = depth, .columns = all, .panel_count = NATIVE_PANELS(all)};
    memset(bias + all, 0, (padded(all) - all) * sizeof(float));
    for (uint32_t i = 0; i < count && rc == KIT_OK; i++) {
        pack->source[i] = tensor(j, names[i], ".weight");
        rc = load_vector(j, tensor(j, names[i], ".bias"), columns, bias + (size_t)i * columns);
    }
    return rc;
}

static enum kit_status load_layer(struct job *j, uint32_t layer, struct native_layer *ret)
{
    const uint32_t hidden = j->config->hidden;
    const uint32_t ffn = j->config->ffn;
    char text[NATIVE_PART_COUNT][NATIVE_NAME_BYTES];
    const char *name[NATIVE_PART_COUNT] = {NULL};
    for (uint32_t p = NATIVE_PART_QUERY; p < NATIVE_PART_COUNT; p++) {
        name[p] = native_arch_name(j->config->arch, p, layer, text[p]);
    }
    enum kit_status rc = load_matrix(j, &name[NATIVE_PART_QUERY], 3, hidden, hidden, &ret->qkv);
    if (rc == KIT_OK) {
        rc = load_matrix(j, &name[NATIVE_PART_OUT], 1, hidden, hidden, &ret->out);
    }
    if (rc == KIT_OK) {
        rc = load_norm(j, name[NATIVE_PART_OUT_NORM], &ret->out_norm);
    }
    if (rc == KIT_OK) {
        rc = load_matrix(j, &name[NATIVE_PART_UP], 1, ffn, hidden, &ret->up);
    }
    if (rc == KIT_OK) {
        rc = load_matrix(j, &name[NATIVE_PART_DOWN], 1, hidden, ffn, &ret->down);
    }
    return rc == KIT_OK ? load_norm(j, name[NATIVE_PART_DOWN_NORM], &ret->down_norm) : rc;
}

static enum kit_status load_head(struct job *j, struct native_head_weights *h)
{
    const struct native_head_form *f = &j->config->arch->head[h->kind];
    const uint32_t hidden = j->config->hidden;
    const struct native_tensor *out = NULL;
    const struct native_tensor *from = NULL;
    enum kit_status rc = KIT_OK;
    if (f->dense != NULL) {
        rc = load_matrix(j, &f->dense, 1, hidden, hidden, &h->dense);
    }
    if (rc == KIT_OK && f->norm != NULL) {
        rc = load_norm(j, f->norm, &h->norm);
    }
    if (rc == KIT_OK && h->kind != NATIVE_HEAD_NONE) {
        float *bias = take(j, padded(h->labels));
        h->bias = bias;
        rc = native_tensors_head_out(&j->names, h->kind, &out, &from, j->err);
        rc = rc == KIT_OK ? load_vector(j, from, h->labels, bias) : rc;
    }
    return rc;
}

/* A small table stays where it is, but is read once, so that damage is found. Those of a vocabulary are not: to start soon
 * matters more, and damage there shows in the answers (native_instance_infer). */
static void list_table(struct job *j, const struct native_tensor *t)
{
    if (t != NULL) {
        j->matrix[j->matrices++] = (struct native_pack){.kernels = j->load->kernels,
                                                        .source = {t},
                                                        .source_count = 1,
                                                        .columns_each = (uint32_t)t->shape[0],
                                                        .depth = j->config->hidden};
    }
}

static enum kit_status load_all(struct job *j)
{
    struct native_weights *w = j->w;
    list_table(j, w->position);
    list_table(j, w->type);
    enum kit_status rc = load_norm(j, j->config->arch->part[NATIVE_PART_EMBED_NORM], &w->embed_norm);
    for (uint32_t i = 0; i < j->config->layers && rc == KIT_OK; i++) {
        rc = load_layer(j, i, &w->layer[i]);
    }
    if (rc == KIT_OK) {
        rc = load_head(j, &w->head);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    struct native_packing packing = {
        .matrix = j->matrix, .count = j->matrices, .threads = j->load->threads, .ctx = j, .told = tell_packed};
    return native_packer_run(&packing, j->err);
}

/* --- memory --- */

#define TABLES_MAX 2
#define LAYER_MATRICES 4 /* qkv, out, up, down */

/* The packed memory starts at a huge page, which spares the kernels most of their TLB misses. */
static enum kit_status make_room(struct job *j)
{
    struct native_weights *w = j->w;
    w->layer = kit_alloc_zero(j->config->layers, sizeof(w->layer[0]));
    w->packed = native_host_alloc(w->packed_bytes);
    j->matrix = kit_alloc_zero(TABLES_MAX + LAYER_MATRICES * (size_t)j->config->layers + 1, sizeof(j->matrix[0]));
    if (w->layer == NULL || w->packed == NULL || j->matrix == NULL) {
        return kit_fail(j->err, KIT_NOMEM, "out of memory for %" PRIu64 " bytes of packed weights", w->packed_bytes);
    }
    j->room = huge_page(w->packed);
    size_t bytes = w->packed_bytes - HUGE_PAGE;
    (void)madvise(j->room, bytes / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE); /* a wish only */
    return KIT_OK;
}

/* Piece by piece: to unmap it all at once would hold up every other thread of the process that needs a page. */
static void give_back(const struct native_weights *w)
{
    char *from = (char *)huge_page(w->packed);
    for (uint64_t bytes = w->packed_bytes - HUGE_PAGE; bytes >= HUGE_PAGE;) {
        uint64_t piece = KIT_MIN(bytes, PIECE_BYTES) / HUGE_PAGE * HUGE_PAGE;
        (void)madvise(from, piece, MADV_DONTNEED);
        from += piece;
        bytes -= piece;
    }
    native_host_free(w->packed);
}

/* --- the whole --- */

enum kit_status native_weights_load(struct native_weights *w, const struct native_loading *load, struct kit_err *err)
{
    struct job j = {.load = load,
                    .config = load->config,
                    .names = {.config = load->config, .files = w->files},
                    .w = w,
                    .done = w->word->bytes,
                    .total = native_checkpoint_bytes(w->files),
                    .err = err};
    enum kit_status rc = make_room(&j);
    if (rc == KIT_OK) {
        rc = load_all(&j);
    }
    if (rc == KIT_OK) {
        j.done = j.total; /* what no part of the model needs is passed over */
        rc = tell(&j, 0);
    }
    kit_alloc_free(j.matrix);
    return rc == KIT_OK ? rc : kit_err_prefix(err, rc, "%s", native_checkpoint_name(w->files));
}

void native_weights_done(struct native_weights *w)
{
    if (w->packed != NULL) {
        give_back(w);
    }
    kit_alloc_free(w->layer);
    native_checkpoint_close(w->files);
    *w = (struct native_weights){0};
}
