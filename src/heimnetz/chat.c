#include "heimnetz/chat.h"

#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/file.h"

#define BYTES_MAX (64 * KIT_MIB)
#define BODY_BYTES_MAX (8 * BYTES_MAX) /* escaped */
#define PATH "/v1/chat/completions"

void heimnetz_chat_init(struct heimnetz_chat *c, struct heimnetz *h, const char *model)
{
    *c = (struct heimnetz_chat){.h = h, .model = model};
}

void heimnetz_chat_clear(struct heimnetz_chat *c)
{
    for (uint32_t i = 0; i < c->count; i++) {
        kit_alloc_free((char *)(uintptr_t)c->messages[i].text.ptr);
    }
    kit_alloc_free(c->messages);
    c->messages = NULL;
    c->count = c->room = 0;
    c->bytes = 0;
}

void heimnetz_chat_done(struct heimnetz_chat *c)
{
    heimnetz_chat_clear(c);
    kit_alloc_free(c->system);
    c->system = NULL;
}

enum kit_status heimnetz_chat_set_system(struct heimnetz_chat *c, kit_str text, struct kit_err *err)
{
    char *copy = text.len > 0 ? kit_alloc_copy(text.ptr, text.len) : NULL;
    if (text.len > 0 && copy == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the conversation");
    }
    kit_alloc_free(c->system);
    c->system = copy;
    return KIT_OK;
}

static enum kit_status make_room(struct heimnetz_chat *c, struct kit_err *err)
{
    if (c->count < c->room) {
        return KIT_OK;
    }
    uint32_t room = c->room == 0 ? 16 : 2 * c->room;
    struct heimnetz_message *more = kit_alloc_resize(c->messages, room * sizeof(*more));
    if (more == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the conversation");
    }
    c->messages = more;
    c->room = room;
    return KIT_OK;
}

static enum kit_status add(struct heimnetz_chat *c, bool answer, kit_str text, struct kit_err *err)
{
    enum kit_status rc = make_room(c, err);
    char *copy = rc == KIT_OK ? kit_alloc_copy(text.len > 0 ? text.ptr : "", text.len) : NULL;
    if (copy == NULL) {
        return rc != KIT_OK ? rc : kit_fail(err, KIT_NOMEM, "out of memory for the conversation");
    }
    c->messages[c->count++] = (struct heimnetz_message){answer, {copy, text.len}};
    c->bytes += text.len;
    return KIT_OK;
}

/* --- the question --- */

static void write_message(struct kit_json_writer *w, const char *role, kit_str text)
{
    kit_json_open(w, '{');
    kit_json_member_c(w, "role", role);
    kit_json_member_str(w, "content", text);
    kit_json_close(w, '}');
}

/* "model" and "messages". */
static void write_conversation(struct kit_json_writer *w, const struct heimnetz_chat *c, kit_str text)
{
    kit_json_member_c(w, "model", c->model);
    kit_json_key(w, "messages");
    kit_json_open(w, '[');
    if (c->system != NULL) {
        write_message(w, "system", kit_str_c(c->system));
    }
    for (uint32_t i = 0; i < c->count; i++) {
        write_message(w, c->messages[i].answer ? "assistant" : "user", c->messages[i].text);
    }
    if (text.len > 0) {
        write_message(w, "user", text);
    }
    kit_json_close(w, ']');
}

void heimnetz_chat_write(const struct heimnetz_chat *c, kit_str text, bool stream, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    write_conversation(&w, c, text);
    if (c->tokens_max > 0) {
        kit_json_member_u64(&w, "max_tokens", c->tokens_max);
    }
    if (stream) {
        kit_json_member_bool(&w, "stream", true);
        kit_json_key(&w, "stream_options");
        kit_json_open(&w, '{');
        kit_json_member_bool(&w, "include_usage", true);
        kit_json_close(&w, '}');
    }
    kit_json_close(&w, '}');
}

enum kit_status heimnetz_chat_save(const struct heimnetz_chat *c, const char *path, struct kit_err *err)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, BODY_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    write_conversation(&w, c, (kit_str){0});
    kit_json_close(&w, '}');
    kit_buf_add_char(&text, '\n');
    enum kit_status rc = text.failed == KIT_OK ? kit_file_write(path, kit_buf_str(&text), err)
                                               : kit_fail(err, text.failed, "out of memory for the conversation");
    kit_buf_done(&text);
    return rc;
}

/* --- the answer --- */

struct asking {
    struct heimnetz_chat *chat;
    void (*say)(void *ctx, bool reasoning, kit_str piece);
    bool (*stop)(void *ctx);
    void *ctx;
    struct kit_buf answer;
    uint64_t started_ns;
    enum kit_status failed; /* what the server said in the middle */
    struct kit_err err;
};

static void take_usage(struct heimnetz_chat_cost *cost, kit_json usage)
{
    kit_json details = kit_json_get(usage, "prompt_tokens_details");
    cost->prompt_tokens = (uint64_t)kit_json_i64(kit_json_get(usage, "prompt_tokens"), 0);
    cost->tokens = (uint64_t)kit_json_i64(kit_json_get(usage, "completion_tokens"), 0);
    cost->cached_tokens = (uint64_t)kit_json_i64(kit_json_get(details, "cached_tokens"), 0);
}

static void take_piece(struct asking *a, bool reasoning, kit_str piece)
{
    if (piece.len == 0) {
        return;
    }
    if (a->chat->last.first_ns == 0) {
        a->chat->last.first_ns = kit_clock_ns() - a->started_ns;
    }
    if (!reasoning) {
        kit_buf_add(&a->answer, piece);
    }
    a->say(a->ctx, reasoning, piece);
}

static bool take_event(void *ctx, kit_json event)
{
    struct asking *a = ctx;
    kit_json error = kit_json_get(event, "error"), usage = kit_json_get(event, "usage");
    kit_str said = kit_json_str(kit_json_get(error, "message"), (kit_str){0});
    if (kit_json_type(error) == KIT_JSON_OBJECT) {
        a->failed = kit_fail(&a->err, KIT_UNAVAILABLE, "%.*s", KIT_STR_ARG(said));
        return false;
    }
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(event, "choices")); kit_json_next(&i);) {
        kit_json delta = kit_json_get(i.value, "delta");
        kit_str finish = kit_json_str(kit_json_get(i.value, "finish_reason"), (kit_str){0});
        take_piece(a, true, kit_json_str(kit_json_get(delta, "reasoning_content"), (kit_str){0}));
        take_piece(a, false, kit_json_str(kit_json_get(delta, "content"), (kit_str){0}));
        a->chat->cut_off = a->chat->cut_off || kit_str_eq(finish, kit_str_lit("length"));
    }
    if (kit_json_type(usage) == KIT_JSON_OBJECT) {
        take_usage(&a->chat->last, usage);
    }
    return a->answer.failed == KIT_OK;
}

static bool ask_stop(void *ctx)
{
    const struct asking *a = ctx;
    return a->stop != NULL && a->stop(a->ctx);
}

static void add_cost(struct heimnetz_chat *c)
{
    c->all.questions++;
    c->all.prompt_tokens += c->last.prompt_tokens;
    c->all.cached_tokens += c->last.cached_tokens;
    c->all.tokens += c->last.tokens;
    c->all.first_ns += c->last.first_ns;
    c->all.total_ns += c->last.total_ns;
}

/* Both sides of it become messages, or neither. */
static enum kit_status keep(struct heimnetz_chat *c, kit_str text, kit_str answer, struct kit_err *err)
{
    enum kit_status rc = add(c, false, text, err);
    if (rc == KIT_OK) {
        rc = add(c, true, answer, err);
        if (rc != KIT_OK) {
            kit_alloc_free((char *)(uintptr_t)c->messages[--c->count].text.ptr);
            c->bytes -= text.len;
        }
    }
    return rc;
}

static enum kit_status run(struct asking *a, kit_str text, struct kit_err *err)
{
    struct kit_buf body;
    struct client_following following = {.fn = take_event, .stop = ask_stop, .ctx = a};
    kit_buf_init(&body, BODY_BYTES_MAX);
    heimnetz_chat_write(a->chat, text, true, &body);
    a->started_ns = kit_clock_ns();
    enum kit_status rc = body.failed == KIT_OK
                             ? client_post_events(&a->chat->h->client, PATH, kit_buf_str(&body), &following, err)
                             : kit_fail(err, body.failed, "out of memory for the conversation");
    a->chat->status = following.status;
    a->chat->last.total_ns = kit_clock_ns() - a->started_ns;
    kit_buf_done(&body);
    if (rc == KIT_OK && a->failed != KIT_OK) {
        rc = kit_fail(err, a->failed, "%s", a->err.msg);
    }
    return rc == KIT_OK && a->answer.failed != KIT_OK ? kit_fail(err, KIT_TOO_LARGE, "the answer is too long") : rc;
}

enum kit_status heimnetz_chat_ask(struct heimnetz_chat *c, kit_str text,
                                  void (*say)(void *ctx, bool reasoning, kit_str piece), bool (*stop)(void *ctx),
                                  void *ctx, struct kit_err *err)
{
    struct asking a = {.chat = c, .say = say, .stop = stop, .ctx = ctx};
    if (c->bytes + text.len > BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "the conversation is longer than %zu bytes", (size_t)BYTES_MAX);
    }
    c->last = (struct heimnetz_chat_cost){.questions = 1};
    c->cut_off = false;
    kit_buf_init(&a.answer, BYTES_MAX);
    enum kit_status rc = run(&a, text, err);
    bool kept = rc == KIT_OK || (rc == KIT_CANCELLED && a.answer.len > 0);
    if (kept) {
        enum kit_status stored = keep(c, text, kit_buf_str(&a.answer), err);
        rc = stored == KIT_OK ? rc : stored;
        add_cost(c);
    }
    kit_buf_done(&a.answer);
    return rc;
}
