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
    struct text_spans lists[2] = {0};
    char out[200] = "";
    size_t len = 0;
    assert_int_equal(parse(inside, &p, NULL), KIT_OK);
    struct text_span all = {0, (uint32_t)strlen(input)};
    const struct text_spans *found = text_pretokenizer_run(&p, input, all, lists);
    for (size_t i = 0; i < found->count; i++) {
        len += (size_t)snprintf(out + len, sizeof(out) - len, "%.*s|", (int)(found->at[i].end - found->at[i].start),
                                input + found->at[i].start);
    }
    assert_string_equal(out, words);
    text_spans_done(&lists[0]);
    text_spans_done(&lists[1]);
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
    refuses("{\"type\":\"ByteLevel\"}", KIT_UNSUPPORTED, "pre_tokenizer.type: 'ByteLevel' is not supported yet");
    refuses("{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"Split\"}]}", KIT_UNSUPPORTED,
            "pre_tokenizer.pretokenizers[0].type: 'Split' is not supported yet");
    refuses("{\"type\":\"Punctuation\",\"behavior\":\"Eaten\"}", KIT_UNSUPPORTED,
            "pre_tokenizer.behavior: 'Eaten' is not known");
    refuses("{\"type\":\"Digits\",\"individual_digits\":0}", KIT_PARSE,
            "pre_tokenizer.individual_digits: must be a boolean, but is a number");
}

TEST(pretokenizer_run_survives_each_failed_alloc)
{
    struct text_pretokenizer p;
    char text[400];
    memset(text, '.', sizeof(text));
    assert_int_equal(parse("{\"type\":\"BertPreTokenizer\"}", &p, NULL), KIT_OK);
    TEST_ALLOC_SWEEP(n) {
        struct text_spans lists[2] = {0};
        const struct text_spans *found = text_pretokenizer_run(&p, text, (struct text_span){0, sizeof(text)}, lists);
        assert_true(found->failed == KIT_OK ? found->count == sizeof(text) : found->failed == KIT_NOMEM);
        text_spans_done(&lists[0]);
        text_spans_done(&lists[1]);
    }
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
                    TEST_OF(pretokenizer_run_survives_each_failed_alloc));
}
