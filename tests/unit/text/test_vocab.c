#include "text/vocab.h"

#include <stdio.h>

#include "support/test.h"

struct fixture {
    struct kit_arena arena;
    struct kit_json_doc *doc;
    struct text_vocab *v;
    struct kit_err err;
};

static enum kit_status parse(struct fixture *f, kit_str json)
{
    *f = (struct fixture){0};
    kit_arena_init(&f->arena, 64 * KIT_MIB);
    enum kit_status rc = kit_json_parse(json, 8, &f->doc, &f->err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_node root = text_node_root(kit_json_root(f->doc));
    struct text_node vocab = text_node_get(&root, "vocab");
    return text_vocab_parse(&vocab, &f->arena, &f->v, &f->err);
}

static void done(struct fixture *f)
{
    kit_json_free(f->doc);
    kit_arena_done(&f->arena);
}

static void refuses(kit_str json, enum kit_status code, const char *message)
{
    struct fixture f;
    assert_int_equal(parse(&f, json), code);
    assert_string_equal(f.err.msg, message);
    assert_null(f.v);
    done(&f);
}

TEST(vocab_finds_each_piece_by_name_and_by_id)
{
    struct fixture f;
    uint32_t id = 99;
    assert_int_equal(parse(&f, kit_str_lit("{\"vocab\":{\"a\":0,\"##a\":2,\"\xC3\xA9t\xC3\xA9\":5,\"\":1}}")), KIT_OK);
    assert_int_equal(text_vocab_count(f.v), 4);
    assert_int_equal(text_vocab_id_end(f.v), 6);
    assert_true(text_vocab_find(f.v, kit_str_lit("##a"), &id));
    assert_int_equal(id, 2);
    assert_true(text_vocab_find(f.v, kit_str_lit(""), &id));
    assert_int_equal(id, 1);
    assert_false(text_vocab_find(f.v, kit_str_lit("##"), &id));
    assert_str(text_vocab_piece(f.v, 5), "\xC3\xA9t\xC3\xA9");
    done(&f);
}

TEST(vocab_has_no_piece_for_a_hole_or_an_id_behind_the_end)
{
    struct fixture f;
    assert_int_equal(parse(&f, kit_str_lit("{\"vocab\":{\"a\":0,\"b\":3}}")), KIT_OK);
    assert_null(text_vocab_piece(f.v, 1).ptr);
    assert_null(text_vocab_piece(f.v, 4).ptr);
    assert_null(text_vocab_piece(f.v, UINT32_MAX).ptr);
    done(&f);
}

TEST(vocab_longest_prefers_the_longest_and_heeds_the_prefix)
{
    struct fixture f;
    size_t bytes = 0;
    uint32_t id = 0;
    assert_int_equal(parse(&f, kit_str_lit("{\"vocab\":{\"a\":0,\"abc\":1,\"##ab\":2,\"##b\":3,\"\xE6\x97\xA5\":4}}")),
                     KIT_OK);
    assert_true(text_vocab_longest(f.v, kit_str_lit(""), kit_str_lit("abcd"), &bytes, &id));
    assert_int_equal(bytes, 3);
    assert_int_equal(id, 1);
    assert_true(text_vocab_longest(f.v, kit_str_lit(""), kit_str_lit("ab"), &bytes, &id));
    assert_int_equal(bytes, 1);
    assert_true(text_vocab_longest(f.v, kit_str_lit("##"), kit_str_lit("abc"), &bytes, &id));
    assert_int_equal(id, 2);
    assert_true(text_vocab_longest(f.v, kit_str_lit(""), kit_str_lit("\xE6\x97\xA5\xE6\x97\xA6"), &bytes, &id));
    assert_int_equal(bytes, 3);
    assert_false(text_vocab_longest(f.v, kit_str_lit("##"), kit_str_lit("c"), &bytes, &id));
    assert_false(text_vocab_longest(f.v, kit_str_lit("#####"), kit_str_lit("a"), &bytes, &id));
    assert_false(text_vocab_longest(f.v, kit_str_lit(""), kit_str_lit(""), &bytes, &id));
    done(&f);
}

TEST(vocab_keeps_ten_thousand_pieces_apart)
{
    struct kit_arena arena;
    struct text_vocab *v = NULL;
    char name[16];
    kit_arena_init(&arena, KIT_MIB);
    assert_int_equal(text_vocab_new(&arena, 10000, 10000, 100000, &v), KIT_OK);
    for (uint32_t i = 0; i < 10000; i++) {
        snprintf(name, sizeof(name), "p%u", i * 7);
        assert_true(text_vocab_add(v, kit_str_c(name), i));
    }
    for (uint32_t i = 0; i < 10000; i++) {
        uint32_t id = 0;
        snprintf(name, sizeof(name), "p%u", i * 7);
        assert_true(text_vocab_find(v, kit_str_c(name), &id));
        assert_int_equal(id, i);
        snprintf(name, sizeof(name), "p%u", i * 7 + 1);
        assert_false(text_vocab_find(v, kit_str_c(name), &id));
    }
    kit_arena_done(&arena);
}

TEST(vocab_parse_names_the_path_of_what_it_refuses)
{
    refuses(kit_str_lit("{}"), KIT_PARSE, "vocab: must be an object, but is missing");
    refuses(kit_str_lit("{\"vocab\":[]}"), KIT_PARSE, "vocab: must be an object, but is an array");
    refuses(kit_str_lit("{\"vocab\":{}}"), KIT_PARSE, "vocab: must not be empty");
    refuses(kit_str_lit("{\"vocab\":{\"a\":\"1\"}}"), KIT_PARSE, "vocab.a: must be a number, but is a string");
    refuses(kit_str_lit("{\"vocab\":{\"##a\":-1}}"), KIT_PARSE,
            "vocab['##a']: must be a whole number from 0 to 1048575");
    refuses(kit_str_lit("{\"vocab\":{\"a\":1048576}}"), KIT_PARSE, "vocab.a: must be a whole number from 0 to 1048575");
    refuses(kit_str_lit("{\"vocab\":{\"a\":1.5}}"), KIT_PARSE, "vocab.a: must be a whole number from 0 to 1048575");
    refuses(kit_str_lit("{\"vocab\":{\"a\":7,\"b\":7}}"), KIT_PARSE, "vocab.b: id 7 belongs to 'a' already");
    refuses(kit_str_lit("{\"vocab\":{\"a\":7,\"a\":8}}"), KIT_PARSE, "vocab.a: this piece is there twice");
}

TEST(vocab_parse_refuses_a_piece_that_is_too_long)
{
    struct fixture f;
    char json[2000];
    memset(json, 'x', sizeof(json));
    memcpy(json, "{\"vocab\":{\"", 11);
    memcpy(json + 11 + TEXT_VOCAB_PIECE_BYTES_MAX, "\":0}}", 5);
    assert_int_equal(parse(&f, (kit_str){json, 16 + TEXT_VOCAB_PIECE_BYTES_MAX}), KIT_OK);
    done(&f);
    memcpy(json + 11 + TEXT_VOCAB_PIECE_BYTES_MAX, "x\":0}}", 6);
    assert_int_equal(parse(&f, (kit_str){json, 17 + TEXT_VOCAB_PIECE_BYTES_MAX}), KIT_TOO_LARGE);
    done(&f);
}

TEST(vocab_parse_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct fixture f;
        enum kit_status rc = parse(&f, kit_str_lit("{\"vocab\":{\"a\":0,\"b\":1}}"));
        assert_true(rc == KIT_OK ? f.v != NULL : rc == KIT_NOMEM && f.v == NULL);
        done(&f);
    }
}

static enum kit_status parse_lines(struct fixture *f, kit_str text, struct kit_err *err)
{
    *f = (struct fixture){0};
    kit_arena_init(&f->arena, 64 * KIT_MIB);
    return text_vocab_parse_lines(text, &f->arena, &f->v, err);
}

TEST(vocab_of_lines_trims_their_ends_and_keeps_the_last_of_two)
{
    struct fixture f;
    assert_ok(parse_lines(&f, kit_str_lit("a \r\n b\n\na\xE3\x80\x80\nc"), NULL));
    assert_int_equal(text_vocab_id_end(f.v), 5);
    assert_int_equal(text_vocab_count(f.v), 4);
    assert_null(text_vocab_piece(f.v, 0).ptr);
    assert_str(text_vocab_piece(f.v, 1), " b");
    assert_str(text_vocab_piece(f.v, 2), "");
    assert_str(text_vocab_piece(f.v, 3), "a");
    assert_str(text_vocab_piece(f.v, 4), "c");
    done(&f);
    assert_ok(parse_lines(&f, kit_str_lit("\n"), NULL));
    assert_int_equal(text_vocab_id_end(f.v), 1);
    done(&f);
}

TEST(vocab_of_lines_refuses_what_is_too_long_or_no_text)
{
    struct fixture f;
    struct kit_err err;
    char line[TEXT_VOCAB_PIECE_BYTES_MAX + 3] = "a\n";
    memset(line + 2, 'x', sizeof(line) - 2);
    assert_int_equal(parse_lines(&f, (kit_str){line, sizeof(line)}, &err), KIT_TOO_LARGE);
    assert_string_equal(err.msg, "line 2 has 1025 bytes; at most 1024 are taken");
    done(&f);
    assert_int_equal(parse_lines(&f, kit_str_lit("a\nb\xC3\n"), &err), KIT_PARSE);
    assert_string_equal(err.msg, "line 2 is not valid UTF-8");
    done(&f);
    assert_int_equal(parse_lines(&f, kit_str_lit(""), &err), KIT_PARSE);
    done(&f);
    char *many = kit_alloc(TEXT_VOCAB_MAX + 1);
    assert_non_null(many);
    memset(many, '\n', TEXT_VOCAB_MAX + 1);
    assert_int_equal(parse_lines(&f, (kit_str){many, TEXT_VOCAB_MAX + 1}, &err), KIT_TOO_LARGE);
    done(&f);
    kit_alloc_free(many);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(vocab_finds_each_piece_by_name_and_by_id),
        TEST_OF(vocab_has_no_piece_for_a_hole_or_an_id_behind_the_end),
        TEST_OF(vocab_longest_prefers_the_longest_and_heeds_the_prefix), TEST_OF(vocab_keeps_ten_thousand_pieces_apart),
        TEST_OF(vocab_parse_names_the_path_of_what_it_refuses), TEST_OF(vocab_parse_refuses_a_piece_that_is_too_long),
        TEST_OF(vocab_parse_survives_each_failed_alloc),
        TEST_OF(vocab_of_lines_trims_their_ends_and_keeps_the_last_of_two),
        TEST_OF(vocab_of_lines_refuses_what_is_too_long_or_no_text));
}
