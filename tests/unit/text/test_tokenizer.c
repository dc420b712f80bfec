#include "text/tokenizer.h"

#include "kit/sync.h"
#include "support/test.h"

#define MODEL                                                                                                          \
    "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[UNK]\":0,\"[CLS]\":1,\"[SEP]"             \
    "\":2,"                                                                                                            \
    "\"[MASK]\":3,\"the\":4,\"cat\":5,\"##s\":6,\"sat\":7,\"e\":8,\"##t\":9,\"##e\":10,\".\":11,\"n't\":12}"           \
    "}"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":1,\"content\":\"[CLS]\",\"special\":true},{\"id\":2,\"content\":\"[SEP]\","             \
    "\"special\":true},{\"id\":3,\"content\":\"[MASK]\",\"special\":true,\"lstrip\":true},"                            \
    "{\"id\":13,\"content\":\"<new>\"}]"
#define BERT                                                                                                           \
    "\"normalizer\":{\"type\":\"BertNormalizer\"},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"                  \
    "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",1],\"sep\":[\"[SEP]\",2]},"                    \
    "\"decoder\":{\"type\":\"WordPiece\"}"
#define SMALL "{" BERT "," ADDED "," MODEL "}"

static struct text_tokenizer *open_small(void)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    if (text_tokenizer_parse(kit_str_lit(SMALL), &t, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return t;
}

static const struct text_options with_special = {.add_special = true};

static void expect_ids(const struct text_encoding *e, const int32_t *ids, uint32_t count)
{
    assert_int_equal(e->count, count);
    assert_memory_equal(e->ids, ids, count * sizeof(*ids));
}
#define EXPECT_IDS(e, ...) expect_ids((e), (const int32_t[]){__VA_ARGS__}, KIT_COUNT(((const int32_t[]){__VA_ARGS__})))

TEST(tokenizer_encodes_a_text_with_types_parts_spans_and_words)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("The cats."), NULL, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 4, 5, 6, 11, 2);
    assert_int_equal(e.parts[0], TEXT_PART_SPECIAL);
    assert_int_equal(e.parts[1], TEXT_PART_TEXT);
    assert_int_equal(e.words[0], TEXT_NO_WORD);
    assert_int_equal(e.words[3], 1);
    assert_int_equal(e.words[4], 2);
    assert_int_equal(e.spans[3].start, 7);
    assert_int_equal(e.spans[3].end, 8);
    assert_int_equal(e.types[5], 0);
    assert_int_equal(e.dropped[0], 0);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_encodes_a_pair_with_spans_of_each_text)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    kit_str pair = kit_str_lit("  sat");
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("cat"), &pair, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 5, 2, 7, 2);
    assert_int_equal(e.types[2], 0);
    assert_int_equal(e.types[3], 1);
    assert_int_equal(e.parts[3], TEXT_PART_PAIR);
    assert_int_equal(e.spans[3].start, 2);
    assert_int_equal(e.words[3], 0);
    pair = kit_str_lit("");
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit(""), &pair, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 2, 2);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_encodes_nothing_as_nothing_without_special_tokens)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct text_options bare = {0};
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit(""), NULL, &bare, &e, NULL), KIT_OK);
    assert_int_equal(e.count, 0);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit(" \n "), NULL, &bare, &e, NULL), KIT_OK);
    assert_int_equal(e.count, 0);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_finds_added_tokens_in_the_text_as_it_is)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(
        text_tokenizer_encode(t, s, kit_str_lit("the  [MASK]sat<new>[mask]"), NULL, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 4, 3, 7, 13, 0, 0, 0, 2); /* [mask] is not it: three unknown words */
    assert_int_equal(e.spans[2].start, 3);      /* lstrip takes the spaces */
    assert_int_equal(e.spans[2].end, 11);
    assert_int_equal(e.parts[2], TEXT_PART_TEXT);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_makes_one_unknown_token_of_a_word_it_cannot_cover)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    char text[202];
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("catx cat"), NULL, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 0, 5, 2);
    assert_int_equal(e.spans[1].end, 4);
    memset(text, 'e', sizeof(text));
    assert_int_equal(text_tokenizer_encode(t, s, (kit_str){text, 100}, NULL, &with_special, &e, NULL), KIT_OK);
    assert_int_equal(e.count, 102);
    assert_int_equal(text_tokenizer_encode(t, s, (kit_str){text, 101}, NULL, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 0, 2);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_counts_what_truncation_drops)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct text_options options = {.add_special = true, .max_tokens = 4, .side = TEXT_SIDE_LEFT};
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("the cat sat"), NULL, &options, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 5, 7, 2);
    assert_int_equal(e.dropped[0], 1);
    assert_int_equal(e.spans[1].start, 4);
    options.truncate = TEXT_TRUNCATE_REFUSE;
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("the cat sat"), NULL, &options, &e, NULL), KIT_TOO_LARGE);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_refuses_texts_that_are_too_large_or_no_utf8)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct kit_err err;
    struct text_options options = {.input_bytes_max = 4};
    kit_str pair = kit_str_lit("a\xFF");
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("12345"), NULL, &options, &e, &err), KIT_TOO_LARGE);
    assert_string_equal(err.msg, "text has 5 bytes; at most 4 are taken");
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("1234"), &pair, &options, &e, &err), KIT_INVALID);
    assert_string_equal(err.msg, "pair is not valid UTF-8");
    assert_string_equal(err.param, "pair");
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_names_pieces_and_ids_of_model_and_added_tokens)
{
    struct text_tokenizer *t = open_small();
    uint32_t id = 0;
    assert_int_equal(text_tokenizer_vocab_size(t), 14);
    assert_str(text_tokenizer_piece(t, 6), "##s");
    assert_str(text_tokenizer_piece(t, 13), "<new>");
    assert_null(text_tokenizer_piece(t, 14).ptr);
    assert_true(text_tokenizer_find(t, kit_str_lit("<new>"), &id));
    assert_int_equal(id, 13);
    assert_true(text_tokenizer_find(t, kit_str_lit("cat"), &id));
    assert_int_equal(id, 5);
    assert_false(text_tokenizer_find(t, kit_str_lit("dog"), &id));
    assert_true(text_tokenizer_is_special(t, 3));
    assert_false(text_tokenizer_is_special(t, 13));
    assert_int_equal(text_tokenizer_max_tokens(t), TEXT_TOKENS_UNLIMITED);
    assert_int_equal(text_tokenizer_special_count(t, false), 2);
    assert_int_equal(text_tokenizer_special_count(t, true), 3);
    text_tokenizer_free(t);
}

TEST(tokenizer_decodes_to_words_and_leaves_out_what_it_is_told_to)
{
    struct text_tokenizer *t = open_small();
    struct kit_buf out;
    const int32_t ids[] = {1, 4, 5, 6, 12, 11, 999, -1, 13, 2};
    kit_buf_init(&out, KIT_MIB);
    assert_int_equal(text_tokenizer_decode(t, ids, KIT_COUNT(ids), true, &out), KIT_OK);
    assert_str(kit_buf_str(&out), "the catsn't. <new>");
    kit_buf_clear(&out);
    assert_int_equal(text_tokenizer_decode(t, ids, 2, false, &out), KIT_OK);
    assert_str(kit_buf_str(&out), "[CLS] the");
    kit_buf_done(&out);
    kit_buf_init(&out, 4);
    assert_int_equal(text_tokenizer_decode(t, ids, KIT_COUNT(ids), false, &out), KIT_FULL);
    kit_buf_done(&out);
    text_tokenizer_free(t);
}

#define BYTES                                                                                                          \
    "{\"added_tokens\":[{\"id\":9,\"content\":\"<mask>\",\"special\":true,\"lstrip\":true},{\"id\":10,\"content\":"    \
    "\"x y\"}],\"pre_tokenizer\":{\"type\":\"ByteLevel\",\"add_prefix_space\":false},\"decoder\":{\"type\":"           \
    "\"ByteLevel\"},\"post_processor\":{\"type\":\"RobertaProcessing\",\"cls\":[\"a\",0],\"sep\":[\"b\",1],"           \
    "\"add_prefix_space\":false},\"model\":{\"type\":\"BPE\",\"vocab\":{\"a\":0,\"b\":1,\"\xC4\xA0\":2,\"\xC3\x83\":"  \
    "3,"                                                                                                               \
    "\"\xC2\xA9\":4,\"\xC4\xA0"                                                                                        \
    "a\":5,\"\xC3\xA2\":6,\"\xC4\xA4\":7,\"\xC2\xAC\":8},\"merges\":[\"\xC4\xA0 a\"]}}"

static struct text_tokenizer *open_bytes(void)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    if (text_tokenizer_parse(kit_str_lit(BYTES), &t, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return t;
}

static void decodes(const struct text_tokenizer *t, const int32_t *ids, size_t count, const char *text)
{
    struct kit_buf out;
    kit_buf_init(&out, KIT_MIB);
    assert_ok(text_tokenizer_decode(t, ids, count, false, &out));
    assert_str(kit_buf_str(&out), text);
    kit_buf_done(&out);
}
#define DECODES(t, text, ...)                                                                                          \
    decodes((t), (const int32_t[]){__VA_ARGS__}, KIT_COUNT(((const int32_t[]){__VA_ARGS__})), (text))

TEST(tokenizer_decodes_bytes_that_make_a_character_only_together)
{
    struct text_tokenizer *t = open_bytes();
    DECODES(t, " a", 5);
    DECODES(t, "\xC3\xA9", 3, 4);
    DECODES(t, "\xEF\xBF\xBD", 3);
    DECODES(t, "\xEF\xBF\xBD\xEF\xBF\xBD", 4, 3);
    DECODES(t,
            "\xEF\xBF\xBD"
            "a",
            3, 0);
    DECODES(t, "\xE2\x82\xAC", 6, 7, 8);
    DECODES(t, "\xEF\xBF\xBD\xC3\xA9", 6, 7, 3, 4); /* two bytes of a character that does not go on: one mark */
    DECODES(t, "<mask>x y", 9, 10);
    text_tokenizer_free(t);
}

TEST(tokenizer_gives_parts_of_a_character_the_span_of_all_of_it)
{
    struct text_tokenizer *t = open_bytes();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    assert_ok(text_scratch_new(&s));
    assert_ok(text_tokenizer_encode(t, s, kit_str_lit("a a\xC3\xA9 <mask>"), NULL, &with_special, &e, NULL));
    EXPECT_IDS(&e, 0, 0, 5, 3, 4, 9, 1);
    assert_int_equal(e.spans[2].start, 2); /* without its space */
    assert_int_equal(e.spans[2].end, 3);
    assert_int_equal(e.spans[3].start, 3);
    assert_int_equal(e.spans[3].end, 5);
    assert_int_equal(e.spans[4].start, 3);
    assert_int_equal(e.spans[4].end, 5);
    assert_int_equal(e.spans[5].start, 6);
    assert_int_equal(e.spans[5].end, 12);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_knows_the_mask_by_its_usual_names)
{
    uint32_t mask = 0;
    struct text_tokenizer *t = open_bytes();
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 9);
    text_tokenizer_free(t);
    t = open_small();
    assert_true(text_tokenizer_mask_id(t, &mask));
    assert_int_equal(mask, 3);
    text_tokenizer_free(t);
}

TEST(tokenizer_encode_of_bytes_survives_each_failed_alloc)
{
    struct text_tokenizer *t = open_bytes();
    TEST_ALLOC_SWEEP(n) {
        struct text_scratch *s = NULL;
        struct text_encoding e = {0};
        enum kit_status rc = text_scratch_new(&s);
        if (rc == KIT_OK) {
            rc = text_tokenizer_encode(t, s, kit_str_lit("a a\xC3\xA9 <mask>"), NULL, &with_special, &e, NULL);
        }
        assert_true(rc == KIT_OK ? e.count == 7 : rc == KIT_NOMEM);
        text_scratch_free(s);
    }
    text_tokenizer_free(t);
}

static void refuses(const char *json, enum kit_status code, const char *message)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    assert_int_equal(text_tokenizer_parse(kit_str_c(json), &t, &err), code);
    assert_string_equal(err.msg, message);
    assert_null(t);
}

#define UNKNOWN "\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0,\"a\":1}}"

TEST(tokenizer_parse_names_the_path_in_a_bad_model)
{
    refuses("[]", KIT_PARSE, "must be an object, but is an array");
    refuses("{}", KIT_PARSE, "model: must be an object, but is missing");
    refuses("{\"model\":{}}", KIT_PARSE, "model.type: must be a string, but is missing");
    refuses("{\"model\":{\"type\":\"Unigram\"}}", KIT_UNSUPPORTED, "model.type: 'Unigram' is not supported yet");
    refuses("{\"model\":{\"type\":\"WordPiece\"}}", KIT_PARSE, "model.vocab: must be an object, but is missing");
    refuses("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0}}}", KIT_PARSE,
            "model.unk_token: '[UNK]' is not in the vocabulary");
    refuses("{\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"[UNK]\":0},\"max_input_chars_per_word\":\"x\"}}",
            KIT_PARSE, "model.max_input_chars_per_word: must be a number, but is a string");
    refuses("{\"decoder\":{\"type\":\"Metaspace\"}," UNKNOWN "}", KIT_UNSUPPORTED,
            "decoder.type: 'Metaspace' is not supported yet");
    refuses("{\"decoder\":{\"type\":\"Sequence\",\"decoders\":[{\"type\":\"ByteLevel\"},{\"type\":\"Fuse\"}]}," UNKNOWN
            "}",
            KIT_UNSUPPORTED, "decoder.decoders: more than one decoder is not supported");
    refuses("{\"padding\":{\"pad_id\":2}," UNKNOWN "}", KIT_PARSE,
            "padding.pad_id: must be a whole number from 0 to 1");
}

TEST(tokenizer_parse_names_the_path_in_bad_added_tokens)
{
    refuses("{\"added_tokens\":{}," UNKNOWN "}", KIT_PARSE, "added_tokens: must be an array, but is an object");
    refuses("{\"added_tokens\":[1]," UNKNOWN "}", KIT_PARSE, "added_tokens[0]: must be an object, but is a number");
    refuses("{\"added_tokens\":[{\"id\":2}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens[0].content: must be a string, but is missing");
    refuses("{\"added_tokens\":[{\"id\":2,\"content\":\"\"}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens[0].content: must have 1 to 1024 bytes");
    refuses("{\"added_tokens\":[{\"id\":0,\"content\":\"a\"}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens[0].id: is 0, but the vocabulary has 'a' as 1");
    refuses("{\"added_tokens\":[{\"id\":1,\"content\":\"b\"}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens[0].id: 1 belongs to 'a' already");
    refuses("{\"added_tokens\":[{\"id\":2,\"content\":\"b\"},{\"id\":3,\"content\":\"b\"}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens[1]: 'b' is there twice");
    refuses("{\"added_tokens\":[{\"id\":2,\"content\":\"b\"},{\"id\":2,\"content\":\"c\"}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens: id 2 is there twice");
    refuses("{\"added_tokens\":[{\"id\":2,\"content\":\"b\",\"special\":\"yes\"}]," UNKNOWN "}", KIT_PARSE,
            "added_tokens[0].special: must be a boolean, but is a string");
}

TEST(tokenizer_parse_names_the_path_in_a_bad_template)
{
    refuses("{\"post_processor\":{\"type\":\"RobertaProcessing\"}," UNKNOWN "}", KIT_PARSE,
            "post_processor.cls: must be an array, but is missing");
    refuses("{\"post_processor\":{\"type\":\"Sequence\",\"processors\":[{\"type\":\"BertProcessing\",\"cls\":[\"a\",1],"
            "\"sep\":[\"a\",1]},{\"type\":\"BertProcessing\"}]}," UNKNOWN "}",
            KIT_UNSUPPORTED, "post_processor.processors[1]: a second template is not supported");
    refuses("{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",9],\"sep\":[\"a\",1]}," UNKNOWN "}",
            KIT_PARSE, "post_processor.cls[1]: must be a whole number from 0 to 1");
    refuses("{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[]}," UNKNOWN "}", KIT_PARSE,
            "post_processor.cls: must be [token, id]");
    refuses("{\"post_processor\":{\"type\":\"TemplateProcessing\"}," UNKNOWN "}", KIT_PARSE,
            "post_processor.single: must be an array, but is missing");
    refuses("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"Sequence\":{\"id\":\"B\"}}]}"
            "," UNKNOWN "}",
            KIT_PARSE, "post_processor.single[0].Sequence.id: 'B' has no place in the template of a single text");
    refuses("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":"
            "\"x\"}}]}," UNKNOWN "}",
            KIT_PARSE, "post_processor.single[0].SpecialToken.id: 'x' is not among the special_tokens");
    refuses("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{}]}," UNKNOWN "}", KIT_PARSE,
            "post_processor.single[0]: must hold SpecialToken or Sequence");
    refuses("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}}],"
            "\"special_tokens\":{\"x\":{\"ids\":[0,2]}}}," UNKNOWN "}",
            KIT_PARSE, "post_processor.special_tokens.x.ids[1]: must be a whole number from 0 to 1");
}

TEST(tokenizer_scratch_lets_go_of_what_a_large_text_took)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    size_t len = KIT_MIB - 1;
    char *text = kit_alloc(len);
    assert_non_null(text);
    memset(text, '.', len);
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, (kit_str){text, len}, NULL, &with_special, &e, NULL), KIT_OK);
    assert_int_equal(e.count, len + 2);
    uint64_t large = kit_alloc_bytes();
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("cat"), NULL, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&e, 1, 5, 2);
    assert_true(kit_alloc_bytes() + 16 * KIT_MIB < large);
    kit_alloc_free(text);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(tokenizer_encodes_without_allocating_once_its_scratch_has_grown)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    kit_str text = kit_str_lit("The c\xC3\xA0ts s\xC3\xA1t [MASK] <new> the cat.");
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, text, &text, &with_special, &e, NULL), KIT_OK);
    kit_alloc_fail_at(1);
    assert_int_equal(text_tokenizer_encode(t, s, text, &text, &with_special, &e, NULL), KIT_OK);
    assert_false(kit_alloc_failed());
    kit_alloc_fail_at(0);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

TEST(encoding_keep_outlives_the_next_use_of_the_scratch)
{
    struct text_tokenizer *t = open_small();
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct text_encoding kept;
    struct kit_arena arena;
    kit_arena_init(&arena, KIT_MIB);
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("the cat"), NULL, &with_special, &e, NULL), KIT_OK);
    assert_int_equal(text_encoding_keep(&e, &arena, &kept), KIT_OK);
    assert_int_equal(text_tokenizer_encode(t, s, kit_str_lit("sat sat"), NULL, &with_special, &e, NULL), KIT_OK);
    EXPECT_IDS(&kept, 1, 4, 5, 2);
    assert_int_equal(kept.spans[2].start, 4);
    assert_int_equal(kept.words[2], 1);
    kit_arena_done(&arena);
    text_scratch_free(s);
    text_tokenizer_free(t);
}

struct reader {
    struct kit_thread thread;
    const struct text_tokenizer *t;
    uint32_t wrong;
};

static void read_often(void *arg)
{
    struct reader *r = arg;
    struct text_scratch *s = NULL;
    if (text_scratch_new(&s) != KIT_OK) {
        r->wrong = 1;
        return;
    }
    for (int i = 0; i < 500; i++) {
        struct text_encoding e;
        enum kit_status rc =
            text_tokenizer_encode(r->t, s, kit_str_lit("The c\xC3\xA0ts [MASK]"), NULL, &with_special, &e, NULL);
        r->wrong += rc != KIT_OK || e.count != 6 || e.ids[4] != 3;
    }
    text_scratch_free(s);
}

TEST(tokenizer_is_used_by_many_threads_at_once)
{
    struct text_tokenizer *t = open_small();
    struct reader reader[4];
    for (size_t i = 0; i < KIT_COUNT(reader); i++) {
        reader[i] = (struct reader){.t = t};
        assert_int_equal(kit_thread_start(&reader[i].thread, "reader", read_often, &reader[i], NULL), KIT_OK);
    }
    for (size_t i = 0; i < KIT_COUNT(reader); i++) {
        kit_thread_join(&reader[i].thread);
        assert_int_equal(reader[i].wrong, 0);
    }
    text_tokenizer_free(t);
}

TEST(tokenizer_parse_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct text_tokenizer *t = NULL;
        enum kit_status rc = text_tokenizer_parse(kit_str_lit(SMALL), &t, NULL);
        assert_true(rc == KIT_OK ? t != NULL : rc == KIT_NOMEM && t == NULL);
        text_tokenizer_free(t);
    }
}

TEST(tokenizer_encode_survives_each_failed_alloc)
{
    struct text_tokenizer *t = open_small();
    kit_str pair =
        kit_str_lit("the cats.......................................................................... [MASK]");
    TEST_ALLOC_SWEEP(n) {
        struct kit_arena arena;
        struct text_scratch *s = NULL;
        struct text_encoding e = {0};
        struct text_encoding kept;
        kit_arena_init(&arena, KIT_MIB);
        enum kit_status rc = text_scratch_new(&s);
        if (rc == KIT_OK) {
            rc = text_tokenizer_encode(t, s, kit_str_lit("\xC3\xA9t\xC3\xA9"), &pair, &with_special, &e, NULL);
        }
        if (rc == KIT_OK) {
            rc = text_encoding_keep(&e, &arena, &kept);
        }
        assert_true(rc == KIT_OK ? kept.count > 70 : rc == KIT_NOMEM);
        kit_arena_done(&arena);
        text_scratch_free(s);
    }
    text_tokenizer_free(t);
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(tokenizer_encodes_a_text_with_types_parts_spans_and_words),
        TEST_OF(tokenizer_encodes_a_pair_with_spans_of_each_text),
        TEST_OF(tokenizer_encodes_nothing_as_nothing_without_special_tokens),
        TEST_OF(tokenizer_finds_added_tokens_in_the_text_as_it_is),
        TEST_OF(tokenizer_makes_one_unknown_token_of_a_word_it_cannot_cover),
        TEST_OF(tokenizer_counts_what_truncation_drops), TEST_OF(tokenizer_refuses_texts_that_are_too_large_or_no_utf8),
        TEST_OF(tokenizer_names_pieces_and_ids_of_model_and_added_tokens),
        TEST_OF(tokenizer_decodes_to_words_and_leaves_out_what_it_is_told_to),
        TEST_OF(tokenizer_decodes_bytes_that_make_a_character_only_together),
        TEST_OF(tokenizer_gives_parts_of_a_character_the_span_of_all_of_it),
        TEST_OF(tokenizer_knows_the_mask_by_its_usual_names),
        TEST_OF(tokenizer_encode_of_bytes_survives_each_failed_alloc),
        TEST_OF(tokenizer_parse_names_the_path_in_a_bad_model),
        TEST_OF(tokenizer_parse_names_the_path_in_bad_added_tokens),
        TEST_OF(tokenizer_parse_names_the_path_in_a_bad_template),
        TEST_OF(tokenizer_scratch_lets_go_of_what_a_large_text_took),
        TEST_OF(tokenizer_encodes_without_allocating_once_its_scratch_has_grown),
        TEST_OF(encoding_keep_outlives_the_next_use_of_the_scratch), TEST_OF(tokenizer_is_used_by_many_threads_at_once),
        TEST_OF(tokenizer_parse_survives_each_failed_alloc), TEST_OF(tokenizer_encode_survives_each_failed_alloc));
}
