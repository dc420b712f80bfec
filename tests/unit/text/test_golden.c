/* The tokens that Hugging Face's tokenizers gave (tools/golden/tokens.py, tokens_folders.py), and ours. */
#include "text/tokenizer.h"

#include <stdio.h>

#include "kit/file.h"
#include "kit/json.h"
#include "support/test.h"

#define MINILM TEST_DATA "/../../build/models/all-MiniLM-L6-v2"
#define DEPTH 32

/* The texts of one row, and where we are in the lists that count on from the token before. */
struct row {
    kit_json json;
    kit_str text, pair;
    bool has_pair;
};

static struct row read_row(kit_json json)
{
    struct row r = {.json = json, .text = kit_json_str(kit_json_get(json, "t"), (kit_str){0})};
    r.has_pair = kit_json_type(kit_json_get(json, "p")) == KIT_JSON_STRING;
    r.pair = kit_json_str(kit_json_get(json, "p"), (kit_str){0});
    return r;
}

static int64_t take(struct kit_json_iter *i, const struct row *r, const char *what)
{
    if (!kit_json_next(i)) {
        fail_msg("too many %s in: %.*s", what, KIT_STR_ARG(r->text));
    }
    return kit_json_i64(i->value, INT64_MIN);
}

static void expect_end(struct kit_json_iter *i, const struct row *r, const char *what)
{
    if (kit_json_next(i)) {
        fail_msg("too few %s in: %.*s", what, KIT_STR_ARG(r->text));
    }
}

static void check(int64_t want, int64_t got, const struct row *r, const char *what, uint32_t at)
{
    if (want != got) {
        fail_msg("%s of token %u is %lld, not %lld, in: %.*s", what, at, (long long)got, (long long)want,
                 KIT_STR_ARG(r->text));
    }
}

static void check_ids(const struct row *r, const char *key, const struct text_encoding *e)
{
    struct kit_json_iter want = kit_json_iter(kit_json_get(r->json, key));
    for (uint32_t i = 0; i < e->count; i++) {
        check(take(&want, r, "ids"), e->ids[i], r, "id", i);
    }
    expect_end(&want, r, "ids");
}

/* A number counts the tokens of type 0, which come first; a list names all. */
static void check_types(const struct row *r, const struct text_encoding *e)
{
    kit_json y = kit_json_get(r->json, "y");
    struct kit_json_iter want = kit_json_iter(y);
    for (uint32_t i = 0; i < e->count; i++) {
        int64_t type = kit_json_type(y) == KIT_JSON_NUMBER ? i >= kit_json_i64(y, 0) : take(&want, r, "types");
        check(type, e->types[i], r, "type", i);
    }
    expect_end(&want, r, "types");
}

static void check_spans(const struct row *r, const struct text_encoding *e)
{
    struct kit_json_iter want = kit_json_iter(kit_json_get(r->json, "o"));
    int64_t last = 0;
    uint8_t part = TEXT_PART_SPECIAL;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->parts[i] == TEXT_PART_SPECIAL) {
            check(0, e->spans[i].end, r, "end", i);
            continue;
        }
        last = e->parts[i] == part ? last : 0;
        part = e->parts[i];
        int64_t start = last + take(&want, r, "spans");
        last = start + take(&want, r, "spans");
        check(start, e->spans[i].start, r, "start", i);
        check(last, e->spans[i].end, r, "end", i);
    }
    expect_end(&want, r, "spans");
}

static void check_words(const struct row *r, const struct text_encoding *e)
{
    kit_json w = kit_json_get(r->json, "w");
    if (kit_json_type(w) == KIT_JSON_NONE) {
        return;
    }
    struct kit_json_iter want = kit_json_iter(w);
    int64_t last = 0;
    uint8_t part = TEXT_PART_SPECIAL;
    for (uint32_t i = 0; i < e->count; i++) {
        if (e->parts[i] == TEXT_PART_SPECIAL) {
            check(TEXT_NO_WORD, e->words[i], r, "word", i);
            continue;
        }
        last = (e->parts[i] == part ? last : 0) + take(&want, r, "words");
        part = e->parts[i];
        check(last, e->words[i], r, "word", i);
    }
    expect_end(&want, r, "words");
}

static enum kit_status encode(const struct text_tokenizer *t, struct text_scratch *s, const struct row *r,
                              struct text_options options, struct text_encoding *e)
{
    return text_tokenizer_encode(t, s, r->text, r->has_pair ? &r->pair : NULL, &options, e, NULL);
}

static void check_whole(const struct text_tokenizer *t, struct text_scratch *s, const struct row *r)
{
    struct text_encoding e;
    struct text_options all = {.add_special = true, .max_tokens = TEXT_TOKENS_UNLIMITED};
    assert_int_equal(encode(t, s, r, all, &e), KIT_OK);
    check_ids(r, "i", &e);
    check_types(r, &e);
    check_spans(r, &e);
    check_words(r, &e);
}

/* Both ways to ask for the folder's own limit must agree; without one it is `limit`. */
static void check_cut(const struct text_tokenizer *t, struct text_scratch *s, const struct row *r, uint32_t limit)
{
    bool cuts = kit_json_type(kit_json_get(r->json, "k")) == KIT_JSON_ARRAY;
    uint32_t own = text_tokenizer_max_tokens(t);
    uint32_t max[] = {own == TEXT_TOKENS_UNLIMITED ? limit : 0, KIT_MIN(own, limit)};
    for (size_t i = 0; i < KIT_COUNT(max); i++) {
        struct text_encoding e;
        assert_ok(encode(t, s, r, (struct text_options){.add_special = true, .max_tokens = max[i]}, &e));
        check_ids(r, cuts ? "k" : "i", &e);
        check(cuts, e.dropped[0] + e.dropped[1] > 0, r, "dropped", 0);
        check((int64_t)kit_json_count(kit_json_get(r->json, "i")), e.count + e.dropped[0] + e.dropped[1], r, "count",
              0);
    }
}

static kit_json parse_line(kit_str line, struct kit_json_doc **doc)
{
    struct kit_err err = {0};
    if (kit_json_parse(line, DEPTH, doc, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return kit_json_root(*doc);
}

static void check_decoded(const struct text_tokenizer *t, const struct row *r, bool special,
                          const struct text_encoding *e)
{
    kit_json d = kit_json_get(r->json, "d");
    struct kit_buf out;
    kit_buf_init(&out, KIT_MIB);
    assert_int_equal(text_tokenizer_decode(t, e->ids, e->count, special, &out), KIT_OK);
    kit_str want = kit_json_str(d, (kit_str){0});
    if (kit_json_type(d) == KIT_JSON_STRING && !kit_str_eq(want, kit_buf_str(&out))) {
        fail_msg("decoded '%.*s', not '%.*s'", KIT_STR_ARG(kit_buf_str(&out)), KIT_STR_ARG(want));
    }
    kit_buf_done(&out);
}

static void check_decoded_whole(const struct text_tokenizer *t, struct text_scratch *s, const struct row *r)
{
    struct text_encoding e;
    struct text_options all = {.add_special = true, .max_tokens = TEXT_TOKENS_UNLIMITED};
    assert_ok(encode(t, s, r, all, &e));
    check_decoded(t, r, false, &e);
}

/* All rows of a file; returns how many. */
static size_t check_rows(const struct text_tokenizer *t, const char *path, uint32_t limit)
{
    struct text_scratch *s = NULL;
    struct kit_buf file;
    size_t rows = 0;
    kit_buf_init(&file, 64 * KIT_MIB);
    assert_ok(kit_file_read(path, &file, NULL));
    assert_ok(text_scratch_new(&s));
    kit_str rest = kit_buf_str(&file);
    for (kit_str line; kit_str_cut(&rest, '\n', &line); rows++) {
        struct kit_json_doc *doc = NULL;
        struct row r = read_row(parse_line(line, &doc));
        check_whole(t, s, &r);
        check_decoded_whole(t, s, &r);
        check_cut(t, s, &r, limit);
        kit_json_free(doc);
    }
    text_scratch_free(s);
    kit_buf_done(&file);
    return rows;
}

static struct text_tokenizer *open_folder(const char *folder)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    if (text_tokenizer_open(folder, &t, &err) != KIT_OK) {
        fail_msg("%s: %s", folder, err.msg);
    }
    return t;
}

TEST(tokenizer_gives_the_tokens_of_the_reference_for_minilm)
{
    if (!kit_file_exists(MINILM "/tokenizer.json")) {
        print_message("no %s/tokenizer.json: run 'make models'\n", MINILM);
        skip();
    }
    struct text_tokenizer *t = open_folder(MINILM);
    assert_int_equal(check_rows(t, TEST_DATA "/tokens/minilm.jsonl", 128), 5000);
    text_tokenizer_free(t);
}

/* For every id the text of it alone. */
static void check_pieces(const struct text_tokenizer *t, const char *path)
{
    struct kit_json_doc *doc = NULL;
    struct kit_buf file;
    struct kit_buf out;
    kit_buf_init(&file, 16 * KIT_MIB);
    kit_buf_init(&out, KIT_MIB);
    assert_ok(kit_file_read(path, &file, NULL));
    kit_json pieces = parse_line(kit_buf_str(&file), &doc);
    for (struct kit_json_iter i = kit_json_iter(pieces); kit_json_next(&i);) {
        int32_t id = (int32_t)i.index;
        kit_str want = kit_json_str(i.value, (kit_str){0});
        kit_buf_clear(&out);
        assert_ok(text_tokenizer_decode(t, &id, 1, false, &out));
        if (!kit_str_eq(want, kit_buf_str(&out))) {
            fail_msg("%d decoded '%.*s', not '%.*s'", id, KIT_STR_ARG(kit_buf_str(&out)), KIT_STR_ARG(want));
        }
    }
    assert_int_equal(text_tokenizer_vocab_size(t), kit_json_count(pieces));
    kit_json_free(doc);
    kit_buf_done(&out);
    kit_buf_done(&file);
}

static void check_folder(const char *name)
{
    char path[512];
    snprintf(path, sizeof(path), TEST_DATA "/tokens/%s", name);
    struct text_tokenizer *t = open_folder(path);
    snprintf(path, sizeof(path), TEST_DATA "/tokens/%s/cases.jsonl", name);
    assert_true(check_rows(t, path, 128) >= 1000);
    snprintf(path, sizeof(path), TEST_DATA "/tokens/%s/pieces.json", name);
    check_pieces(t, path);
    text_tokenizer_free(t);
}

TEST(tokenizer_gives_the_tokens_of_the_reference_for_folders_with_vocab_txt)
{
    check_folder("bert-plain");
    check_folder("bert-settings");
    check_folder("distilbert-ids");
}

TEST(tokenizer_gives_the_tokens_of_the_reference_for_byte_level_bpe)
{
    check_folder("roberta");
    check_folder("roberta-files");
    check_folder("gpt2");
}

static void check_case(const struct text_tokenizer *t, struct text_scratch *s, const struct row *r)
{
    struct text_encoding e;
    struct text_options options = {
        .add_special = kit_json_bool(kit_json_get(r->json, "s"), false),
        .max_tokens = (uint32_t)kit_json_i64(kit_json_get(r->json, "max"), TEXT_TOKENS_UNLIMITED),
        .truncate = (enum text_truncate)kit_json_i64(kit_json_get(r->json, "how"), TEXT_TRUNCATE_DEFAULT),
        .side = (enum text_side)kit_json_i64(kit_json_get(r->json, "side"), TEXT_SIDE_DEFAULT)};
    struct kit_err err = {0};
    enum kit_status rc = text_tokenizer_encode(t, s, r->text, r->has_pair ? &r->pair : NULL, &options, &e, &err);
    if (kit_json_bool(kit_json_get(r->json, "error"), false)) {
        assert_int_equal(rc, KIT_INVALID);
        return;
    }
    if (rc != KIT_OK) {
        fail_msg("%s, in: %.*s", err.msg, KIT_STR_ARG(r->text));
    }
    check_ids(r, "i", &e);
    check_types(r, &e);
    check_spans(r, &e);
    check_words(r, &e);
    check_decoded(t, r, options.add_special, &e);
}

static size_t check_tokenizer(kit_json line, struct text_scratch *s)
{
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    if (text_tokenizer_parse(kit_json_str(kit_json_get(line, "tokenizer"), (kit_str){0}), &t, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    kit_json cases = kit_json_get(line, "cases");
    for (struct kit_json_iter i = kit_json_iter(cases); kit_json_next(&i);) {
        struct row r = read_row(i.value);
        check_case(t, s, &r);
    }
    text_tokenizer_free(t);
    return kit_json_count(cases);
}

TEST(tokenizer_gives_the_tokens_of_the_reference_for_each_kind_of_part)
{
    struct text_scratch *s = NULL;
    struct kit_buf file;
    size_t cases = 0;
    kit_buf_init(&file, 16 * KIT_MIB);
    assert_int_equal(kit_file_read(TEST_DATA "/tokens/small.jsonl", &file, NULL), KIT_OK);
    assert_int_equal(text_scratch_new(&s), KIT_OK);
    kit_str rest = kit_buf_str(&file);
    for (kit_str line; kit_str_cut(&rest, '\n', &line);) {
        struct kit_json_doc *doc = NULL;
        cases += check_tokenizer(parse_line(line, &doc), s);
        kit_json_free(doc);
    }
    assert_true(cases >= 1100);
    text_scratch_free(s);
    kit_buf_done(&file);
}

int main(void)
{
    return TEST_RUN(TEST_OF(tokenizer_gives_the_tokens_of_the_reference_for_minilm),
                    TEST_OF(tokenizer_gives_the_tokens_of_the_reference_for_folders_with_vocab_txt),
                    TEST_OF(tokenizer_gives_the_tokens_of_the_reference_for_byte_level_bpe),
                    TEST_OF(tokenizer_gives_the_tokens_of_the_reference_for_each_kind_of_part));
}
