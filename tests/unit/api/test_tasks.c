/* Every task over texts, with logits from a table. ln 3 = 1.0986123; ids of tokens: tests/data/tiny-bert. */
#include "tasks_world.h"

static struct world world;

/* --- embed and similarity --- */

TEST(similarity_is_the_cosine_with_the_source)
{
    world_expect(&world,
                 "{\"model\":\"vectors\",\"inputs\":{\"source\":\"bread\",\"texts\":[\"stone\",\"bread\",\"\"]}}",
                 "[0.96, 1, 0]");
    assert_int_equal(world.last->kind, TASK_SIMILARITY);
}

TEST(similarity_of_an_array_gives_one_list_an_input)
{
    world_expect(&world,
                 "{\"model\":\"vectors\",\"inputs\":[{\"source\":\"bread\",\"texts\":[\"stone\"]},"
                 "{\"source\":\"stone\",\"texts\":[\"bread\",\"stone\"]}]}",
                 "[[0.96], [0.96, 1]]");
}

TEST(similarity_of_more_texts_than_a_batch_holds_keeps_their_order)
{
    char question[4000] = "{\"model\":\"vectors\",\"inputs\":{\"source\":\"bread\",\"texts\":[\"bread\"";
    char outputs[1000] = "[1";
    for (int i = 1; i < 60; i++) {
        strcat(question, i % 7 == 0 ? ",\"bread\"" : ",\"stone\"");
        strcat(outputs, i % 7 == 0 ? ",1" : ",0.96");
    }
    world_expect(&world, strcat(question, "]}}"), strcat(outputs, "]"));
}

/* [CLS] and [SEP] are worth 0: bread alone is (3, 4) of three tokens. */
TEST(embed_pools_and_normalizes_as_asked)
{
    world_expect(&world, "{\"model\":\"vectors\",\"inputs\":\"bread\"}", "[[1, 1.3333333]]");
    world_expect(&world, "{\"model\":\"vectors\",\"inputs\":[\"bread\"],\"parameters\":{\"normalize\":true}}",
                 "[[0.6, 0.8]]");
    world_expect(&world,
                 "{\"model\":\"vectors\",\"inputs\":[\"bread stone\",\"rain\"],\"parameters\":{\"pooling\":\"max\"}}",
                 "[[4, 4], [1, 0]]");
    world_expect(&world, "{\"model\":\"vectors\",\"inputs\":\"bread\",\"parameters\":{\"pooling\":\"cls\"}}",
                 "[[0, 0]]");
    world_expect(&world, "{\"model\":\"vectors\",\"inputs\":\"bread\",\"parameters\":{\"pooling\":\"mean\"}}",
                 "[[1, 1.3333333]]");
    world_expect(&world,
                 "{\"model\":\"vectors\",\"inputs\":\"bread\",\"parameters\":{\"pooling\":\"max\",\"normalize\":true}}",
                 "[[0.6, 0.8]]");
}

TEST(embed_refuses_a_pooling_that_the_model_has_not)
{
    world_refuse(&world, "{\"model\":\"gaps\",\"inputs\":\"c\",\"parameters\":{\"pooling\":\"max\"}}",
                 KIT_UNPROCESSABLE, "parameters.pooling", "own making");
    world_expect(&world, "{\"model\":\"gaps\",\"inputs\":\"c\",\"parameters\":{\"pooling\":\"mean\"}}",
                 "[[0.5, 1, 0, 0, 0, 0, 0, 0]]");
}

/* --- classify --- */

TEST(classify_gives_labels_best_first)
{
    world_expect(
        &world, "{\"model\":\"feelings\",\"inputs\":\"bread\"}",
        "[[{\"label\":\"glad\",\"score\":0.6},{\"label\":\"sad\",\"score\":0.2},{\"label\":\"flat\",\"score\":0.2}]]");
    assert_int_equal(world.last->kind, TASK_CLASSIFY);
}

TEST(classify_takes_top_k_and_a_function)
{
    world_expect(&world, "{\"model\":\"feelings\",\"inputs\":[\"bread\"],\"parameters\":{\"top_k\":1}}",
                 "[[{\"label\":\"glad\",\"score\":0.6}]]");
    world_expect(
        &world, "{\"model\":\"feelings\",\"inputs\":[\"bread\"],\"parameters\":{\"top_k\":2,\"function\":\"sigmoid\"}}",
        "[[{\"label\":\"glad\",\"score\":0.75},{\"label\":\"sad\",\"score\":0.5}]]");
    world_expect(&world,
                 "{\"model\":\"feelings\",\"inputs\":[\"bread\"],\"parameters\":{\"top_k\":9,\"function\":\"none\"}}",
                 "[[{\"label\":\"glad\",\"score\":1.0986123},{\"label\":\"sad\",\"score\":0},{\"label\":\"flat\","
                 "\"score\":0}]]");
}

TEST(classify_of_a_pair_tells_the_model_which_tokens_are_of_the_second)
{
    world_expect(
        &world,
        "{\"model\":\"feelings\",\"inputs\":[\"bread\",{\"text\":\"bread\",\"pair\":\"stone\"}],"
        "\"parameters\":{\"top_k\":1}}",
        "[[{\"label\":\"glad\",\"score\":0.6}],[{\"label\":\"sad\",\"score\":0.69230769}]]"); /* 9 of 9 + 3 + 1 */
    world_expect(
        &world,
        "{\"model\":\"feelings\",\"inputs\":{\"text\":\"bread\",\"pair\":\"stone\"},\"parameters\":{\"top_k\":1}}",
        "[[{\"label\":\"sad\",\"score\":0.69230769}]]");
}

TEST(classify_of_several_labels_at_a_time_and_of_a_lone_one_takes_the_sigmoid)
{
    world_expect(&world, "{\"model\":\"topics\",\"inputs\":\"bread\"}",
                 "[[{\"label\":\"LABEL_1\",\"score\":0.75},{\"label\":\"food\",\"score\":0.5}]]");
    world_expect(&world, "{\"model\":\"judge\",\"task\":\"classify\",\"inputs\":\"honey\"}",
                 "[[{\"label\":\"LABEL_0\",\"score\":0.75}]]");
}

TEST(classify_of_a_regression_gives_the_number_itself)
{
    world_expect(&world, "{\"model\":\"grade\",\"inputs\":\"bread\"}", "[[{\"label\":\"LABEL_0\",\"score\":-2.5}]]");
}

/* --- rerank --- */

#define RANKING "\"inputs\":{\"query\":\"bread\",\"texts\":[\"stone\",\"honey\",\"rain\"]}"

TEST(rerank_gives_places_best_first)
{
    world_expect(&world, "{\"model\":\"judge\"," RANKING "}",
                 "[{\"index\":1,\"score\":0.75},{\"index\":0,\"score\":0.5},{\"index\":2,\"score\":0.25}]");
    assert_int_equal(world.last->kind, TASK_RERANK);
}

TEST(rerank_takes_top_n_return_text_and_raw_scores)
{
    world_expect(&world,
                 "{\"model\":\"judge\"," RANKING
                 ",\"parameters\":{\"top_n\":2,\"return_text\":true,\"raw_scores\":true}}",
                 "[{\"index\":1,\"score\":1.0986123,\"text\":\"honey\"},{\"index\":0,\"score\":0,\"text\":\"stone\"}]");
}

TEST(rerank_that_sends_long_texts_back_is_written_on_the_work_pool)
{
    static char question[400000];
    char *at = question + sprintf(question, "{\"model\":\"judge\",\"inputs\":{\"query\":\"a\",\"texts\":[\"b\"");
    for (int i = 0; i < 40; i++) {
        at += sprintf(at, ",\"%09000d\"", 0);
    }
    strcpy(at, "]}}");
    assert_int_equal(world_ask(&world, question), KIT_OK);
    assert_false(world.last->rendered);
    strcpy(at, "]},\"parameters\":{\"return_text\":true}}");
    assert_int_equal(world_ask(&world, question), KIT_OK);
    assert_true(world.last->rendered);
}

TEST(rerank_of_an_array_gives_one_list_an_input)
{
    world_expect(&world,
                 "{\"model\":\"judge\",\"inputs\":[{\"query\":\"a\",\"texts\":[\"rain\",\"honey\"]},"
                 "{\"query\":\"a\",\"texts\":[\"honey\"]}]}",
                 "[[{\"index\":1,\"score\":0.75},{\"index\":0,\"score\":0.25}],[{\"index\":0,\"score\":0.75}]]");
}

/* --- token-classify --- */

TEST(token_classify_joins_neighbours_of_one_label)
{
    world_expect(&world, "{\"model\":\"names\",\"inputs\":\"bread light of river\"}",
                 "[[{\"label\":\"PER\",\"score\":0.625,\"start\":0,\"end\":11,\"text\":\"bread light\"},"
                 "{\"label\":\"LOC\",\"score\":0.5,\"start\":15,\"end\":20,\"text\":\"river\"}]]");
    world_expect(&world, "{\"model\":\"names\",\"inputs\":[\"copper of\",\"bread bread\"]}",
                 "[[],[{\"label\":\"PER\",\"score\":0.75,\"start\":0,\"end\":5,\"text\":\"bread\"},"
                 "{\"label\":\"PER\",\"score\":0.75,\"start\":6,\"end\":11,\"text\":\"bread\"}]]");
}

TEST(token_classify_counts_code_points)
{
    world_expect(&world, "{\"model\":\"names\",\"inputs\":\"\xC3\x84 \xF0\x9F\x98\x80 bread\"}",
                 "[[{\"label\":\"PER\",\"score\":0.75,\"start\":4,\"end\":9,\"text\":\"bread\"}]]");
}

TEST(token_classify_ends_entities_where_their_labels_say_so)
{
    world_expect(&world, "{\"model\":\"names\",\"inputs\":\"bread engine engine stone stone\"}",
                 "[[{\"label\":\"PER\",\"score\":0.625,\"start\":0,\"end\":12,\"text\":\"bread engine\"},"
                 "{\"label\":\"PER\",\"score\":0.5,\"start\":13,\"end\":19,\"text\":\"engine\"},"
                 "{\"label\":\"LOC\",\"score\":0.5,\"start\":20,\"end\":25,\"text\":\"stone\"},"
                 "{\"label\":\"LOC\",\"score\":0.5,\"start\":26,\"end\":31,\"text\":\"stone\"}]]");
}

TEST(token_classify_without_aggregation_gives_each_token_with_its_tag)
{
    world_expect(&world, "{\"model\":\"names\",\"inputs\":\"breading of\",\"parameters\":{\"aggregation\":\"none\"}}",
                 "[[{\"label\":\"B-PER\",\"score\":0.75,\"start\":0,\"end\":5,\"text\":\"bread\"},"
                 "{\"label\":\"B-LOC\",\"score\":0.875,\"start\":5,\"end\":8,\"text\":\"ing\"}]]");
}

/* bread is 0.75 PER and 0.05 of each other, ing 0.875 LOC and 0.025 of each other. */
TEST(token_classify_lets_the_tokens_of_a_word_agree)
{
    world_expect(&world, "{\"model\":\"names\",\"inputs\":\"breading\",\"parameters\":{\"aggregation\":\"first\"}}",
                 "[[{\"label\":\"PER\",\"score\":0.75,\"start\":0,\"end\":8,\"text\":\"breading\"}]]");
    world_expect(&world, "{\"model\":\"names\",\"inputs\":\"breading\",\"parameters\":{\"aggregation\":\"max\"}}",
                 "[[{\"label\":\"LOC\",\"score\":0.875,\"start\":0,\"end\":8,\"text\":\"breading\"}]]");
    world_expect(&world,
                 "{\"model\":\"names\",\"inputs\":\"of breading bread\",\"parameters\":{\"aggregation\":\"average\"}}",
                 "[[{\"label\":\"LOC\",\"score\":0.4625,\"start\":3,\"end\":11,\"text\":\"breading\"},"
                 "{\"label\":\"PER\",\"score\":0.75,\"start\":12,\"end\":17,\"text\":\"bread\"}]]");
}

/* --- fill-mask --- */

TEST(fill_mask_gives_tokens_best_first)
{
    world_expect(&world, "{\"model\":\"gaps\",\"inputs\":\"bread [MASK]\",\"parameters\":{\"top_k\":2}}",
                 "[[{\"token\":\"a\",\"score\":0.5},{\"token\":\"b\",\"score\":0.16666667}]]");
    assert_int_equal(world.last->kind, TASK_FILL_MASK);
    assert_int_equal(world_ask(&world, "{\"model\":\"gaps\",\"inputs\":\"bread [MASK]\"}"), KIT_OK);
    assert_int_equal(world.last->hits.counts[0], 5);
}

TEST(fill_mask_of_several_masks_gives_a_list_for_each)
{
    world_expect(
        &world, "{\"model\":\"gaps\",\"inputs\":[\"[MASK] bread [MASK]\",\"[MASK]\"],\"parameters\":{\"top_k\":1}}",
        "[[[{\"token\":\"a\",\"score\":0.5}],[{\"token\":\"a\",\"score\":0.5}]],[{\"token\":\"a\",\"score\":0.5}]]");
}

TEST(fill_mask_takes_targets)
{
    world_expect(
        &world, "{\"model\":\"gaps\",\"inputs\":\"[MASK]\",\"parameters\":{\"targets\":[\"c\",\"bread\",\"B\",\"b\"]}}",
        "[[{\"token\":\"b\",\"score\":0.16666667},{\"token\":\"c\",\"score\":0.05555556},"
        "{\"token\":\"bread\",\"score\":0}]]");
    world_refuse(&world,
                 "{\"model\":\"gaps\",\"inputs\":\"[MASK]\",\"parameters\":{\"targets\":[\"c\",\"old bread\"]}}",
                 KIT_INVALID, "parameters.targets[1]", "not one token");
}

TEST(a_masked_language_model_embeds_texts_that_have_no_mask)
{
    world_expect(&world, "{\"model\":\"gaps\",\"inputs\":\"c\"}", "[[0.5, 1, 0, 0, 0, 0, 0, 0]]");
    assert_int_equal(world.last->kind, TASK_EMBED);
    world_refuse(&world, "{\"model\":\"gaps\",\"task\":\"fill-mask\",\"inputs\":[\"[MASK]\",\"c\"]}", KIT_INVALID,
                 "inputs[1]", "[MASK]");
    world_refuse(&world, "{\"model\":\"gaps\",\"inputs\":\"a a a a a a a a a a a a a a a [MASK]\"}", KIT_INVALID,
                 "inputs", "first 16 tokens");
}

/* --- answer --- */

#define ASKING "\"inputs\":{\"question\":\"bread\",\"context\":\"light stone river copper\"}"

TEST(answer_gives_the_best_span)
{
    world_expect(&world, "{\"model\":\"reader\"," ASKING "}",
                 "[{\"text\":\"stone river\",\"score\":0.25,\"start\":6,\"end\":17}]");
    assert_int_equal(world.last->kind, TASK_ANSWER);
}

TEST(answer_gives_top_k_of_one_question_as_one_list)
{
    world_expect(&world, "{\"model\":\"reader\"," ASKING ",\"parameters\":{\"top_k\":2}}",
                 "[{\"text\":\"stone river\",\"score\":0.25,\"start\":6,\"end\":17},"
                 "{\"text\":\"light stone river\",\"score\":0.0625,\"start\":0,\"end\":17}]");
}

TEST(answer_of_an_array_gives_one_answer_an_input_or_lists)
{
    world_expect(&world,
                 "{\"model\":\"reader\",\"inputs\":[{\"question\":\"bread\",\"context\":\"river\"},"
                 "{\"question\":\"bread\",\"context\":\"\xC3\xA9 stone\"}],\"parameters\":{\"max_answer_tokens\":1}}",
                 "[{\"text\":\"river\",\"score\":0.4,\"start\":0,\"end\":5},"
                 "{\"text\":\"stone\",\"score\":0.22222222,\"start\":2,\"end\":7}]");
    world_expect(&world,
                 "{\"model\":\"reader\",\"inputs\":[{\"question\":\"bread\",\"context\":\"river\"}],"
                 "\"parameters\":{\"top_k\":3}}",
                 "[[{\"text\":\"river\",\"score\":0.4,\"start\":0,\"end\":5}]]");
}

TEST(answer_keeps_to_the_length_that_is_asked_for)
{
    world_expect(&world, "{\"model\":\"reader\"," ASKING ",\"parameters\":{\"max_answer_tokens\":1}}",
                 "[{\"text\":\"stone\",\"score\":0.0625,\"start\":6,\"end\":11}]");
}

TEST(answer_widens_a_span_to_whole_words)
{
    world_expect(&world, "{\"model\":\"reader\",\"inputs\":{\"question\":\"bread\",\"context\":\"a stonely one\"}}",
                 "[{\"text\":\"stonely\",\"score\":0.225,\"start\":2,\"end\":9}]"); /* (4/8 + 4/8 + 1/8) * 1/5 */
}

TEST(answer_may_be_that_there_is_none)
{
    world_expect(&world,
                 "{\"model\":\"reader\",\"inputs\":{\"question\":\"bread\",\"context\":\"light light\"},"
                 "\"parameters\":{\"null_answer\":true,\"top_k\":5}}",
                 "[{\"text\":\"light\",\"score\":0.22222222,\"start\":0,\"end\":5},"
                 "{\"text\":\"\",\"score\":0.11111111,\"start\":0,\"end\":0},"
                 "{\"text\":\"light light\",\"score\":0.11111111,\"start\":0,\"end\":11}]");
}

/* With 16 tokens a row there is room for 12 of context; the answer lies across the first window's end. */
TEST(answer_finds_what_lies_across_windows)
{
    world_expect(&world,
                 "{\"model\":\"reader\",\"inputs\":{\"question\":\"bread\",\"context\":"
                 "\"a a a a a a a a a a a stone a river a a a a a a\"},\"parameters\":{\"stride\":4}}",
                 "[{\"text\":\"stone a river\",\"score\":0.0625,\"start\":22,\"end\":35}]"); /* 4/16 * 4/16 */
    assert_int_equal(world.last->rows.count, 2);
    assert_int_equal(world.last->rows.firsts[1], 2);
}

TEST(answer_refuses_what_it_cannot_cut)
{
    world_refuse(&world, "{\"model\":\"reader\",\"inputs\":{\"question\":\"bread\",\"context\":\" \"}}", KIT_INVALID,
                 "inputs.context", "empty");
    world_refuse(&world, "{\"model\":\"reader\",\"inputs\":[{\"question\":\"\",\"context\":\"a\"}]}", KIT_INVALID,
                 "inputs[0].question", "empty");
    world_refuse(&world,
                 "{\"model\":\"reader\",\"inputs\":{\"question\":\"a a a a a a a a a a a a a a\",\"context\":\"b\"}}",
                 KIT_TOO_LARGE, "inputs.question", "16 tokens");
    world_refuse(&world, "{\"model\":\"reader\"," ASKING ",\"parameters\":{\"stride\":10}}", KIT_INVALID,
                 "parameters.stride", "may share 9");
    world_refuse(&world, "{\"model\":\"reader\"," ASKING ",\"parameters\":{\"top_k\":101}}", KIT_INVALID,
                 "parameters.top_k", "100");
}

/* --- what does not suit --- */

TEST(a_task_that_the_model_or_the_inputs_do_not_suit_is_refused_with_the_remedy)
{
    world_refuse(&world, "{\"model\":\"vectors\",\"inputs\":{\"text\":\"a\",\"pair\":\"b\"}}", KIT_UNPROCESSABLE,
                 "inputs", "similarity");
    world_refuse(&world, "{\"model\":\"vectors\"," ASKING "}", KIT_UNPROCESSABLE, "task", "'answer'");
    world_refuse(&world, "{\"model\":\"vectors\"," RANKING "}", KIT_UNPROCESSABLE, "task", "'rerank'");
    world_refuse(&world, "{\"model\":\"names\",\"task\":\"classify\",\"inputs\":\"a\"}", KIT_UNPROCESSABLE, "task",
                 "'token-classify'");
    world_refuse(&world, "{\"model\":\"judge\",\"task\":\"rerank\",\"inputs\":\"a\"}", KIT_UNPROCESSABLE, "inputs",
                 "query");
    world_refuse(&world, "{\"model\":\"names\",\"inputs\":{\"source\":\"a\",\"texts\":[\"b\"]}}", KIT_UNPROCESSABLE,
                 "task", "'similarity'");
    world_refuse(&world, "{\"model\":\"feelings\",\"inputs\":\"a\",\"parameters\":{\"top_n\":1}}", KIT_INVALID,
                 "parameters.top_n", "truncate, top_k, function");
}

TEST(a_pair_that_is_too_long_is_cut_or_refused_by_place)
{
    world_refuse(
        &world,
        "{\"model\":\"judge\",\"inputs\":{\"query\":\"a\",\"texts\":[\"b\",\"a a a a a a a a a a a a a a a\"]},"
        "\"parameters\":{\"truncate\":false}}",
        KIT_TOO_LARGE, "inputs.texts[1]", "tokens");
    assert_int_equal(world_ask(&world, "{\"model\":\"judge\",\"inputs\":{\"query\":\"a\",\"texts\":[\"b\","
                                       "\"a a a a a a a a a a a a a a a\"]}}"),
                     KIT_OK);
    assert_int_equal(world.last->truncated, 1);
}

TEST(every_task_survives_each_failed_alloc)
{
    static const char *const questions[] = {
        "{\"model\":\"vectors\",\"inputs\":{\"source\":\"bread\",\"texts\":[\"stone\"]}}",
        "{\"model\":\"feelings\",\"inputs\":{\"text\":\"bread\",\"pair\":\"stone\"}}",
        "{\"model\":\"judge\"," RANKING "}",
        "{\"model\":\"names\",\"inputs\":\"breading\",\"parameters\":{\"aggregation\":\"average\"}}",
        "{\"model\":\"gaps\",\"inputs\":\"a [MASK]\",\"parameters\":{\"targets\":[\"a\",\"B\"]}}",
        "{\"model\":\"reader\"," ASKING "}",
    };
    for (size_t i = 0; i < KIT_COUNT(questions); i++) {
        assert_int_equal(world_ask(&world, questions[i]), KIT_OK); /* it is loaded then */
        uint64_t runs = 0;
        TEST_ALLOC_SWEEP(n) {
            enum kit_status rc = world_ask(&world, questions[i]);
            assert_true(rc == KIT_OK || rc == KIT_NOMEM);
            runs++;
        }
        assert_true(runs > 5);
        assert_int_equal(world_ask(&world, questions[i]), KIT_OK);
    }
}

static int open_world(void **state)
{
    (void)state;
    world_model("vectors", "tasks embed\ncolumns 2\npooled 1\nhidden 1\npooling mean\nnormalize 0\n"
                           "id 92 3 4\nid 95 4 3\nid 100 1 -1\n");
    world_model("feelings", "tasks classify\nlabels [\"sad\",\"glad\",\"flat\"]\ncolumns 3\ntypes 1\n"
                            "id 92 0 1.0986123 0\ntype1 1.0986123\n");
    world_model("topics", "tasks classify\nproblem multi_label_classification\nlabels [\"food\",7]\ncolumns 2\n"
                          "id 92 0 1.0986123\n");
    world_model("grade", "tasks classify\nproblem regression\ncolumns 1\nid 92 -2.5\n");
    world_model("judge", "tasks rerank,classify\ncolumns 1\nlongest 16\nid 98 1.0986123\nid 100 -1.0986123\n");
    world_model("names", "tasks token-classify\nragged 1\ncolumns 6\n"
                         "labels [\"O\",\"B-PER\",\"I-PER\",\"B-LOC\",\"S-LOC\",\"E-PER\"]\n"
                         "id 92 0 2.7080502\nid 93 0 0 1.6094379\nid 94 0 0 0 1.6094379\nid 95 0 0 0 0 1.6094379\n"
                         "id 96 0 0 0 0 0 1.6094379\nid 97 1.6094379\nid 136 0 0 0 3.5553481\n");
    world_model("gaps", "tasks fill-mask,embed\npooling mean\nragged 1\ncolumns 8\npooled 1\nlongest 16\n"
                        "id 4 0 0 0 0 0 2.1972246 1.0986123\nid 7 1.5 3\n");
    world_model("reader", "tasks answer\nragged 1\ncolumns 2\nlongest 16\nid 95 1.3862944\nid 94 0 1.3862944\n");
    world_open(&world);
    return 0;
}

static int close_world(void **state)
{
    (void)state;
    world_close(&world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST_OF(similarity_is_the_cosine_with_the_source),
        TEST_OF(similarity_of_an_array_gives_one_list_an_input),
        TEST_OF(similarity_of_more_texts_than_a_batch_holds_keeps_their_order),
        TEST_OF(embed_pools_and_normalizes_as_asked),
        TEST_OF(embed_refuses_a_pooling_that_the_model_has_not),
        TEST_OF(classify_gives_labels_best_first),
        TEST_OF(classify_takes_top_k_and_a_function),
        TEST_OF(classify_of_a_pair_tells_the_model_which_tokens_are_of_the_second),
        TEST_OF(classify_of_several_labels_at_a_time_and_of_a_lone_one_takes_the_sigmoid),
        TEST_OF(classify_of_a_regression_gives_the_number_itself),
        TEST_OF(rerank_gives_places_best_first),
        TEST_OF(rerank_takes_top_n_return_text_and_raw_scores),
        TEST_OF(rerank_that_sends_long_texts_back_is_written_on_the_work_pool),
        TEST_OF(rerank_of_an_array_gives_one_list_an_input),
        TEST_OF(token_classify_joins_neighbours_of_one_label),
        TEST_OF(token_classify_counts_code_points),
        TEST_OF(token_classify_ends_entities_where_their_labels_say_so),
        TEST_OF(token_classify_without_aggregation_gives_each_token_with_its_tag),
        TEST_OF(token_classify_lets_the_tokens_of_a_word_agree),
        TEST_OF(fill_mask_gives_tokens_best_first),
        TEST_OF(fill_mask_of_several_masks_gives_a_list_for_each),
        TEST_OF(fill_mask_takes_targets),
        TEST_OF(a_masked_language_model_embeds_texts_that_have_no_mask),
        TEST_OF(answer_gives_the_best_span),
        TEST_OF(answer_gives_top_k_of_one_question_as_one_list),
        TEST_OF(answer_of_an_array_gives_one_answer_an_input_or_lists),
        TEST_OF(answer_keeps_to_the_length_that_is_asked_for),
        TEST_OF(answer_widens_a_span_to_whole_words),
        TEST_OF(answer_may_be_that_there_is_none),
        TEST_OF(answer_finds_what_lies_across_windows),
        TEST_OF(answer_refuses_what_it_cannot_cut),
        TEST_OF(a_task_that_the_model_or_the_inputs_do_not_suit_is_refused_with_the_remedy),
        TEST_OF(a_pair_that_is_too_long_is_cut_or_refused_by_place),
        TEST_OF(every_task_survives_each_failed_alloc),
    };
    return cmocka_run_group_tests(tests, open_world, close_world);
}
