#include "text/normalize.h"

#include <stdio.h>

#include "support/test.h"

struct fixture {
    struct kit_arena arena;
    struct kit_json_doc *doc;
    struct text_normalizer n;
    struct text_aligned text, spare;
    struct kit_err err;
};

static enum kit_status parse(struct fixture *f, const char *json)
{
    *f = (struct fixture){0};
    kit_arena_init(&f->arena, KIT_MIB);
    text_aligned_init(&f->text, 8 * KIT_MIB);
    text_aligned_init(&f->spare, 8 * KIT_MIB);
    enum kit_status rc = kit_json_parse(kit_str_c(json), 16, &f->doc, &f->err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_node root = text_node_root(kit_json_root(f->doc));
    struct text_node node = text_node_get(&root, "normalizer");
    return text_normalizer_parse(&node, &f->arena, &f->n, &f->err);
}

static void done(struct fixture *f)
{
    kit_json_free(f->doc);
    kit_arena_done(&f->arena);
    text_aligned_done(&f->text);
    text_aligned_done(&f->spare);
}

/* What `type` (the inside of the object) makes of `input`; the caller ends f. */
static void run(struct fixture *f, const char *inside, kit_str input)
{
    char json[300];
    snprintf(json, sizeof(json), "{\"normalizer\":{%s}}", inside);
    assert_int_equal(parse(f, json), KIT_OK);
    assert_int_equal(text_aligned_load(&f->text, input, 100), KIT_OK);
    assert_int_equal(text_normalizer_run(&f->n, &f->text, &f->spare), KIT_OK);
}

static void gives(const char *inside, const char *input, const char *output)
{
    struct fixture f;
    run(&f, inside, kit_str_c(input));
    assert_str(text_aligned_str(&f.text), output);
    done(&f);
}

static void expect_origin(const struct text_aligned *a, size_t start, size_t end, uint32_t from, uint32_t to)
{
    struct text_span span = text_aligned_origin(a, start, end);
    assert_int_equal(span.start, from);
    assert_int_equal(span.end, to);
}

#define BERT "\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,\"lowercase\":true"

TEST(normalizer_null_leaves_the_text_alone)
{
    struct fixture f;
    assert_int_equal(parse(&f, "{\"normalizer\":null}"), KIT_OK);
    assert_int_equal(f.n.count, 0);
    done(&f);
}

TEST(normalizer_bert_cleans_sets_apart_strips_and_lowers)
{
    gives(BERT, "A\tB\x01 C", "a b c");
    gives(BERT, "\xC3\x89t\xC3\xA9 \xE6\x97\xA5\xE6\x9C\xAC", "ete  \xE6\x97\xA5  \xE6\x9C\xAC ");
    gives(BERT ",\"strip_accents\":false", "\xC3\x89", "\xC3\xA9");
    gives("\"type\":\"BertNormalizer\",\"lowercase\":false", "\xC3\x89T", "\xC3\x89T");
    gives("\"type\":\"BertNormalizer\",\"lowercase\":false,\"strip_accents\":true", "\xC3\x89T", "ET");
    gives("\"type\":\"BertNormalizer\",\"clean_text\":false", "A\x01\t", "a\x01\t");
}

TEST(normalizer_bert_orders_marks_that_stay)
{
    /* U+302E (class 224) moves before U+302F's like; a nonspacing mark of a higher class between them goes.
     */
    gives(BERT,
          "a\xCC\x81\xE3\x80\xAE"
          "B",
          "a\xE3\x80\xAE"
          "b");
}

TEST(normalizer_ascii_keeps_its_origins_unwritten)
{
    struct fixture f;
    run(&f, BERT, kit_str_lit("Plain Text"));
    assert_true(f.text.same);
    expect_origin(&f.text, 6, 10, 106, 110);
    done(&f);
}

TEST(normalizer_remembers_where_each_byte_came_from)
{
    struct fixture f;
    run(&f, BERT, kit_str_lit("x\x01\xC3\x89 \xE6\x97\xA5.")); /* x e space space sun space . */
    assert_str(text_aligned_str(&f.text), "xe  \xE6\x97\xA5 .");
    expect_origin(&f.text, 0, 1, 100, 101);
    expect_origin(&f.text, 1, 2, 102, 104);
    expect_origin(&f.text, 0, 2, 100, 104);
    expect_origin(&f.text, 3, 4, 105, 108); /* the space that was put in belongs to the character */
    expect_origin(&f.text, 4, 7, 105, 108);
    expect_origin(&f.text, 8, 9, 108, 109);
    done(&f);
}

TEST(normalizer_forms_do_what_their_names_say)
{
    gives("\"type\":\"NFD\"", "\xC3\xA9", "e\xCC\x81");
    gives("\"type\":\"NFC\"", "e\xCC\x81", "\xC3\xA9");
    gives("\"type\":\"NFD\"", "a\xCC\x81\xCC\x96", "a\xCC\x96\xCC\x81");               /* ordered by class */
    gives("\"type\":\"NFC\"", "a\xCC\x96\xCC\x81", "\xC3\xA1\xCC\x96");                /* not blocked */
    gives("\"type\":\"NFC\"", "a\xCC\x81\xCC\x80", "\xC3\xA1\xCC\x80");                /* blocked by its class */
    gives("\"type\":\"NFC\"", "\xE1\x84\x92\xE1\x85\xA1\xE1\x86\xAB", "\xED\x95\x9C"); /* Hangul */
    gives("\"type\":\"NFC\"", "\xEF\xAC\x81", "\xEF\xAC\x81");
    gives("\"type\":\"NFKC\"", "\xEF\xAC\x81", "fi");
    gives("\"type\":\"NFKD\"", "\xC2\xBD\xC3\xA9",
          "1\xE2\x81\x84"
          "2e\xCC\x81");
}

TEST(normalizer_composed_character_spans_its_starter)
{
    struct fixture f;
    run(&f, "\"type\":\"NFC\"", kit_str_lit("xe\xCC\x81y"));
    assert_int_equal(f.text.len, 4);
    expect_origin(&f.text, 1, 3, 101, 102);
    expect_origin(&f.text, 3, 4, 104, 105);
    done(&f);
}

TEST(normalizer_orders_a_run_of_marks_that_somebody_made_long)
{
    enum { PAIRS = 50000 };
    struct fixture f;
    char *text = kit_alloc(1 + PAIRS * 4);
    assert_non_null(text);
    text[0] = 'a';
    for (size_t i = 0; i < PAIRS; i++) {
        memcpy(text + 1 + i * 4, "\xCC\x81\xCC\x96", 4);
    }
    run(&f, "\"type\":\"NFC\"", (kit_str){text, 1 + PAIRS * 4});
    assert_int_equal(f.text.len, 2 + PAIRS * 2 + (PAIRS - 1) * 2);
    assert_memory_equal(f.text.bytes, "\xC3\xA1\xCC\x96", 4); /* the first acute joined the a */
    assert_memory_equal(f.text.bytes + 2 + PAIRS * 2, "\xCC\x81", 2);
    kit_alloc_free(text);
    done(&f);
}

TEST(normalizer_simple_steps_do_what_their_names_say)
{
    gives("\"type\":\"Lowercase\"", "\xC3\x89 \xC4\xB0 ABC", "\xC3\xA9 i\xCC\x87 abc");
    gives("\"type\":\"Lowercase\"", "Abc-Z[", "abc-z[");
    gives("\"type\":\"StripAccents\"", "e\xCC\x81\xC3\xA9", "e\xC3\xA9");
    gives("\"type\":\"Strip\"", " \xC2\xA0 a b\xE3\x80\x80\n", "a b");
    gives("\"type\":\"Strip\",\"strip_left\":false", " a ", " a");
    gives("\"type\":\"Strip\",\"strip_right\":false", " a ", "a ");
    gives("\"type\":\"Strip\"", " \t ", "");
    gives("\"type\":\"Replace\",\"pattern\":{\"String\":\"aa\"},\"content\":\"b\"", "aaaxa", "baxa");
    gives("\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"\"", "aba", "b");
    gives("\"type\":\"Prepend\",\"prepend\":\"__\"", "a", "__a");
    gives("\"type\":\"Prepend\",\"prepend\":\"__\"", "", "");
}

TEST(normalizer_replaced_and_prepended_text_points_to_its_neighbour)
{
    struct fixture f;
    run(&f, "\"type\":\"Replace\",\"pattern\":{\"String\":\"ab\"},\"content\":\"xyz\"", kit_str_lit("-ab-"));
    expect_origin(&f.text, 1, 4, 102, 103); /* the last character of what it replaces */
    expect_origin(&f.text, 4, 5, 103, 104);
    done(&f);
    run(&f, "\"type\":\"Prepend\",\"prepend\":\"__\"",
        kit_str_lit("\xC3\xA9"
                    "a"));
    expect_origin(&f.text, 0, 2, 100, 102);
    expect_origin(&f.text, 4, 5, 102, 103);
    done(&f);
}

TEST(normalizer_sequence_runs_in_order_and_may_be_nested)
{
    gives("\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},{\"type\":\"Sequence\",\"normalizers\":"
          "[{\"type\":\"StripAccents\"},{\"type\":\"Lowercase\"}]}]",
          "\xC3\x89", "e");
    gives("\"type\":\"Sequence\",\"normalizers\":[]", "\xC3\x89", "\xC3\x89");
}

static void refuses(const char *json, enum kit_status code, const char *message)
{
    struct fixture f;
    assert_int_equal(parse(&f, json), code);
    assert_string_equal(f.err.msg, message);
    done(&f);
}

TEST(normalizer_parse_names_path_and_type_of_what_it_refuses)
{
    refuses("{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFC\"},{\"type\":"
            "\"Precompiled\"}]}}",
            KIT_UNSUPPORTED, "normalizer.normalizers[1].type: 'Precompiled' is not supported yet");
    refuses("{\"normalizer\":{}}", KIT_PARSE, "normalizer.type: must be a string, but is missing");
    refuses("{\"normalizer\":[]}", KIT_PARSE, "normalizer: must be an object, but is an array");
    refuses("{\"normalizer\":{\"type\":\"BertNormalizer\",\"lowercase\":1}}", KIT_PARSE,
            "normalizer.lowercase: must be a boolean, but is a number");
    refuses("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"Regex\":\"a+\"},\"content\":\"\"}}", KIT_UNSUPPORTED,
            "normalizer.pattern.Regex: a pattern that is a regular expression is not supported yet");
    refuses("{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}}", KIT_PARSE,
            "normalizer.pattern.String: must not be empty");
    refuses("{\"normalizer\":{\"type\":\"Sequence\"}}", KIT_PARSE,
            "normalizer.normalizers: must be an array, but is missing");
}

TEST(normalizer_run_stops_text_that_grows_beyond_its_maximum)
{
    struct fixture f;
    assert_int_equal(parse(&f, "{\"normalizer\":{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":"
                               "\"0123456789\"}}"),
                     KIT_OK);
    f.text.max = 100;
    f.spare.max = 100;
    assert_int_equal(text_aligned_load(&f.text, kit_str_lit("aaaaaaaaaaa"), 0), KIT_OK); /* becomes 110 */
    assert_int_equal(text_normalizer_run(&f.n, &f.text, &f.spare), KIT_TOO_LARGE);
    done(&f);
}

TEST(normalizer_survives_each_failed_alloc)
{
    const char *json =
        "{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"Prepend\",\"prepend\":\"_\"},"
        "{\"type\":\"NFKC\"},{\"type\":\"BertNormalizer\"},{\"type\":\"Replace\",\"pattern\":{\"String\":"
        "\"b\"},\"content\":\"c\"}]}}";
    char text[600];
    for (size_t i = 0; i < sizeof(text); i += 4) {
        memcpy(text + i, "\xCC\x81\xCC\x96", 4);
    }
    TEST_ALLOC_SWEEP(n) {
        struct fixture f;
        enum kit_status rc = parse(&f, json);
        if (rc == KIT_OK) {
            rc = text_aligned_load(&f.text, (kit_str){text, sizeof(text)}, 0);
        }
        if (rc == KIT_OK) {
            rc = text_normalizer_run(&f.n, &f.text, &f.spare);
        }
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        done(&f);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(normalizer_null_leaves_the_text_alone), TEST_OF(normalizer_bert_cleans_sets_apart_strips_and_lowers),
        TEST_OF(normalizer_bert_orders_marks_that_stay), TEST_OF(normalizer_ascii_keeps_its_origins_unwritten),
        TEST_OF(normalizer_remembers_where_each_byte_came_from), TEST_OF(normalizer_forms_do_what_their_names_say),
        TEST_OF(normalizer_composed_character_spans_its_starter),
        TEST_OF(normalizer_orders_a_run_of_marks_that_somebody_made_long),
        TEST_OF(normalizer_simple_steps_do_what_their_names_say),
        TEST_OF(normalizer_replaced_and_prepended_text_points_to_its_neighbour),
        TEST_OF(normalizer_sequence_runs_in_order_and_may_be_nested),
        TEST_OF(normalizer_parse_names_path_and_type_of_what_it_refuses),
        TEST_OF(normalizer_run_stops_text_that_grows_beyond_its_maximum),
        TEST_OF(normalizer_survives_each_failed_alloc));
}
