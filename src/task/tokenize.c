#include "task/tokenize.h"

#include "task/prompt.h"
#include "task/rows.h"
#include "task/texts.h"

static bool has_own_words(const struct task_model *m)
{
    return plug_model_has_vocab(m->loaded->model);
}

static bool can(const struct task_model *m)
{
    return m->tokenizer != NULL || has_own_words(m);
}

/* Only when it is asked for by name. */
static bool never(const struct task_model *m, const struct task_request *r)
{
    (void)m;
    (void)r;
    return false;
}

/* --- tokenize --- */

static enum kit_status add_prompts(struct task_model *m, struct task_request *r, kit_json tools, uint32_t tokens_max,
                                   struct task_rows_builder *b, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < r->inputs.item_count; i++) {
        struct task_prompt prompt = {0};
        rc = task_prompt_make(m, r, i, tools, tokens_max, &prompt, err);
        struct text_encoding e = {.count = prompt.count, .ids = prompt.ids};
        rc = rc == KIT_OK ? task_rows_add(b, &e, 0, e.count, err) : rc;
        rc = rc == KIT_OK ? task_rows_end(b, err) : rc;
    }
    return rc == KIT_OK ? task_rows_keep(b, r, err) : rc;
}

static enum kit_status prepare_prompts(struct task_model *m, const struct task_options *o, struct task_request *r,
                                       struct kit_err *err)
{
    struct task_rows_builder b = {.tokens_max = o->queue_tokens_max};
    uint32_t most = (uint32_t)KIT_MIN(o->queue_tokens_max, (uint64_t)TASK_TOKENS_MAX);
    struct kit_json_doc *tools = NULL;
    enum kit_status rc = KIT_OK;
    if (r->parameters.tools.len > 0) {
        rc = kit_json_parse(r->parameters.tools, KIT_JSON_DEPTH_MAX, &tools, err);
    }
    rc = rc == KIT_OK ? add_prompts(m, r, kit_json_root(tools), most, &b, err) : rc;
    kit_json_free(tools);
    task_rows_drop(&b);
    return rc;
}

static enum kit_status prepare_tokens(struct task_model *m, const struct task_options *o, struct task_request *r,
                                      struct kit_err *err)
{
    if (has_own_words(m)) {
        return prepare_prompts(m, o, r, err);
    }
    if (r->inputs.shape == TASK_SHAPE_CHAT) {
        return kit_fail_param(err, KIT_UNPROCESSABLE, "inputs", "model '%s' does not talk: send it texts",
                              m->loaded->id);
    }
    return task_texts_prepare(m, o, r, true, err);
}

const struct task_type task_tokenize = {
    .kind = TASK_TOKENIZE,
    .shapes = 1u << TASK_SHAPE_TEXT | 1u << TASK_SHAPE_CHAT,
    .takes = "a text, {\"messages\":[…]}, or an array of such",
    .aside = true,
    .at_once = true,
    .can = can,
    .fits = never,
    .prepare = prepare_tokens,
};

/* --- detokenize --- */

static enum kit_status prepare_text(struct task_model *m, const struct task_options *o, struct task_request *r,
                                    struct kit_err *err)
{
    (void)m;
    return task_texts_take_tokens(o, r, UINT32_MAX, UINT32_MAX, err);
}

const struct task_type task_detokenize = {
    .kind = TASK_DETOKENIZE,
    .shapes = 1u << TASK_SHAPE_TOKENS,
    .takes = "{\"tokens\":[…]}, or an array of such",
    .aside = true,
    .at_once = true,
    .can = can,
    .fits = never,
    .prepare = prepare_text,
};

/* --- for who renders it --- */

bool task_token_is_special(const struct task_model *m, int32_t id)
{
    return has_own_words(m) ? (plug_model_token_flags(m->loaded->model, id) & ACB_TOKEN_SPECIAL) != 0
                            : text_tokenizer_is_special(m->tokenizer, (uint32_t)id);
}

void task_tokens_text(const struct task_model *m, const int32_t *ids, uint32_t count, bool skip_special,
                      struct kit_buf *out)
{
    if (!has_own_words(m)) {
        (void)text_tokenizer_decode(m->tokenizer, ids, count, skip_special, out);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (!skip_special || !task_token_is_special(m, ids[i])) {
            kit_buf_add(out, plug_model_token(m->loaded->model, ids[i]));
        }
    }
}
