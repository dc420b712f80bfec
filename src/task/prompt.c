#include "task/prompt.h"

#include "chat/chat.h"
#include "task/generate.h"

/* Ids that are being collected. */
struct making {
    struct task_model *m;
    struct task_request *r;
    uint32_t item, tokens_max;
    kit_json tools;
    struct task_prompt prompt;
    uint32_t room; /* of prompt.ids */
};

static enum kit_status too_long(const struct making *k, uint64_t count, struct kit_err *err)
{
    char path[KIT_ERR_PARAM_BYTES];
    task_inputs_path(&k->r->inputs, k->item, TASK_PART_FIRST, path);
    return kit_fail_param(err, KIT_TOO_LARGE, path,
                          "'%s' has %llu tokens, but model '%s' takes %u and needs one for its answer: send less", path,
                          (unsigned long long)count, k->m->loaded->id, k->tokens_max + 1);
}

/* Room for so many more; what was there moves, the arena keeps both. */
static enum kit_status make_room(struct making *k, uint64_t more, struct kit_err *err)
{
    uint64_t need = k->prompt.count + more;
    if (need <= k->room) {
        return KIT_OK;
    }
    if (need > k->tokens_max) {
        return too_long(k, need, err);
    }
    uint32_t room = (uint32_t)KIT_MIN(need + need / 2, (uint64_t)k->tokens_max);
    int32_t *ids = kit_arena_get(&k->r->arena, room * sizeof(*ids));
    if (ids == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %llu tokens", (unsigned long long)need);
    }
    for (uint32_t i = 0; i < k->prompt.count; i++) {
        ids[i] = k->prompt.ids[i];
    }
    k->prompt.ids = ids;
    k->room = room;
    return KIT_OK;
}

static enum kit_status add_id(struct making *k, int32_t id, struct kit_err *err)
{
    enum kit_status rc = make_room(k, 1, err);
    if (rc == KIT_OK) {
        k->prompt.ids[k->prompt.count++] = id;
    }
    return rc;
}

/* A text has at most as many tokens as bytes, and some special ones around it; tried with less first. */
static enum kit_status add_text(struct making *k, kit_str text, uint32_t flags, struct kit_err *err)
{
    uint64_t count = KIT_MIN(text.len / 3 + 16, (uint64_t)k->tokens_max - k->prompt.count);
    enum kit_status rc = make_room(k, count, err);
    if (rc == KIT_OK) {
        count = k->room - k->prompt.count;
        rc = plug_model_tokenize(k->m->loaded->model, text, flags, k->prompt.ids + k->prompt.count, &count, err);
    }
    if (rc == KIT_FULL) {
        rc = make_room(k, count, err);
        if (rc == KIT_OK) {
            rc = plug_model_tokenize(k->m->loaded->model, text, flags, k->prompt.ids + k->prompt.count, &count, err);
        }
    }
    k->prompt.count += rc == KIT_OK ? (uint32_t)count : 0;
    return rc;
}

static enum kit_status add_tokens(struct making *k, kit_str ids, struct kit_err *err)
{
    uint32_t vocab = plug_model_info(k->m->loaded->model)->vocab_size;
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < ids.len / sizeof(int32_t); i++) {
        int32_t id = ((const int32_t *)(const void *)ids.ptr)[i];
        rc = (uint32_t)id < vocab
                 ? add_id(k, id, err)
                 : kit_fail_param(err, KIT_INVALID, "inputs", "token %d is none of model '%s', which has %u", id,
                                  k->m->loaded->id, vocab);
    }
    return rc;
}

/* --- a conversation --- */

#define DEPTH_MAX 64

/* The messages as the model's template, or where it has none plain lines, write them. */
static enum kit_status write_out(struct making *k, struct chat_prompt *ret, struct kit_err *err)
{
    struct kit_json_doc *messages = NULL, *values = NULL;
    enum kit_status rc = kit_json_parse(k->r->inputs.texts[k->item], DEPTH_MAX, &messages, err);
    if (rc == KIT_OK && k->r->parameters.template_values.len > 0) {
        rc = kit_json_parse(k->r->parameters.template_values, DEPTH_MAX, &values, err);
    }
    if (rc == KIT_OK) {
        struct chat_request request = {
            .messages = kit_json_root(messages), .tools = k->tools, .kwargs = kit_json_root(values)};
        rc = chat_render(k->m->chat_template, &request, &k->r->arena, ret, err);
    }
    kit_json_free(messages);
    kit_json_free(values);
    return rc;
}

/* Special tokens stand in the template's own words only; what lies between two of them is one text, whoever wrote it. */
static enum kit_status add_written(struct making *k, const struct jinja_text *t, struct kit_err *err)
{
    size_t from = 0, at = 0;
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; rc == KIT_OK && i < t->count; i++) {
        size_t end = at + t->pieces[i].text.len;
        while (rc == KIT_OK && at < end) {
            kit_str rest = kit_str_sub(t->bytes, at, end - at);
            const struct task_special *s = t->pieces[i].trusted ? task_specials_at(&k->m->specials, rest) : NULL;
            if (s == NULL) {
                at++;
                continue;
            }
            rc = add_text(k, kit_str_sub(t->bytes, from, at - from), 0, err);
            rc = rc == KIT_OK ? add_id(k, s->id, err) : rc;
            at += s->text.len;
            from = at;
        }
    }
    return rc == KIT_OK ? add_text(k, kit_str_sub(t->bytes, from, t->bytes.len - from), 0, err) : rc;
}

static enum kit_status add_chat(struct making *k, struct kit_err *err)
{
    struct chat_prompt p = {0};
    enum kit_status rc = write_out(k, &p, err);
    k->prompt.thinking = p.thinking;
    if (rc == KIT_OK && chat_template_is_plain(k->m->chat_template)) {
        return add_text(k, p.text.bytes, ACB_TOKENIZE_ADD_SPECIAL, err);
    }
    return rc == KIT_OK ? add_written(k, &p.text, err) : rc;
}

static enum kit_status add_input(struct making *k, struct kit_err *err)
{
    kit_str text = k->r->inputs.texts[k->item];
    bool special = k->r->parameters.add_special_tokens;
    switch (k->r->inputs.shape) {
    case TASK_SHAPE_CHAT:
        return add_chat(k, err);
    case TASK_SHAPE_TOKENS:
        return add_tokens(k, text, err);
    default: /* whoever sends a bare prompt writes its special tokens */
        return add_text(k, text, (special ? ACB_TOKENIZE_ADD_SPECIAL : 0) | ACB_TOKENIZE_PARSE_SPECIAL, err);
    }
}

enum kit_status task_prompt_make(struct task_model *m, struct task_request *r, uint32_t item, kit_json tools,
                                 uint32_t tokens_max, struct task_prompt *ret, struct kit_err *err)
{
    struct making k = {.m = m, .r = r, .item = item, .tools = tools, .tokens_max = tokens_max};
    enum kit_status rc = add_input(&k, err);
    if (rc == KIT_OK && k.prompt.count == 0) {
        rc = kit_fail_param(err, KIT_INVALID, "inputs", "a prompt must have at least one token");
    }
    if (rc == KIT_OK) {
        *ret = k.prompt;
    }
    return rc;
}
