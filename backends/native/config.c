#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "jsonfile.h"
#include "modules.h"

/* Sane bounds: they keep every product of two of them far from overflow. */
static const int64_t key_max[NATIVE_KEY_COUNT] = {
    [NATIVE_KEY_HIDDEN] = 16384,  [NATIVE_KEY_LAYERS] = 512,       [NATIVE_KEY_HEADS] = 512,
    [NATIVE_KEY_FFN] = 65536,     [NATIVE_KEY_POSITIONS] = 131072, [NATIVE_KEY_VOCAB] = 1 << 22,
    [NATIVE_KEY_TYPES] = 1 << 16,
};

struct act_name {
    const char *name;
    enum native_act act;
};

static const struct act_name act_names[] = {
    {"gelu", NATIVE_ACT_GELU},          {"gelu_python", NATIVE_ACT_GELU},
    {"gelu_new", NATIVE_ACT_GELU_TANH}, {"gelu_pytorch_tanh", NATIVE_ACT_GELU_TANH},
    {"relu", NATIVE_ACT_RELU},
};

static enum kit_status read_act(kit_json root, struct native_config *c, struct kit_err *err)
{
    kit_str name;
    enum kit_status rc = kit_json_str_or(root, c->arch->act_key, kit_str_lit("gelu"), &name, err);
    if (rc != KIT_OK) {
        return rc;
    }
    for (size_t i = 0; i < KIT_COUNT(act_names); i++) {
        if (kit_str_eq(name, kit_str_c(act_names[i].name))) {
            c->act = act_names[i].act;
            return KIT_OK;
        }
    }
    return kit_fail(err, KIT_UNSUPPORTED, "'%s' is '%.*s', but this engine has gelu, gelu_new and relu",
                    c->arch->act_key, KIT_STR_ARG(kit_str_sub(name, 0, 32)));
}

static enum kit_status read_sizes(kit_json root, struct native_config *c, struct kit_err *err)
{
    uint32_t *const to[NATIVE_KEY_COUNT] = {
        [NATIVE_KEY_HIDDEN] = &c->hidden, [NATIVE_KEY_LAYERS] = &c->layers,       [NATIVE_KEY_HEADS] = &c->heads,
        [NATIVE_KEY_FFN] = &c->ffn,       [NATIVE_KEY_POSITIONS] = &c->positions, [NATIVE_KEY_VOCAB] = &c->vocab,
        [NATIVE_KEY_TYPES] = &c->types,
    };
    for (int i = 0; i < NATIVE_KEY_COUNT; i++) {
        int64_t n = 0;
        if (c->arch->key[i] == NULL) {
            continue;
        }
        enum kit_status rc = kit_json_i64_or(root, c->arch->key[i], 1, key_max[i], 0, &n, err);
        if (rc != KIT_OK) {
            return rc;
        }
        if (n == 0) {
            return kit_fail(err, KIT_PARSE, "'%s' is missing", c->arch->key[i]);
        }
        *to[i] = (uint32_t)n;
    }
    if (c->hidden % c->heads != 0) {
        return kit_fail(err, KIT_PARSE, "'%s' %u is no multiple of '%s' %u", c->arch->key[NATIVE_KEY_HIDDEN], c->hidden,
                        c->arch->key[NATIVE_KEY_HEADS], c->heads);
    }
    return KIT_OK;
}

#define EPS_DEFAULT 1e-12 /* of transformers, where the file says nothing */

static enum kit_status read_eps(kit_json root, struct native_config *c, struct kit_err *err)
{
    kit_json v = c->arch->eps_key != NULL ? kit_json_get(root, c->arch->eps_key) : (kit_json){NULL};
    double eps = kit_json_type(v) == KIT_JSON_NONE ? EPS_DEFAULT : kit_json_f64(v, -1);
    if (!(eps >= 0 && eps < 1)) {
        return kit_fail(err, KIT_PARSE, "'%s' must be a number from 0 to 1", c->arch->eps_key);
    }
    c->norm_eps = (float)eps;
    return KIT_OK;
}

/* RoBERTa's first position is the one behind its padding token's. */
static enum kit_status read_positions(kit_json root, struct native_config *c, struct kit_err *err)
{
    int64_t pad = 1;
    if (!c->arch->positions_past_pad) {
        return KIT_OK;
    }
    enum kit_status rc = kit_json_i64_or(root, "pad_token_id", 0, c->vocab - 1, pad, &pad, err);
    if (rc != KIT_OK) {
        return rc;
    }
    c->pad = (uint32_t)pad;
    c->position_from = c->pad + 1;
    if (c->positions <= c->position_from) {
        return kit_fail(err, KIT_PARSE, "'%s' %u leaves no position behind 'pad_token_id' %u",
                        c->arch->key[NATIVE_KEY_POSITIONS], c->positions, c->pad);
    }
    c->positions -= c->position_from;
    return KIT_OK;
}

static enum kit_status read_head(kit_json root, struct native_config *c, struct kit_err *err)
{
    static const char *const problems[] = {"single_label_classification", "multi_label_classification", "regression"};
    kit_str problem;
    struct kit_json_iter first = kit_json_iter(kit_json_get(root, "architectures"));
    c->head_told = kit_json_next(&first);
    c->head = c->head_told ? native_arch_head(kit_json_str(first.value, (kit_str){0})) : NATIVE_HEAD_NONE;
    enum kit_status rc = kit_json_bool_or(root, "tie_word_embeddings", true, &c->tied, err);
    if (rc == KIT_OK) {
        rc = kit_json_str_or(root, "problem_type", (kit_str){0}, &problem, err);
    }
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(problems); i++) {
        c->problem_type = kit_str_eq(problem, kit_str_c(problems[i])) ? problems[i] : c->problem_type;
    }
    return rc;
}

/* What would change the arithmetic and is not built here. */
static enum kit_status refuse_variants(kit_json root, struct kit_err *err)
{
    kit_str position;
    enum kit_status rc = kit_json_str_or(root, "position_embedding_type", kit_str_lit("absolute"), &position, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (!kit_str_eq(position, kit_str_lit("absolute"))) {
        return kit_fail(err, KIT_UNSUPPORTED, "'position_embedding_type' is '%.*s', but this engine has 'absolute'",
                        KIT_STR_ARG(kit_str_sub(position, 0, 32)));
    }
    if (kit_json_bool(kit_json_get(root, "is_decoder"), false)) {
        return kit_fail(err, KIT_UNSUPPORTED, "'is_decoder' is true, but this engine runs encoders");
    }
    return KIT_OK;
}

static enum kit_status read_root(kit_json root, struct native_config *c, struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = kit_json_need_str(root, "model_type", &type, err);
    if (rc != KIT_OK) {
        return rc;
    }
    c->arch = native_arch_find(type, &c->model_type);
    if (c->arch == NULL) {
        return kit_fail(err, KIT_UNSUPPORTED, "'model_type' is '%.*s', but this engine has " NATIVE_ARCH_NAMES,
                        KIT_STR_ARG(kit_str_sub(type, 0, 32)));
    }
    enum kit_status (*const steps[])(kit_json, struct native_config *,
                                     struct kit_err *) = {read_sizes, read_eps, read_act, read_positions, read_head};
    for (size_t i = 0; i < KIT_COUNT(steps) && rc == KIT_OK; i++) {
        rc = steps[i](root, c, err);
    }
    return rc == KIT_OK ? refuse_variants(root, err) : rc;
}

static enum kit_status read_config(struct native_config *c, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = native_jsonfile_read(c->folder, "config.json", &doc, err);
    if (rc == KIT_OK) {
        rc = native_jsonfile_error("config.json", read_root(kit_json_root(doc), c, err), err);
    }
    kit_json_free(doc);
    return rc;
}

enum kit_status native_config_read(const char *folder, struct native_config *ret, struct kit_err *err)
{
    struct native_config c = {0};
    enum kit_status rc = native_modules_read(folder, &c, err);
    if (rc == KIT_OK) {
        rc = read_config(&c, err);
    }
    if (rc == KIT_OK) {
        rc = native_modules_context(&c, err);
    }
    if (rc == KIT_OK) {
        *ret = c;
    }
    return rc;
}

const char *native_config_pooling_name(enum native_pooling pooling)
{
    static const char *const names[] = {
        [NATIVE_POOL_MEAN] = "mean", [NATIVE_POOL_CLS] = "cls", [NATIVE_POOL_MAX] = "max"};
    return names[pooling];
}
