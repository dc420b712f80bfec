#include "text/tokenizer.h"

#include <stdio.h>

#include "support/temp.h"
#include "support/test.h"

#define VOCAB "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nthe\ncat\n##s\nThe\n"

static void put(const char *folder, const char *name, const char *text)
{
    char path[TEST_PATH_BYTES];
    char file[TEST_PATH_BYTES];
    snprintf(file, sizeof(file), "%s/%s", folder, name);
    test_temp_write(path, file, kit_str_c(text));
}

static enum kit_status open_folder(const char *folder, struct text_tokenizer **ret, struct kit_err *err)
{
    char path[TEST_PATH_BYTES];
    return text_tokenizer_open(test_temp_path(path, folder), ret, err);
}

static struct text_tokenizer *must_open(const char *folder)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    if (open_folder(folder, &t, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return t;
}

static void refuses(const char *folder, enum kit_status code, const char *message)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    assert_int_equal(open_folder(folder, &t, &err), code);
    if (strstr(err.msg, message) == NULL) {
        fail_msg("'%s' does not say '%s'", err.msg, message);
    }
    assert_null(t);
}

static void expect_ids(const struct text_tokenizer *t, const char *text, const int32_t *ids, uint32_t count)
{
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct text_options options = {.add_special = true};
    assert_ok(text_scratch_new(&s));
    assert_ok(text_tokenizer_encode(t, s, kit_str_c(text), NULL, &options, &e, NULL));
    assert_int_equal(e.count, count);
    assert_memory_equal(e.ids, ids, count * sizeof(*ids));
    text_scratch_free(s);
}
#define EXPECT_IDS(t, text, ...)                                                                                       \
    expect_ids((t), (text), (const int32_t[]){__VA_ARGS__}, KIT_COUNT(((const int32_t[]){__VA_ARGS__})))

TEST(folder_with_nothing_but_vocab_txt_is_a_lower_case_bert)
{
    uint32_t mask = 0;
    put("plain", "vocab.txt", VOCAB);
    struct text_tokenizer *t = must_open("plain");
    EXPECT_IDS(t, "The cats [MASK] dog", 2, 5, 6, 7, 4, 1, 3);
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 4);
    assert_int_equal(text_tokenizer_pad_id(t), 0);
    assert_int_equal(text_tokenizer_vocab_size(t), 9);
    assert_int_equal(text_tokenizer_max_tokens(t), TEXT_TOKENS_UNLIMITED);
    text_tokenizer_free(t);
}

TEST(folder_settings_change_case_limit_and_tokens)
{
    uint32_t mask = 0;
    put("settings", "vocab.txt", VOCAB);
    put("settings", "tokenizer_config.json",
        "{\"tokenizer_class\":\"DistilBertTokenizerFast\",\"do_lower_case\":false,\"model_max_length\":4,"
        "\"truncation_side\":\"left\",\"mask_token\":{\"content\":\"<m>\",\"lstrip\":true}}");
    put("settings", "special_tokens_map.json", "{\"additional_special_tokens\":[\"<x>\"]}");
    put("settings", "added_tokens.json", "{\"<b>\":10,\"<a>\":9}");
    struct text_tokenizer *t = must_open("settings");
    EXPECT_IDS(t, "cats The", 2, 7, 8, 3);
    EXPECT_IDS(t, "the <m>", 2, 5, 11, 3);
    EXPECT_IDS(t, "<a><b>", 2, 9, 10, 3);
    EXPECT_IDS(t, "<x>", 2, 12, 3);
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 11);
    assert_true(text_tokenizer_is_special(t, 12));
    assert_false(text_tokenizer_is_special(t, 9));
    assert_int_equal(text_tokenizer_max_tokens(t), 4);
    text_tokenizer_free(t);
}

TEST(folder_whose_vocabulary_has_no_mask_has_none)
{
    uint32_t mask;
    put("maskless", "vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\n");
    struct text_tokenizer *t = must_open("maskless");
    EXPECT_IDS(t, "a", 1, 3, 2);
    assert_false(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(text_tokenizer_vocab_size(t), 4);
    text_tokenizer_free(t);
}

#define JSON                                                                                                           \
    "{\"added_tokens\":[{\"id\":1,\"content\":\"<mask>\",\"special\":true},{\"id\":3,\"content\":\"<m>\","             \
    "\"special\":true}],\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"<mask>\":1,\"a\":2}}}"

TEST(folder_with_tokenizer_json_is_read_from_it_and_the_mask_from_beside_it)
{
    uint32_t mask = 0;
    put("json", "vocab.txt", VOCAB);
    put("json", "tokenizer.json", JSON);
    struct text_tokenizer *t = must_open("json");
    EXPECT_IDS(t, "a", 2);
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 1);
    text_tokenizer_free(t);
    put("json", "special_tokens_map.json", "{\"mask_token\":\"<m>\"}");
    t = must_open("json");
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 3);
    text_tokenizer_free(t);
    put("json", "tokenizer_config.json", "{\"mask_token\":\"a\",\"added_tokens_decoder\":{}}");
    t = must_open("json");
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 2);
    text_tokenizer_free(t);
}

TEST(folder_errors_name_file_and_remedy)
{
    put("empty", "config.json", "{}");
    refuses("empty", KIT_NOT_FOUND, "empty has no tokenizer.json, no vocab.txt and no vocab.json with merges.txt");
    put("bad", "vocab.txt", "a\n\xFF\n");
    refuses("bad", KIT_PARSE, "vocab.txt: line 2 is not valid UTF-8");
    put("bad", "vocab.txt", "");
    refuses("bad", KIT_PARSE, "vocab.txt: must not be empty");
    put("bad", "vocab.txt", "a\nb\n");
    refuses("bad", KIT_PARSE, "the vocabulary has no '[UNK]', which stands for unknown words");
    put("bad", "vocab.txt", "[UNK]\n[SEP]\n");
    refuses("bad", KIT_PARSE, "the vocabulary has no '[CLS]'; if another token has its place, tokenizer_config.json");
    put("bad", "added_tokens.json", "[]");
    refuses("bad", KIT_PARSE, "added_tokens.json: must be an object, but is an array");
    put("bad", "special_tokens_map.json", "{\"cls_token\":7}");
    refuses("bad", KIT_PARSE, "special_tokens_map.json: cls_token: must be a string, but is a number");
    put("bad", "tokenizer_config.json", "{\"tokenizer_class\":\"BertweetTokenizer\"}");
    put("bad", "special_tokens_map.json", "{}");
    put("bad", "added_tokens.json", "{}");
    refuses("bad", KIT_UNSUPPORTED, "tokenizer_class: 'BertweetTokenizer' is not supported without a tokenizer.json");
    put("bad", "tokenizer_config.json", "{\"added_tokens_decoder\":{\"x\":{}}}");
    refuses("bad", KIT_PARSE, "tokenizer_config.json: added_tokens_decoder.x: must be named by an id below 1048576");
    put("bad", "tokenizer_config.json", "{\"do_lower_case\":\"yes\"}");
    refuses("bad", KIT_PARSE, "tokenizer_config.json: do_lower_case: must be a boolean, but is a string");
    put("bad", "tokenizer_config.json", "{");
    refuses("bad", KIT_PARSE, "tokenizer_config.json: byte 1:");
}

#define PIECES                                                                                                         \
    "{\"<s>\":0,\"<pad>\":1,\"</s>\":2,\"<unk>\":3,\"a\":4,\"b\":5,\"\xC4\xA0\":6,\"ab\":7,\"\xC4\xA0"                 \
    "ab\":8,\"<mask>\":9}"
#define MERGES "#version: 0.2\na b\n\xC4\xA0 ab\n"

TEST(folder_with_vocab_json_and_merges_is_a_roberta)
{
    uint32_t mask = 0;
    put("roberta", "vocab.json", PIECES);
    refuses("roberta", KIT_NOT_FOUND, "no vocab.json with merges.txt");
    put("roberta", "merges.txt", MERGES);
    struct text_tokenizer *t = must_open("roberta");
    EXPECT_IDS(t, "ab ab <mask>a", 0, 7, 8, 9, 4, 2);
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 9);
    assert_int_equal(text_tokenizer_pad_id(t), 1);
    text_tokenizer_free(t);
    put("roberta", "tokenizer_config.json", "{\"add_prefix_space\":true,\"mask_token\":\"<mask>\"}");
    t = must_open("roberta");
    EXPECT_IDS(t, "ab <mask>", 0, 8, 6, 9, 2); /* the file says nothing of lstrip, hence no */
    text_tokenizer_free(t);
}

TEST(folder_errors_name_the_line_of_a_bad_merge)
{
    put("badmerge", "vocab.json", PIECES);
    put("badmerge", "merges.txt", "#version: 0.2\n\na b\r\na\n");
    refuses("badmerge", KIT_PARSE, "merges.txt: line 4: must be two pieces with a space between them");
    put("badmerge", "merges.txt", "a a\n");
    refuses("badmerge", KIT_PARSE, "merges.txt: line 1: 'aa' is not in the vocabulary");
    put("badmerge", "merges.txt", "a b c\n");
    refuses("badmerge", KIT_PARSE, "merges.txt: line 1: 'b c' is not in the vocabulary");
    put("badmerge", "vocab.json", "{\"a\":\"b\"}");
    refuses("badmerge", KIT_PARSE, "vocab.json: a: must be a number, but is a string");
}

TEST(folder_read_survives_each_failed_alloc)
{
    put("sweep2", "vocab.json", PIECES);
    put("sweep2", "merges.txt", MERGES);
    TEST_ALLOC_SWEEP(n) {
        struct text_tokenizer *t = NULL;
        enum kit_status rc = open_folder("sweep2", &t, NULL);
        assert_true(rc == KIT_OK ? t != NULL : rc == KIT_NOMEM && t == NULL);
        text_tokenizer_free(t);
    }

    put("sweep", "vocab.txt", VOCAB);
    put("sweep", "tokenizer_config.json",
        "{\"added_tokens_decoder\":{\"9\":{\"content\":\"<x>\",\"normalized\":true}}}");
    put("sweep", "special_tokens_map.json", "{\"mask_token\":\"[MASK]\"}");
    TEST_ALLOC_SWEEP(n) {
        struct text_tokenizer *t = NULL;
        enum kit_status rc = open_folder("sweep", &t, NULL);
        assert_true(rc == KIT_OK ? t != NULL : rc == KIT_NOMEM && t == NULL);
        text_tokenizer_free(t);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(folder_with_nothing_but_vocab_txt_is_a_lower_case_bert),
        TEST_OF(folder_settings_change_case_limit_and_tokens), TEST_OF(folder_whose_vocabulary_has_no_mask_has_none),
        TEST_OF(folder_with_tokenizer_json_is_read_from_it_and_the_mask_from_beside_it),
        TEST_OF(folder_errors_name_file_and_remedy), TEST_OF(folder_with_vocab_json_and_merges_is_a_roberta),
        TEST_OF(folder_errors_name_the_line_of_a_bad_merge), TEST_OF(folder_read_survives_each_failed_alloc));
}
