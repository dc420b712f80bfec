/* The small pure parts: target, ids, date, first line, output list. */
#include "http/date.h"
#include "http/ids.h"
#include "http/out.h"
#include "http/reason.h"
#include "http/request.h"
#include "http/target.h"
#include "support/test.h"

TEST(target_parse_splits_path_and_query)
{
    static const struct {
        const char *target, *raw, *path, *query;
    } cases[] = {
        {"/", "/", "/", ""},
        {"/a/b?x=1&y=%20", "/a/b", "/a/b", "x=1&y=%20"},
        {"/a%2Fb%41?", "/a%2Fb%41", "/a/bA", ""},
        {"/?a?b", "/", "/", "a?b"},
        {"http://host:80/a?b=c", "/a", "/a", "b=c"},
        {"HTTPS://host", "/", "/", ""},
        {"http://host?q", "/", "/", "q"},
        {"*", "*", "*", ""},
        {"/a/...", "/a/...", "/a/...", ""},
    };
    struct kit_arena a;
    kit_arena_init(&a, KIT_MIB);
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct http_target t;
        assert_int_equal(http_target_parse(&a, kit_str_c(cases[i].target), &t, NULL), KIT_OK);
        assert_str(t.raw, cases[i].raw);
        assert_str(t.path, cases[i].path);
        assert_str(t.query, cases[i].query);
        assert_int_equal(t.asterisk, cases[i].target[0] == '*');
    }
    kit_arena_done(&a);
}

TEST(target_parse_refuses_what_is_no_uri_or_climbs)
{
    static const char *const targets[] = {
        "",        "a",   "/%",   "/%4",       "/%zz",    "/%00",      "/a#b",      "/a b",     "/\x7f",    "/\xc3\xa4",
        "/a/../b", "/..", "/./a", "/a/%2e%2E", "/a%2F..", "ftp://h/a", "http:///a", "/a?b=%zz", "/a?b=%00", "/\"\t"};
    struct kit_arena a;
    kit_arena_init(&a, KIT_MIB);
    for (size_t i = 0; i < KIT_COUNT(targets); i++) {
        struct http_target t;
        if (http_target_parse(&a, kit_str_c(targets[i]), &t, NULL) != KIT_INVALID) {
            fail_msg("'%s' is taken", targets[i]);
        }
    }
    kit_arena_done(&a);
}

TEST(ids_make_gives_different_names_that_are_sane)
{
    struct http_ids ids, others;
    char a[HTTP_IDS_BYTES], b[HTTP_IDS_BYTES], c[HTTP_IDS_BYTES];
    http_ids_init(&ids);
    http_ids_init(&others);
    http_ids_make(&ids, a);
    http_ids_make(&ids, b);
    http_ids_make(&others, c);
    assert_string_not_equal(a, b);
    assert_string_not_equal(a, c);
    assert_true(http_ids_is_sane(kit_str_c(a)));
    ids.next = UINT64_MAX;
    http_ids_make(&ids, a);
    assert_int_equal(strlen(a), HTTP_IDS_BYTES - 1);
}

TEST(ids_is_sane_takes_1_to_63_plain_characters)
{
    char longest[65];
    memset(longest, 'a', sizeof(longest));
    assert_true(http_ids_is_sane(kit_str_lit("Ab3._-")));
    assert_true(http_ids_is_sane((kit_str){longest, 63}));
    assert_false(http_ids_is_sane((kit_str){longest, 64}));
    assert_false(http_ids_is_sane(kit_str_lit("")));
    assert_false(http_ids_is_sane(kit_str_lit("a b")));
    assert_false(http_ids_is_sane(kit_str_lit("a\"")));
}

TEST(ids_is_traceparent_follows_the_w3c)
{
#define TRACE "-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    assert_true(http_ids_is_traceparent(kit_str_lit("00" TRACE)));
    assert_true(http_ids_is_traceparent(kit_str_lit("01" TRACE "-more")));
    assert_false(http_ids_is_traceparent(kit_str_lit("00" TRACE "-more")));
    assert_false(http_ids_is_traceparent(kit_str_lit("01" TRACE "more")));
    assert_false(http_ids_is_traceparent(kit_str_lit("ff" TRACE)));
    assert_false(http_ids_is_traceparent(kit_str_lit("00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")));
    assert_false(http_ids_is_traceparent(kit_str_lit("00-00000000000000000000000000000000-b7ad6b7169203331-01")));
    assert_false(http_ids_is_traceparent(kit_str_lit("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")));
    assert_false(http_ids_is_traceparent(kit_str_lit("")));
}

TEST(date_write_gives_the_preferred_form)
{
    char text[HTTP_DATE_BYTES + 1] = "";
    http_date_write(784111777, text);
    assert_string_equal(text, "Sun, 06 Nov 1994 08:49:37 GMT");
    http_date_write(951782400, text);
    assert_string_equal(text, "Tue, 29 Feb 2000 00:00:00 GMT");
}

TEST(reason_line_starts_each_answer_alike)
{
    assert_str(http_reason_line(200), "HTTP/1.1 200 OK\r\n");
    assert_str(http_reason_line(431), "HTTP/1.1 431 Request Header Fields Too Large\r\n");
    assert_null(http_reason_line(299).ptr);
}

static void assert_out(const struct http_out *o, const char *text)
{
    struct iovec iov[16];
    char all[256] = "";
    size_t len = 0;
    int count = http_out_iov(o, iov, 16);
    for (int i = 0; i < count; i++) {
        memcpy(all + len, iov[i].iov_base, iov[i].iov_len);
        len += iov[i].iov_len;
    }
    assert_int_equal(len, o->bytes);
    assert_str(((kit_str){all, len}), text);
}

TEST(out_keeps_the_order_of_copied_and_owned_bytes)
{
    struct http_out_pool pool = {0};
    struct http_out a = {0}, b = {0};
    uint64_t before = kit_alloc_count();
    assert_int_equal(http_out_add(&a, &pool, kit_str_lit("one ")), KIT_OK);
    assert_int_equal(http_out_add_owned(&a, kit_alloc_copy("two ", 4), 4), KIT_OK);
    assert_int_equal(http_out_add(&a, &pool, kit_str_lit("three ")), KIT_OK);
    assert_int_equal(http_out_add(&a, &pool, kit_str_lit("")), KIT_OK);
    assert_int_equal(http_out_add_owned(&a, kit_alloc_copy("", 0), 0), KIT_OK);
    assert_out(&a, "one two three ");
    http_out_wrote(&a, &pool, 6);
    assert_out(&a, "o three ");
    assert_int_equal(http_out_add(&b, &pool, kit_str_lit("four")), KIT_OK);
    http_out_move(&a, &b);
    http_out_move(&a, &b); /* empty by now */
    assert_out(&a, "o three four");
    http_out_wrote(&a, &pool, a.bytes);
    assert_out(&a, "");
    assert_null(a.first);
    assert_int_equal(pool.count, 2); /* the first one was used twice */
    http_out_done(&a, &pool);
    http_out_pool_done(&pool);
    assert_int_equal(kit_alloc_count(), before);
}

TEST(out_survives_each_failed_alloc)
{
    uint64_t before = kit_alloc_count();
    TEST_ALLOC_SWEEP(n) {
        struct http_out_pool pool = {0};
        struct http_out o = {0};
        static char big[10000];
        char *body = kit_alloc_copy("body", 4);
        enum kit_status rc = http_out_add(&o, &pool, kit_str_lit("head"));
        size_t bytes = o.bytes;
        assert_int_equal(bytes, rc == KIT_OK ? 4 : 0);
        rc = http_out_add(&o, &pool, (kit_str){big, sizeof(big)});
        assert_int_equal(o.bytes - bytes, rc == KIT_OK ? sizeof(big) : 0);
        if (body != NULL) {
            bytes = o.bytes;
            rc = http_out_add_owned(&o, body, 4);
            assert_int_equal(o.bytes - bytes, rc == KIT_OK ? 4 : 0);
        }
        http_out_done(&o, &pool);
        http_out_pool_done(&pool);
        assert_int_equal(kit_alloc_count(), before);
    }
}

/* --- fields that are lists --- */

#define LIT(text)                                                                                                      \
    {                                                                                                                  \
        text, sizeof(text) - 1                                                                                         \
    }
static const struct http_field list_fields[] = {
    {LIT("Connection"), LIT("keep-alive ,, Upgrade")},
    {LIT("Accept-Encoding"), LIT("br;q=1.0, GZIP;q=0.5,zstd ; q=0.001")},
    {LIT("connection"), LIT("")},
    {LIT("CONNECTION"), LIT(" TE ")},
    {LIT("accept-encoding"), LIT("a;q=0, b;q=0.000, c;q=much, d;q=7, e;level=9;q=0.25, *;q=0.1")},
};

TEST(request_tokens_go_through_all_lines_of_a_field)
{
    struct http_request r = {.fields = list_fields, .field_count = KIT_COUNT(list_fields)};
    struct http_tokens t = {.request = &r, .name = "Connection"};
    static const char *const expected[] = {"keep-alive", "Upgrade", "TE"};
    kit_str token;
    for (size_t i = 0; i < KIT_COUNT(expected); i++) {
        assert_true(http_tokens_next(&t, &token));
        assert_str(token, expected[i]);
    }
    assert_false(http_tokens_next(&t, &token));
    assert_true(http_request_lists(&r, "connection", kit_str_lit("upgrade")));
    assert_false(http_request_lists(&r, "connection", kit_str_lit("up")));
    assert_false(http_request_lists(&r, "Upgrade", kit_str_lit("up")));
}

TEST(request_weight_follows_q_and_the_star)
{
    static const struct {
        const char *element;
        int weight;
    } rows[] = {{"br", 1000}, {"gzip", 500}, {"zstd", 1}, {"a", 0},  {"b", 0},
                {"c", 0},     {"d", 0},      {"e", 250},  {"f", 100}};
    struct http_request r = {.fields = list_fields, .field_count = KIT_COUNT(list_fields)};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        assert_int_equal(http_request_weight(&r, "Accept-Encoding", rows[i].element), rows[i].weight);
    }
    assert_int_equal(http_request_weight(&r, "Accept", "json"), -1);
}

int main(void)
{
    return TEST_RUN(TEST_OF(target_parse_splits_path_and_query), TEST_OF(target_parse_refuses_what_is_no_uri_or_climbs),
                    TEST_OF(ids_make_gives_different_names_that_are_sane),
                    TEST_OF(ids_is_sane_takes_1_to_63_plain_characters), TEST_OF(ids_is_traceparent_follows_the_w3c),
                    TEST_OF(date_write_gives_the_preferred_form), TEST_OF(reason_line_starts_each_answer_alike),
                    TEST_OF(out_keeps_the_order_of_copied_and_owned_bytes), TEST_OF(out_survives_each_failed_alloc),
                    TEST_OF(request_tokens_go_through_all_lines_of_a_field),
                    TEST_OF(request_weight_follows_q_and_the_star));
}
