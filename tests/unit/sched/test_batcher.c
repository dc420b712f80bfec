/* The rules of generation, one by one, over a model of an engine in virtual time: a step takes 14 ms, 1.66 ms a token
 * and 2.8 ms for each that is asked what comes next, as a small language model with a large vocabulary on two cores. */
#include "engine_model.h"

#include "kit/clock.h"

#define MS KIT_NS_PER_MS
#define US UINT64_C(1000)
#define STEP_NS (14 * MS)
#define TOKEN_NS (1660 * US)
#define ROW_NS (2800 * US)
#define TEXTS 64
#define LONG 4000

struct text {
    struct sched_sequence sequence;
    int32_t *prompt; /* owned */
    uint32_t chosen;
    bool over, bad;
};

struct world {
    struct sched_batcher *batcher;
    struct engine engine;
    uint64_t now;
    uint32_t steps, last_n;
    uint64_t last_ns;
    const struct sched_sequence *last[SCHED_SEQUENCES_MAX]; /* in the last step */
    uint32_t last_count;
    enum kit_status break_once; /* answer of the next step */
    struct text texts[TEXTS];
};

static const struct sched_batcher_options roomy = {.sequences_max = 16,
                                                   .step_tokens_max = 2048,
                                                   .step_ms_target = 50,
                                                   .context_tokens_max = 8192,
                                                   .kv_tokens_max = 40000,
                                                   .prefix_tokens_max = 20000,
                                                   .queue_tokens_max = 100000,
                                                   .queue_jobs_max = 64,
                                                   .trim = true,
                                                   .fork = true};

static struct world *world_new(const struct sched_batcher_options *options)
{
    struct world *w = kit_alloc_zero(1, sizeof(*w));
    assert_non_null(w);
    w->now = MS;
    engine_init(&w->engine, options->sequences_max, options->fork, options->trim);
    assert_ok(sched_batcher_new(options, &w->batcher, NULL));
    return w;
}

static void look(struct world *w)
{
    for (struct sched_sequence *s; (s = sched_batcher_done(w->batcher)) != NULL;) {
        struct text *t = KIT_CONTAINER(s, struct text, sequence);
        assert_false(t->over);
        t->over = true;
    }
}

static void world_free(struct world *w)
{
    sched_batcher_close(w->batcher, true, "over", w->now);
    look(w);
    sched_batcher_free(w->batcher);
    for (uint32_t i = 0; i < TEXTS; i++) {
        kit_alloc_free(w->texts[i].prompt);
    }
    kit_alloc_free(w);
}

/* Text k: `common` tokens that all have, then `own` ones of its own. */
static struct sched_sequence *make(struct world *w, uint32_t k, uint32_t common, uint32_t own, uint32_t answer)
{
    struct text *t = &w->texts[k];
    kit_alloc_free(t->prompt);
    *t = (struct text){.prompt = kit_alloc_array(common + own, sizeof(t->prompt[0]))};
    assert_non_null(t->prompt);
    for (uint32_t i = 0; i < common + own; i++) {
        t->prompt[i] = i < common ? 7 : (int32_t)(100 + k + w->steps * 100);
    }
    t->sequence = (struct sched_sequence){.priority = SCHED_NORMAL,
                                          .deadline_ns = KIT_NEVER_NS,
                                          .prompt = t->prompt,
                                          .prompt_count = common + own,
                                          .tokens_max = answer,
                                          .keep_prefix = true};
    return &t->sequence;
}

static void submit(struct world *w, struct sched_sequence *s)
{
    struct kit_err err = {0};
    if (sched_batcher_submit(w->batcher, s, w->now, NULL, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
}

static void plan(struct world *w)
{
    const struct sched_op *ops;
    uint32_t count = sched_batcher_plan(w->batcher, w->now, &ops);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(engine_op(&w->engine, &ops[i]));
    }
    look(w);
}

static enum kit_status outcome(struct world *w, const struct sched_step *step)
{
    enum kit_status status = w->break_once;
    w->break_once = KIT_OK;
    for (uint32_t i = 0; i < step->count; i++) {
        status = KIT_CONTAINER(step->parts[i].sequence, struct text, sequence)->bad ? KIT_INTERNAL : status;
    }
    return status;
}

static void answer(struct sched_part *part)
{
    struct text *t = KIT_CONTAINER(part->sequence, struct text, sequence);
    if (part->wants) {
        t->chosen++;
        part->answered = true;
        part->next = SCHED_NEXT_TOKEN;
        part->token = 1;
    }
}

/* One round; false: nobody computes. */
static bool go(struct world *w)
{
    struct sched_step step;
    plan(w);
    if (!sched_batcher_step(w->batcher, w->now, &step)) {
        return false;
    }
    enum kit_status status = outcome(w, &step);
    struct kit_err err = {.code = status};
    w->last_ns = STEP_NS + step.n * TOKEN_NS + step.rows * ROW_NS;
    w->last_n = step.n;
    w->last_count = step.count;
    w->now += w->last_ns;
    w->steps++;
    if (status == KIT_OK) {
        engine_step(&w->engine, &step, step.n);
    }
    for (uint32_t i = 0; i < step.count; i++) {
        w->last[i] = step.parts[i].sequence;
        step.parts[i].length = w->engine.sequences[step.parts[i].seq].length;
        answer(&step.parts[i]);
    }
    sched_batcher_finish(w->batcher, status, &err, w->now);
    look(w);
    return true;
}

static void go_until_over(struct world *w, uint32_t k)
{
    for (uint32_t i = 0; i < 100000 && !w->texts[k].over; i++) {
        assert_true(go(w));
    }
    assert_true(w->texts[k].over);
}

static void go_until_chosen(struct world *w, uint32_t k, uint32_t tokens)
{
    while (w->texts[k].chosen < tokens) {
        assert_true(go(w));
    }
}

static bool was_in_step(const struct world *w, uint32_t k)
{
    for (uint32_t i = 0; i < w->last_count; i++) {
        if (w->last[i] == &w->texts[k].sequence) {
            return true;
        }
    }
    return false;
}

static uint64_t first_token_ms(const struct world *w, uint32_t k)
{
    return (w->texts[k].sequence.first_ns - w->texts[k].sequence.submitted_ns) / MS;
}

/* --- time to the first token --- */

static uint64_t first_token_alone(void)
{
    struct world *w = world_new(&roomy);
    submit(w, make(w, 0, 0, 60, 8));
    go_until_over(w, 0);
    uint64_t ms = first_token_ms(w, 0);
    world_free(w);
    return ms;
}

/* Four clients who send a prompt of 4,000 tokens as soon as they have the 32 of the last; short chats come in between. */
static uint64_t slowest_first_token(bool one_principal)
{
    struct world *w = world_new(&roomy);
    uint64_t slowest = 0, next = 1000 * MS;
    uint32_t shorts = 0, current = 4;
    for (uint32_t k = 0; k < 4; k++) {
        w->texts[k].over = true;
    }
    w->texts[4].over = true;
    while (shorts < 200) {
        for (uint32_t k = 0; k < 4; k++) {
            if (w->texts[k].over) {
                struct sched_sequence *s = make(w, k, 0, LONG, 32);
                s->principal = one_principal ? 1 : k;
                submit(w, s);
            }
        }
        if (w->texts[current].over && w->now >= next) {
            struct sched_sequence *s = make(w, current, 0, 60, 8);
            s->principal = one_principal ? 1 : 9;
            submit(w, s);
            s->submitted_ns = next;                         /* it came while a step was running */
            next = w->now + (900 + shorts * 37 % 211) * MS; /* less than a fifth of the tokens */
        }
        assert_true(go(w));
        if (w->texts[current].over && w->texts[current].sequence.first_ns != 0) {
            slowest = KIT_MAX(slowest, first_token_ms(w, current));
            w->texts[current].sequence.first_ns = 0;
            shorts++;
        }
    }
    world_free(w);
    return slowest;
}

TEST(batcher_lets_short_chats_begin_soon_beside_long_prompts)
{
    uint64_t alone = first_token_alone();
    assert_in_range(slowest_first_token(false), alone, 3 * alone);
    assert_in_range(slowest_first_token(true), alone, 3 * alone);
}

TEST(batcher_keeps_steps_short_while_somebody_waits_for_a_token)
{
    struct world *w = world_new(&roomy);
    submit(w, make(w, 0, 0, 20, 200));
    go_until_chosen(w, 0, 1);
    for (uint32_t k = 1; k < 4; k++) {
        submit(w, make(w, k, 0, LONG, 4));
    }
    for (uint32_t i = 0; i < 150; i++) {
        assert_true(go(w));
        assert_true(was_in_step(w, 0));
        assert_true(i < 3 || w->last_ns <= 60 * MS); /* once it knows how long a token takes */
    }
    world_free(w);
}

TEST(batcher_takes_large_pieces_of_a_lone_prompt)
{
    struct world *w = world_new(&roomy);
    submit(w, make(w, 0, 0, LONG, 4));
    for (uint32_t i = 0; i < LONG / 512; i++) {
        assert_true(go(w));
        assert_int_equal(w->last_n, SCHED_BATCHER_LONE);
    }
    world_free(w);
}

/* Clients who ask again as soon as they have their answer. Answers when all have had `rounds` answers. */
static uint64_t time_of_crowd(uint32_t clients, uint32_t prompt, uint32_t answer, uint32_t rounds)
{
    struct world *w = world_new(&roomy);
    uint32_t asked[TEXTS] = {0}, over = 0;
    for (uint32_t k = 0; k < clients; k++) {
        w->texts[k].over = true;
    }
    while (over < clients * rounds) {
        over = 0;
        for (uint32_t k = 0; k < clients; k++) {
            over += asked[k] - !w->texts[k].over;
            if (w->texts[k].over && asked[k] < rounds) {
                submit(w, make(w, k, 0, prompt, answer));
                asked[k]++;
            }
        }
        assert_true(go(w) || over == clients * rounds);
    }
    uint64_t ns = w->now;
    world_free(w);
    return ns;
}

/* The same for a server that puts all that waits into the next step, up to 2,048 tokens. */
static uint64_t time_of_greedy_server(uint32_t clients, uint32_t prompt, uint32_t answer, uint32_t rounds)
{
    uint32_t lacks[TEXTS], chosen[TEXTS] = {0}, asked[TEXTS];
    uint64_t ns = 0;
    for (uint32_t k = 0; k < clients; k++) {
        lacks[k] = prompt;
        asked[k] = 1;
    }
    for (;;) {
        uint32_t n = 0, rows = 0, room = 2048;
        for (uint32_t k = 0; k < clients; k++) {
            uint32_t piece = KIT_MIN(lacks[k], room);
            n += piece;
            room -= piece;
            lacks[k] -= piece;
            if (piece > 0 && lacks[k] == 0) {
                rows++;
                lacks[k] = 1;
                if (++chosen[k] == answer) {
                    chosen[k] = 0;
                    lacks[k] = asked[k]++ < rounds ? prompt : 0;
                }
            }
        }
        if (n == 0) {
            return ns;
        }
        ns += STEP_NS + n * TOKEN_NS + rows * ROW_NS;
    }
}

/* Short steps cost something: what is computed again in each of them. */
TEST(batcher_loses_little_time_to_short_steps)
{
    static const uint32_t clients[] = {1, 4, 16}, prompts[] = {60, 430};
    for (size_t c = 0; c < KIT_COUNT(clients); c++) {
        for (size_t p = 0; p < KIT_COUNT(prompts); p++) {
            uint64_t ours = time_of_crowd(clients[c], prompts[p], 64, 6);
            uint64_t theirs = time_of_greedy_server(clients[c], prompts[p], 64, 6);
            assert_true(ours <= theirs + theirs / 10);
        }
    }
}

/* --- who is next --- */

TEST(batcher_shares_prompt_tokens_between_principals)
{
    struct world *w = world_new(&roomy);
    int64_t given[2] = {0, 0};
    for (uint32_t k = 0; k < 10; k++) { /* one has nine times as many as the other */
        struct sched_sequence *s = make(w, k, 0, 480, 1);
        s->principal = k > 0;
        submit(w, s);
    }
    for (uint32_t k = 10; k < 14; k++) {
        submit(w, make(w, k, 0, 480, 1));
    }
    while (!w->texts[0].over || !w->texts[10].over || !w->texts[11].over) {
        assert_true(go(w));
        given[0] = given[1] = 0;
        for (uint32_t k = 0; k < 14; k++) {
            const struct sched_sequence *s = &w->texts[k].sequence;
            given[s->principal] += s->prompt_done;
        }
        assert_true(given[0] - given[1] <= 512 && given[1] - given[0] <= 512);
    }
    world_free(w);
}

/* Two places, and a principal who has thirty texts waiting. Another's text is let in after one round of the turns. */
TEST(batcher_lets_principals_in_by_turns)
{
    struct sched_batcher_options o = roomy;
    o.sequences_max = 2;
    struct world *w = world_new(&o);
    for (uint32_t k = 0; k < 30; k++) {
        submit(w, make(w, k, 0, 100, 200));
    }
    assert_true(go(w));
    for (uint32_t k = 30; k < 40; k++) {
        struct sched_sequence *s = make(w, k, 0, 100, 200);
        uint32_t before = 0, entered = 0;
        for (uint32_t i = 0; i < 30; i++) {
            before += w->texts[i].sequence.started_ns != 0;
        }
        s->principal = 1;
        submit(w, s);
        while (s->started_ns == 0) {
            assert_true(go(w));
        }
        for (uint32_t i = 0; i < 30; i++) {
            entered += w->texts[i].sequence.started_ns != 0;
        }
        assert_in_range(entered - before, 0, 2); /* a round grants 512 tokens, and a text is 300 */
        go_until_over(w, k);
    }
    world_free(w);
}

/* One has all places for a long time, and many texts waiting. Others come. */
TEST(batcher_gives_places_of_who_has_many_to_who_has_none)
{
    struct sched_batcher_options o = roomy;
    o.sequences_max = 4;
    struct world *w = world_new(&o);
    uint32_t put_back = 0;
    for (uint32_t k = 0; k < 10; k++) {
        submit(w, make(w, k, 0, 100, 1000));
    }
    go_until_chosen(w, 0, 10);
    for (uint32_t k = 10; k < 14; k++) {
        struct sched_sequence *s = make(w, k, 0, 100, 300);
        s->principal = k < 13 ? 1 : 2;
        submit(w, s);
    }
    uint32_t steps = w->steps;
    while (w->texts[10].sequence.started_ns == 0 || w->texts[13].sequence.started_ns == 0) {
        assert_true(go(w));
    }
    assert_in_range(w->steps - steps, 1, 2 * SCHED_BATCHER_SLICE);
    assert_int_equal(w->texts[12].sequence.started_ns, 0); /* nobody has two more than another now */
    for (uint32_t k = 0; k < 14; k++) {
        go_until_over(w, k);
        assert_int_equal(w->texts[k].sequence.failed, KIT_OK);
        put_back += w->texts[k].sequence.put_back;
    }
    assert_in_range(put_back, 2, 12);
    world_free(w);
}

TEST(batcher_lets_no_long_prompt_starve_behind_short_ones)
{
    struct world *w = world_new(&roomy);
    uint64_t before = 0;
    submit(w, make(w, 0, 0, LONG, 1));
    for (uint32_t k = 1; k <= 8; k++) {
        w->texts[k].over = true;
    }
    while (!w->texts[0].over) { /* more short ones than the engine can compute */
        for (uint32_t k = 1; k <= 8; k++) {
            if (w->texts[k].over) {
                submit(w, make(w, k, 0, 400, 1));
            }
        }
        assert_true(go(w));
        before = w->engine.computed;
    }
    assert_in_range(before, LONG, 6 * LONG);
    world_free(w);
}

TEST(batcher_serves_the_urgent_first_and_the_others_a_little)
{
    struct world *w = world_new(&roomy);
    struct sched_sequence *low = make(w, 0, 0, 400, 1), *high = make(w, 1, 0, 2000, 1);
    low->priority = SCHED_LOW;
    high->priority = SCHED_HIGH;
    low->principal = 1;
    submit(w, low);
    submit(w, high);
    go_until_over(w, 1);
    assert_in_range(low->prompt_done, 1, 300);
    go_until_over(w, 0);
    world_free(w);
}

/* A long prompt finds no room. Short ones overtake it by no more tokens than it has. */
TEST(batcher_lets_short_prompts_overtake_one_without_room_for_a_while)
{
    struct sched_batcher_options o = roomy;
    o.kv_tokens_max = 3000;
    o.prefix_tokens_max = 0;
    struct world *w = world_new(&o);
    submit(w, make(w, 0, 0, 1500, 400));
    go_until_chosen(w, 0, 1);
    submit(w, make(w, 1, 0, 2000, 1));
    assert_true(go(w));
    uint32_t entered = 0;
    for (uint32_t k = 2; k < 60; k++) {
        submit(w, make(w, k, 0, 200, 1));
    }
    go_until_over(w, 1);
    for (uint32_t k = 2; k < 60; k++) {
        const struct sched_sequence *s = &w->texts[k].sequence;
        entered += s->started_ns != 0 && s->started_ns < w->texts[1].sequence.started_ns;
    }
    assert_in_range(entered, 1, 2000 / 200 + 1);
    world_free(w);
}

TEST(batcher_gives_each_adapter_its_step_in_turn)
{
    static int adapters[3];
    struct world *w = world_new(&roomy);
    uint32_t in_step[6] = {0};
    for (uint32_t k = 0; k < 6; k++) {
        struct sched_sequence *s = make(w, k, 0, 10, 100);
        s->adapter = &adapters[k % 3];
        submit(w, s);
    }
    for (uint32_t i = 0; i < 90; i++) {
        assert_true(go(w));
        for (uint32_t k = 0; k < 6; k++) {
            in_step[k] += was_in_step(w, k);
        }
    }
    for (uint32_t k = 0; k < 6; k++) {
        assert_int_equal(in_step[k], 30);
    }
    world_free(w);
}

/* --- beginnings --- */

TEST(batcher_computes_equal_prompts_once)
{
    struct world *w = world_new(&roomy);
    for (uint32_t k = 0; k < 8; k++) {
        submit(w, make(w, k, 400, 0, 4));
    }
    for (uint32_t k = 0; k < 8; k++) {
        go_until_over(w, k);
        assert_int_equal(w->texts[k].sequence.cached, k == 0 ? 0 : 399);
    }
    assert_in_range(w->engine.computed, 400 + 7, 400 + 8 * 4);
    assert_in_range(w->engine.used, 400, 400 + 8 * 4);
    world_free(w);
}

TEST(batcher_computes_a_common_beginning_once)
{
    struct world *w = world_new(&roomy);
    for (uint32_t k = 0; k < 8; k++) {
        submit(w, make(w, k, 500, 40, 1));
    }
    for (uint32_t k = 0; k < 8; k++) {
        go_until_over(w, k);
    }
    assert_int_equal(w->engine.computed, 500 + 8 * 40);
    world_free(w);
}

TEST(batcher_lets_followers_go_on_when_their_leader_is_cancelled)
{
    struct world *w = world_new(&roomy);
    for (uint32_t k = 0; k < 3; k++) {
        submit(w, make(w, k, 2000, 10, 1));
    }
    assert_true(go(w));
    assert_int_equal(sched_batcher_counts(w->batcher).running, 1);
    sched_batcher_cancel(w->batcher, &w->texts[0].sequence, w->now);
    look(w);
    assert_true(w->texts[0].over);
    go_until_over(w, 1);
    go_until_over(w, 2);
    assert_int_equal(w->engine.computed, 2000 + 2 * 10);
    world_free(w);
}

TEST(batcher_goes_on_where_an_earlier_text_ended)
{
    struct world *w = world_new(&roomy);
    submit(w, make(w, 0, 300, 0, 20));
    go_until_over(w, 0);
    uint64_t before = w->engine.computed;
    struct sched_sequence *s = make(w, 1, 300, 40, 1);
    for (uint32_t i = 300; i < 319; i++) {
        w->texts[1].prompt[i] = 1; /* what was answered */
    }
    submit(w, s);
    go_until_over(w, 1);
    assert_int_equal(s->cached, 319);
    assert_int_equal(w->engine.computed - before, 21);
    world_free(w);
}

TEST(batcher_that_cannot_trim_goes_on_from_a_whole_text_only)
{
    struct sched_batcher_options o = roomy;
    o.trim = false;
    struct world *w = world_new(&o);
    submit(w, make(w, 0, 300, 0, 1));
    go_until_over(w, 0);
    submit(w, make(w, 1, 200, 50, 1));
    submit(w, make(w, 2, 300, 50, 1));
    go_until_over(w, 1);
    go_until_over(w, 2);
    assert_int_equal(w->texts[1].sequence.cached, 0);
    assert_int_equal(w->texts[2].sequence.cached, 300);
    world_free(w);
}

TEST(batcher_keeps_nothing_of_who_does_not_want_it)
{
    struct world *w = world_new(&roomy);
    struct sched_sequence *s = make(w, 0, 300, 0, 1);
    s->keep_prefix = false;
    submit(w, s);
    go_until_over(w, 0);
    plan(w);
    assert_int_equal(w->engine.used, 0);
    world_free(w);
}

/* --- room --- */

TEST(batcher_puts_the_newest_of_the_least_urgent_back_when_room_is_short)
{
    struct sched_batcher_options o = roomy;
    o.kv_tokens_max = 400;
    struct world *w = world_new(&o);
    for (uint32_t k = 0; k < 3; k++) {
        struct sched_sequence *s = make(w, k, 0, 60, 200);
        s->priority = k == 1 ? SCHED_LOW : SCHED_NORMAL;
        submit(w, s);
        w->now += MS;
    }
    for (uint32_t k = 0; k < 3; k++) {
        go_until_over(w, k);
        assert_int_equal(w->texts[k].sequence.failed, KIT_OK);
        assert_int_equal(w->texts[k].sequence.generated, 200);
    }
    assert_int_equal(w->texts[0].sequence.put_back, 0);
    assert_true(w->texts[1].sequence.put_back > 0);
    world_free(w);
}

TEST(batcher_gives_up_kept_beginnings_first)
{
    struct sched_batcher_options o = roomy;
    o.kv_tokens_max = 1000;
    struct world *w = world_new(&o);
    for (uint32_t k = 0; k < 4; k++) {
        submit(w, make(w, k, 0, 220, 1));
        go_until_over(w, k);
    }
    assert_int_equal(sched_batcher_counts(w->batcher).kept, 4);
    submit(w, make(w, 5, 0, 300, 200));
    go_until_over(w, 5);
    assert_int_equal(w->texts[5].sequence.put_back, 0);
    assert_in_range(sched_batcher_counts(w->batcher).kept, 2, 3);
    world_free(w);
}

TEST(batcher_makes_room_when_the_engine_says_that_it_is_full)
{
    struct world *w = world_new(&roomy);
    for (uint32_t k = 0; k < 3; k++) {
        submit(w, make(w, k, 0, 50, 40));
    }
    go_until_chosen(w, 2, 1);
    w->break_once = KIT_FULL;
    for (uint32_t k = 0; k < 3; k++) {
        go_until_over(w, k);
        assert_int_equal(w->texts[k].sequence.failed, KIT_OK);
    }
    assert_int_equal(w->texts[0].sequence.put_back + w->texts[1].sequence.put_back + w->texts[2].sequence.put_back, 1);
    world_free(w);
}

TEST(batcher_fails_the_last_one_that_a_full_engine_has_no_room_for)
{
    struct world *w = world_new(&roomy);
    submit(w, make(w, 0, 0, 50, 40));
    go_until_chosen(w, 0, 1);
    w->break_once = KIT_FULL;
    assert_true(go(w));
    assert_true(w->texts[0].over);
    assert_int_equal(w->texts[0].sequence.failed, KIT_FULL);
    world_free(w);
}

/* --- failures, cancels, pauses --- */

TEST(batcher_fails_only_who_makes_the_engine_fail)
{
    struct world *w = world_new(&roomy);
    for (uint32_t k = 0; k < 5; k++) {
        submit(w, make(w, k, 0, 50, 10));
        w->texts[k].bad = k == 3;
    }
    for (uint32_t k = 0; k < 5; k++) {
        go_until_over(w, k);
        assert_int_equal(w->texts[k].sequence.failed, k == 3 ? KIT_INTERNAL : KIT_OK);
    }
    world_free(w);
}

TEST(batcher_fails_all_when_the_engine_is_lost)
{
    struct world *w = world_new(&roomy);
    for (uint32_t k = 0; k < 30; k++) {
        submit(w, make(w, k, 0, 50, 10));
    }
    assert_true(go(w));
    w->break_once = KIT_UNAVAILABLE;
    assert_true(go(w));
    for (uint32_t k = 0; k < 30; k++) {
        assert_true(w->texts[k].over);
        assert_int_equal(w->texts[k].sequence.failed, KIT_UNAVAILABLE);
    }
    assert_true(sched_batcher_is_empty(w->batcher));
    world_free(w);
}

TEST(batcher_takes_a_cancelled_text_out_of_the_next_step)
{
    struct world *w = world_new(&roomy);
    submit(w, make(w, 0, 0, 50, 100));
    submit(w, make(w, 1, 0, 50, 100));
    go_until_chosen(w, 1, 2);
    sched_batcher_cancel(w->batcher, &w->texts[0].sequence, w->now);
    look(w);
    assert_true(w->texts[0].over);
    assert_int_equal(w->texts[0].sequence.failed, KIT_CANCELLED);
    assert_true(go(w));
    assert_false(was_in_step(w, 0));
    assert_true(was_in_step(w, 1));
    world_free(w);
}

TEST(batcher_stops_a_step_when_all_of_it_is_cancelled)
{
    struct world *w = world_new(&roomy);
    struct sched_step step;
    submit(w, make(w, 0, 0, 2000, 1));
    submit(w, make(w, 1, 0, 2000, 1));
    plan(w);
    assert_true(sched_batcher_step(w->batcher, w->now, &step));
    assert_int_equal(step.count, 1);
    assert_false(sched_batcher_stops(w->batcher));
    sched_batcher_cancel(w->batcher, step.parts[0].sequence, w->now);
    look(w);
    assert_false(w->texts[0].over); /* the engine still works on it */
    assert_true(sched_batcher_stops(w->batcher));
    engine_step(&w->engine, &step, 100);
    step.parts[0].length = 100;
    sched_batcher_finish(w->batcher, KIT_CANCELLED, &(struct kit_err){0}, w->now);
    look(w);
    assert_true(w->texts[0].over);
    assert_int_equal(w->texts[0].sequence.prompt_done, 100);
    go_until_over(w, 1);
    world_free(w);
}

TEST(batcher_ends_what_is_late)
{
    struct world *w = world_new(&roomy);
    struct sched_sequence *s = make(w, 0, 0, 50, 1000);
    s->deadline_ns = w->now + 500 * MS;
    submit(w, s);
    assert_int_equal(sched_batcher_deadline(w->batcher), s->deadline_ns);
    while (!w->texts[0].over) {
        assert_true(w->now < s->deadline_ns + 100 * MS);
        (void)go(w);
    }
    assert_int_equal(s->failed, KIT_TIMEOUT);
    assert_int_equal(sched_batcher_deadline(w->batcher), KIT_NEVER_NS);
    world_free(w);
}

/* --- the door --- */

TEST(batcher_says_what_does_not_fit)
{
    struct sched_batcher_options o = roomy;
    o.kv_tokens_max = 1000;
    o.queue_tokens_max = 500;
    struct world *w = world_new(&o);
    struct kit_err err;
    uint32_t ms = 0;
    assert_int_equal(sched_batcher_submit(w->batcher, make(w, 0, 0, 900, 101), w->now, &ms, &err), KIT_TOO_LARGE);
    assert_non_null(strstr(err.msg, "1001"));
    assert_int_equal(sched_batcher_submit(w->batcher, make(w, 0, 0, 501, 1), w->now, &ms, &err), KIT_TOO_LARGE);
    assert_int_equal(sched_batcher_submit(w->batcher, make(w, 0, 0, 0, 1), w->now, &ms, &err), KIT_INVALID);
    assert_int_equal(sched_batcher_submit(w->batcher, make(w, 0, 0, 1, 0), w->now, &ms, &err), KIT_INVALID);
    struct sched_sequence *late = make(w, 0, 0, 1, 1);
    late->deadline_ns = w->now;
    assert_int_equal(sched_batcher_submit(w->batcher, late, w->now, &ms, &err), KIT_TIMEOUT);
    assert_int_equal(ms, 0);
    submit(w, make(w, 1, 0, 300, 1));
    assert_int_equal(sched_batcher_submit(w->batcher, make(w, 2, 0, 201, 1), w->now, &ms, &err), KIT_FULL);
    assert_true(ms > 0);
    go_until_over(w, 1);
    submit(w, make(w, 2, 0, 201, 1));
    world_free(w);
}

TEST(batcher_without_memory_is_not_there)
{
    TEST_ALLOC_SWEEP(k) {
        struct sched_batcher *b = NULL;
        enum kit_status rc = sched_batcher_new(&roomy, &b, NULL);
        assert_int_equal(rc, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        sched_batcher_free(b);
    }
}

TEST(batcher_without_memory_fails_one_text_and_goes_on)
{
    TEST_ALLOC_SWEEP(k) {
        kit_alloc_fail_at(0);
        struct world *w = world_new(&roomy);
        for (uint32_t i = 0; i < 3; i++) {
            submit(w, make(w, i, 30, 30, 70));
        }
        kit_alloc_fail_at(k);
        uint32_t failed = 0;
        for (uint32_t i = 0; i < 3; i++) {
            go_until_over(w, i);
            failed += w->texts[i].sequence.failed == KIT_NOMEM;
            assert_true(w->texts[i].sequence.failed == KIT_NOMEM || w->texts[i].sequence.generated == 70);
        }
        assert_in_range(failed, 0, 1);
        world_free(w);
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(batcher_lets_short_chats_begin_soon_beside_long_prompts),
        TEST_OF(batcher_keeps_steps_short_while_somebody_waits_for_a_token),
        TEST_OF(batcher_takes_large_pieces_of_a_lone_prompt), TEST_OF(batcher_loses_little_time_to_short_steps),
        TEST_OF(batcher_shares_prompt_tokens_between_principals), TEST_OF(batcher_lets_principals_in_by_turns),
        TEST_OF(batcher_gives_places_of_who_has_many_to_who_has_none),
        TEST_OF(batcher_lets_no_long_prompt_starve_behind_short_ones),
        TEST_OF(batcher_serves_the_urgent_first_and_the_others_a_little),
        TEST_OF(batcher_lets_short_prompts_overtake_one_without_room_for_a_while),
        TEST_OF(batcher_gives_each_adapter_its_step_in_turn), TEST_OF(batcher_computes_equal_prompts_once),
        TEST_OF(batcher_computes_a_common_beginning_once),
        TEST_OF(batcher_lets_followers_go_on_when_their_leader_is_cancelled),
        TEST_OF(batcher_goes_on_where_an_earlier_text_ended),
        TEST_OF(batcher_that_cannot_trim_goes_on_from_a_whole_text_only),
        TEST_OF(batcher_keeps_nothing_of_who_does_not_want_it),
        TEST_OF(batcher_puts_the_newest_of_the_least_urgent_back_when_room_is_short),
        TEST_OF(batcher_gives_up_kept_beginnings_first),
        TEST_OF(batcher_makes_room_when_the_engine_says_that_it_is_full),
        TEST_OF(batcher_fails_the_last_one_that_a_full_engine_has_no_room_for),
        TEST_OF(batcher_fails_only_who_makes_the_engine_fail), TEST_OF(batcher_fails_all_when_the_engine_is_lost),
        TEST_OF(batcher_takes_a_cancelled_text_out_of_the_next_step),
        TEST_OF(batcher_stops_a_step_when_all_of_it_is_cancelled), TEST_OF(batcher_ends_what_is_late),
        TEST_OF(batcher_says_what_does_not_fit), TEST_OF(batcher_without_memory_is_not_there),
        TEST_OF(batcher_without_memory_fails_one_text_and_goes_on));
}
