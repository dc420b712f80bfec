#include "hub/name.h"

#include "support/test.h"

static void assert_parsed(const char *text, const char *revision, const char *id, const char *at)
{
    struct hub_name n;
    struct kit_err err;
    if (hub_name_parse(kit_str_c(text), kit_str_c(revision), &n, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    assert_string_equal(n.id, id);
    assert_string_equal(n.revision, at);
}

TEST(name_parse_takes_id_and_revision)
{
    assert_parsed("org/name", "", "org/name", "main");
    assert_parsed("gpt2", "", "gpt2", "main");
    assert_parsed("org/name@v1.0", "", "org/name", "v1.0");
    assert_parsed("org/name@refs/pr/3", "", "org/name", "refs/pr/3");
    assert_parsed("org/name@v1.0", "v2", "org/name", "v2");
    assert_parsed("a_b/c.d-e@0123456789abcdef0123456789abcdef01234567", "", "a_b/c.d-e",
                  "0123456789abcdef0123456789abcdef01234567");
}

TEST(name_parse_refuses_other_ids)
{
    static const char *const ids[] = {"",        "/",        "org/",      "/name",       "org/name/more",
                                      "../name", "org/..",   "org/.name", "org/na me",   "org/name?x",
                                      "a--b/c",  "org/n..m", "-org/name", "https://x/y", "org/\xc3\xa4",
                                      "@main",   "org/name-"};
    for (size_t i = 0; i < KIT_COUNT(ids); i++) {
        struct hub_name n;
        struct kit_err err = {0};
        assert_int_equal(hub_name_parse(kit_str_c(ids[i]), (kit_str){0}, &n, &err), KIT_INVALID);
        assert_string_equal(err.param, "id");
    }
    char longer[200];
    struct hub_name n;
    memset(longer, 'x', sizeof(longer));
    assert_int_equal(hub_name_parse((kit_str){longer, 96}, (kit_str){0}, &n, NULL), KIT_OK);
    assert_int_equal(hub_name_parse((kit_str){longer, 97}, (kit_str){0}, &n, NULL), KIT_INVALID);
    assert_int_equal(hub_name_parse((kit_str){longer, 200}, (kit_str){0}, &n, NULL), KIT_INVALID);
}

TEST(name_parse_refuses_other_revisions)
{
    static const char *const revisions[] = {"@", "/x", "x/", "-x", "a..b", "a b", "a?b", "a//b", ".x", "a@b"};
    for (size_t i = 0; i < KIT_COUNT(revisions); i++) {
        struct hub_name n;
        struct kit_err err = {0};
        assert_int_equal(hub_name_parse(kit_str_lit("org/name"), kit_str_c(revisions[i]), &n, &err), KIT_INVALID);
        assert_string_equal(err.param, "revision");
    }
    struct hub_name n;
    assert_int_equal(hub_name_parse(kit_str_lit("org/name@"), (kit_str){0}, &n, NULL), KIT_INVALID);
}

TEST(name_is_commit_takes_whole_ones)
{
    assert_true(hub_name_is_commit(kit_str_lit("0123456789abcdef0123456789abcdef01234567")));
    assert_false(hub_name_is_commit(kit_str_lit("0123456789ABCDEF0123456789abcdef01234567")));
    assert_false(hub_name_is_commit(kit_str_lit("0123456")));
    assert_false(hub_name_is_commit(kit_str_lit("main")));
}

TEST(name_is_file_takes_what_we_would_write)
{
    static const char *const good[] = {"config.json", "1_Pooling/config.json", "model-00001-of-00002.safetensors",
                                       "a/b/c/d", "gemma-3-1b-it-Q4_K_M.gguf"};
    static const char *const bad[] = {"",        "/etc/passwd", "../x", "a/../b", "a//b",      "a/",
                                      ".hidden", "a/.git",      "a\\b", "a b",    "a/b/c/d/e", "\xc3\xa4"};
    for (size_t i = 0; i < KIT_COUNT(good); i++) {
        assert_true(hub_name_is_file(kit_str_c(good[i])));
        assert_false(hub_name_is_hostile(kit_str_c(good[i])));
    }
    for (size_t i = 0; i < KIT_COUNT(bad); i++) {
        assert_false(hub_name_is_file(kit_str_c(bad[i])));
    }
    assert_false(hub_name_is_file(kit_str_lit("a\0b")));
    char longer[HUB_FILE_BYTES];
    memset(longer, 'x', sizeof(longer));
    assert_false(hub_name_is_file((kit_str){longer, sizeof(longer)}));
    assert_true(hub_name_is_file((kit_str){longer, sizeof(longer) - 1}));
}

TEST(name_is_hostile_when_it_leads_out)
{
    static const char *const hostile[] = {"",    "/etc/passwd", "../x",     "a/../../b", "a//b",
                                          "./a", "a/",          "a\\..\\b", "a\nb"};
    static const char *const odd[] = {".gitattributes", "a b.txt", "\xc3\xa4.json", "a/b/c/d/e/f.txt", "..x", "x.."};
    for (size_t i = 0; i < KIT_COUNT(hostile); i++) {
        assert_true(hub_name_is_hostile(kit_str_c(hostile[i])));
    }
    for (size_t i = 0; i < KIT_COUNT(odd); i++) {
        assert_false(hub_name_is_hostile(kit_str_c(odd[i])));
    }
    assert_true(hub_name_is_hostile(kit_str_lit("config.json\0.exe")));
}

int main(void)
{
    return TEST_RUN(TEST_OF(name_parse_takes_id_and_revision), TEST_OF(name_parse_refuses_other_ids),
                    TEST_OF(name_parse_refuses_other_revisions), TEST_OF(name_is_commit_takes_whole_ones),
                    TEST_OF(name_is_file_takes_what_we_would_write), TEST_OF(name_is_hostile_when_it_leads_out));
}
