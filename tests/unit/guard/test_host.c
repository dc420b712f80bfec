#include "guard/host.h"

#include "support/test.h"

static void expect_parsed(const char *text, const char *name, const char *port)
{
    struct guard_host h;
    assert_true(guard_host_parse(kit_str_c(text), &h));
    assert_str(h.name, name);
    assert_str(h.port, port);
}

TEST(host_parse_takes_names_and_addresses_with_ports)
{
    expect_parsed("localhost", "localhost", "");
    expect_parsed("localhost:8001", "localhost", "8001");
    expect_parsed("Example.ORG.:80", "Example.ORG", "80");
    expect_parsed("127.0.0.1:8001", "127.0.0.1", "8001");
    expect_parsed("[::1]", "::1", "");
    expect_parsed("[fe80::1]:8001", "fe80::1", "8001");
    expect_parsed("my_nas:", "my_nas", "");
}

TEST(host_parse_refuses_what_two_readers_could_take_differently)
{
    static const char *const rows[] = {
        "",        ":80", "a b", "a@b",  "user:pw@host", "host:80:80", "host:x",      "[::1", "[]",         "[::1]x",
        "[::1]80", "::1", "a/b", "a%41", "localhost\t",  "a,b",        "[localhost]", ".",    "h\xc3\xb6st"};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        struct guard_host h;
        assert_false(guard_host_parse(kit_str_c(rows[i]), &h));
    }
}

TEST(host_tells_loopback_from_names_that_look_like_it)
{
    static const char *const yes[] = {"localhost", "LOCALHOST", "app.localhost", "127.0.0.1", "127.8.9.1", "::1"};
    static const char *const no[] = {
        "localhost.evil.org", "127.0.0.1.evil.org", "notlocalhost", "128.0.0.1", "::2", "evil"};
    for (size_t i = 0; i < KIT_COUNT(yes); i++) {
        assert_true(guard_host_is_loopback(kit_str_c(yes[i])));
        assert_false(guard_host_is_loopback(kit_str_c(no[i])));
    }
}

TEST(host_tells_addresses_from_names)
{
    assert_true(guard_host_is_address(kit_str_lit("192.168.1.5")));
    assert_true(guard_host_is_address(kit_str_lit("fe80::1")));
    assert_false(guard_host_is_address(kit_str_lit("192.168.1.5.nip.io")));
    assert_false(guard_host_is_address(kit_str_lit("cafe")));
}

TEST(host_lists_take_names_suffixes_and_the_star)
{
    kit_str list = kit_str_lit("nas.home , .example.org,");
    assert_true(guard_host_is_listed(kit_str_lit("NAS.home"), list));
    assert_true(guard_host_is_listed(kit_str_lit("a.example.org"), list));
    assert_true(guard_host_is_listed(kit_str_lit("a.b.example.org"), list));
    assert_false(guard_host_is_listed(kit_str_lit("example.org"), list));
    assert_false(guard_host_is_listed(kit_str_lit("badexample.org"), list));
    assert_false(guard_host_is_listed(kit_str_lit("x.nas.home"), list));
    assert_false(guard_host_is_listed(kit_str_lit("anything"), kit_str_lit("")));
    assert_true(guard_host_is_listed(kit_str_lit("anything"), kit_str_lit("a,*")));
}

TEST(host_knows_its_own_origin)
{
    static const struct {
        const char *origin, *host;
        bool own;
    } rows[] = {
        {"http://localhost:8001", "localhost:8001", true},
        {"http://LOCALHOST:8001", "localhost:8001", true},
        {"http://localhost", "localhost:80", true},
        {"http://localhost:80", "localhost", true},
        {"https://ai.example.org", "ai.example.org", true},
        {"https://ai.example.org:443", "ai.example.org", true},
        {"http://[::1]:8001", "[::1]:8001", true},
        {"http://localhost:8002", "localhost:8001", false},
        {"http://localhost", "localhost:8001", false},
        {"https://localhost", "localhost:80", false},
        {"http://evil.org:8001", "localhost:8001", false},
        {"http://localhost:8001.evil.org", "localhost:8001", false},
        {"null", "localhost:8001", false},
        {"file://localhost:8001", "localhost:8001", false},
        {"http://localhost:8001/", "localhost:8001", false},
        {"http://a@localhost:8001", "localhost:8001", false},
        {"", "localhost:8001", false},
        {"http://", "", false},
    };
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        assert_int_equal(guard_host_is_own_origin(kit_str_c(rows[i].origin), kit_str_c(rows[i].host)), rows[i].own);
    }
}

TEST(host_checks_lists_of_origins)
{
    kit_str wrong;
    assert_true(guard_host_check_origins(kit_str_lit(""), &wrong));
    assert_true(guard_host_check_origins(kit_str_lit("https://a.b, http://c:1,null,*,"), &wrong));
    assert_false(guard_host_check_origins(kit_str_lit("https://a.b, app.example.org"), &wrong));
    assert_str(wrong, "app.example.org");
    assert_false(guard_host_check_origins(kit_str_lit("https://a.b/path"), &wrong));
    assert_true(guard_host_is_listed_origin(kit_str_lit("https://A.b"), kit_str_lit("http://c, https://a.b")));
    assert_false(guard_host_is_listed_origin(kit_str_lit("https://a.b.c"), kit_str_lit("http://c, https://a.b")));
    assert_true(guard_host_is_listed_origin(kit_str_lit("null"), kit_str_lit("*")));
}

int main(void)
{
    return TEST_RUN(TEST_OF(host_parse_takes_names_and_addresses_with_ports),
                    TEST_OF(host_parse_refuses_what_two_readers_could_take_differently),
                    TEST_OF(host_tells_loopback_from_names_that_look_like_it), TEST_OF(host_tells_addresses_from_names),
                    TEST_OF(host_lists_take_names_suffixes_and_the_star), TEST_OF(host_knows_its_own_origin),
                    TEST_OF(host_checks_lists_of_origins));
}
