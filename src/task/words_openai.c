/* Source: OpenAI's API reference, "Chat completions", "Completions", "Embeddings". */
#include "task/words.h"

#include "task/generate.h"

/* --- questions --- */

static void write_tool_choice(struct kit_json_writer *w, const struct task_request *r)
{
    static const char *const words[] = {"auto", "none", "required"};
    kit_str choice = r->parameters.tool_choice;
    for (size_t i = 0; i < KIT_COUNT(words); i++) {
        if (kit_str_eq(choice, kit_str_c(words[i]))) {
            kit_json_member_c(w, "tool_choice", words[i]);
            return;
        }
    }
    if (choice.len > 0) {
        kit_json_key(w, "tool_choice");
        kit_json_open(w, '{');
        kit_json_member_c(w, "type", "function");
        kit_json_key(w, "function");
        kit_json_open(w, '{');
        kit_json_member_str(w, "name", choice);
        kit_json_close(w, '}');
        kit_json_close(w, '}');
    }
}

static void write_format(struct kit_json_writer *w, kit_str format)
{
    bool any = kit_str_eq(format, kit_str_lit("\"json\""));
    kit_json_key(w, "response_format");
    kit_json_open(w, '{');
    kit_json_member_c(w, "type", any ? "json_object" : "json_schema");
    if (!any) {
        kit_json_key(w, "json_schema");
        kit_json_open(w, '{');
        kit_json_member_c(w, "name", "answer");
        kit_json_member_bool(w, "strict", true);
        kit_json_key(w, "schema");
        kit_json_put_raw(w, format);
        kit_json_close(w, '}');
    }
    kit_json_close(w, '}');
}

static void write_settings(struct kit_json_writer *w, const struct task_request *r)
{
    static const struct task_word words[] = {
        {"temperature", "temperature"},
        {"top_k", "top_k"},
        {"top_p", "top_p"},
        {"min_p", "min_p"},
        {"typical_p", "typical_p"},
        {"repetition_penalty", "repetition_penalty"},
        {"presence_penalty", "presence_penalty"},
        {"frequency_penalty", "frequency_penalty"},
        {"logit_bias", "logit_bias"},
        {"seed", "seed"},
        {"n", "n"},
        {"stop", "stop"},
        {"echo", "echo"},
        {"grammar", "grammar"},
        {"tools", "tools"},
        {"parallel_tool_calls", "parallel_tool_calls"},
        {"template_values", "chat_template_kwargs"},
    };
    task_words_write(w, r, words, KIT_COUNT(words));
    if (r->parameters.max_tokens > 0) {
        kit_json_member_u64(w, "max_tokens", r->parameters.max_tokens);
    }
    if (r->parameters.format.len > 0) {
        write_format(w, r->parameters.format);
    }
    write_tool_choice(w, r);
}

static void write_texts(struct kit_json_writer *w, const char *key, const struct task_inputs *in)
{
    kit_json_key(w, key);
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < in->text_count; i++) {
        kit_json_put_str(w, in->texts[i]);
    }
    kit_json_close(w, ']');
}

static void write_generate(struct kit_json_writer *w, const struct task_request *r)
{
    if (r->inputs.shape == TASK_SHAPE_CHAT) {
        kit_json_key(w, "messages");
        kit_json_put_raw(w, r->inputs.texts[0]);
    } else if (r->inputs.text_count == 1) {
        kit_json_member_str(w, "prompt", r->inputs.texts[0]);
    } else {
        write_texts(w, "prompt", &r->inputs);
    }
    write_settings(w, r);
    kit_json_member_bool(w, "stream", true);
    kit_json_key(w, "stream_options");
    kit_json_open(w, '{');
    kit_json_member_bool(w, "include_usage", true);
    kit_json_close(w, '}');
}

static enum kit_status write(struct task_upstream *u, struct kit_json_writer *w, struct kit_err *err)
{
    static const struct task_word words[] = {{"dimensions", "dimensions"}};
    const struct task_request *r = u->r;
    (void)err;
    kit_json_open(w, '{');
    kit_json_member_c(w, "model", r->model_id);
    if (r->kind == TASK_EMBED) {
        write_texts(w, "input", &r->inputs);
        kit_json_member_c(w, "encoding_format", "float");
        task_words_write(w, r, words, KIT_COUNT(words));
    } else {
        write_generate(w, r);
    }
    kit_json_close(w, '}');
    return KIT_OK;
}

/* --- answers --- */

static enum task_finish finish_of(kit_str reason)
{
    return kit_str_eq(reason, kit_str_lit("length"))       ? TASK_FINISH_LENGTH
           : kit_str_eq(reason, kit_str_lit("tool_calls")) ? TASK_FINISH_CALLS
                                                           : TASK_FINISH_STOP;
}

static kit_str text_of(kit_json v, const char *key)
{
    return kit_json_str(kit_json_get(v, key), (kit_str){0});
}

static enum kit_status take_calls(struct task_upstream *u, uint32_t choice, kit_json calls, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (struct kit_json_iter i = kit_json_iter(calls); rc == KIT_OK && kit_json_next(&i);) {
        kit_json function = kit_json_get(i.value, "function");
        uint32_t number = (uint32_t)(kit_json_i64(kit_json_get(i.value, "index"), (int64_t)i.index) & INT32_MAX);
        rc = task_words_begin_call(u, choice, number, text_of(function, "name"), err);
        if (rc == KIT_OK) {
            rc = task_words_add(u, choice, TASK_PIECE_ARGUMENTS, text_of(function, "arguments"), err);
        }
    }
    return rc;
}

static enum kit_status take_choice(struct task_upstream *u, kit_json v, struct kit_err *err)
{
    int64_t index = kit_json_i64(kit_json_get(v, "index"), 0);
    uint32_t choice = index >= 0 && index < TASK_CHOICES_MAX ? (uint32_t)index : TASK_CHOICES_MAX;
    kit_json delta = kit_json_get(v, "delta");
    kit_str thoughts = text_of(delta, "reasoning_content");
    thoughts = thoughts.len > 0 ? thoughts : text_of(delta, "reasoning");
    enum kit_status rc = task_words_add(u, choice, TASK_PIECE_REASONING, thoughts, err);
    if (rc == KIT_OK) {
        rc = task_words_add(u, choice, TASK_PIECE_TEXT, text_of(delta, "content"), err);
    }
    if (rc == KIT_OK) {
        rc = task_words_add(u, choice, TASK_PIECE_TEXT, text_of(v, "text"), err);
    }
    if (rc == KIT_OK) {
        rc = take_calls(u, choice, kit_json_get(delta, "tool_calls"), err);
    }
    kit_str reason = text_of(v, "finish_reason");
    if (rc == KIT_OK && reason.len > 0) {
        task_words_finish(u, choice, finish_of(reason));
    }
    return rc;
}

static void take_usage(struct task_upstream *u, kit_json usage)
{
    kit_json details = kit_json_get(usage, "prompt_tokens_details");
    task_words_use(u, kit_json_i64(kit_json_get(usage, "prompt_tokens"), -1),
                   kit_json_i64(kit_json_get(usage, "completion_tokens"), -1),
                   kit_json_i64(kit_json_get(details, "cached_tokens"), -1));
}

static enum kit_status made(struct task_upstream *u, kit_json v, struct kit_err *err)
{
    enum kit_status rc = task_words_error(u, v, err);
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(v, "choices")); rc == KIT_OK && kit_json_next(&i);) {
        rc = take_choice(u, i.value, err);
    }
    take_usage(u, kit_json_get(v, "usage"));
    return rc;
}

static enum kit_status embedded(struct task_upstream *u, kit_json v, struct kit_err *err)
{
    enum kit_status rc = task_words_error(u, v, err);
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(v, "data")); rc == KIT_OK && kit_json_next(&i);) {
        int64_t index = kit_json_i64(kit_json_get(i.value, "index"), (int64_t)i.index);
        rc = task_words_add_vector(u, (uint32_t)(index & UINT32_MAX), kit_json_get(i.value, "embedding"), err);
    }
    take_usage(u, kit_json_get(v, "usage"));
    return rc;
}

const struct task_words task_words_openai = {
    .chat = "/v1/chat/completions",
    .text = "/v1/completions",
    .embed = "/v1/embeddings",
    .form = REMOTE_EVENTS,
    .write = write,
    .made = made,
    .embedded = embedded,
};
