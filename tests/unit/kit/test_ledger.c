#include "support/test.h"

#include "kit/ledger.h"
#include "kit/sync.h"

static struct kit_ledger *ledger; /* of the test that runs: a budget of 64 MB */

static int start(void **state)
{
    (void)state;
    return kit_ledger_new(64000000, 100, &ledger) == KIT_OK ? 0 : 1;
}

static int end(void **state)
{
    (void)state;
    kit_ledger_free(ledger);
    ledger = NULL;
    return 0;
}

static kit_id open_account(const char *owner, const char *device)
{
    kit_id id = KIT_ID_NONE;
    assert_ok(kit_ledger_open(ledger, kit_str_c(owner), kit_str_c(device), &id, NULL));
    return id;
}

static enum kit_status reserve(kit_id id, enum kit_ledger_kind kind, uint64_t bytes, struct kit_err *err)
{
    return kit_ledger_set(ledger, id, kind, bytes, KIT_LEDGER_ESTIMATED, true, err);
}

static uint64_t used(void)
{
    uint64_t limit, sum;
    kit_ledger_sum(ledger, &limit, &sum);
    assert_int_equal(limit, 64000000);
    return sum;
}

TEST(ledger_books_figures_and_their_sources)
{
    struct kit_ledger_row row;
    kit_id id = open_account("org/model", "cpu");
    assert_ok(kit_ledger_set(ledger, id, KIT_LEDGER_WEIGHTS, 100, KIT_LEDGER_MAPPED, true, NULL));
    assert_ok(kit_ledger_set(ledger, id, KIT_LEDGER_KV, 20, KIT_LEDGER_ESTIMATED, true, NULL));
    assert_ok(kit_ledger_set(ledger, id, KIT_LEDGER_KV, 30, KIT_LEDGER_TOLD, true, NULL));
    assert_true(kit_ledger_get(ledger, id, &row));
    assert_string_equal(row.owner, "org/model");
    assert_string_equal(row.device, "cpu");
    assert_int_equal(row.bytes[KIT_LEDGER_WEIGHTS], 100);
    assert_int_equal(row.bytes[KIT_LEDGER_KV], 30);
    assert_int_equal(row.source[KIT_LEDGER_KV], KIT_LEDGER_TOLD);
    assert_int_equal(used(), 130);
}

TEST(ledger_refuses_what_passes_the_budget_and_shows_the_sum)
{
    struct kit_err err;
    kit_id first = open_account("a", "cpu"), second = open_account("b", "cpu");
    assert_ok(reserve(first, KIT_LEDGER_WEIGHTS, 12000000, NULL));
    assert_int_equal(reserve(second, KIT_LEDGER_WEIGHTS, 91000000, &err), KIT_FULL);
    assert_string_equal(err.msg, "needs 91.0 MB, budget 64.0 MB, in use 12.0 MB by 1 model");
    assert_int_equal(used(), 12000000);
    assert_int_equal(reserve(second, KIT_LEDGER_WEIGHTS, 52000001, NULL), KIT_FULL);
    assert_ok(reserve(second, KIT_LEDGER_WEIGHTS, 52000000, NULL));
    assert_int_equal(reserve(second, KIT_LEDGER_CACHE, 1, &err), KIT_FULL);
    assert_string_equal(err.msg, "needs 1 B, budget 64.0 MB, in use 64.0 MB by 2 models");
    assert_int_equal(reserve(second, KIT_LEDGER_CACHE, UINT64_MAX, NULL), KIT_FULL);
}

TEST(ledger_counts_no_process_account_among_the_models)
{
    struct kit_err err;
    kit_id process = open_account("process", "cpu"), model = open_account("m", "cpu");
    assert_ok(reserve(process, KIT_LEDGER_CACHE, 1500, NULL));
    assert_int_equal(reserve(model, KIT_LEDGER_KV, 64000000, &err), KIT_FULL);
    assert_string_equal(err.msg, "needs 64.0 MB, budget 64.0 MB, in use 1.5 kB by 0 models");
}

TEST(ledger_books_the_truth_even_over_the_budget)
{
    kit_id id = open_account("m", "cpu");
    assert_ok(kit_ledger_set(ledger, id, KIT_LEDGER_WEIGHTS, 90000000, KIT_LEDGER_MEASURED, false, NULL));
    assert_int_equal(used(), 90000000);
    assert_int_equal(reserve(id, KIT_LEDGER_KV, 1, NULL), KIT_FULL);
    assert_ok(reserve(id, KIT_LEDGER_WEIGHTS, 80000000, NULL)); /* less is never refused */
    assert_int_equal(used(), 80000000);
}

TEST(ledger_gives_bytes_back_when_an_account_closes)
{
    struct kit_ledger_row row;
    kit_id id = open_account("m", "cpu");
    assert_ok(reserve(id, KIT_LEDGER_WEIGHTS, 60000000, NULL));
    kit_ledger_close(ledger, id);
    assert_int_equal(used(), 0);
    kit_ledger_close(ledger, id); /* gone already: nothing happens */
    assert_int_equal(used(), 0);
    assert_false(kit_ledger_get(ledger, id, &row));
    assert_int_equal(reserve(id, KIT_LEDGER_WEIGHTS, 1, NULL), KIT_NOT_FOUND);
}

TEST(ledger_budget_is_of_the_cpu_alone)
{
    kit_id id = open_account("m", "cuda:0");
    assert_ok(reserve(id, KIT_LEDGER_WEIGHTS, 90000000, NULL));
    assert_int_equal(used(), 0);
    kit_ledger_close(ledger, id);
    assert_int_equal(used(), 0);
}

TEST(ledger_without_a_limit_refuses_nothing)
{
    struct kit_ledger *l = NULL;
    kit_id id;
    assert_ok(kit_ledger_new(0, 1, &l));
    assert_ok(kit_ledger_open(l, kit_str_lit("m"), kit_str_lit("cpu"), &id, NULL));
    assert_ok(kit_ledger_set(l, id, KIT_LEDGER_WEIGHTS, UINT64_C(1) << 50, KIT_LEDGER_TOLD, true, NULL));
    kit_ledger_free(l);
    kit_ledger_free(NULL);
}

TEST(ledger_has_a_maximum_of_accounts)
{
    struct kit_ledger *l = NULL;
    struct kit_err err;
    kit_id id;
    assert_ok(kit_ledger_new(0, 1, &l));
    assert_ok(kit_ledger_open(l, kit_str_lit("m"), kit_str_lit("cpu"), &id, &err));
    assert_int_equal(kit_ledger_open(l, kit_str_lit("n"), kit_str_lit("cpu"), &id, &err), KIT_FULL);
    kit_ledger_free(l);
}

TEST(ledger_names_every_source)
{
    assert_string_equal(kit_ledger_source_text(KIT_LEDGER_MAPPED), "mapped");
    for (int i = 0; i < KIT_LEDGER_SOURCE_COUNT; i++) {
        assert_string_not_equal(kit_ledger_source_text((enum kit_ledger_source)i), "unknown");
    }
}

static void come_and_go(void *arg)
{
    struct kit_ledger *l = arg;
    for (int i = 0; i < 500; i++) {
        kit_id id;
        uint64_t limit, sum;
        if (kit_ledger_open(l, kit_str_lit("m"), kit_str_lit("cpu"), &id, NULL) == KIT_OK) {
            if (kit_ledger_set(l, id, KIT_LEDGER_KV, 30000000, KIT_LEDGER_COUNTED, true, NULL) == KIT_OK) {
                kit_ledger_sum(l, &limit, &sum);
                assert_true(sum >= 30000000 && sum <= limit);
            }
            kit_ledger_close(l, id);
        }
    }
}

TEST(ledger_stays_within_its_budget_when_threads_reserve_at_once)
{
    struct kit_thread threads[4] = {0};
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        assert_ok(kit_thread_start(&threads[i], "test-ledger", come_and_go, ledger, NULL));
    }
    for (size_t i = 0; i < KIT_COUNT(threads); i++) {
        kit_thread_join(&threads[i]);
    }
    assert_int_equal(used(), 0);
}

TEST(ledger_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_ledger *l = NULL;
        kit_id id = KIT_ID_NONE;
        enum kit_status rc = kit_ledger_new(100, 10, &l);
        if (rc == KIT_OK) {
            rc = kit_ledger_open(l, kit_str_lit("m"), kit_str_lit("cpu"), &id, NULL);
        }
        assert_int_equal(rc, kit_alloc_failed() ? KIT_NOMEM : KIT_OK);
        kit_ledger_free(l);
    }
}

#define WITH_LEDGER(name) cmocka_unit_test_setup_teardown(name, start, end)

int main(void)
{
    return TEST_RUN(WITH_LEDGER(ledger_books_figures_and_their_sources),
                    WITH_LEDGER(ledger_refuses_what_passes_the_budget_and_shows_the_sum),
                    WITH_LEDGER(ledger_counts_no_process_account_among_the_models),
                    WITH_LEDGER(ledger_books_the_truth_even_over_the_budget),
                    WITH_LEDGER(ledger_gives_bytes_back_when_an_account_closes),
                    WITH_LEDGER(ledger_budget_is_of_the_cpu_alone), TEST_OF(ledger_without_a_limit_refuses_nothing),
                    TEST_OF(ledger_has_a_maximum_of_accounts), TEST_OF(ledger_names_every_source),
                    WITH_LEDGER(ledger_stays_within_its_budget_when_threads_reserve_at_once),
                    TEST_OF(ledger_survives_each_failed_alloc));
}
