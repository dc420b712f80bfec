/* Whose turn it is, beyond what the tests of batches ask. */
#include "support/test.h"

#include "sched/turns.h"

static struct sched_turn turn(uint64_t principal, enum sched_priority priority, uint32_t cost)
{
    return (struct sched_turn){.principal = principal, .priority = priority, .cost = cost};
}

TEST(turns_put_who_returns_before_the_others_of_its_principal)
{
    struct sched_turns *q;
    struct sched_turn a = turn(1, SCHED_NORMAL, 10), b = turn(1, SCHED_NORMAL, 10);
    assert_ok(sched_turns_new(4, &q));
    sched_turns_add(q, &a);
    sched_turns_add_front(q, &b);
    assert_ptr_equal(sched_turns_first(q), &b);
    sched_turns_take(q, &b, 0);
    assert_ptr_equal(sched_turns_first(q), &a);
    assert_int_equal(sched_turns_count(q), 1);
    sched_turns_free(q);
}

TEST(turns_show_who_comes_behind_in_the_same_priority)
{
    struct sched_turns *q;
    struct sched_turn a = turn(1, SCHED_NORMAL, 10), b = turn(2, SCHED_NORMAL, 10), c = turn(3, SCHED_LOW, 10);
    assert_ok(sched_turns_new(4, &q));
    sched_turns_add(q, &a);
    sched_turns_add(q, &b);
    sched_turns_add(q, &c);
    assert_ptr_equal(sched_turns_behind(q, &a), &b);
    assert_null(sched_turns_behind(q, &b));
    assert_null(sched_turns_behind(q, &c));
    sched_turns_free(q);
}

/* Also one whose credit is too small for its piece. */
TEST(turns_let_the_preferred_go_first)
{
    struct sched_turns *q;
    struct sched_turn a = turn(1, SCHED_NORMAL, 10), b = turn(2, SCHED_NORMAL, 10), c = turn(2, SCHED_NORMAL, 5000);
    assert_ok(sched_turns_new(4, &q));
    sched_turns_add(q, &a);
    sched_turns_add(q, &b);
    sched_turns_add(q, &c);
    sched_turns_prefer(q, &c);
    assert_ptr_equal(sched_turns_first(q), &c);
    sched_turns_take(q, &c, 0);
    assert_int_equal(sched_turns_count(q), 2);
    sched_turns_remove(q, &b);
    assert_ptr_equal(sched_turns_first(q), &a);
    sched_turns_free(q);
}

TEST(turns_without_memory_are_not_there)
{
    TEST_ALLOC_SWEEP(k) {
        struct sched_turns *q = NULL;
        enum kit_status rc = sched_turns_new(4, &q);
        assert_int_equal(rc, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        sched_turns_free(q);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(turns_put_who_returns_before_the_others_of_its_principal),
                    TEST_OF(turns_show_who_comes_behind_in_the_same_priority),
                    TEST_OF(turns_let_the_preferred_go_first), TEST_OF(turns_without_memory_are_not_there));
}
