#include "text/aligned.h"

#include "support/test.h"

struct pair {
    struct text_aligned a, b;
};

static void init(struct pair *p, size_t max)
{
    text_aligned_init(&p->a, max);
    text_aligned_init(&p->b, max);
}

static void done(struct pair *p)
{
    text_aligned_done(&p->a);
    text_aligned_done(&p->b);
}

static void expect_span(struct text_span span, uint32_t start, uint32_t end)
{
    assert_int_equal(span.start, start);
    assert_int_equal(span.end, end);
}

TEST(aligned_load_knows_origins_without_writing_them)
{
    struct pair p;
    uint32_t bytes;
    struct text_span origin;
    init(&p, 100);
    assert_int_equal(text_aligned_load(&p.a,
                                       kit_str_lit("a\xC3\xA9"
                                                   "b"),
                                       10),
                     KIT_OK);
    assert_true(p.a.same);
    assert_int_equal(text_aligned_get(&p.a, 1, &bytes, &origin), 0xE9);
    assert_int_equal(bytes, 2);
    expect_span(origin, 11, 13);
    expect_span(text_aligned_origin(&p.a, 0, 4), 10, 14);
    expect_span(text_aligned_before(&p.a, 3), 11, 13);
    expect_span(text_aligned_before(&p.a, 0), 10, 10);
    done(&p);
}

TEST(aligned_put_keeps_an_origin_for_each_byte)
{
    struct pair p;
    init(&p, 100);
    assert_int_equal(text_aligned_load(&p.a, kit_str_lit("xy"), 0), KIT_OK);
    text_aligned_begin(&p.b, &p.a);
    text_aligned_put(&p.b, 0x1F600, (struct text_span){0, 1});
    text_aligned_put(&p.b, 'z', (struct text_span){1, 2});
    assert_int_equal(p.b.failed, KIT_OK);
    assert_str(text_aligned_str(&p.b), "\xF0\x9F\x98\x80z");
    expect_span(text_aligned_origin(&p.b, 0, 4), 0, 1);
    expect_span(text_aligned_origin(&p.b, 0, 5), 0, 2);
    expect_span(text_aligned_before(&p.b, 4), 0, 1);
    done(&p);
}

TEST(edit_replaces_inserts_and_drops)
{
    struct pair p;
    init(&p, 100);
    assert_int_equal(text_aligned_load(&p.a,
                                       kit_str_lit("ab\xC3\xA9"
                                                   "cd"),
                                       0),
                     KIT_OK);
    text_aligned_begin(&p.b, &p.a);
    struct text_edit e = {.from = &p.a, .to = &p.b};
    text_edit_put(&e, 'A', 0);
    text_edit_put(&e, '+', 1);
    text_edit_put(&e, 'B', -2); /* instead of b, and without the two behind it */
    text_edit_put(&e, 'D', 0);
    text_edit_put(&e, '!', 0); /* nothing is left to replace: it stands with the last */
    assert_str(text_aligned_str(&p.b), "A+BD!");
    expect_span(text_aligned_origin(&p.b, 0, 1), 0, 1);
    expect_span(text_aligned_origin(&p.b, 1, 2), 0, 1);
    expect_span(text_aligned_origin(&p.b, 2, 3), 1, 2);
    expect_span(text_aligned_origin(&p.b, 3, 4), 5, 6);
    expect_span(text_aligned_origin(&p.b, 4, 5), 5, 6);
    done(&p);
}

TEST(aligned_stops_at_its_maximum)
{
    struct pair p;
    init(&p, 8);
    assert_int_equal(text_aligned_load(&p.a, kit_str_lit("12345678"), 0), KIT_OK);
    text_aligned_begin(&p.b, &p.a);
    for (int i = 0; i < 20; i++) {
        text_aligned_put(&p.b, 'x', (struct text_span){0, 1});
    }
    assert_int_equal(p.b.failed, KIT_TOO_LARGE);
    assert_in_range(p.b.len, 8, 12);
    assert_int_equal(text_aligned_load(&p.a, kit_str_lit("12345678901234567"), 0), KIT_TOO_LARGE);
    done(&p);
}

TEST(aligned_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct pair p;
        init(&p, 10000);
        enum kit_status rc = text_aligned_load(&p.a, kit_str_lit("text"), 0);
        text_aligned_begin(&p.b, &p.a);
        for (int i = 0; i < 2000; i++) {
            text_aligned_put(&p.b, 'x', (struct text_span){0, 1});
        }
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        assert_true(p.b.failed == KIT_OK ? p.b.len == 2000 : p.b.failed == KIT_NOMEM);
        done(&p);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(aligned_load_knows_origins_without_writing_them),
                    TEST_OF(aligned_put_keeps_an_origin_for_each_byte), TEST_OF(edit_replaces_inserts_and_drops),
                    TEST_OF(aligned_stops_at_its_maximum), TEST_OF(aligned_survives_each_failed_alloc));
}
