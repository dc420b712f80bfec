#include "text/bpe.h"

#include <stdio.h>

#include "support/test.h"

struct fixture {
    struct kit_arena arena;
    struct kit_json_doc *doc;
    struct text_model *model;
    struct kit_err err;
};

static enum kit_status parse(struct fixture *f, const char *json)
{
    *f = (struct fixture){0};
    kit_arena_init(&f->arena, 64 * KIT_MIB);
    enum kit_status rc = kit_json_parse(kit_str_c(json), 16, &f->doc, &f->err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_node root = text_node_root(kit_json_root(f->doc));
    struct text_node node = text_node_get(&root, "model");
    return text_model_parse(&node, &f->arena, &f->model, &f->err);
}

static void done(struct fixture *f)
{
    kit_json_free(f->doc);
    kit_arena_done(&f->arena);
}

/* A model with these members beside the vocabulary. */
#define BPE(members)                                                                                                   \
    "{\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"c\":2,\"ab\":3,\"bc\":4,\"abc\":5,\"<unk>\":6,"         \
    "\"<0xC3>\":7,\"<0xA9>\":8,\"b</w>\":9,\"ab</w>\":10,\"##b\":11,\"aa\":12,\"aaaa\":13}," members "}}"

/* Pieces are shown with their spans, "ab(0-2) c(2-3)". */
static void gives(const char *json, const char *word, const char *pieces)
{
    struct fixture f;
    struct text_room room = {0};
    struct text_tokens out = {0};
    char shown[300] = "";
    size_t len = 0;
    if (parse(&f, json) != KIT_OK) {
        fail_msg("%s", f.err.msg);
    }
    f.model->kind->cut(f.model, kit_str_c(word), 0, &room, &out);
    assert_int_equal(out.failed, KIT_OK);
    for (size_t i = 0; i < out.count; i++) {
        kit_str piece = text_vocab_piece(f.model->vocab, (uint32_t)out.at[i].id);
        len += (size_t)snprintf(shown + len, sizeof(shown) - len, "%s%.*s(%u-%u)", i == 0 ? "" : " ",
                                KIT_STR_ARG(piece), out.at[i].span.start, out.at[i].span.end);
    }
    assert_string_equal(shown, pieces);
    text_room_done(&room);
    text_tokens_done(&out);
    done(&f);
}

TEST(bpe_merges_what_was_learnt_first_wherever_it_stands)
{
    gives(BPE("\"merges\":[\"a b\",\"b c\",\"ab c\"]"), "abcab", "abc(0-3) ab(3-5)");
    gives(BPE("\"merges\":[\"b c\",\"a b\"]"), "abcab", "a(0-1) bc(1-3) ab(3-5)");
    gives(BPE("\"merges\":[]"), "abc", "a(0-1) b(1-2) c(2-3)");
}

TEST(bpe_merges_equals_from_the_left)
{
    gives(BPE("\"merges\":[[\"a\",\"a\"],[\"aa\",\"aa\"]]"), "aaaaaaa", "aaaa(0-4) aa(4-6) a(6-7)");
}

TEST(bpe_of_a_pair_that_is_there_twice_counts_the_last)
{
    gives(BPE("\"merges\":[\"a b\",\"b c\",\"a b\"]"), "abc", "a(0-1) bc(1-3)");
}

TEST(bpe_drops_what_it_does_not_know_or_says_that_it_is_unknown)
{
    gives(BPE("\"merges\":[\"a b\"]"), "axb", "ab(0-3)");
    gives(BPE("\"merges\":[\"a b\"]"), "xy", "");
    gives(BPE("\"merges\":[\"a b\"],\"unk_token\":\"<unk>\""), "axyb", "a(0-1) <unk>(1-2) <unk>(2-3) b(3-4)");
    gives(BPE("\"merges\":[\"a b\"],\"unk_token\":\"<unk>\",\"fuse_unk\":true"), "xya\xE6\x97\xA5",
          "<unk>(0-2) a(2-3) <unk>(3-6)");
    gives(BPE("\"merges\":[],\"unk_token\":\"not there\""), "ax", "a(0-1)");
}

TEST(bpe_falls_back_to_bytes_where_it_has_all_of_them)
{
    gives(BPE("\"merges\":[],\"byte_fallback\":true,\"unk_token\":\"<unk>\""), "a\xC3\xA9",
          "a(0-1) <0xC3>(1-3) <0xA9>(1-3)");
    gives(BPE("\"merges\":[],\"byte_fallback\":true,\"unk_token\":\"<unk>\""), "\xC3\xA8", "<unk>(0-2)");
}

TEST(bpe_takes_a_word_whole_only_if_it_is_told_to_ignore_merges)
{
    gives(BPE("\"merges\":[\"a b\"]"), "abc", "ab(0-2) c(2-3)");
    gives(BPE("\"merges\":[\"a b\"],\"ignore_merges\":true"), "abc", "abc(0-3)");
    gives(BPE("\"merges\":[\"a b\"],\"ignore_merges\":true"), "abcc", "ab(0-2) c(2-3) c(3-4)");
}

TEST(bpe_marks_the_end_of_a_word_and_what_is_not_its_beginning)
{
    gives(BPE("\"merges\":[\"a b</w>\",\"a b\"],\"end_of_word_suffix\":\"</w>\""), "abab", "ab(0-2) ab</w>(2-4)");
    gives(BPE("\"merges\":[\"a ##b\"],\"continuing_subword_prefix\":\"##\""), "ab", "ab(0-2)");
    gives(BPE("\"merges\":[],\"continuing_subword_prefix\":\"##\",\"unk_token\":\"<unk>\""), "bba",
          "b(0-1) ##b(1-2) <unk>(2-3)");
}

TEST(bpe_without_a_type_is_told_by_its_merges)
{
    gives("{\"model\":{\"vocab\":{\"a\":0,\"b\":1,\"ab\":2},\"merges\":[\"a b\"]}}", "ab", "ab(0-2)");
    gives("{\"model\":{\"vocab\":{\"[UNK]\":0,\"a\":1,\"##b\":2},\"max_input_chars_per_word\":9}}", "ab",
          "a(0-1) ##b(1-2)");
}

/* A search that went through the word once for each merge would not end in the time that a test has. */
TEST(bpe_cuts_a_word_of_a_million_letters)
{
    struct fixture f;
    struct text_room room = {0};
    struct text_tokens out = {0};
    size_t len = KIT_MIB;
    char *word = kit_alloc(len);
    assert_non_null(word);
    memset(word, 'a', len);
    assert_ok(parse(&f, BPE("\"merges\":[\"a a\",\"aa aa\"]")));
    f.model->kind->cut(f.model, (kit_str){word, len}, 0, &room, &out);
    assert_int_equal(out.failed, KIT_OK);
    assert_int_equal(out.count, len / 4);
    text_room_done(&room);
    text_tokens_done(&out);
    kit_alloc_free(word);
    done(&f);
}

static void refuses(const char *json, enum kit_status code, const char *message)
{
    struct fixture f;
    assert_int_equal(parse(&f, json), code);
    assert_string_equal(f.err.msg, message);
    assert_null(f.model);
    done(&f);
}

TEST(bpe_parse_names_the_path_of_what_it_refuses)
{
    refuses(BPE("\"merges\":{}"), KIT_PARSE, "model.merges: must be an array, but is an object");
    refuses(BPE("\"merges\":[\"ab\"]"), KIT_PARSE, "model.merges[0]: must be two pieces, \"a b\" or [\"a\", \"b\"]");
    refuses(BPE("\"merges\":[\"a b\",[\"a\"]]"), KIT_PARSE,
            "model.merges[1]: must be two pieces, \"a b\" or [\"a\", \"b\"]");
    refuses(BPE("\"merges\":[[\"a\",1]]"), KIT_PARSE, "model.merges[0]: must be two pieces, \"a b\" or [\"a\", \"b\"]");
    refuses(BPE("\"merges\":[\"a x\"]"), KIT_PARSE, "model.merges[0]: 'x' is not in the vocabulary");
    refuses(BPE("\"merges\":[\"b b\"]"), KIT_PARSE, "model.merges[0]: 'bb' is not in the vocabulary");
    refuses(BPE("\"merges\":[],\"dropout\":0.1"), KIT_UNSUPPORTED,
            "model.dropout: merges left out at random are for training; set it to null to use the model");
    refuses(BPE("\"merges\":[],\"byte_fallback\":true,\"end_of_word_suffix\":\"</w>\""), KIT_UNSUPPORTED,
            "model: byte_fallback with continuing_subword_prefix or end_of_word_suffix is not supported");
    refuses(BPE("\"merges\":[],\"fuse_unk\":1"), KIT_PARSE, "model.fuse_unk: must be a boolean, but is a number");
}

TEST(bpe_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct fixture f;
        struct text_room room = {0};
        struct text_tokens out = {0};
        enum kit_status rc = parse(&f, BPE("\"merges\":[\"a b\"]"));
        if (rc == KIT_OK) {
            f.model->kind->cut(f.model, kit_str_lit("abc"), 0, &room, &out);
            rc = out.failed;
        }
        assert_true(rc == KIT_OK ? out.count == 2 : rc == KIT_NOMEM);
        text_room_done(&room);
        text_tokens_done(&out);
        done(&f);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(bpe_merges_what_was_learnt_first_wherever_it_stands),
                    TEST_OF(bpe_merges_equals_from_the_left),
                    TEST_OF(bpe_of_a_pair_that_is_there_twice_counts_the_last),
                    TEST_OF(bpe_drops_what_it_does_not_know_or_says_that_it_is_unknown),
                    TEST_OF(bpe_falls_back_to_bytes_where_it_has_all_of_them),
                    TEST_OF(bpe_takes_a_word_whole_only_if_it_is_told_to_ignore_merges),
                    TEST_OF(bpe_marks_the_end_of_a_word_and_what_is_not_its_beginning),
                    TEST_OF(bpe_without_a_type_is_told_by_its_merges), TEST_OF(bpe_cuts_a_word_of_a_million_letters),
                    TEST_OF(bpe_parse_names_the_path_of_what_it_refuses), TEST_OF(bpe_survives_each_failed_alloc));
}
