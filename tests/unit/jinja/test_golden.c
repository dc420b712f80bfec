/* What transformers' template environment prints for small templates (tools/golden/jinja_snippets.py), and ours. */
#include "jinja/jinja.h"

#include <stdio.h>

#include "kit/file.h"
#include "kit/json.h"
#include "support/test.h"

#define SNIPPETS TEST_DATA "/jinja/snippets.jsonl"
#define DEPTH 32
#define NAMES_MAX 64

static struct jinja_binding names[NAMES_MAX];
static size_t name_count;

static void take_context(kit_json context)
{
    for (struct kit_json_iter i = kit_json_iter(context); kit_json_next(&i);) {
        assert_true(name_count < NAMES_MAX);
        names[name_count++] = (struct jinja_binding){i.key, i.value, false};
    }
}

static enum kit_status render(kit_str source, struct kit_arena *arena, struct jinja_text *ret, struct kit_err *err)
{
    struct jinja_template *t = NULL;
    struct jinja_context context = {.bindings = names, .count = name_count};
    enum kit_status rc = jinja_compile(source, &t, err);
    if (rc == KIT_OK) {
        rc = jinja_render(t, &context, arena, ret, err);
    }
    jinja_free(t);
    return rc;
}

/* False: something else came out, and it was told. */
static bool check(kit_json line)
{
    struct kit_arena arena;
    struct jinja_text text = {0};
    struct kit_err err = {0};
    kit_str source = kit_json_str(kit_json_get(line, "t"), (kit_str){0});
    kit_str want = kit_json_str(kit_json_get(line, "o"), (kit_str){0});
    bool fails = kit_json_type(kit_json_get(line, "e")) == KIT_JSON_STRING;
    kit_arena_init(&arena, 16 * KIT_MIB);
    enum kit_status rc = render(source, &arena, &text, &err);
    bool good = fails ? rc != KIT_OK : rc == KIT_OK && kit_str_eq(text.bytes, want);
    if (!good) {
        printf("template: %.*s\n    want: %.*s\n    got:  %.*s%s\n", KIT_STR_ARG(source), KIT_STR_ARG(want),
               KIT_STR_ARG(text.bytes), err.msg);
    }
    kit_arena_done(&arena);
    return good;
}

TEST(jinja_prints_what_python_prints_and_fails_where_it_fails)
{
    struct kit_buf file;
    struct kit_json_doc *context = NULL;
    size_t wrong = 0;
    size_t lines = 0;
    kit_buf_init(&file, 4 * KIT_MIB);
    assert_ok(kit_file_read(SNIPPETS, &file, NULL));
    kit_str rest = kit_buf_str(&file);
    for (kit_str line; kit_str_cut(&rest, '\n', &line); lines++) {
        struct kit_json_doc *doc = NULL;
        assert_ok(kit_json_parse(line, DEPTH, &doc, NULL));
        if (lines == 0) {
            context = doc;
            take_context(kit_json_root(doc));
            continue;
        }
        wrong += !check(kit_json_root(doc));
        kit_json_free(doc);
    }
    assert_true(lines > 400);
    assert_int_equal(wrong, 0);
    kit_json_free(context);
    kit_buf_done(&file);
}

int main(void)
{
    return TEST_RUN(TEST_OF(jinja_prints_what_python_prints_and_fails_where_it_fails));
}
