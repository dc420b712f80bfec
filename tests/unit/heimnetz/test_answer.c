#include "heimnetz/answer.h"

#include <stdio.h>
#include <stdlib.h>

#include "heimnetz/rich.h"
#include "support/test.h"

static struct heimnetz_item items[] = {{.text = {.ptr = "Angela Merkel läuft", .len = 20}, .second = {0}},
                                       {.text = {.ptr = "zwei", .len = 4}, .second = {.ptr = "ein Text", .len = 8}}};
static const struct heimnetz_question question = {
    .model = "m", .query = {.ptr = "what", .len = 4}, .items = items, .count = KIT_COUNT(items)};

/* The page for an answer on `width` columns (0: a pipe); by free. */
static char *print(const char *json, uint32_t width)
{
    char *text = NULL;
    size_t len = 0;
    struct heimnetz_term t;
    struct kit_json_doc *doc = NULL;
    FILE *out = open_memstream(&text, &len);
    heimnetz_term_make(&t, out, width, false, true);
    assert_ok(kit_json_parse(kit_str_c(json), 16, &doc, NULL));
    enum kit_status rc = heimnetz_answer_print(&t, &question, kit_json_root(doc), 3.25);
    assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    kit_json_free(doc);
    (void)fclose(out);
    return text;
}

#define USAGE ",\"usage\":{\"tokens\":7,\"truncated\":0},\"timing\":{\"compute_ms\":1.5}}"
#define FOOTER "\n7 tokens, 1.5 ms in the model, 3.2 ms in all\n"

static void expect(const char *json, const char *page)
{
    char *text = print(json, 0);
    assert_string_equal(text, page);
    free(text);
}

TEST(answer_shows_an_embedding_in_figures)
{
    expect("{\"task\":\"embed\",\"outputs\":[[3,4,0,0,0],[1]]" USAGE,
           "TEXT                 DIMENSIONS   NORM  FIRST VALUES\n"
           "Angela Merkel läuft           5  5.000  3.0000, 4.0000, 0.0000, 0.0000, …\n"
           "zwei                          1  1.000  1.0000\n" FOOTER);
}

TEST(answer_lists_labels_below_their_text)
{
    expect(
        "{\"task\":\"classify\",\"outputs\":[[{\"label\":\"good\",\"score\":0.75},{\"label\":\"bad\",\"score\":0.25}],"
        "[{\"label\":\"good\",\"score\":1}]]" USAGE,
        "Angela Merkel läuft\n  good  0.7500\n  bad   0.2500\nzwei | ein Text\n  good  1.0000\n" FOOTER);
}

TEST(answer_marks_spans_by_code_points)
{
    expect("{\"task\":\"token-classify\",\"outputs\":[[{\"label\":\"PER\",\"score\":0.5,\"start\":0,\"end\":13,"
           "\"text\":\"Angela "
           "Merkel\"},{\"label\":\"V\",\"score\":0.5,\"start\":14,\"end\":19,\"text\":\"läuft\"}],[]]" USAGE,
           "[Angela Merkel] [läuft]\n  Angela Merkel  PER  0.5000\n  läuft          V    0.5000\nzwei\n"
           "  nothing was found\n" FOOTER);
}

TEST(answer_shows_where_in_its_context_it_was_found)
{
    expect(
        "{\"task\":\"answer\",\"outputs\":[{\"text\":\"\",\"score\":0.1},[{\"text\":\"Text\",\"score\":0.9,\"start\":4,"
        "\"end\":8}]]" USAGE,
        "Angela Merkel läuft\n  no answer in the context  0.1000\nzwei\n  Text                      0.9000\n"
        "  ein [Text]\n" FOOTER);
}

TEST(answer_ranks_and_compares_with_the_query)
{
    expect("{\"task\":\"rerank\",\"outputs\":[{\"index\":1,\"score\":2.5},{\"index\":0,\"score\":-1}]" USAGE,
           "what\n  zwei                  2.5000\n  Angela Merkel läuft  -1.0000\n" FOOTER);
    expect("{\"task\":\"similarity\",\"outputs\":[0.5,0.25]" USAGE,
           "what\n  Angela Merkel läuft  0.5000\n  zwei                 0.2500\n" FOOTER);
}

TEST(answer_of_tensors_shows_their_shapes)
{
    expect("{\"task\":\"raw\",\"outputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"float32\",\"shape\":[1,2],\"data\":"
           "[1,2]}]}" USAGE,
           "TENSOR  TYPE     SHAPE   FIRST VALUES\nx       float32  [1, 2]  1.0000, 2.0000\n" FOOTER);
}

TEST(answer_says_what_was_cut_off)
{
    char *text = print("{\"task\":\"embed\",\"outputs\":[[1]],\"usage\":{\"tokens\":1,\"truncated\":1}}", 0);
    assert_non_null(strstr(text, "1 of the texts was longer than the model takes; the rest was cut off\n"));
    assert_non_null(strstr(text, "1 token, "));
    free(text);
}

TEST(answer_takes_whatever_a_server_says)
{
    static const char *const strange[] = {
        "{}",
        "[]",
        "{\"task\":7,\"outputs\":\"x\"}",
        "{\"task\":\"dance\",\"outputs\":[]}",
        "{\"task\":\"embed\",\"outputs\":[1,\"x\",{},[\"y\"],[],[],[]]}",
        "{\"task\":\"classify\",\"outputs\":[7,[{}],[[]]]}",
        "{\"task\":\"rerank\",\"outputs\":[{\"index\":-1},{\"index\":99999999999},{\"score\":1e308},{\"score\":-1e308}]"
        "}",
        "{\"task\":\"similarity\",\"outputs\":[null,{},1e308,-1e308]}",
        "{\"task\":\"token-classify\",\"outputs\":[[{\"start\":-5,\"end\":99},{\"start\":9,\"end\":2},{\"start\":1e99}]"
        "]}",
        "{\"task\":\"answer\",\"outputs\":[{\"text\":\"x\",\"start\":50,\"end\":90},{\"text\":\"x\",\"start\":7,"
        "\"end\":3},[{}],9]}",
        "{\"task\":\"raw\",\"outputs\":{\"tensors\":[{},7,{\"shape\":{},\"data\":\"x\"}]}}",
        "{\"task\":\"embed\",\"model\":\"\\u001b[2J\",\"outputs\":[]}",
    };
    for (size_t i = 0; i < KIT_COUNT(strange); i++) {
        static const uint32_t widths[] = {0, 20, 40, 80, 200};
        for (size_t k = 0; k < KIT_COUNT(widths); k++) {
            char *text = print(strange[i], widths[k]);
            kit_str rest = kit_str_c(text), line;
            while (kit_str_cut(&rest, '\n', &line)) {
                assert_true(widths[k] == 0 || heimnetz_rich_columns(line) <= widths[k]);
            }
            assert_null(strchr(text, '\033'));
            free(text);
        }
    }
}

TEST(answer_of_a_model_with_a_long_name_is_framed_as_wide_as_it_is_shown)
{
    for (int ahead = 0; ahead < 4; ahead++) { /* its name is cut within a character */
        char json[1024] = "{\"outputs\":[],\"task\":\"embed\",\"model\":\"";
        memset(json + strlen(json), 'x', (size_t)ahead);
        for (int i = 0; i < 100; i++) {
            strcat(json, "\xF0\x9F\x98\x80");
        }
        strcat(json, "\"}");
        char *text = print(json, 200);
        kit_str rest = kit_str_c(text), line;
        assert_true(kit_str_cut(&rest, '\n', &line));
        uint32_t width = heimnetz_rich_columns(line);
        assert_true(width > 130 && width < 140);
        while (kit_str_cut(&rest, '\n', &line) && line.len > 0) {
            assert_int_equal(heimnetz_rich_columns(line), width);
        }
        free(text);
    }
}

TEST(answer_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        kit_alloc_fail_at(0); /* the document is not what is swept */
        struct kit_json_doc *doc = NULL;
        assert_ok(kit_json_parse(kit_str_lit("{\"task\":\"embed\",\"outputs\":[[1,2]]" USAGE), 16, &doc, NULL));
        FILE *out = fopen("/dev/null", "w");
        struct heimnetz_term t;
        heimnetz_term_make(&t, out, 60, true, true);
        kit_alloc_fail_at(n);
        enum kit_status rc = heimnetz_answer_print(&t, &question, kit_json_root(doc), 1);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        kit_json_free(doc);
        (void)fclose(out);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(answer_shows_an_embedding_in_figures), TEST_OF(answer_lists_labels_below_their_text),
                    TEST_OF(answer_marks_spans_by_code_points), TEST_OF(answer_shows_where_in_its_context_it_was_found),
                    TEST_OF(answer_ranks_and_compares_with_the_query), TEST_OF(answer_of_tensors_shows_their_shapes),
                    TEST_OF(answer_says_what_was_cut_off), TEST_OF(answer_takes_whatever_a_server_says),
                    TEST_OF(answer_of_a_model_with_a_long_name_is_framed_as_wide_as_it_is_shown),
                    TEST_OF(answer_survives_each_failed_alloc));
}
