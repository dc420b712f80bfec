#include "support/test.h"

#include "kit/ref.h"
#include "kit/sync.h"

TEST(ref_tells_the_last_one_to_leave)
{
    struct kit_ref r;
    kit_ref_init(&r);
    kit_ref_up(&r);
    kit_ref_up(&r);
    assert_false(kit_ref_down(&r));
    assert_false(kit_ref_down(&r));
    assert_true(kit_ref_down(&r));
}

struct shared {
    struct kit_ref ref;
    int written[4];  /* each by its own thread, read by the last */
    _Atomic int sum; /* as the last one saw it */
    _Atomic int last_ones;
};

struct part {
    struct shared *shared;
    int index;
};

static void leave(void *arg)
{
    const struct part *part = arg;
    struct shared *s = part->shared;
    s->written[part->index] = 1;
    if (kit_ref_down(&s->ref)) {
        s->last_ones++;
        for (size_t i = 0; i < KIT_COUNT(s->written); i++) {
            s->sum += s->written[i];
        }
    }
}

TEST(ref_last_of_many_threads_sees_what_the_others_wrote)
{
    for (int round = 0; round < 50; round++) {
        struct shared s = {0};
        struct part parts[4];
        struct kit_thread threads[4] = {0};
        kit_ref_init(&s.ref);
        for (int i = 0; i < 4; i++) {
            parts[i] = (struct part){&s, i};
            if (i > 0) {
                kit_ref_up(&s.ref);
            }
        }
        for (int i = 0; i < 4; i++) {
            assert_ok(kit_thread_start(&threads[i], "test-ref", leave, &parts[i], NULL));
        }
        for (int i = 0; i < 4; i++) {
            kit_thread_join(&threads[i]);
        }
        assert_int_equal(s.last_ones, 1);
        assert_int_equal(s.sum, 4);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(ref_tells_the_last_one_to_leave),
                    TEST_OF(ref_last_of_many_threads_sees_what_the_others_wrote));
}
