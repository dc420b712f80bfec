#include "http/router.h"

#include "support/test.h"

#define ROW(m, p, n)                                                                                                   \
    {                                                                                                                  \
        .method = m, .pattern = p, .name = n                                                                           \
    }

static const struct http_route rows[] = {
    ROW(HTTP_GET, "/", "root"),
    ROW(HTTP_GET, "/health", "health"),
    ROW(HTTP_GET, "/models", "models"),
    ROW(HTTP_GET, "/models/{id*}", "model"),
    ROW(HTTP_DELETE, "/models/{id*}", "delete"),
    ROW(HTTP_POST, "/models/{id*}/load", "load"),
    ROW(HTTP_GET, "/models/{id*}/events", "events"),
    ROW(HTTP_GET, "/models/{id*}/versions/{version}", "version"),
    ROW(HTTP_GET, "/models/special", "special"),
    ROW(HTTP_POST, "/v2/models/{name}/infer", "infer"),
    ROW(HTTP_POST, "/v2/models/{name}/versions/{v}/infer", "infer_version"),
    ROW(HTTP_GET, "/a/{x}/c", "left"),
    ROW(HTTP_GET, "/{y}/b/c", "right"),
    ROW(HTTP_GET, "/{any*}", "any"),
};

static struct http_router *build(void)
{
    struct http_router *rt = NULL;
    assert_int_equal(http_router_new(&rt), KIT_OK);
    assert_int_equal(http_router_add(rt, rows, KIT_COUNT(rows), (void *)(uintptr_t)rows, NULL), KIT_OK);
    assert_int_equal(http_router_count(rt), KIT_COUNT(rows));
    return rt;
}

TEST(router_match_finds_the_most_literal_pattern)
{
    static const struct {
        enum http_method method;
        const char *path, *name, *param[2];
    } cases[] = {
        {HTTP_GET, "/", "root", {0}},
        {HTTP_GET, "/health", "health", {0}},
        {HTTP_HEAD, "/health", "health", {0}},
        {HTTP_GET, "/he%61lth", "health", {0}},
        {HTTP_GET, "/models", "models", {0}},
        {HTTP_GET, "/models/gpt", "model", {"gpt"}},
        {HTTP_DELETE, "/models/gpt", "delete", {"gpt"}},
        {HTTP_GET, "/models/org/name", "model", {"org/name"}},
        {HTTP_GET, "/models/org%2Fname", "model", {"org%2Fname"}},
        {HTTP_POST, "/models/org/name/load", "load", {"org/name"}},
        {HTTP_POST, "/models/org%2Fname/load", "load", {"org%2Fname"}},
        {HTTP_POST, "/models/a/b/c/d/e/load", "load", {"a/b/c/d/e"}},
        {HTTP_POST, "/models/load/load", "load", {"load"}},
        {HTTP_GET, "/models/load", "model", {"load"}},
        {HTTP_GET, "/models/org/load", "model", {"org/load"}}, /* a model may be called so: only POST is taken */
        {HTTP_GET, "/models/org/name/events", "events", {"org/name"}},
        {HTTP_GET, "/models/org/name/versions/2", "version", {"org/name", "2"}},
        {HTTP_GET, "/models/versions/versions/versions", "version", {"versions", "versions"}},
        {HTTP_GET, "/models/special", "special", {0}},
        {HTTP_GET, "/models/speci%61l", "special", {0}},
        {HTTP_DELETE, "/models/special", "delete", {"special"}},
        {HTTP_POST, "/v2/models/x/infer", "infer", {"x"}},
        {HTTP_POST, "/v2/models/x/versions/1/infer", "infer_version", {"x", "1"}},
        {HTTP_GET, "/a/b/c", "left", {"b"}},
        {HTTP_GET, "/z/b/c", "right", {"z"}},
        {HTTP_GET, "/else/where", "any", {"else/where"}},
    };
    struct http_router *rt = build();
    for (size_t i = 0; i < KIT_COUNT(cases); i++) {
        struct http_match m = http_router_match(rt, cases[i].method, kit_str_c(cases[i].path));
        if (m.route == NULL) {
            fail_msg("%s: no route", cases[i].path);
        }
        assert_string_equal(m.route->name, cases[i].name);
        assert_ptr_equal(m.ctx, rows);
        assert_in_range(m.index, 1, KIT_COUNT(rows));
        for (size_t p = 0; p < 2; p++) {
            assert_str(m.param[p], cases[i].param[p] == NULL ? "" : cases[i].param[p]);
        }
    }
    http_router_free(rt);
}

TEST(router_match_tells_which_methods_a_path_takes)
{
    static const struct http_route few[] = {
        ROW(HTTP_POST, "/serve", "serve"),
        ROW(HTTP_GET, "/models/{id*}", "model"),
        ROW(HTTP_POST, "/models/{id*}/load", "load"),
    };
    struct http_router *rt = NULL;
    assert_int_equal(http_router_new(&rt), KIT_OK);
    assert_int_equal(http_router_add(rt, few, KIT_COUNT(few), NULL, NULL), KIT_OK);
    struct http_match m = http_router_match(rt, HTTP_GET, kit_str_lit("/serve"));
    assert_null(m.route);
    assert_int_equal(m.allow, 1u << HTTP_POST | 1u << HTTP_OPTIONS);
    m = http_router_match(rt, HTTP_PUT, kit_str_lit("/models/a/load"));
    assert_null(m.route);
    assert_int_equal(m.allow, 1u << HTTP_POST | 1u << HTTP_GET | 1u << HTTP_HEAD | 1u << HTTP_OPTIONS);
    http_router_free(rt);
}

TEST(router_match_answers_no_for_paths_that_nobody_has)
{
    static const char *const paths[] = {"",           "*",         "/",          "health",     "/health/",
                                        "//health",   "/models//", "/models/",   "/models//x", "/models/a//b",
                                        "/models/a/", "/Health",   "/health%2F", "/healthy",   "/models%2Fx"};
    struct http_router *rt = NULL;
    static const struct http_route few[] = {ROW(HTTP_GET, "/health", "health"), ROW(HTTP_GET, "/models/{id*}", "model"),
                                            ROW(HTTP_GET, "/v2/{name}/x", "one")};
    assert_int_equal(http_router_new(&rt), KIT_OK);
    assert_null(http_router_match(rt, HTTP_GET, kit_str_lit("/")).route); /* an empty router */
    assert_int_equal(http_router_add(rt, few, KIT_COUNT(few), NULL, NULL), KIT_OK);
    for (size_t i = 0; i < KIT_COUNT(paths); i++) {
        struct http_match m = http_router_match(rt, HTTP_GET, kit_str_c(paths[i]));
        if (m.route != NULL || m.allow != 0) {
            fail_msg("%s matches", paths[i]);
        }
    }
    assert_null(http_router_match(rt, HTTP_GET, kit_str_lit("/v2/a/b/x")).route);
    char deep[256] = "/models";
    for (size_t len = 7; len < 7 + 2 * 70; len += 2) {
        memcpy(deep + len, "/x", 3);
    }
    assert_null(http_router_match(rt, HTTP_GET, kit_str_c(deep)).route);
    http_router_free(rt);
}

TEST(router_add_refuses_what_is_there_already_whatever_its_placeholders_are_called)
{
    static const struct http_route twice[] = {ROW(HTTP_GET, "/models/{id*}", "a"),
                                              ROW(HTTP_GET, "/models/{name*}", "b")};
    struct http_router *rt = NULL;
    struct kit_err err;
    assert_int_equal(http_router_new(&rt), KIT_OK);
    assert_int_equal(http_router_add(rt, twice, 2, NULL, &err), KIT_CONFLICT);
    assert_string_equal(err.msg, "GET /models/{name*}: '/models/{id*}' takes this already");
    http_router_free(rt);
    http_router_free(NULL);
}

TEST(router_add_refuses_malformed_patterns)
{
    static const char *const patterns[] = {"",
                                           "models",
                                           "/models/",
                                           "//",
                                           "/a//b",
                                           "/{}",
                                           "/{a",
                                           "/a}",
                                           "/{a*}/{b*}",
                                           "/{a}/{b}/{c}/{d}/{e}",
                                           "/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17"};
    for (size_t i = 0; i < KIT_COUNT(patterns); i++) {
        struct http_route row = ROW(HTTP_GET, patterns[i], "x");
        struct http_router *rt = NULL;
        assert_int_equal(http_router_new(&rt), KIT_OK);
        if (http_router_add(rt, &row, 1, NULL, NULL) != KIT_INVALID) {
            fail_msg("'%s' is taken", patterns[i]);
        }
        http_router_free(rt);
    }
}

TEST(router_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        struct http_router *rt = NULL;
        enum kit_status rc = http_router_new(&rt);
        rc = rc == KIT_OK ? http_router_add(rt, rows, KIT_COUNT(rows), NULL, NULL) : rc;
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        http_router_free(rt);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(router_match_finds_the_most_literal_pattern),
                    TEST_OF(router_match_tells_which_methods_a_path_takes),
                    TEST_OF(router_match_answers_no_for_paths_that_nobody_has),
                    TEST_OF(router_add_refuses_what_is_there_already_whatever_its_placeholders_are_called),
                    TEST_OF(router_add_refuses_malformed_patterns), TEST_OF(router_survives_each_failed_alloc));
}
