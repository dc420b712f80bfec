#include "fetch/url.h"

#include "support/test.h"

static void assert_escaped(kit_str s, bool keep_slash, const char *text)
{
    struct kit_buf out;
    kit_buf_init(&out, 256);
    fetch_url_escape(&out, s, keep_slash);
    assert_str(kit_buf_str(&out), text);
    kit_buf_done(&out);
}

TEST(url_escape_leaves_what_needs_none)
{
    assert_escaped(kit_str_lit("AZaz09-._~"), false, "AZaz09-._~");
    assert_escaped(kit_str_lit("refs/pr/1"), true, "refs/pr/1");
    assert_escaped(kit_str_lit("refs/pr/1"), false, "refs%2Fpr%2F1");
    assert_escaped(kit_str_lit("a b?\xc3\xa4\0"), true, "a%20b%3F%C3%A4%00");
}

TEST(url_same_origin_is_scheme_host_and_port)
{
    assert_true(fetch_url_same_origin("https://hub.example/a", "https://HUB.example:443/b?c"));
    assert_true(fetch_url_same_origin("http://127.0.0.1:80/", "http://127.0.0.1/x"));
    assert_false(fetch_url_same_origin("https://hub.example/a", "http://hub.example/a"));
    assert_false(fetch_url_same_origin("https://hub.example/a", "https://cdn.hub.example/a"));
    assert_false(fetch_url_same_origin("https://hub.example/a", "https://hub.example:8443/a"));
    assert_false(fetch_url_same_origin("https://hub.example/a", "https://hub.example@evil.example/a"));
    assert_false(fetch_url_same_origin("https://hub.example/a", "https://hub.example.evil.example/a"));
    assert_false(fetch_url_same_origin("https://hub.example/a", "not an address"));
    assert_false(fetch_url_same_origin("", ""));
}

TEST(url_is_http_or_https_by_its_scheme)
{
    assert_true(fetch_url_is_https("HTTPS://x"));
    assert_false(fetch_url_is_https("http://https://x"));
    assert_true(fetch_url_is_http("Http://x"));
    assert_false(fetch_url_is_http("https://x") || fetch_url_is_http("file:///x") || fetch_url_is_http("http:x"));
}

int main(void)
{
    return TEST_RUN(TEST_OF(url_escape_leaves_what_needs_none), TEST_OF(url_same_origin_is_scheme_host_and_port),
                    TEST_OF(url_is_http_or_https_by_its_scheme));
}
