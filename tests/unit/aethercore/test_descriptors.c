#include "aethercore/descriptors.h"

#include <sys/resource.h>

#include "support/test.h"

static struct rlimit first;

static void set_limit(rlim_t soft, rlim_t hard)
{
    struct rlimit limit = {.rlim_cur = soft, .rlim_max = hard};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

/* The hard limit only ever falls here, so the tests run from much to little. */
TEST(descriptors_are_raised_to_what_the_process_may_have)
{
    struct rlimit now;
    rlim_t hard = KIT_MIN(first.rlim_max, (rlim_t)4096);
    set_limit(64, hard);
    assert_int_equal(aethercore_descriptors_connections(1000, 2), 1000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_int_equal(now.rlim_cur, hard);
}

TEST(descriptors_leave_some_for_models)
{
    set_limit(64, 1256);
    assert_int_equal(aethercore_descriptors_connections(10000, 4), 250);
    assert_int_equal(aethercore_descriptors_connections(250, 4), 250);
    set_limit(100, 100);
    assert_int_equal(aethercore_descriptors_connections(10000, 4), 1);
}

int main(void)
{
    if (getrlimit(RLIMIT_NOFILE, &first) != 0) {
        return 1;
    }
    return TEST_RUN(TEST_OF(descriptors_are_raised_to_what_the_process_may_have),
                    TEST_OF(descriptors_leave_some_for_models));
}
