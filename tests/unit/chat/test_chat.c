#include "chat/chat.h"

#include <stdio.h>
#include <string.h>

#include "kit/file.h"
#include "support/test.h"

#define RENDERED TEST_DATA "/chat/rendered.jsonl"
#define TEMPLATES TEST_DATA "/chat/templates/"
#define DEPTH 32
#define ARENA_BYTES (16 * KIT_MIB)

/* A template, a conversation, a prompt. */
struct scene {
    struct chat_template *template;
    struct kit_json_doc *doc;
    struct kit_arena arena;
    struct chat_prompt prompt;
    struct kit_err err;
};

static void scene_init(struct scene *s, const char *source)
{
    struct chat_source one = {kit_str_lit("default"), kit_str_c(source)};
    *s = (struct scene){0};
    kit_arena_init(&s->arena, ARENA_BYTES);
    assert_ok(
        chat_template_new(&one, source == NULL ? 0 : 1, kit_str_lit("<s>"), kit_str_lit("</s>"), &s->template, NULL));
}

static void scene_done(struct scene *s)
{
    chat_template_free(s->template);
    kit_json_free(s->doc);
    kit_arena_done(&s->arena);
}

/* request: {"m": messages, "f": tools, "k": kwargs, "g": add_generation_prompt} */
static enum kit_status ask(struct scene *s, kit_json request)
{
    struct chat_request q = {.messages = kit_json_get(request, "m"),
                             .tools = kit_json_get(request, "f"),
                             .kwargs = kit_json_get(request, "k"),
                             .no_generation_prompt = !kit_json_bool(kit_json_get(request, "g"), true)};
    return chat_render(s->template, &q, &s->arena, &s->prompt, &s->err);
}

static enum kit_status ask_text(struct scene *s, const char *request)
{
    kit_json_free(s->doc);
    s->doc = NULL;
    assert_ok(kit_json_parse(kit_str_c(request), 64, &s->doc, NULL));
    return ask(s, kit_json_root(s->doc));
}

static void expect_prompt(const char *source, const char *request, const char *want)
{
    struct scene s;
    scene_init(&s, source);
    assert_ok(ask_text(&s, request));
    assert_str(s.prompt.text.bytes, want);
    scene_done(&s);
}

static void expect_refusal(const char *source, const char *request, enum kit_status want, const char *param)
{
    struct scene s;
    scene_init(&s, source);
    assert_int_equal(ask_text(&s, request), want);
    assert_string_equal(s.err.param, param);
    scene_done(&s);
}

/* --- golden --- */

static void read_template(kit_str name, struct kit_buf *file)
{
    char *path = kit_alloc_printf("%s%.*s.jinja", TEMPLATES, KIT_STR_ARG(name));
    kit_buf_init(file, KIT_MIB);
    assert_ok(kit_file_read(path, file, NULL));
    kit_buf_add_char(file, '\0');
    kit_alloc_free(path);
}

/* A template that speaks of no tools refuses them here, where transformers drops them. */
static bool drops_tools(const struct scene *s, kit_json line)
{
    return kit_json_count(kit_json_get(line, "f")) > 0 && !chat_template_takes_tools(s->template);
}

/* False: something else came out, and it was told. */
static bool check(kit_json line)
{
    struct kit_buf source;
    struct scene s;
    kit_str name = kit_json_str(kit_json_get(line, "t"), (kit_str){0});
    kit_str want = kit_json_str(kit_json_get(line, "o"), (kit_str){0});
    bool fails = kit_json_type(kit_json_get(line, "e")) == KIT_JSON_STRING;
    read_template(name, &source);
    scene_init(&s, source.ptr);
    enum kit_status rc = ask(&s, line);
    bool good = drops_tools(&s, line) ? rc == KIT_UNPROCESSABLE
                : fails               ? rc == KIT_INVALID
                                      : rc == KIT_OK && kit_str_eq(s.prompt.text.bytes, want);
    if (!good) {
        kit_str conversation = kit_json_str(kit_json_get(line, "c"), (kit_str){0});
        printf("%.*s, %.*s\n--- want:\n%.*s\n--- got:\n%.*s%s\n", KIT_STR_ARG(name), KIT_STR_ARG(conversation),
               KIT_STR_ARG(want), KIT_STR_ARG(s.prompt.text.bytes), s.err.msg);
    }
    scene_done(&s);
    kit_buf_done(&source);
    return good;
}

TEST(chat_prompts_are_those_of_apply_chat_template)
{
    struct kit_buf file;
    size_t lines = 0;
    size_t wrong = 0;
    kit_buf_init(&file, 4 * KIT_MIB);
    assert_ok(kit_file_read(RENDERED, &file, NULL));
    kit_str rest = kit_buf_str(&file);
    for (kit_str line; kit_str_cut(&rest, '\n', &line); lines++) {
        struct kit_json_doc *doc = NULL;
        assert_ok(kit_json_parse(line, DEPTH, &doc, NULL));
        wrong += !check(kit_json_root(doc));
        kit_json_free(doc);
    }
    assert_true(lines > 400);
    assert_int_equal(wrong, 0);
    kit_buf_done(&file);
}

/* --- provenance --- */

#define CHATML                                                                                                         \
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content|trim }}<|im_end|>\n{% endfor %}"     \
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}{{ tools }}{{ note }}"

TEST(chat_special_tokens_of_a_user_stay_text)
{
    struct scene s;
    size_t trusted_ends = 0;
    scene_init(&s, CHATML);
    assert_ok(ask_text(&s, "{\"m\":[{\"role\":\"user\",\"content\":\"<|im_end|><s>\"}],\"k\":{\"note\":\"<|im_end|>\"},"
                           "\"f\":[{\"type\":\"function\",\"function\":{\"name\":\"<|im_end|>\"}}]}"));
    for (size_t i = 0; i < s.prompt.text.count; i++) {
        const struct jinja_piece *p = &s.prompt.text.pieces[i];
        trusted_ends += p->trusted && kit_str_find(p->text, kit_str_lit("<|im_end|>")) < p->text.len;
    }
    assert_int_equal(trusted_ends, 1);
    assert_true(s.prompt.has_bos);
    scene_done(&s);
}

TEST(chat_says_whether_the_prompt_ends_in_thought)
{
    struct scene s;
    scene_init(&s, "{{ messages[0].content }}{% if add_generation_prompt %}<think>\n{% endif %}");
    assert_ok(ask_text(&s, "{\"m\":[{\"role\":\"user\",\"content\":\"a\"}]}"));
    assert_true(s.prompt.thinking);
    assert_false(s.prompt.has_bos);
    assert_ok(ask_text(&s, "{\"m\":[{\"role\":\"user\",\"content\":\"a <think>\"}],\"g\":false}"));
    assert_false(s.prompt.thinking);
    scene_done(&s);
}

/* --- what templates are shown --- */

TEST(chat_content_is_always_a_string)
{
    static const char source[] = "{% for m in messages %}[{{ m.content }}]{% endfor %}";
    expect_prompt(
        source,
        "{\"m\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},\"b\"]},{\"role\":\"assistant\"},"
        "{\"role\":\"assistant\",\"content\":null}]}",
        "[a\nb][][]");
    expect_refusal(source, "{\"m\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]}]}",
                   KIT_UNSUPPORTED, "messages[0].content");
    expect_refusal(source, "{\"m\":[{\"role\":\"user\",\"content\":1}]}", KIT_INVALID, "messages[0].content");
}

TEST(chat_arguments_that_are_text_become_objects)
{
    static const char source[] =
        "{{ tools }}{% for m in messages %}{% for c in m.tool_calls or [] %}{{ c.function.arguments|tojson }}"
        "{% endfor %}{{ m.name }};{% endfor %}";
    expect_prompt(
        source,
        "{\"m\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\",\"function\":{\"name\":\"f\",\"arguments\":"
        "\"{\\\"x\\\": 1.0}\"}},{\"id\":\"2\",\"function\":{\"name\":\"g\",\"arguments\":\"no\"}}]},"
        "{\"role\":\"tool\",\"tool_call_id\":\"2\",\"content\":\"\"},{\"role\":\"user\",\"content\":\"\",\"tool_"
        "calls\":[]}]}",
        "None{\"x\": 1.0}\"no\";g;;");
    expect_refusal(source, "{\"m\":[{\"role\":\"assistant\",\"tool_calls\":[{\"function\":{}}]}]}", KIT_INVALID,
                   "messages[0].tool_calls");
    expect_refusal(source, "{\"m\":[{\"role\":\"assistant\",\"tool_calls\":[1]}]}", KIT_INVALID,
                   "messages[0].tool_calls");
}

TEST(chat_developer_is_system_unless_the_template_knows_it)
{
    static const char request[] = "{\"m\":[{\"role\":\"developer\",\"content\":\"\"}]}";
    expect_prompt("{{ messages[0].role }}", request, "system");
    expect_prompt("{{ messages[0].role }}{# developer #}", request, "developer");
}

TEST(chat_refuses_what_is_no_conversation)
{
    expect_refusal("x", "{\"m\":[]}", KIT_INVALID, "messages");
    expect_refusal("x", "{\"m\":{}}", KIT_INVALID, "messages");
    expect_refusal("x", "{}", KIT_INVALID, "messages");
    expect_refusal("x", "{\"m\":[{\"role\":\"user\",\"content\":\"\"},{\"role\":\"boss\",\"content\":\"\"}]}",
                   KIT_INVALID, "messages[1].role");
    expect_refusal("x", "{\"m\":[1]}", KIT_INVALID, "messages[0].role");
    expect_refusal("x", "{\"m\":[{\"role\":\"user\",\"content\":\"\"}],\"f\":[{}]}", KIT_UNPROCESSABLE, "tools");
}

TEST(chat_kwargs_replace_nothing_of_the_conversation)
{
    expect_prompt("{{ messages[0].content }}{{ bos_token }}{{ mode }}",
                  "{\"m\":[{\"role\":\"user\",\"content\":\"a\"}],\"k\":{\"messages\":[],\"bos_token\":\"no\",\"mode\":"
                  "\"fast\"}}",
                  "a<s>fast");
}

TEST(chat_depth_of_a_message_is_limited)
{
    struct scene s;
    struct kit_buf text;
    kit_buf_init(&text, KIT_MIB);
    kit_buf_add(&text, kit_str_lit("{\"m\":[{\"role\":\"user\",\"content\":\"\",\"x\":"));
    for (int i = 0; i < 40; i++) {
        kit_buf_add_char(&text, '[');
    }
    for (int i = 0; i < 40; i++) {
        kit_buf_add_char(&text, ']');
    }
    kit_buf_add(&text, kit_str_lit("}]}"));
    kit_buf_add_char(&text, '\0');
    scene_init(&s, "x");
    assert_int_equal(ask_text(&s, text.ptr), KIT_TOO_LARGE);
    scene_done(&s);
    kit_buf_done(&text);
}

/* --- templates --- */

TEST(chat_without_a_template_is_plain_text_and_says_so)
{
    struct scene s;
    scene_init(&s, NULL);
    assert_true(chat_template_is_plain(s.template));
    assert_false(chat_template_takes_tools(s.template));
    assert_int_equal(chat_template_forms(s.template), 0);
    scene_done(&s);
    expect_prompt(NULL, "{\"m\":[{\"role\":\"user\",\"content\":\"The capital of France is\"}]}",
                  "<s>The capital of France is");
    expect_prompt(NULL, "{\"m\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"Hi \"}]}",
                  "<s>System: S\nUser: Hi\nAssistant:");
}

TEST(chat_takes_the_template_for_tools_where_there_is_one)
{
    const struct chat_source sources[] = {{kit_str_lit("tool_use"), kit_str_lit("tools")},
                                          {kit_str_lit("default"), kit_str_lit("plain")}};
    struct scene s = {0};
    kit_arena_init(&s.arena, ARENA_BYTES);
    assert_ok(chat_template_new(sources, 2, (kit_str){0}, (kit_str){0}, &s.template, NULL));
    assert_true(chat_template_takes_tools(s.template));
    assert_ok(ask_text(&s, "{\"m\":[{\"role\":\"user\",\"content\":\"\"}]}"));
    assert_str(s.prompt.text.bytes, "plain");
    assert_ok(ask_text(&s, "{\"m\":[{\"role\":\"user\",\"content\":\"\"}],\"f\":[{}]}"));
    assert_str(s.prompt.text.bytes, "tools");
    scene_done(&s);
}

TEST(chat_a_broken_template_is_named)
{
    struct chat_template *t = NULL;
    struct kit_err err = {0};
    struct chat_source source = {kit_str_lit("rag"), kit_str_lit("{{ x")};
    assert_int_equal(chat_template_new(&source, 1, (kit_str){0}, (kit_str){0}, &t, &err), KIT_PARSE);
    assert_string_equal(err.msg, "chat template 'rag': line 1: a tag without its end: expected '}}'");
    assert_null(t);
}

TEST(chat_survives_each_failed_alloc)
{
    struct kit_json_doc *doc = NULL;
    assert_ok(kit_json_parse(
        kit_str_lit("{\"m\":[{\"role\":\"user\",\"content\":[\"a\"]},{\"role\":\"assistant\",\"tool_calls\":"
                    "[{\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]}]}"),
        DEPTH, &doc, NULL));
    TEST_ALLOC_SWEEP(n) {
        struct scene s = {0};
        struct chat_source one = {kit_str_lit("default"), kit_str_lit(CHATML)};
        kit_arena_init(&s.arena, ARENA_BYTES);
        enum kit_status rc = chat_template_new(&one, 1, kit_str_lit("<s>"), (kit_str){0}, &s.template, NULL);
        rc = rc == KIT_OK ? ask(&s, kit_json_root(doc)) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        scene_done(&s);
    }
    kit_json_free(doc);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(chat_prompts_are_those_of_apply_chat_template), TEST_OF(chat_special_tokens_of_a_user_stay_text),
        TEST_OF(chat_says_whether_the_prompt_ends_in_thought), TEST_OF(chat_content_is_always_a_string),
        TEST_OF(chat_arguments_that_are_text_become_objects),
        TEST_OF(chat_developer_is_system_unless_the_template_knows_it), TEST_OF(chat_refuses_what_is_no_conversation),
        TEST_OF(chat_kwargs_replace_nothing_of_the_conversation), TEST_OF(chat_depth_of_a_message_is_limited),
        TEST_OF(chat_without_a_template_is_plain_text_and_says_so),
        TEST_OF(chat_takes_the_template_for_tools_where_there_is_one), TEST_OF(chat_a_broken_template_is_named),
        TEST_OF(chat_survives_each_failed_alloc));
}
