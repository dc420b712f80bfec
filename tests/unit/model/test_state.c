#include "model/state.h"
#include "support/test.h"

/* Row: from; column: to; both in the order of MODEL_STATES. */
static const char *const allowed[MODEL_STATE_COUNT] = {
    /*                  A D L W R D F */
    [MODEL_AVAILABLE] = ".xx....", [MODEL_DOWNLOADING] = "x.....x", [MODEL_LOADING] = "x..x..x",
    [MODEL_WARMING] = "x...xxx",   [MODEL_READY] = ".....x.",       [MODEL_DRAINING] = "x.....x",
    [MODEL_FAILED] = "xxx....",
};

TEST(state_may_allows_exactly_the_table)
{
    for (unsigned from = 0; from < MODEL_STATE_COUNT; from++) {
        for (unsigned to = 0; to < MODEL_STATE_COUNT; to++) {
            bool may = model_state_may((enum model_state)from, (enum model_state)to);
            assert_int_equal(may, allowed[from][to] == 'x');
        }
    }
}

TEST(state_may_refuses_what_is_no_state)
{
    assert_false(model_state_may(MODEL_STATE_COUNT, MODEL_READY));
    assert_false(model_state_may(MODEL_READY, MODEL_STATE_COUNT));
}

TEST(state_text_names_each_state)
{
    assert_string_equal(model_state_text(MODEL_AVAILABLE), "available");
    assert_string_equal(model_state_text(MODEL_FAILED), "failed");
    assert_string_equal(model_state_text(MODEL_STATE_COUNT), "unknown");
}

static struct model_facts facts_of(unsigned bits)
{
    return (struct model_facts){.wanted = bits & 1,
                                .due = bits & 2,
                                .lost = bits & 4,
                                .cooled = bits & 8,
                                .alone = bits & 16,
                                .fetch = bits & 32,
                                .absent = bits & 64};
}

/* What must be done, said once more and otherwise than in the source. */
static enum model_step expected_step(enum model_state s, struct model_facts f)
{
    bool idle = s == MODEL_AVAILABLE || s == MODEL_FAILED;
    bool load = (s == MODEL_AVAILABLE || (s == MODEL_FAILED && f.due)) && f.wanted && !f.absent;
    bool cool = (s == MODEL_READY && (f.lost || !f.wanted)) || (s == MODEL_DRAINING && !f.cooled);
    bool close = s == MODEL_DRAINING && f.cooled && f.alone;
    return idle && f.fetch ? MODEL_STEP_PULL
           : load          ? MODEL_STEP_LOAD
           : cool          ? MODEL_STEP_COOL
           : close         ? MODEL_STEP_CLOSE
                           : MODEL_STEP_NONE;
}

TEST(state_step_is_right_for_every_state_and_every_fact)
{
    for (unsigned s = 0; s < MODEL_STATE_COUNT; s++) {
        for (unsigned bits = 0; bits < 128; bits++) {
            struct model_facts f = facts_of(bits);
            assert_int_equal(model_state_step((enum model_state)s, &f), expected_step((enum model_state)s, f));
        }
    }
}

/* Where each step ends when all goes well; no reference is held and nothing is lost. */
static enum model_state after(enum model_step step, struct model_facts *f)
{
    f->cooled = step == MODEL_STEP_COOL;
    return step == MODEL_STEP_LOAD ? MODEL_READY : step == MODEL_STEP_COOL ? MODEL_DRAINING : MODEL_AVAILABLE;
}

TEST(state_step_leads_from_any_resting_state_to_what_is_wanted)
{
    for (unsigned s = 0; s < MODEL_STATE_COUNT; s++) {
        for (int wanted = 0; wanted < 2; wanted++) {
            if (s == MODEL_DOWNLOADING || s == MODEL_LOADING || s == MODEL_WARMING || (s == MODEL_FAILED && !wanted)) {
                continue; /* somebody is at it; and a failure is shown until somebody says otherwise */
            }
            struct model_facts f = {.wanted = wanted, .due = true, .alone = true};
            enum model_state state = (enum model_state)s;
            for (int steps = 0; model_state_step(state, &f) != MODEL_STEP_NONE; steps++) {
                assert_true(steps < 4);
                state = after(model_state_step(state, &f), &f);
            }
            assert_int_equal(state, wanted ? MODEL_READY : MODEL_AVAILABLE);
        }
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(state_may_allows_exactly_the_table), TEST_OF(state_may_refuses_what_is_no_state),
                    TEST_OF(state_text_names_each_state), TEST_OF(state_step_is_right_for_every_state_and_every_fact),
                    TEST_OF(state_step_leads_from_any_resting_state_to_what_is_wanted));
}
