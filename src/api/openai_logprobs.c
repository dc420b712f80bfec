#include "api/openai_logprobs.h"

#include "kit/alloc.h"
#include "task/generate.h"

/* --- of chats --- */

static void write_bytes(struct kit_json_writer *w, kit_str text)
{
    kit_json_key(w, "bytes");
    kit_json_open(w, '[');
    for (size_t i = 0; i < text.len; i++) {
        kit_json_put_u64(w, (unsigned char)text.ptr[i]);
    }
    kit_json_close(w, ']');
}

static void write_members(struct kit_json_writer *w, const struct task_request *r, int32_t id, float logprob)
{
    kit_str text = task_generate_token(r, id);
    kit_json_member_str(w, "token", text);
    kit_json_key(w, "logprob");
    kit_json_put_f32(w, logprob);
    write_bytes(w, text);
}

static void write_token(struct kit_json_writer *w, const struct task_request *r, const struct task_token *t)
{
    kit_json_open(w, '{');
    write_members(w, r, t->id, t->logprob);
    kit_json_key(w, "top_logprobs");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < t->others; i++) {
        kit_json_open(w, '{');
        write_members(w, r, t->top[i].id, t->top[i].logprob);
        kit_json_close(w, '}');
    }
    kit_json_close(w, ']');
    kit_json_close(w, '}');
}

void api_openai_write_logprobs(struct kit_json_writer *w, const struct task_request *r, uint32_t choice, uint32_t first,
                               uint32_t count)
{
    struct task_token t;
    if (!task_parameters_has(&r->parameters, "logprobs")) {
        return;
    }
    kit_json_key(w, "logprobs");
    kit_json_open(w, '{');
    kit_json_key(w, "content");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count && task_made_token(task_generate_made(r, choice), first + i, &t); i++) {
        write_token(w, r, &t);
    }
    kit_json_close(w, ']');
    kit_json_close(w, '}');
}

/* --- of completions --- */

static void write_top(struct kit_json_writer *w, const struct task_request *r, const struct task_token *t)
{
    kit_json_open(w, '{');
    for (uint32_t i = 0; i < t->others; i++) {
        kit_json_key_str(w, task_generate_token(r, t->top[i].id));
        kit_json_put_f32(w, t->top[i].logprob);
    }
    kit_json_close(w, '}');
}

enum column { COLUMN_TOKENS, COLUMN_LOGPROBS, COLUMN_TOP, COLUMN_OFFSETS, COLUMN_COUNT };

static void write_cell(struct kit_json_writer *w, const struct task_request *r, enum column c,
                       const struct task_token *t, uint64_t offset)
{
    switch (c) {
    case COLUMN_TOKENS:
        kit_json_put_str(w, task_generate_token(r, t->id));
        break;
    case COLUMN_LOGPROBS:
        kit_json_put_f32(w, t->logprob);
        break;
    case COLUMN_TOP:
        write_top(w, r, t);
        break;
    default:
        kit_json_put_u64(w, offset);
        break;
    }
}

void api_openai_write_old_logprobs(struct kit_json_writer *w, const struct task_request *r, uint32_t choice,
                                   uint32_t first, uint32_t count)
{
    static const char *const names[COLUMN_COUNT] = {"tokens", "token_logprobs", "top_logprobs", "text_offset"};
    struct task_token t;
    kit_json_key(w, "logprobs");
    if (!task_parameters_has(&r->parameters, "logprobs")) {
        kit_json_put_null(w);
        return;
    }
    kit_json_open(w, '{');
    for (int c = 0; c < COLUMN_COUNT; c++) {
        uint64_t offset = 0;
        kit_json_key(w, names[c]);
        kit_json_open(w, '[');
        for (uint32_t i = 0; i < count && task_made_token(task_generate_made(r, choice), first + i, &t); i++) {
            write_cell(w, r, (enum column)c, &t, offset);
            offset += task_generate_token(r, t.id).len;
        }
        kit_json_close(w, ']');
    }
    kit_json_close(w, '}');
}
