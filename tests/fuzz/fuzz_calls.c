/* Replies: whatever a model writes is read the same however its bytes are cut, calls have names and arguments that are JSON
 * objects, and where there are no marks nothing is lost. First byte: the family; the second: where to cut. */
#include "chat/reply.h"
#include "fuzz/fuzz.h"

#include <string.h>

#define HEARD_MAX (8 * KIT_MIB)

static const char tools_text[] =
    "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\","
    "\"properties\":{\"s\":{\"type\":\"string\"}}}}}]";

struct heard {
    struct kit_buf content, reasoning, calls;
};

static void hear(void *ctx, const struct chat_event *e)
{
    struct heard *h = ctx;
    if (e->type != CHAT_EVENT_CALL) {
        FUZZ_CHECK(e->text.len > 0);
        kit_buf_add(e->type == CHAT_EVENT_CONTENT ? &h->content : &h->reasoning, e->text);
        return;
    }
    struct kit_json_doc *doc = NULL;
    FUZZ_CHECK(e->name.len > 0);
    FUZZ_CHECK(kit_json_parse(e->arguments, 100, &doc, NULL) == KIT_OK);
    FUZZ_CHECK(kit_json_type(kit_json_root(doc)) == KIT_JSON_OBJECT);
    kit_json_free(doc);
    kit_buf_printf(&h->calls, "%u", e->call);
    kit_buf_add(&h->calls, e->name);
    kit_buf_add_char(&h->calls, '\n');
    kit_buf_add(&h->calls, e->arguments);
    kit_buf_add_char(&h->calls, '\n');
}

static void listen(kit_str text, uint8_t family, kit_json tools, size_t piece, struct heard *h)
{
    struct chat_reply *r = NULL;
    struct chat_reply_options options = {.forms = family >= 240   ? 0
                                                  : family >= 200 ? 0x1FF
                                                                  : 1u << family % 9,
                                         .tools = tools,
                                         .thinking = family % 10 == 9,
                                         .event = hear,
                                         .ctx = h};
    kit_buf_init(&h->content, HEARD_MAX);
    kit_buf_init(&h->reasoning, HEARD_MAX);
    kit_buf_init(&h->calls, HEARD_MAX);
    FUZZ_CHECK(chat_reply_new(&options, &r, NULL) == KIT_OK);
    for (size_t at = 0; at < text.len; at += piece) {
        FUZZ_CHECK(chat_reply_feed(r, kit_str_sub(text, at, piece)) == KIT_OK);
    }
    FUZZ_CHECK(chat_reply_end(r) == KIT_OK);
    chat_reply_free(r);
}

static void done(struct heard *h)
{
    kit_buf_done(&h->content);
    kit_buf_done(&h->reasoning);
    kit_buf_done(&h->calls);
}

static bool same(const struct kit_buf *a, const struct kit_buf *b)
{
    return kit_str_eq(kit_buf_str(a), kit_buf_str(b));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str text = {(const char *)data, size};
    struct kit_json_doc *doc = NULL;
    struct heard whole, cut;
    uint8_t family, piece;
    if (!fuzz_take_byte(&text, &family) || !fuzz_take_byte(&text, &piece)) {
        return 0;
    }
    FUZZ_CHECK(kit_json_parse(kit_str_c(tools_text), 16, &doc, NULL) == KIT_OK);
    listen(text, family, kit_json_root(doc), SIZE_MAX / 2, &whole);
    listen(text, family, kit_json_root(doc), 1u + piece % 16, &cut);
    FUZZ_CHECK(same(&whole.content, &cut.content));
    FUZZ_CHECK(same(&whole.reasoning, &cut.reasoning));
    FUZZ_CHECK(same(&whole.calls, &cut.calls));
    bool marked = memchr(text.ptr, '<', text.len) != NULL || memchr(text.ptr, '[', text.len) != NULL;
    bool plain = family >= 240 && !marked && family % 10 != 9;
    FUZZ_CHECK(!plain || kit_str_eq(kit_buf_str(&whole.content), text));
    done(&whole);
    done(&cut);
    kit_json_free(doc);
    return 0;
}
