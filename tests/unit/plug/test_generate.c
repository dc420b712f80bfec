/* Steps, sequences, vocabulary and adapters of the echo back end, in this process and in a cell: both ways answer the same. */
#include <pthread.h>

#include "unit/plug/world.h"

static const enum plug_isolation both[] = {PLUG_IN_PROCESS, PLUG_IN_CELL};

#define TOKENS 260 /* of its vocabulary: 256 bytes, <begin>, <end>, <turn>, <reply> */
#define END 257
#define KV_TOKENS 1000
#define KV_BYTES_PER_TOKEN 16
#define STEP_TOKENS_MAX 600

static struct plug_model *open_model(struct plug_engine *e, enum plug_isolation where, const char *options)
{
    return world_model(e, "echo", options != NULL ? options : "{\"generate\":1}", where);
}

static struct plug_instance *open_instance(struct plug_model *m)
{
    struct acb_instance_open options = {.size = sizeof(options),
                                        .mode = ACB_MODE_GENERATE,
                                        .cores_max = 4,
                                        .sequences_max = 8,
                                        .call_tokens_max = STEP_TOKENS_MAX,
                                        .kv_bytes_max = KV_TOKENS * KV_BYTES_PER_TOKEN};
    struct plug_instance *i = NULL;
    struct kit_err err = {0};
    if (plug_instance_open(m, &options, &i, &err) != KIT_OK) {
        fail_msg("instance: %s", err.msg);
    }
    return i;
}

/* --- steps --- */

struct tokens {
    int32_t token[STEP_TOKENS_MAX];
    uint32_t seq[STEP_TOKENS_MAX], pos[STEP_TOKENS_MAX];
    uint8_t want[STEP_TOKENS_MAX];
    uint32_t n;
};

/* Logits of the last one are wanted. */
static void add(struct tokens *t, uint32_t seq, uint32_t from, const int32_t *ids, uint64_t count)
{
    for (uint64_t k = 0; k < count; k++) {
        t->token[t->n] = ids[k];
        t->seq[t->n] = seq;
        t->pos[t->n] = from + (uint32_t)k;
        t->want[t->n] = k + 1 == count;
        t->n++;
    }
}

static struct acb_step step_of(const struct tokens *t)
{
    return (struct acb_step){.size = sizeof(struct acb_step),
                             .cores = 1,
                             .n = t->n,
                             .token = t->token,
                             .seq = t->seq,
                             .pos = t->pos,
                             .want = t->want};
}

static int32_t best_of(const float *logits)
{
    int32_t best = 0;
    for (int32_t id = 1; id < TOKENS; id++) {
        best = logits[id] > logits[best] ? id : best;
    }
    return best;
}

static uint64_t tokenize(struct plug_model *m, const char *text, int32_t *ids, uint64_t room)
{
    uint64_t count = room;
    assert_int_equal(plug_model_tokenize(m, kit_str_c(text), ACB_TOKENIZE_ADD_SPECIAL, ids, &count, NULL), KIT_OK);
    return count;
}

/* Feeds one token of a sequence, answers the next. */
static int32_t feed(struct plug_instance *i, uint32_t seq, int32_t id)
{
    struct tokens t = {.n = 0};
    float *logits = NULL;
    add(&t, seq, plug_instance_seq_length(i, seq), &id, 1);
    struct acb_step step = step_of(&t);
    assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
    return best_of(logits);
}

/* Greedy, from a sequence whose next token is known, until it ends. */
static void complete(struct plug_model *m, struct plug_instance *i, uint32_t seq, int32_t next, char *text)
{
    *text = 0;
    while ((plug_model_token_flags(m, next) & ACB_TOKEN_END) == 0) {
        kit_str bytes = plug_model_token(m, next);
        (void)strncat(text, bytes.ptr, bytes.len);
        next = feed(i, seq, next);
    }
}

static int32_t prefill(struct plug_model *m, struct plug_instance *i, uint32_t seq, const char *text)
{
    struct tokens t = {.n = 0};
    int32_t ids[100];
    float *logits = NULL;
    add(&t, seq, 0, ids, tokenize(m, text, ids, 100));
    struct acb_step step = step_of(&t);
    assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
    return best_of(logits);
}

TEST(a_text_is_repeated_and_then_it_ends)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        char text[100];
        complete(m, i, 0, prefill(m, i, 0, "hallo, Welt"), text);
        assert_string_equal(text, "hallo, Welt");
        assert_int_equal(plug_instance_seq_length(i, 0), 2 + 2 * strlen("hallo, Welt"));
        plug_instance_seq_end(i, 0);
        assert_int_equal(plug_instance_seq_length(i, 0), 0);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(logits_come_in_the_order_of_the_wanted_tokens_and_may_be_overwritten)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        static const int32_t a[] = {'x', 'a'}, b[] = {'y', 'b'}, c[] = {'c'};
        struct tokens t = {.n = 0};
        float *logits = NULL;
        add(&t, 3, 0, a, 2);
        add(&t, 1, 0, b, 2);
        add(&t, 7, 0, c, 1);
        struct acb_step step = step_of(&t);
        assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
        static const int32_t expected[] = {'a', 'b', 'c'};
        for (size_t k = 0; k < 3; k++) {
            assert_int_equal(best_of(logits + k * TOKENS), expected[k]);
        }
        memset(logits, 0, 3 * TOKENS * sizeof(*logits));
        assert_int_equal(feed(i, 1, 'd'), 'd');
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_step_that_wants_no_logits_gets_none)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        struct tokens t = {.n = 0};
        float something = 0;
        float *logits = &something;
        add(&t, 0, 0, (int32_t[]){'a', 'b'}, 2);
        t.want[1] = 0;
        struct acb_step step = step_of(&t);
        assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
        assert_null(logits);
        assert_int_equal(plug_instance_seq_length(i, 0), 2);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(what_no_step_can_be_is_refused_and_nothing_is_done)
{
    static const struct {
        int32_t token;
        uint32_t seq, pos, n;
    } cases[] = {{-1, 0, 0, 1},
                 {TOKENS, 0, 0, 1},
                 {'a', 8, 0, 1},
                 {'a', UINT32_MAX, 0, 1},
                 {'a', 0, 1, 1},
                 {'a', 0, 0, 0},
                 {'a', 0, 0, STEP_TOKENS_MAX + 1}};
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        for (size_t k = 0; k < KIT_COUNT(cases); k++) {
            struct tokens t = {
                .token = {cases[k].token}, .seq = {cases[k].seq}, .pos = {cases[k].pos}, .n = cases[k].n};
            struct acb_step step = step_of(&t);
            float *logits = NULL;
            assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_INVALID);
            assert_int_equal(plug_instance_seq_length(i, 0), 0);
        }
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

/* --- sequences --- */

TEST(a_copied_sequence_goes_its_own_way)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        char text[100];
        int32_t next = prefill(m, i, 0, "abc");
        assert_int_equal(plug_instance_seq_copy(i, 0, 5, 5, NULL), KIT_OK);
        complete(m, i, 0, next, text);
        assert_string_equal(text, "abc");
        assert_int_equal(plug_instance_seq_length(i, 5), 5);
        complete(m, i, 5, next, text);
        assert_string_equal(text, "abc");
        assert_int_equal(plug_instance_seq_copy(i, 0, 1, 100, NULL), KIT_INVALID);
        assert_int_equal(plug_instance_seq_copy(i, 0, 8, 1, NULL), KIT_INVALID);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_trimmed_sequence_goes_on_from_there)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        assert_int_equal(prefill(m, i, 2, "abc"), 'a');
        assert_int_equal(feed(i, 2, 'a'), 'b');
        assert_int_equal(feed(i, 2, 'b'), 'c');
        assert_int_equal(plug_instance_seq_trim(i, 2, 5, NULL), KIT_OK);
        assert_int_equal(plug_instance_seq_length(i, 2), 5);
        assert_int_equal(feed(i, 2, 'a'), 'b');
        assert_int_equal(plug_instance_seq_trim(i, 2, 100, NULL), KIT_INVALID);
        assert_int_equal(plug_instance_seq_trim(i, 9, 0, NULL), KIT_INVALID);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

/* The KV room is for 1,000 tokens; what two sequences share is held once. */
TEST(without_room_nothing_is_done_and_there_is_room_again_later)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        static int32_t many[STEP_TOKENS_MAX];
        struct tokens first = {.n = 0}, second = {.n = 0};
        float *logits = NULL;
        add(&first, 0, 0, many, STEP_TOKENS_MAX);
        add(&second, 1, 0, many, STEP_TOKENS_MAX);
        struct acb_step step = step_of(&first), more = step_of(&second);
        assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
        assert_int_equal(plug_instance_seq_copy(i, 0, 2, STEP_TOKENS_MAX, NULL), KIT_OK);
        assert_int_equal(plug_instance_step(i, &more, &logits, NULL), KIT_FULL);
        assert_int_equal(plug_instance_seq_length(i, 1), 0);
        plug_instance_seq_end(i, 0);
        assert_int_equal(plug_instance_step(i, &more, &logits, NULL), KIT_FULL);
        plug_instance_seq_end(i, 2);
        assert_int_equal(plug_instance_step(i, &more, &logits, NULL), KIT_OK);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

/* --- cancelling and dying --- */

static void *cancel_soon(void *instance)
{
    world_sleep_ms(50);
    plug_instance_cancel(instance);
    return NULL;
}

TEST(a_cancelled_step_tells_what_it_has_done_and_the_instance_goes_on)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], "{\"generate\":1,\"token_us\":100000}");
        struct plug_instance *i = open_instance(m);
        static int32_t many[100];
        struct tokens t = {.n = 0};
        float *logits = NULL;
        pthread_t thread;
        add(&t, 0, 0, many, 100);
        struct acb_step step = step_of(&t);
        assert_int_equal(pthread_create(&thread, NULL, cancel_soon, i), 0);
        assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_CANCELLED);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_int_equal(plug_instance_seq_length(i, 0), 50);
        assert_int_equal(feed(i, 0, 'a'), 'a');
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_step_whose_flag_is_set_never_begins)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        struct tokens t = {.n = 0};
        float *logits = NULL;
        uint32_t flag = 1;
        add(&t, 0, 0, (int32_t[]){'a'}, 1);
        struct acb_step step = step_of(&t);
        step.cancelled = &flag;
        assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_CANCELLED);
        assert_int_equal(plug_instance_seq_length(i, 0), 0);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

static void *kill_soon(void *pid)
{
    world_sleep_ms(100);
    (void)kill((pid_t)(intptr_t)pid, SIGKILL);
    return NULL;
}

TEST(a_cell_that_is_killed_during_a_step_fails_that_step_and_nothing_else)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    struct plug_model *m = open_model(e, PLUG_IN_CELL, "{\"generate\":1,\"delay_ms\":60000}");
    struct plug_instance *i = open_instance(m);
    struct tokens t = {.n = 0};
    float *logits = NULL;
    pthread_t thread;
    add(&t, 0, 0, (int32_t[]){'a'}, 1);
    struct acb_step step = step_of(&t);
    assert_int_equal(pthread_create(&thread, NULL, kill_soon, (void *)(intptr_t)plug_model_pid(m)), 0);
    assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_UNAVAILABLE);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_UNAVAILABLE);
    assert_int_equal(plug_instance_seq_length(i, 0), 0);
    assert_int_equal(plug_instance_seq_trim(i, 0, 0, NULL), KIT_UNAVAILABLE);
    int32_t id;
    uint64_t count = 1;
    assert_int_equal(plug_model_tokenize(m, kit_str_lit("a"), 0, &id, &count, NULL), KIT_UNAVAILABLE);
    assert_int_equal(plug_model_token(m, 'a').len, 1);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* --- words --- */

TEST(the_vocabulary_is_there_when_the_model_is)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        assert_true(plug_model_has_vocab(m));
        assert_int_equal(plug_model_info(m)->vocab_size, TOKENS);
        assert_int_equal(plug_model_info(m)->step_flags, ACB_STEP_TRIM | ACB_STEP_FORK);
        for (int32_t id = 0; id < 256; id++) {
            assert_int_equal(plug_model_token(m, id).len, 1);
            assert_int_equal((unsigned char)plug_model_token(m, id).ptr[0], id);
            assert_int_equal(plug_model_token_flags(m, id), ACB_TOKEN_BYTE);
        }
        assert_true(kit_str_eq(plug_model_token(m, END), kit_str_lit("<end>")));
        assert_int_equal(plug_model_token_flags(m, END), ACB_TOKEN_SPECIAL | ACB_TOKEN_END);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(special_tokens_in_a_text_stay_text_unless_they_are_asked_for)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        int32_t ids[16];
        uint64_t count = 16;
        kit_str text = kit_str_lit("a<end>");
        assert_int_equal(plug_model_tokenize(m, text, 0, ids, &count, NULL), KIT_OK);
        assert_int_equal(count, 6);
        assert_int_equal(ids[1], '<');
        count = 16;
        assert_int_equal(plug_model_tokenize(m, text, ACB_TOKENIZE_PARSE_SPECIAL, ids, &count, NULL), KIT_OK);
        assert_int_equal(count, 2);
        assert_int_equal(ids[1], END);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_text_of_any_length_is_tokenized_and_too_little_room_is_told)
{
    static char text[300000];
    static int32_t ids[sizeof(text)];
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        for (size_t k = 0; k < sizeof(text); k++) {
            text[k] = (char)k;
        }
        uint64_t count = 7;
        assert_int_equal(plug_model_tokenize(m, (kit_str){text, sizeof(text)}, 0, ids, &count, NULL), KIT_FULL);
        assert_int_equal(count, sizeof(text));
        assert_int_equal(plug_model_tokenize(m, (kit_str){text, sizeof(text)}, 0, ids, &count, NULL), KIT_OK);
        assert_int_equal(count, sizeof(text));
        for (size_t k = 0; k < sizeof(text); k++) {
            assert_int_equal(ids[k], (unsigned char)text[k]);
        }
        count = 0;
        assert_int_equal(plug_model_tokenize(m, (kit_str){0}, 0, NULL, &count, NULL), KIT_OK);
        assert_int_equal(count, 0);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

TEST(a_model_without_vocabulary_says_so)
{
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], "{}");
        int32_t id;
        uint64_t count = 1;
        assert_false(plug_model_has_vocab(m));
        assert_null(plug_model_token(m, 'a').ptr);
        assert_int_equal(plug_model_tokenize(m, kit_str_lit("a"), 0, &id, &count, NULL), KIT_UNSUPPORTED);
        struct acb_instance_open options = {.size = sizeof(options), .mode = ACB_MODE_GENERATE, .cores_max = 1};
        struct plug_instance *i = NULL;
        assert_int_equal(plug_instance_open(m, &options, &i, NULL), KIT_UNSUPPORTED);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

/* --- adapters --- */

TEST(an_adapter_changes_the_steps_that_it_is_given_to)
{
    char path[TEST_PATH_BYTES];
    (void)test_temp_write(path, "adapter.bin", kit_str_lit("x"));
    for (size_t w = 0; w < KIT_COUNT(both); w++) {
        struct plug_engine *e = world_engine();
        struct plug_model *m = open_model(e, both[w], NULL);
        struct plug_instance *i = open_instance(m);
        void *one = NULL, *two = NULL;
        assert_int_equal(plug_model_adapter_open(m, path, 1, &one, NULL), KIT_OK);
        assert_int_equal(plug_model_adapter_open(m, path, 2, &two, NULL), KIT_OK);
        void *const each[] = {NULL, one, two};
        assert_int_equal(prefill(m, i, 0, "aaaa"), 'a');
        for (uint32_t k = 0; k < KIT_COUNT(each); k++) {
            struct tokens t = {.n = 0};
            float *logits = NULL;
            add(&t, 0, plug_instance_seq_length(i, 0), (int32_t[]){'a'}, 1);
            struct acb_step step = step_of(&t);
            step.adapter = each[k];
            assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
            assert_int_equal(best_of(logits), 'a' + (int32_t)k);
        }
        plug_model_adapter_close(m, one);
        plug_model_adapter_close(m, two);
        plug_model_adapter_close(m, NULL);
        assert_int_equal(plug_model_adapter_open(m, "/nowhere/at/all", 1, &one, NULL), KIT_LOAD_FAILED);
        plug_instance_close(i);
        plug_model_close(m);
        plug_engine_free(e);
    }
}

int main(int argc, char **argv)
{
    WORLD_CELL(argc, argv);
    return TEST_RUN(
        TEST_OF(a_text_is_repeated_and_then_it_ends),
        TEST_OF(logits_come_in_the_order_of_the_wanted_tokens_and_may_be_overwritten),
        TEST_OF(a_step_that_wants_no_logits_gets_none), TEST_OF(what_no_step_can_be_is_refused_and_nothing_is_done),
        TEST_OF(a_copied_sequence_goes_its_own_way), TEST_OF(a_trimmed_sequence_goes_on_from_there),
        TEST_OF(without_room_nothing_is_done_and_there_is_room_again_later),
        TEST_OF(a_cancelled_step_tells_what_it_has_done_and_the_instance_goes_on),
        TEST_OF(a_step_whose_flag_is_set_never_begins),
        TEST_OF(a_cell_that_is_killed_during_a_step_fails_that_step_and_nothing_else),
        TEST_OF(the_vocabulary_is_there_when_the_model_is),
        TEST_OF(special_tokens_in_a_text_stay_text_unless_they_are_asked_for),
        TEST_OF(a_text_of_any_length_is_tokenized_and_too_little_room_is_told),
        TEST_OF(a_model_without_vocabulary_says_so), TEST_OF(an_adapter_changes_the_steps_that_it_is_given_to));
}
