#include "support/test.h"

#include "kit/slots.h"

TEST(slots_find_what_was_added_until_it_is_removed)
{
    struct kit_slots *t = NULL;
    kit_id a, b;
    int x, y;
    assert_ok(kit_slots_new(10, &t));
    assert_ok(kit_slots_add(t, &x, &a));
    assert_ok(kit_slots_add(t, &y, &b));
    assert_false(kit_id_eq(a, b));
    assert_ptr_equal(kit_slots_get(t, a), &x);
    assert_int_equal(kit_slots_count(t), 2);
    assert_ptr_equal(kit_slots_remove(t, a), &x);
    assert_null(kit_slots_get(t, a));
    assert_null(kit_slots_remove(t, a));
    assert_ptr_equal(kit_slots_get(t, b), &y);
    assert_int_equal(kit_slots_count(t), 1);
    kit_slots_free(t);
    kit_slots_free(NULL);
}

TEST(slots_an_old_id_does_not_find_the_next_in_its_slot)
{
    struct kit_slots *t = NULL;
    kit_id first, next;
    int x;
    assert_ok(kit_slots_new(1, &t));
    assert_ok(kit_slots_add(t, &x, &first));
    for (int i = 0; i < 1000; i++) {
        kit_slots_remove(t, first);
        assert_ok(kit_slots_add(t, &x, &next));
        assert_int_equal(next.slot, first.slot);
        assert_null(kit_slots_get(t, first));
        assert_null(kit_slots_remove(t, first));
        first = next;
    }
    kit_slots_free(t);
}

TEST(slots_ids_of_nobody_find_nothing)
{
    struct kit_slots *t = NULL;
    kit_id id;
    int x;
    assert_ok(kit_slots_new(4, &t));
    assert_null(kit_slots_get(t, KIT_ID_NONE));
    assert_ok(kit_slots_add(t, &x, &id));
    assert_null(kit_slots_get(t, KIT_ID_NONE));
    assert_null(kit_slots_get(t, (kit_id){.slot = 77, .generation = 1}));
    assert_null(kit_slots_get(t, (kit_id){.slot = id.slot, .generation = id.generation + 1}));
    kit_slots_remove(t, id);
    assert_null(kit_slots_get(t, (kit_id){.slot = id.slot, .generation = id.generation + 1}));
    kit_slots_free(t);
}

TEST(slots_never_hold_more_than_their_maximum)
{
    struct kit_slots *t = NULL;
    kit_id ids[100], extra = {7, 7};
    int x;
    assert_ok(kit_slots_new(KIT_COUNT(ids), &t));
    for (size_t i = 0; i < KIT_COUNT(ids); i++) {
        assert_ok(kit_slots_add(t, &x, &ids[i]));
    }
    assert_int_equal(kit_slots_add(t, &x, &extra), KIT_FULL);
    assert_true(kit_id_eq(extra, ((kit_id){7, 7})));
    kit_slots_remove(t, ids[50]);
    assert_ok(kit_slots_add(t, &x, &extra));
    assert_int_equal(kit_slots_count(t), KIT_COUNT(ids));
    kit_slots_free(t);
}

TEST(slots_next_walks_all_and_allows_removal)
{
    struct kit_slots *t = NULL;
    kit_id ids[40], id;
    int items[40], seen = 0;
    uint32_t slot = 0;
    assert_ok(kit_slots_new(64, &t));
    for (size_t i = 0; i < KIT_COUNT(ids); i++) {
        assert_ok(kit_slots_add(t, &items[i], &ids[i]));
    }
    kit_slots_remove(t, ids[0]);
    kit_slots_remove(t, ids[39]);
    for (void *item; (item = kit_slots_next(t, &slot, &id)) != NULL; seen++) {
        assert_ptr_equal(kit_slots_get(t, id), item);
        assert_ptr_equal(kit_slots_remove(t, id), item);
    }
    assert_int_equal(seen, 38);
    assert_int_equal(kit_slots_count(t), 0);
    kit_slots_free(t);
}

TEST(slots_survive_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct kit_slots *t = NULL;
        kit_id ids[100];
        uint32_t added = 0;
        int x;
        if (kit_slots_new(1000, &t) == KIT_OK) {
            for (size_t i = 0; i < KIT_COUNT(ids); i++) {
                enum kit_status rc = kit_slots_add(t, &x, &ids[added]);
                assert_true(rc == KIT_OK || rc == KIT_NOMEM);
                added += rc == KIT_OK ? 1 : 0;
            }
            assert_int_equal(kit_slots_count(t), added);
            assert_true(added >= 99); /* one failure costs one entry at most */
            for (size_t i = 0; i < added; i++) {
                assert_ptr_equal(kit_slots_get(t, ids[i]), &x);
            }
        }
        kit_slots_free(t);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(slots_find_what_was_added_until_it_is_removed),
                    TEST_OF(slots_an_old_id_does_not_find_the_next_in_its_slot),
                    TEST_OF(slots_ids_of_nobody_find_nothing), TEST_OF(slots_never_hold_more_than_their_maximum),
                    TEST_OF(slots_next_walks_all_and_allows_removal), TEST_OF(slots_survive_each_failed_alloc));
}
