#include "tensors.h"

#include <stdio.h>
#include <string.h>

/* --- by name --- */

static const struct native_tensor *find_exact(const struct native_names *n, const char *prefix, const char *name,
                                              const char *suffix)
{
    char full[NATIVE_NAME_BYTES + 32];
    snprintf(full, sizeof(full), "%s%s%s", prefix, name, suffix);
    return native_checkpoint_find(n->files, kit_str_c(full));
}

const struct native_tensor *native_tensors_find(const struct native_names *n, const char *name, const char *suffix)
{
    const char *const prefixes[] = {"", n->config->arch->prefix};
    const char *const suffixes[] = {suffix, strcmp(suffix, ".weight") == 0 ? ".gamma" : ".beta"};
    const struct native_tensor *t = NULL;
    for (size_t i = 0; i < KIT_COUNT(prefixes) * KIT_COUNT(suffixes) && t == NULL; i++) {
        t = find_exact(n, prefixes[i % KIT_COUNT(prefixes)], name, suffixes[i / KIT_COUNT(prefixes)]);
    }
    return t;
}

static enum kit_status check(const struct native_tensor *t, const uint64_t *shape, uint32_t rank, struct kit_err *err)
{
    if (t->rank != rank || memcmp(t->shape, shape, rank * sizeof(shape[0])) != 0) {
        char is[NATIVE_SHAPE_BYTES];
        char wanted[NATIVE_SHAPE_BYTES];
        return kit_fail(err, KIT_PARSE, "tensor '%.*s' is %s, but config.json makes it %s", KIT_STR_ARG(t->name),
                        native_tensor_shape_text(t->shape, t->rank, is), native_tensor_shape_text(shape, rank, wanted));
    }
    if (t->dtype == NATIVE_OTHER) {
        return kit_fail(err, KIT_UNSUPPORTED, "tensor '%.*s' is %.*s, but this engine reads F32, F16 and BF16",
                        KIT_STR_ARG(t->name), KIT_STR_ARG(t->dtype_name));
    }
    return KIT_OK;
}

static enum kit_status missing(const char *name, const char *suffix, struct kit_err *err)
{
    return kit_fail(err, KIT_PARSE, "tensor '%s%s' is missing", name, suffix);
}

enum kit_status native_tensors_need(const struct native_names *n, const char *name, const char *suffix,
                                    const uint64_t *shape, uint32_t rank, const struct native_tensor **ret,
                                    struct kit_err *err)
{
    const struct native_tensor *t = native_tensors_find(n, name, suffix);
    enum kit_status rc = t != NULL ? check(t, shape, rank, err) : missing(name, suffix, err);
    if (rc == KIT_OK) {
        *ret = t;
    }
    return rc;
}

/* --- pairs and layers --- */

enum kit_status native_tensors_check_pair(const struct native_names *n, const char *name, uint32_t columns,
                                          uint32_t depth, struct kit_err *err)
{
    const struct native_tensor *t = NULL;
    const uint64_t shape[] = {columns, depth};
    enum kit_status rc = native_tensors_need(n, name, ".weight", shape, depth == 0 ? 1 : 2, &t, err);
    return rc == KIT_OK ? native_tensors_need(n, name, ".bias", shape, 1, &t, err) : rc;
}

enum kit_status native_tensors_check_layer(const struct native_names *n, uint32_t layer, struct kit_err *err)
{
    const uint32_t hidden = n->config->hidden;
    const uint32_t ffn = n->config->ffn;
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
        char name[NATIVE_NAME_BYTES];
        native_arch_name(n->config->arch, p, layer, name);
        rc = native_tensors_check_pair(n, name, size[p].columns, size[p].depth, err);
    }
    return rc;
}

/* --- heads --- */

static bool has_head(const struct native_names *n, enum native_head head)
{
    const struct native_head_form *f = &n->config->arch->head[head];
    bool has_dense = f->dense == NULL || native_tensors_find(n, f->dense, ".weight") != NULL;
    bool has_out = head == NATIVE_HEAD_FILL_MASK || native_tensors_find(n, f->out, ".weight") != NULL;
    return has_dense && has_out;
}

enum native_head native_tensors_head(const struct native_names *n)
{
    static const enum native_head order[] = {NATIVE_HEAD_FILL_MASK, NATIVE_HEAD_ANSWER, NATIVE_HEAD_CLASSIFY,
                                             NATIVE_HEAD_TOKENS};
    enum native_head told = n->config->head;
    if (n->config->head_told) {
        return told == NATIVE_HEAD_FILL_MASK && !has_head(n, told) ? NATIVE_HEAD_NONE : told;
    }
    for (size_t i = 0; i < KIT_COUNT(order); i++) {
        if (has_head(n, order[i])) {
            return order[i];
        }
    }
    return NATIVE_HEAD_NONE;
}

static enum kit_status find_out(const struct native_names *n, enum native_head head, const struct native_tensor **ret,
                                struct kit_err *err)
{
    char word[NATIVE_NAME_BYTES];
    const struct native_config *c = n->config;
    const char *name = c->arch->head[head].out;
    *ret = native_tensors_find(n, name, ".weight");
    if (*ret == NULL && head == NATIVE_HEAD_FILL_MASK && c->tied) {
        name = native_arch_name(c->arch, NATIVE_PART_WORD, 0, word);
        *ret = native_tensors_find(n, name, ".weight");
    }
    return *ret != NULL ? KIT_OK : missing(name, ".weight", err);
}

#define LABELS_MAX (UINT64_C(1) << 22)

/* How many labels there are is the tensor's to say, but for those whose number is fixed. */
static uint64_t labels_of(const struct native_config *c, enum native_head head, const struct native_tensor *out)
{
    if (head == NATIVE_HEAD_FILL_MASK) {
        return c->vocab;
    }
    return head == NATIVE_HEAD_ANSWER || out->rank == 0 ? 2 : KIT_MAX(KIT_MIN(out->shape[0], LABELS_MAX), 1u);
}

enum kit_status native_tensors_head_out(const struct native_names *n, enum native_head head,
                                        const struct native_tensor **ret_out, const struct native_tensor **ret_bias,
                                        struct kit_err *err)
{
    const struct native_head_form *f = &n->config->arch->head[head];
    const struct native_tensor *out = NULL;
    enum kit_status rc = find_out(n, head, &out, err);
    if (rc != KIT_OK) {
        return rc;
    }
    const uint64_t shape[] = {labels_of(n->config, head, out), n->config->hidden};
    rc = check(out, shape, 2, err);
    if (rc == KIT_OK) {
        bool other = f->bias != NULL && native_tensors_find(n, f->bias, ".bias") != NULL;
        rc = native_tensors_need(n, other ? f->bias : f->out, ".bias", shape, 1, ret_bias, err);
    }
    if (rc == KIT_OK) {
        *ret_out = out;
    }
    return rc;
}
