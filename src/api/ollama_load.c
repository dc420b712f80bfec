/* An empty prompt, or a chat without messages, of Ollama's API: the model is loaded, or with "keep_alive": 0 unloaded. */
#include "api/ollama_load.h"

#include "api/handlers.h"
#include "api/ollama.h"
#include "api/wait.h"

#define PEEK_BYTES_MAX (4 * KIT_KIB)
#define LINE_BYTES_MAX (4 * KIT_KIB)

/* What was asked for, as far as its answer needs it. */
struct wish {
    char id[MODEL_ID_BYTES_MAX + 1];
    bool chat, stream, unload;
};

static bool is_empty(kit_json root, bool chat)
{
    kit_json said = kit_json_get(root, chat ? "messages" : "prompt");
    enum kit_json_type type = kit_json_type(said);
    bool nothing = type <= KIT_JSON_NULL || (type == KIT_JSON_STRING && kit_json_str(said, (kit_str){0}).len == 0) ||
                   (type == KIT_JSON_ARRAY && kit_json_count(said) == 0);
    return nothing && kit_json_type(kit_json_get(root, "suffix")) <= KIT_JSON_NULL;
}

/* False: it is a question like others. */
static bool read_wish(const struct api *a, kit_str body, bool chat, struct wish *ret)
{
    struct kit_json_doc *doc = NULL;
    struct kit_err err = {0};
    ret->chat = chat;
    bool whole = body.len <= PEEK_BYTES_MAX && api_json_parse(a, body, &doc, &err) == KIT_OK;
    kit_json root = kit_json_root(doc);
    kit_str name = kit_json_str(kit_json_get(root, "model"), (kit_str){0});
    bool found = whole && kit_json_type(root) == KIT_JSON_OBJECT && is_empty(root, chat) &&
                 api_ollama_id(name, ret->id, &err) == KIT_OK &&
                 kit_json_bool_or(root, "stream", true, &ret->stream, &err) == KIT_OK &&
                 api_ollama_read_keep_alive(kit_json_get(root, "keep_alive"), &ret->unload, &err) == KIT_OK;
    kit_json_free(doc);
    return found;
}

static void send_done(struct http_request *h, const char *id, bool chat, bool stream, const char *reason)
{
    char time[KIT_CLOCK_TEXT_BYTES];
    struct kit_buf body;
    struct kit_json_writer w;
    kit_buf_init(&body, LINE_BYTES_MAX);
    kit_json_writer_init(&w, &body);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "model", id);
    kit_json_member_c(&w, "created_at", kit_clock_text(kit_clock_wall_ns(), time));
    if (chat) {
        kit_json_key(&w, "message");
        kit_json_open(&w, '{');
        kit_json_member_c(&w, "role", "assistant");
        kit_json_member_c(&w, "content", "");
        kit_json_close(&w, '}');
    } else {
        kit_json_member_c(&w, "response", "");
    }
    kit_json_member_bool(&w, "done", true);
    kit_json_member_c(&w, "done_reason", reason);
    kit_json_close(&w, '}');
    kit_buf_add_char(&body, '\n');
    http_reply_send(h, 200, stream ? "application/x-ndjson" : "application/json", kit_buf_str(&body));
    kit_buf_done(&body);
}

/* One of four, as the watch knows nothing of the question. */
static void follow(struct api_watch *w, struct http_request *h, bool chat, bool stream)
{
    struct model_event e;
    while (model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (!api_wait_load_is_over(&e, &err)) {
            continue;
        }
        api_wait_end(w, h);
        if (err.code != KIT_OK) {
            api_ollama_fail(h, &err);
        } else {
            send_done(h, e.id, chat, stream, "load");
        }
        return;
    }
}

static void chat_changed(struct api_watch *w, struct http_request *h)
{
    follow(w, h, true, false);
}

static void chat_stream_changed(struct api_watch *w, struct http_request *h)
{
    follow(w, h, true, true);
}

static void generate_changed(struct api_watch *w, struct http_request *h)
{
    follow(w, h, false, false);
}

static void generate_stream_changed(struct api_watch *w, struct http_request *h)
{
    follow(w, h, false, true);
}

static void load(struct http_request *h, struct api *a, const struct wish *wish)
{
    static void (*const changed[2][2])(struct api_watch * w, struct http_request * h) = {
        {generate_changed, generate_stream_changed}, {chat_changed, chat_stream_changed}};
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    enum model_state state = MODEL_AVAILABLE;
    if (!api_wait_open(h, a, kit_str_c(wish->id), changed[wish->chat][wish->stream], api_ollama_fail, &w)) {
        return;
    }
    enum kit_status rc = model_load(a->catalog, kit_str_c(wish->id), &state, &err);
    if (rc == KIT_OK && state != MODEL_READY) {
        follow(w, h, wish->chat, wish->stream);
        return;
    }
    api_wait_end(w, h);
    if (rc != KIT_OK) {
        api_ollama_fail(h, &err);
    } else {
        send_done(h, wish->id, wish->chat, wish->stream, "load");
    }
}

bool api_ollama_load(struct http_request *h, struct api *a, bool chat)
{
    struct wish wish = {0};
    struct kit_err err = {0};
    if (!read_wish(a, h->body, chat, &wish)) {
        return false;
    }
    if (!wish.unload) {
        load(h, a, &wish);
    } else if (model_unload(a->catalog, kit_str_c(wish.id), &err) == KIT_OK) {
        send_done(h, wish.id, wish.chat, wish.stream, "unload");
    } else {
        api_ollama_fail(h, &err);
    }
    return true;
}
