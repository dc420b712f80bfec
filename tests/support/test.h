/* tests/support/test.h - cmocka with our two macros. A test file lists its tests in main():
 *
 *     TEST(str_cut_gives_each_line) { … }
 *     int main(void) { return TEST_RUN(TEST_OF(str_cut_gives_each_line), …); }
 */
#ifndef SUPPORT_TEST_H
#define SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kit/alloc.h"
#include "kit/str.h"

#define TEST(name) static void name(void **test_state __attribute__((unused)))
#define TEST_OF(name) cmocka_unit_test(name)
#define TEST_RUN(...) cmocka_run_group_tests(((const struct CMUnitTest[]){__VA_ARGS__}), NULL, NULL)

/* Runs its block again and again; run n fails the n-th allocation of this thread. Ends after a run in which none
 * failed. */
#define TEST_ALLOC_SWEEP(n)                                                                                            \
    for (uint64_t n = 1, n##_more = 1; n##_more != 0 && (kit_alloc_fail_at(n), true);                                  \
         n##_more = kit_alloc_failed(), kit_alloc_fail_at(0), n++)

#define assert_ok(call) assert_int_equal((call), KIT_OK)

#define assert_str(slice, literal)                                                                                     \
    do {                                                                                                               \
        kit_str test_slice_ = (slice);                                                                                 \
        assert_int_equal(test_slice_.len, strlen(literal));                                                            \
        assert_memory_equal(test_slice_.ptr, literal, strlen(literal));                                                \
    } while (0)

#endif
