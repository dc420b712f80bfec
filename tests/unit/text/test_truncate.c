#include "text/truncate.h"

#include <stdio.h>

#include "support/test.h"

struct limits {
    enum text_truncate how;
    uint32_t max, special;
    size_t first, second;
    bool has_pair;
};

static void keeps(struct limits l, size_t first, size_t second)
{
    struct text_truncation t = {l.max, l.how, TEXT_SIDE_RIGHT};
    size_t count[2] = {l.first, l.second};
    size_t keep[2] = {99, 99};
    assert_int_equal(text_truncation_apply(&t, l.special, count, l.has_pair, keep, NULL), KIT_OK);
    assert_int_equal(keep[0], first);
    assert_int_equal(keep[1], second);
}

static void refuses(struct limits l, enum kit_status code, const char *message)
{
    struct text_truncation t = {l.max, l.how, TEXT_SIDE_RIGHT};
    size_t count[2] = {l.first, l.second};
    size_t keep[2];
    struct kit_err err;
    assert_int_equal(text_truncation_apply(&t, l.special, count, l.has_pair, keep, &err), code);
    assert_string_equal(err.msg, message);
}

TEST(truncation_leaves_alone_what_fits)
{
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 10, 2, 8, 0, false}, 8, 0);
    keeps((struct limits){TEXT_TRUNCATE_REFUSE, 10, 3, 4, 3, true}, 4, 3);
    keeps((struct limits){TEXT_TRUNCATE_ONLY_SECOND, TEXT_TOKENS_UNLIMITED, 3, 4000, 3, true}, 4000, 3);
}

TEST(truncation_longest_first_spares_the_shorter_text)
{
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 10, 2, 9, 0, false}, 8, 0);
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 10, 0, 3, 20, true}, 3, 7);
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 10, 0, 20, 3, true}, 7, 3);
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 11, 0, 20, 30, true}, 5, 6);
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 11, 0, 30, 20, true}, 6, 5);
    keeps((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 3, 3, 30, 20, true}, 0, 0);
}

TEST(truncation_of_one_text_leaves_the_other_whole)
{
    keeps((struct limits){TEXT_TRUNCATE_ONLY_FIRST, 10, 0, 9, 5, true}, 5, 5);
    keeps((struct limits){TEXT_TRUNCATE_ONLY_SECOND, 10, 0, 9, 5, true}, 9, 1);
}

TEST(truncation_says_why_it_cannot_be_done)
{
    refuses((struct limits){TEXT_TRUNCATE_LONGEST_FIRST, 1, 2, 9, 0, false}, KIT_INVALID,
            "a limit of 1 tokens has no room for the 2 special ones");
    refuses((struct limits){TEXT_TRUNCATE_REFUSE, 10, 2, 9, 0, false}, KIT_TOO_LARGE,
            "11 tokens, but at most 10 are taken; shorten the text or ask for truncation");
    refuses((struct limits){TEXT_TRUNCATE_ONLY_SECOND, 5, 0, 9, 0, false}, KIT_INVALID,
            "truncating only the second text needs a pair");
    refuses((struct limits){TEXT_TRUNCATE_ONLY_SECOND, 5, 0, 9, 2, true}, KIT_INVALID,
            "11 tokens do not fit into 5 by cutting the pair alone, which has 2; shorten the other or "
            "truncate the "
            "longest first");
}

static enum kit_status parse(const char *inside, struct text_truncation *ret, struct kit_err *err)
{
    char json[200];
    struct kit_json_doc *doc = NULL;
    snprintf(json, sizeof(json), "{\"truncation\":%s}", inside);
    assert_int_equal(kit_json_parse(kit_str_c(json), 16, &doc, NULL), KIT_OK);
    struct text_node root = text_node_root(kit_json_root(doc));
    struct text_node node = text_node_get(&root, "truncation");
    enum kit_status rc = text_truncation_parse(&node, ret, err);
    kit_json_free(doc);
    return rc;
}

TEST(truncation_parse_reads_the_block_and_its_absence)
{
    struct text_truncation t;
    assert_int_equal(parse("null", &t, NULL), KIT_OK);
    assert_int_equal(t.max_tokens, TEXT_TOKENS_UNLIMITED);
    assert_int_equal(
        parse("{\"max_length\":128,\"strategy\":\"OnlySecond\",\"direction\":\"Left\",\"stride\":0}", &t, NULL),
        KIT_OK);
    assert_int_equal(t.max_tokens, 128);
    assert_int_equal(t.how, TEXT_TRUNCATE_ONLY_SECOND);
    assert_int_equal(t.side, TEXT_SIDE_LEFT);
}

TEST(truncation_parse_names_the_path_of_what_it_refuses)
{
    struct text_truncation t;
    struct kit_err err;
    assert_int_equal(parse("{\"max_length\":-1}", &t, &err), KIT_PARSE);
    assert_string_equal(err.msg, "truncation.max_length: must be a whole number from 0 to 4294967295");
    assert_int_equal(parse("{\"max_length\":1,\"strategy\":\"Dice\"}", &t, &err), KIT_UNSUPPORTED);
    assert_string_equal(err.msg, "truncation.strategy: 'Dice' is not known");
    assert_int_equal(parse("7", &t, &err), KIT_PARSE);
    assert_string_equal(err.msg, "truncation: must be an object, but is a number");
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(truncation_leaves_alone_what_fits), TEST_OF(truncation_longest_first_spares_the_shorter_text),
        TEST_OF(truncation_of_one_text_leaves_the_other_whole), TEST_OF(truncation_says_why_it_cannot_be_done),
        TEST_OF(truncation_parse_reads_the_block_and_its_absence),
        TEST_OF(truncation_parse_names_the_path_of_what_it_refuses));
}
