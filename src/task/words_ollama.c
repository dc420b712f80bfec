/* Source: Ollama's API documentation, "Generate a chat completion", "Generate a completion", "Generate embeddings". */
#include "task/words.h"

#include "chat/messages.h"

#define MESSAGES_BYTES_MAX (64 * KIT_MIB)
#define DEPTH_MAX 64

/* --- questions --- */

static enum kit_status write_messages(struct kit_json_writer *w, kit_str messages, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct kit_buf plain;
    kit_buf_init(&plain, MESSAGES_BYTES_MAX);
    enum kit_status rc = kit_json_parse(messages, DEPTH_MAX, &doc, err);
    if (rc == KIT_OK) {
        rc = chat_messages_write(kit_json_root(doc), false, &plain, err);
    }
    if (rc == KIT_OK) {
        kit_json_key(w, "messages");
        kit_json_put_raw(w, kit_buf_str(&plain));
    }
    kit_json_free(doc);
    kit_buf_done(&plain);
    return rc;
}

static void write_options(struct kit_json_writer *w, const struct task_request *r)
{
    static const struct task_word words[] = {
        {"temperature", "temperature"},
        {"top_k", "top_k"},
        {"top_p", "top_p"},
        {"min_p", "min_p"},
        {"typical_p", "typical_p"},
        {"repetition_penalty", "repeat_penalty"},
        {"presence_penalty", "presence_penalty"},
        {"frequency_penalty", "frequency_penalty"},
        {"penalty_tokens", "repeat_last_n"},
        {"seed", "seed"},
        {"stop", "stop"},
    };
    kit_json_key(w, "options");
    kit_json_open(w, '{');
    task_words_write(w, r, words, KIT_COUNT(words));
    if (r->parameters.max_tokens > 0) {
        kit_json_member_u64(w, "num_predict", r->parameters.max_tokens);
    }
    kit_json_close(w, '}');
}

/* What Ollama's API has no words for. */
static const char *beyond_words(const struct task_request *r)
{
    const struct task_parameters *p = &r->parameters;
    bool forced = p->tool_choice.len > 0 && !kit_str_eq(p->tool_choice, kit_str_lit("auto")) &&
                  !kit_str_eq(p->tool_choice, kit_str_lit("none"));
    return p->n > 1                   ? "several texts at once"
           : r->inputs.item_count > 1 ? "texts to several inputs at once"
           : p->grammar.len > 0       ? "a grammar"
           : p->logit_bias.count > 0  ? "a bias of tokens"
           : p->echo                  ? "the prompt before the text"
           : forced                   ? "a call of a certain tool"
                                      : NULL;
}

static enum kit_status write_generate(struct task_upstream *u, struct kit_json_writer *w, struct kit_err *err)
{
    const struct task_request *r = u->r;
    bool chat = r->inputs.shape == TASK_SHAPE_CHAT;
    if (beyond_words(r) != NULL) {
        return task_words_cannot(u, beyond_words(r), err);
    }
    if (!chat) {
        kit_json_member_str(w, "prompt", r->inputs.texts[0]);
        kit_json_member_bool(w, "raw", true);
    }
    if (r->parameters.format.len > 0) {
        kit_json_key(w, "format");
        kit_json_put_raw(w, r->parameters.format);
    }
    if (r->parameters.tools.len > 0 && !kit_str_eq(r->parameters.tool_choice, kit_str_lit("none"))) {
        kit_json_key(w, "tools");
        kit_json_put_raw(w, r->parameters.tools);
    }
    write_options(w, r);
    kit_json_member_bool(w, "stream", true);
    return chat ? write_messages(w, r->inputs.texts[0], err) : KIT_OK;
}

static void write_embed(struct kit_json_writer *w, const struct task_request *r)
{
    static const struct task_word words[] = {{"dimensions", "dimensions"}, {"truncate", "truncate"}};
    kit_json_key(w, "input");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < r->inputs.text_count; i++) {
        kit_json_put_str(w, r->inputs.texts[i]);
    }
    kit_json_close(w, ']');
    task_words_write(w, r, words, KIT_COUNT(words));
}

static enum kit_status write(struct task_upstream *u, struct kit_json_writer *w, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    kit_json_open(w, '{');
    kit_json_member_c(w, "model", u->r->model_id);
    if (u->r->kind == TASK_EMBED) {
        write_embed(w, u->r);
    } else {
        rc = write_generate(u, w, err);
    }
    kit_json_close(w, '}');
    return rc;
}

/* --- answers --- */

static kit_str text_of(kit_json v, const char *key)
{
    return kit_json_str(kit_json_get(v, key), (kit_str){0});
}

/* Whole calls, with their arguments as an object. */
static enum kit_status take_calls(struct task_upstream *u, kit_json calls, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(calls); rc == KIT_OK && kit_json_next(&i);) {
        kit_json function = kit_json_get(i.value, "function");
        kit_str arguments = kit_str_lit("{}");
        rc = task_words_begin_call(u, 0, u->calls[0], text_of(function, "name"), err);
        if (rc == KIT_OK && kit_json_type(kit_json_get(function, "arguments")) == KIT_JSON_OBJECT) {
            rc = kit_json_text(kit_json_get(function, "arguments"), &u->r->arena, &arguments);
        }
        if (rc == KIT_OK) {
            rc = task_words_add(u, 0, TASK_PIECE_ARGUMENTS, arguments, err);
        }
    }
    return rc;
}

static void take_end(struct task_upstream *u, kit_json v)
{
    bool cut = kit_str_eq(text_of(v, "done_reason"), kit_str_lit("length"));
    task_words_use(u, kit_json_i64(kit_json_get(v, "prompt_eval_count"), -1),
                   kit_json_i64(kit_json_get(v, "eval_count"), -1), -1);
    task_words_finish(u, 0, cut ? TASK_FINISH_LENGTH : TASK_FINISH_STOP);
}

static enum kit_status made(struct task_upstream *u, kit_json v, struct kit_err *err)
{
    kit_json message = kit_json_get(v, "message");
    message = kit_json_type(message) == KIT_JSON_OBJECT ? message : v;
    kit_str text = text_of(message, "content");
    enum kit_status rc = task_words_error(u, v, err);
    if (rc == KIT_OK) {
        rc = task_words_add(u, 0, TASK_PIECE_REASONING, text_of(message, "thinking"), err);
    }
    if (rc == KIT_OK) {
        rc = task_words_add(u, 0, TASK_PIECE_TEXT, text.len > 0 ? text : text_of(v, "response"), err);
    }
    if (rc == KIT_OK) {
        rc = take_calls(u, kit_json_get(message, "tool_calls"), err);
    }
    if (rc == KIT_OK && kit_json_bool(kit_json_get(v, "done"), false)) {
        take_end(u, v);
    }
    return rc;
}

static enum kit_status embedded(struct task_upstream *u, kit_json v, struct kit_err *err)
{
    enum kit_status rc = task_words_error(u, v, err);
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(v, "embeddings")); rc == KIT_OK && kit_json_next(&i);) {
        rc = task_words_add_vector(u, (uint32_t)i.index, i.value, err);
    }
    task_words_use(u, kit_json_i64(kit_json_get(v, "prompt_eval_count"), -1), -1, -1);
    return rc;
}

const struct task_words task_words_ollama = {
    .chat = "/api/chat",
    .text = "/api/generate",
    .embed = "/api/embed",
    .form = REMOTE_LINES,
    .write = write,
    .made = made,
    .embedded = embedded,
};
