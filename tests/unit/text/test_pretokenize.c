#include "text/pretokenize.h"

#include <stdio.h>

#include "support/test.h"

static enum kit_status parse(const char *inside, struct text_pretokenizer *p, struct kit_err *err)
{
    char json[300];
    struct kit_json_doc *doc = NULL;
    snprintf(json, sizeof(json), "{\"pre_tokenizer\":%s}", inside);
    assert_int_equal(kit_json_parse(kit_str_c(json), 16, &doc, NULL), KIT_OK);
    struct text_node root = text_node_root(kit_json_root(doc));
    struct text_node node = text_node_get(&root, "pre_tokenizer");
    enum kit_status rc = text_pretokenizer_parse(&node, p, err);
    kit_json_free(doc);
    return rc;
}

/* Words are shown with a bar behind each: "the|.|". */
static void gives(const char *inside, const char *input, const char *words)
{
    struct text_pretokenizer p;
    struct text_aligned text;
    struct text_words w;
    char out[400] = "";
    size_t len = 0;
    assert_ok(parse(inside, &p, NULL));
    text_words_init(&w);
    text_aligned_init(&text, 1000);
    assert_ok(text_aligned_load(&text, kit_str_c(input), 0));
    text_words_begin(&w, &text, (struct text_span){0, (uint32_t)strlen(input)}, 1000);
    assert_ok(text_pretokenizer_run(&p, &w));
    for (size_t i = 0; i < w.spans->count; i++) {
        struct text_span at = w.spans->at[i];
        len +=
            (size_t)snprintf(out + len, sizeof(out) - len, "%.*s|", (int)(at.end - at.start), w.text->bytes + at.start);
    }
    assert_string_equal(out, words);
    text_words_done(&w);
    text_aligned_done(&text);
}

static void punctuation_gives(const char *behavior, const char *input, const char *words)
{
    char inside[100];
    snprintf(inside, sizeof(inside), "{\"type\":\"Punctuation\",\"behavior\":\"%s\"}", behavior);
    gives(inside, input, words);
}

TEST(pretokenizer_null_leaves_the_text_whole)
{
    gives("null", "a b", "a b|");
}

TEST(pretokenizer_bert_drops_spaces_and_isolates_punctuation)
{
    gives("{\"type\":\"BertPreTokenizer\"}", "  don't stop--now. ", "don|'|t|stop|-|-|now|.|");
    gives("{\"type\":\"BertPreTokenizer\"}", "\xC2\xA0\xE3\x80\x80", "");
    gives("{\"type\":\"BertPreTokenizer\"}",
          "a\xE3\x80\x82"
          "b$c",
          "a|\xE3\x80\x82|b|$|c|");
}

TEST(pretokenizer_whitespace_tells_words_from_the_rest)
{
    gives("{\"type\":\"Whitespace\"}", "Hey_1 you?!  ...", "Hey_1|you|?!|...|");
    gives("{\"type\":\"WhitespaceSplit\"}", "Hey_1 you?!\n...", "Hey_1|you?!|...|");
}

TEST(pretokenizer_punctuation_knows_five_behaviors)
{
    punctuation_gives("Removed", "the-final--countdown", "the|final|countdown|");
    punctuation_gives("Isolated", "the-final--countdown", "the|-|final|-|-|countdown|");
    punctuation_gives("MergedWithPrevious", "the-final--countdown", "the-|final-|-|countdown|");
    punctuation_gives("MergedWithNext", "the-final--countdown", "the|-final|-|-countdown|");
    punctuation_gives("Contiguous", "the-final--countdown", "the|-|final|--|countdown|");
    punctuation_gives("MergedWithPrevious", "-a", "-|a|");
    punctuation_gives("MergedWithNext", "a-", "a|-|");
}

TEST(pretokenizer_digits_are_taken_one_by_one_or_together)
{
    gives("{\"type\":\"Digits\",\"individual_digits\":true}", "a12b", "a|1|2|b|");
    gives("{\"type\":\"Digits\"}", "a12b\xC2\xBD", "a|12|b|\xC2\xBD|");
}

TEST(pretokenizer_sequence_cuts_what_the_step_before_left)
{
    gives("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"WhitespaceSplit\"},{\"type\":\"Digits\","
          "\"individual_digits\":true},{\"type\":\"Punctuation\"}]}",
          "a1 2-b", "a|1|2|-|b|");
}

static void refuses(const char *inside, enum kit_status code, const char *message)
{
    struct text_pretokenizer p;
    struct kit_err err;
    assert_int_equal(parse(inside, &p, &err), code);
    assert_string_equal(err.msg, message);
}

TEST(pretokenizer_parse_names_path_and_type_of_what_it_refuses)
{
    refuses("{\"type\":\"Metaspace\"}", KIT_UNSUPPORTED, "pre_tokenizer.type: 'Metaspace' is not supported yet");
    refuses("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\"}]}", KIT_UNSUPPORTED,
            "pre_tokenizer.pretokenizers[0].type: 'Split' is not supported yet");
    refuses("{\"type\":\"Punctuation\",\"behavior\":\"Eaten\"}", KIT_UNSUPPORTED,
            "pre_tokenizer.behavior: 'Eaten' is not known");
    refuses("{\"type\":\"Digits\",\"individual_digits\":0}", KIT_PARSE,
            "pre_tokenizer.individual_digits: must be a boolean, but is a number");
}

TEST(pretokenizer_refuses_more_steps_than_it_has_room_for)
{
    char inside[3000] = "{\"type\":\"Sequence\",\"pretokenizers\":[";
    char json[3100];
    struct text_pretokenizer p;
    struct kit_err err;
    for (int i = 0; i < 31; i++) {
        strcat(inside, "{\"type\":\"Digits\"},");
    }
    strcat(inside, "{\"type\":\"Digits\"}]}");
    struct kit_json_doc *doc = NULL;
    snprintf(json, sizeof(json), "{\"pre_tokenizer\":%s}", inside);
    assert_ok(kit_json_parse(kit_str_c(json), 16, &doc, NULL));
    struct text_node root = text_node_root(kit_json_root(doc));
    struct text_node node = text_node_get(&root, "pre_tokenizer");
    assert_int_equal(text_pretokenizer_parse(&node, &p, &err), KIT_TOO_LARGE);
    assert_string_equal(err.msg, "pre_tokenizer.pretokenizers[30]: too many steps; at most 32 are taken");
    kit_json_free(doc);
}

#define BYTELEVEL "{\"type\":\"ByteLevel\",\"add_prefix_space\":false}"

TEST(pretokenizer_bytelevel_cuts_words_with_the_space_before_them)
{
    gives(BYTELEVEL, "It's  a\n\ntest:  12!?",
          "It|'s|\xC4\xA0|\xC4\xA0"
          "a|\xC4\x8A|\xC4\x8A|test|:|\xC4\xA0|\xC4\xA0"
          "12|!?|");
    gives(BYTELEVEL, "  ", "\xC4\xA0\xC4\xA0|");
    gives(BYTELEVEL, "don't we'll 'Tis ''s", "don|'t|\xC4\xA0we|'ll|\xC4\xA0'|Tis|\xC4\xA0''|s|");
}

TEST(pretokenizer_bytelevel_writes_each_byte_as_a_character)
{
    gives(BYTELEVEL, "\xC3\xA9", "\xC3\x83\xC2\xA9|");
    gives(BYTELEVEL, "\x7F\xC2\xAD", "\xC4\xA1\xC3\x82\xC5\x83|");
    gives("{\"type\":\"ByteLevel\",\"add_prefix_space\":true,\"use_regex\":false}", "a b",
          "\xC4\xA0"
          "a\xC4\xA0"
          "b|");
}

TEST(pretokenizer_bytelevel_puts_a_space_before_each_word_that_is_there_already)
{
    gives("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Digits\",\"individual_digits\":true},"
          "{\"type\":\"ByteLevel\"}]}",
          "12a",
          "\xC4\xA0"
          "1|\xC4\xA0"
          "2|\xC4\xA0"
          "a|");
}

static void survives(const char *inside, size_t words)
{
    struct text_pretokenizer p;
    char text[400];
    memset(text, '.', sizeof(text));
    assert_ok(parse(inside, &p, NULL));
    TEST_ALLOC_SWEEP(n) {
        struct text_aligned all;
        struct text_words w;
        text_words_init(&w);
        text_aligned_init(&all, 1000);
        enum kit_status rc = text_aligned_load(&all, (kit_str){text, sizeof(text)}, 0);
        if (rc == KIT_OK) {
            text_words_begin(&w, &all, (struct text_span){0, sizeof(text)}, 1000);
            rc = text_pretokenizer_run(&p, &w);
        }
        assert_true(rc == KIT_OK ? w.spans->count == words : rc == KIT_NOMEM);
        text_words_done(&w);
        text_aligned_done(&all);
    }
}

TEST(pretokenizer_run_survives_each_failed_alloc)
{
    survives("{\"type\":\"BertPreTokenizer\"}", 400);
    survives("{\"type\":\"ByteLevel\"}", 1);
}

TEST(pretokenizer_run_stops_where_the_words_become_too_long)
{
    struct text_pretokenizer p;
    struct text_aligned text;
    struct text_words w;
    assert_ok(parse("{\"type\":\"ByteLevel\"}", &p, NULL));
    text_words_init(&w);
    text_aligned_init(&text, 10);
    assert_ok(text_aligned_load(&text, kit_str_lit("  \xC3\xA9\xC3\xA9"), 0));
    text_words_begin(&w, &text, (struct text_span){0, 6}, 11);
    assert_int_equal(text_pretokenizer_run(&p, &w), KIT_TOO_LARGE);
    text_words_begin(&w, &text, (struct text_span){0, 6}, 12);
    assert_ok(text_pretokenizer_run(&p, &w));
    text_words_done(&w);
    text_aligned_done(&text);
}

int main(void)
{
    return TEST_RUN(TEST_OF(pretokenizer_null_leaves_the_text_whole),
                    TEST_OF(pretokenizer_bert_drops_spaces_and_isolates_punctuation),
                    TEST_OF(pretokenizer_whitespace_tells_words_from_the_rest),
                    TEST_OF(pretokenizer_punctuation_knows_five_behaviors),
                    TEST_OF(pretokenizer_digits_are_taken_one_by_one_or_together),
                    TEST_OF(pretokenizer_sequence_cuts_what_the_step_before_left),
                    TEST_OF(pretokenizer_parse_names_path_and_type_of_what_it_refuses),
                    TEST_OF(pretokenizer_refuses_more_steps_than_it_has_room_for),
                    TEST_OF(pretokenizer_bytelevel_cuts_words_with_the_space_before_them),
                    TEST_OF(pretokenizer_bytelevel_writes_each_byte_as_a_character),
                    TEST_OF(pretokenizer_bytelevel_puts_a_space_before_each_word_that_is_there_already),
                    TEST_OF(pretokenizer_run_survives_each_failed_alloc),
                    TEST_OF(pretokenizer_run_stops_where_the_words_become_too_long));
}
