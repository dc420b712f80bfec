#include "chat/reply.h"

#include <string.h>

#include "support/test.h"

#define TOOLS                                                                                                          \
    "[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\",\"properties\":"         \
    "{\"s\":{\"type\":\"string\"},\"n\":{\"type\":\"integer\"}}}}}]"

/* What a reply was read as, put together: "content" / reasoning / [name arguments]. */
struct heard {
    struct kit_buf content, reasoning, calls;
    uint32_t count;
};

static void hear(void *ctx, const struct chat_event *e)
{
    struct heard *h = ctx;
    if (e->type == CHAT_EVENT_CALL) {
        assert_int_equal(e->call, h->count++);
        kit_buf_printf(&h->calls, "[%.*s %.*s]", KIT_STR_ARG(e->name), KIT_STR_ARG(e->arguments));
        return;
    }
    assert_true(e->text.len > 0);
    kit_buf_add(e->type == CHAT_EVENT_CONTENT ? &h->content : &h->reasoning, e->text);
}

static void heard_init(struct heard *h)
{
    *h = (struct heard){.count = 0};
    kit_buf_init(&h->content, KIT_MIB);
    kit_buf_init(&h->reasoning, KIT_MIB);
    kit_buf_init(&h->calls, KIT_MIB);
}

static void heard_done(struct heard *h)
{
    kit_buf_done(&h->content);
    kit_buf_done(&h->reasoning);
    kit_buf_done(&h->calls);
}

struct row {
    uint32_t forms;
    bool thinking;
    const char *text, *content, *reasoning, *calls;
};

static kit_json tools_of(struct kit_json_doc **doc)
{
    assert_ok(kit_json_parse(kit_str_lit(TOOLS), 16, doc, NULL));
    return kit_json_root(*doc);
}

/* Fed in pieces that end at each of the two places. */
static void listen(const struct row *row, kit_json tools, size_t first, size_t second, struct heard *h)
{
    struct chat_reply *r = NULL;
    struct chat_reply_options options = {
        .forms = row->forms, .tools = tools, .thinking = row->thinking, .event = hear, .ctx = h};
    kit_str text = kit_str_c(row->text);
    heard_init(h);
    assert_ok(chat_reply_new(&options, &r, NULL));
    assert_ok(chat_reply_feed(r, kit_str_sub(text, 0, first)));
    assert_ok(chat_reply_feed(r, kit_str_sub(text, first, second - first)));
    for (size_t i = second; i < text.len; i++) {
        assert_ok(chat_reply_feed(r, kit_str_sub(text, i, 1)));
    }
    assert_ok(chat_reply_end(r));
    assert_int_equal(chat_reply_calls(r), h->count);
    chat_reply_free(r);
}

static void expect(const struct row *row, const struct heard *h)
{
    bool good = kit_str_eq(kit_buf_str(&h->content), kit_str_c(row->content)) &&
                kit_str_eq(kit_buf_str(&h->reasoning), kit_str_c(row->reasoning)) &&
                kit_str_eq(kit_buf_str(&h->calls), kit_str_c(row->calls));
    if (!good) {
        fail_msg("read: %s\ncontent: '%.*s'\nreasoning: '%.*s'\ncalls: %.*s", row->text,
                 KIT_STR_ARG(kit_buf_str(&h->content)), KIT_STR_ARG(kit_buf_str(&h->reasoning)),
                 KIT_STR_ARG(kit_buf_str(&h->calls)));
    }
}

static void check(const struct row *row)
{
    struct kit_json_doc *doc = NULL;
    kit_json tools = tools_of(&doc);
    size_t len = strlen(row->text);
    for (size_t i = 0; i <= len; i++) {
        struct heard h;
        listen(row, tools, i, len, &h); /* two pieces */
        expect(row, &h);
        heard_done(&h);
        listen(row, tools, i, KIT_MIN(i + 7, len), &h); /* three, then each byte by itself */
        expect(row, &h);
        heard_done(&h);
    }
    kit_json_free(doc);
}

static void check_all(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        check(&rows[i]);
    }
}

#define HERMES (CHAT_FORM_TAG | CHAT_FORM_FUNCTION)
#define LLAMA CHAT_FORM_JSON
#define GEMMA (CHAT_FORM_PYTHON | CHAT_FORM_JSON)

TEST(reply_reads_calls_of_each_family_however_the_bytes_are_cut)
{
    static const struct row rows[] = {
        /* Hermes, Qwen */
        {HERMES, false, "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"s\": \"a\", \"n\": 1}}\n</tool_call>", "", "",
         "[f {\"s\": \"a\", \"n\": 1}]"},
        {HERMES, false,
         "Let me look.\n\n<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>\n<tool_call>{\"name\":\"g\"}"
         "</tool_call>",
         "Let me look.", "", "[f {}][g {}]"},
        {HERMES, false,
         "<tool_call>{\"arguments\":\"{\\\"s\\\": \\\"</tool_call>\\\"}\",\"name\":\"f\"}</tool_call> done", "done", "",
         "[f {\"s\": \"</tool_call>\"}]"},
        /* Qwen3-Coder */
        {HERMES, false,
         "<tool_call>\n<function=f>\n<parameter=s>\n12\n</parameter>\n<parameter=n>\n12\n</parameter>\n<parameter=x>"
         "\n{\"a\": [1]}\n</parameter>\n</function>\n</tool_call>",
         "", "", "[f {\"s\": \"12\", \"n\": 12, \"x\": {\"a\": [1]}}]"},
        {HERMES, false, "<tool_call>\n<function=g>\n</function>\n</tool_call>", "", "", "[g {}]"},
        {HERMES, false, "<function=f>\n<parameter=s>\nline 1\nline \"2\"\n</parameter>\n</function>", "", "",
         "[f {\"s\": \"line 1\\nline \\\"2\\\"\"}]"},
        /* GLM */
        {HERMES, false,
         "<tool_call>f\n<arg_key>s</arg_key>\n<arg_value>5</arg_value>\n<arg_key>n</arg_key>\n<arg_value>5"
         "</arg_value>\n</tool_call>",
         "", "", "[f {\"s\": \"5\", \"n\": 5}]"},
        /* Functionary */
        {CHAT_FORM_FUNCTION, false, "<function=f>{\"n\": 2}</function><function=g>{}</function>", "", "",
         "[f {\"n\": 2}][g {}]"},
        /* Llama 3 */
        {LLAMA, false, "{\"name\": \"f\", \"parameters\": {\"n\": 1.5}}", "", "", "[f {\"n\": 1.5}]"},
        {LLAMA, false,
         "\n<|python_tag|>{\"type\": \"function\", \"name\": \"f\", \"parameters\": {\"s\": \"}\"}}<|eom_id|>", "", "",
         "[f {\"s\": \"}\"}]"},
        {LLAMA, false, "<|python_tag|>search.call(query=\"a b\", n=3)", "", "",
         "[search {\"query\": \"a b\", \"n\": 3}]"},
        /* Mistral */
        {CHAT_FORM_BRACKET, false,
         "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"s\": \"]\"}}, {\"name\": \"g\", \"arguments\": {}, "
         "\"id\": \"x1\"}]",
         "", "", "[f {\"s\": \"]\"}][g {}]"},
        {CHAT_FORM_BRACKET, false, "Well.[TOOL_CALLS]f[ARGS]{\"n\": 1}[TOOL_CALLS]g[CALL_ID]a1[ARGS]{}", "Well.", "",
         "[f {\"n\": 1}][g {}]"},
        {CHAT_FORM_BRACKET, false, "[THINK]hm[/THINK][TOOL_CALLS]f{\"n\": 1}", "", "hm", "[f {\"n\": 1}]"},
        /* DeepSeek */
        {CHAT_FORM_DEEPSEEK, false,
         "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f\n```json\n{\"s\": "
         "\"```\"}\n```<｜tool▁call▁end｜>\n"
         "<｜tool▁call▁begin｜>function<｜tool▁sep｜>g\n```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
         "", "", "[f {\"s\": \"```\"}][g {}]"},
        {CHAT_FORM_DEEPSEEK, true,
         "so\n</think>\n\nOn it.<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"n\": "
         "3}<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
         "On it.", "so", "[f {\"n\": 3}]"},
        /* Command-R */
        {CHAT_FORM_ACTION, false,
         "Action: ```json\n[\n  {\n    \"tool_name\": \"f\",\n    \"parameters\": {\"n\": 1}\n  }\n]\n```", "", "",
         "[f {\"n\": 1}]"},
        {CHAT_FORM_ACTION, false,
         "<|START_THINKING|>I will.<|END_THINKING|><|START_ACTION|>[\n  {\"tool_call_id\": \"0\", \"tool_name\": "
         "\"f\", \"parameters\": {}}\n]<|END_ACTION|>",
         "", "I will.", "[f {}]"},
        {CHAT_FORM_ACTION, false, "<|START_RESPONSE|>Hi.<|END_RESPONSE|>", "Hi.", "", ""},
        /* Granite, Phi-4 */
        {CHAT_FORM_PIPE, false, "<|tool_call|>[{\"name\": \"f\", \"arguments\": {\"n\": 1}}]<|/tool_call|>", "", "",
         "[f {\"n\": 1}]"},
        {CHAT_FORM_PIPE, false,
         "<|tool_call|> [{\"name\": \"f\", \"arguments\": {}}, {\"name\": \"g\", \"arguments\": {}}]", "", "",
         "[f {}][g {}]"},
        /* Llama 4, Gemma */
        {GEMMA, false, "[f(s='it\\'s', n=-1), m.g(a=[1, True, None], b={'k': \"v\"})]", "", "",
         "[f {\"s\": \"it's\", \"n\": -1}][m.g {\"a\": [1,true,null], \"b\": {\"k\":\"v\"}}]"},
        {GEMMA, false, "Sure.\n```tool_code\nprint(f(s=\"x\\ny\"))\n```", "Sure.", "", "[f {\"s\": \"x\\ny\"}]"},
        {GEMMA, false, "```tool_code\n[f(), g(a=1.5e3)]\n```\nDone", "Done", "", "[f {}][g {\"a\": 1.5e3}]"},
        /* gpt-oss */
        {CHAT_FORM_HARMONY, false,
         "<|channel|>analysis<|message|>Think.<|end|><|start|>assistant<|channel|>commentary to=functions.f "
         "<|constrain|>json<|message|>"
         "{\"n\": 1}<|call|>",
         "", "Think.", "[f {\"n\": 1}]"},
        {CHAT_FORM_HARMONY, false, "<|channel|>final<|message|>Hi {x} <|return|>", "Hi {x}", "", ""},
        {CHAT_FORM_HARMONY, false,
         "<|start|>assistant to=functions.g<|channel|>commentary<|message|>{}<|call|><|channel|>final<|message|>ok",
         "ok", "", "[g {}]"},
    };
    check_all(rows, KIT_COUNT(rows));
}

TEST(reply_tells_reasoning_apart)
{
    static const struct row rows[] = {
        {HERMES, false, "<think>\nso <b>\n</think>\n\nHello <think> world", "Hello <think> world", "so <b>", ""},
        {HERMES, false, " <think></think>x", "x", "", ""},
        {HERMES, true, "\nso\n</think>\n\n<tool_call>{\"name\":\"f\"}</tool_call>", "", "so", "[f {}]"},
        {HERMES, true, "no end \n", "", "no end \n", ""},
        {0, false, "<think>a</think> <tool_call>{\"name\":\"f\"}</tool_call>",
         "<tool_call>{\"name\":\"f\"}</tool_call>", "a", ""},
        {LLAMA, false, "<think>a</think>\n{\"name\": \"f\"}", "", "a", "[f {}]"},
        {HERMES, false, "Hello </think> you", "Hello </think> you", "", ""},
    };
    check_all(rows, KIT_COUNT(rows));
}

TEST(reply_loses_nothing_that_is_no_call)
{
    static const struct row rows[] = {
        {HERMES, false, " <tool_call>{\"name\": \"f\"", " <tool_call>{\"name\": \"f\"", "", ""},
        {HERMES, false, "a \n<tool_call>{bad}</tool_cal", "a \n<tool_call>{bad}</tool_cal", "", ""},
        {HERMES, false, "<tool_call>{\"x\": 1} y", "<tool_call>{\"x\": 1} y", "", ""},
        {HERMES, false, "<tool_call>\n<function=f>\n<parameter=s>\nno end",
         "<tool_call>\n<function=f>\n<parameter=s>\nno end", "", ""},
        {HERMES, false, "<tool_call>{\"name\":\"f\",\"arguments\":[1]}",
         "<tool_call>{\"name\":\"f\",\"arguments\":[1]}", "", ""},
        {HERMES, false, "<tool_call>{\"name\":\"f\",\"arguments\":\"no JSON\"}",
         "<tool_call>{\"name\":\"f\",\"arguments\":\"no JSON\"}", "", ""},
        {HERMES, false, "a < b <tool <b>x</b> \n", "a < b <tool <b>x</b> \n", "", ""},
        {LLAMA, false, "{\"name\": 1} {", "{\"name\": 1} {", "", ""},
        {LLAMA, false, "{\"a\": 1}", "{\"a\": 1}", "", ""},
        {LLAMA, false, " x {\"name\": \"f\"}", " x {\"name\": \"f\"}", "", ""},
        {GEMMA, false, "[1] is a reference", "[1] is a reference", "", ""},
        {GEMMA, false, "[f(1)]", "[f(1)]", "", ""},
        {GEMMA, false, "[f(x=y)]", "[f(x=y)]", "", ""},
        {GEMMA, false, "```tool_code\nfor x in y:\n```", "```tool_code\nfor x in y:\n```", "", ""},
        {CHAT_FORM_BRACKET, false, "[TOOL_CALLS] none", "[TOOL_CALLS] none", "", ""},
        {CHAT_FORM_BRACKET, false, "[TOOL_CALLS][{\"name\":\"f\"},", "[TOOL_CALLS][{\"name\":\"f\"},", "", ""},
        {CHAT_FORM_ACTION, false, "Action: run. A", "Action: run. A", "", ""},
        {CHAT_FORM_PIPE, false, "<|tool_call|>[]", "<|tool_call|>[]", "", ""},
        {CHAT_FORM_HARMONY, false, "<|channel|>commentary to=functions.f<|message|>no<|call|>",
         "<|channel|>commentary to=functions.f<|message|>no<|call|>", "", ""},
        {CHAT_FORM_HARMONY, false, "<|start|>never", "<|start|>never", "", ""},
        {0, false, "{\"name\": \"f\"} [f()] <tool_call>", "{\"name\": \"f\"} [f()] <tool_call>", "", ""},
        {HERMES, false, "", "", "", ""},
        {HERMES, false, " \n ", " \n ", "", ""},
        {HERMES, false, "Grüße 世界 <｜ 🎈", "Grüße 世界 <｜ 🎈", "", ""},
    };
    check_all(rows, KIT_COUNT(rows));
}

TEST(reply_a_call_that_is_too_long_is_content)
{
    struct heard h;
    struct row row = {HERMES, false, NULL, NULL, "", "[f {}]"};
    char *words = kit_alloc(CHAT_REPLY_CALL_BYTES_MAX + 1);
    assert_non_null(words);
    memset(words, 'x', CHAT_REPLY_CALL_BYTES_MAX);
    words[CHAT_REPLY_CALL_BYTES_MAX] = '\0';
    char *content = kit_alloc_printf("<tool_call>{\"name\":\"f\",\"arguments\":{\"s\":\"%s\"}}", words);
    char *text = kit_alloc_printf("%s</tool_call> <tool_call>{\"name\":\"f\"}</tool_call>", content);
    row.text = text;
    row.content = content;
    listen(&row, (kit_json){NULL}, 0, strlen(text), &h);
    expect(&row, &h);
    heard_done(&h);
    kit_alloc_free(words);
    kit_alloc_free(content);
    kit_alloc_free(text);
}

TEST(reply_reads_what_a_forced_call_must_be)
{
    static const uint32_t families[] = {HERMES,
                                        LLAMA,
                                        GEMMA,
                                        CHAT_FORM_FUNCTION,
                                        CHAT_FORM_BRACKET,
                                        CHAT_FORM_DEEPSEEK,
                                        CHAT_FORM_ACTION,
                                        CHAT_FORM_PIPE,
                                        CHAT_FORM_HARMONY};
    for (size_t i = 0; i < KIT_COUNT(families); i++) {
        struct kit_buf prefix, suffix;
        kit_buf_init(&prefix, 1024);
        kit_buf_init(&suffix, 1024);
        chat_family_forced(families[i], kit_str_lit("f"), &prefix, &suffix);
        char *text = kit_alloc_printf("%.*s{\"n\": 1}%.*s", KIT_STR_ARG(kit_buf_str(&prefix)),
                                      KIT_STR_ARG(kit_buf_str(&suffix)));
        struct row row = {families[i], false, text, "", "", "[f {\"n\": 1}]"};
        check(&row);
        kit_alloc_free(text);
        kit_buf_done(&prefix);
        kit_buf_done(&suffix);
    }
}

TEST(reply_keeps_thinking_as_content_where_asked)
{
    struct heard h;
    struct chat_reply *r = NULL;
    heard_init(&h);
    struct chat_reply_options options = {.keep_thinking = true, .event = hear, .ctx = &h};
    assert_ok(chat_reply_new(&options, &r, NULL));
    assert_ok(chat_reply_feed(r, kit_str_lit("<think>a</think> b")));
    assert_ok(chat_reply_end(r));
    assert_str(kit_buf_str(&h.content), "<think>a</think> b");
    chat_reply_free(r);
    heard_done(&h);
}

TEST(reply_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct heard h;
        struct chat_reply *r = NULL;
        heard_init(&h);
        struct chat_reply_options options = {.forms = HERMES, .event = hear, .ctx = &h};
        enum kit_status rc = chat_reply_new(&options, &r, NULL);
        rc = rc == KIT_OK
                 ? chat_reply_feed(
                       r,
                       kit_str_lit("<think>a</think>b<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":1}}</tool_call>"))
                 : rc;
        rc = rc == KIT_OK ? chat_reply_end(r) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        chat_reply_free(r);
        heard_done(&h);
    }
}

TEST(family_is_read_off_the_template)
{
    assert_int_equal(chat_family_of(kit_str_lit("x <tool_call> y")), HERMES);
    assert_int_equal(chat_family_of(kit_str_lit("[TOOL_CALLS]")), CHAT_FORM_BRACKET);
    assert_int_equal(chat_family_of(kit_str_lit("<|start_header_id|>")), CHAT_FORM_JSON);
    assert_int_equal(chat_family_of(kit_str_lit("<|channel|>")), CHAT_FORM_HARMONY);
    assert_int_equal(chat_family_of(kit_str_lit("nothing")), CHAT_FORM_TAG);
}

int main(void)
{
    return TEST_RUN(TEST_OF(reply_reads_calls_of_each_family_however_the_bytes_are_cut),
                    TEST_OF(reply_tells_reasoning_apart), TEST_OF(reply_loses_nothing_that_is_no_call),
                    TEST_OF(reply_a_call_that_is_too_long_is_content), TEST_OF(reply_reads_what_a_forced_call_must_be),
                    TEST_OF(reply_keeps_thinking_as_content_where_asked), TEST_OF(reply_survives_each_failed_alloc),
                    TEST_OF(family_is_read_off_the_template));
}
