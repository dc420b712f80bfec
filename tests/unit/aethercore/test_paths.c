#include "aethercore/paths.h"

#include <stdlib.h>

#include "support/test.h"

static char path[AETHERCORE_PATH_BYTES];

static void clear(void)
{
    static const char *const names[] = {"HF_HUB_CACHE", "HF_TOKEN_PATH", "HF_HOME", "XDG_CACHE_HOME", "HOME"};
    for (size_t i = 0; i < KIT_COUNT(names); i++) {
        unsetenv(names[i]);
    }
}

static const char *cache(const char *setting)
{
    assert_ok(aethercore_paths_hf_cache(setting, path, NULL));
    return path;
}

static const char *token(void)
{
    assert_ok(aethercore_paths_hf_token(path, NULL));
    return path;
}

/* Each variable goes before those that were set earlier here. */
TEST(paths_lead_to_the_cache_and_the_token_of_hugging_faces_tools)
{
    clear();
    assert_string_equal(cache("auto"), "");
    assert_string_equal(token(), "");
    setenv("HOME", "/me", 1);
    assert_string_equal(cache("auto"), "/me/.cache/huggingface/hub");
    assert_string_equal(token(), "/me/.cache/huggingface/token");
    setenv("XDG_CACHE_HOME", "/cache", 1);
    assert_string_equal(cache("auto"), "/cache/huggingface/hub");
    assert_string_equal(token(), "/cache/huggingface/token");
    setenv("HF_HOME", "/hf", 1);
    assert_string_equal(cache("auto"), "/hf/hub");
    assert_string_equal(token(), "/hf/token");
    setenv("HF_HUB_CACHE", "/models", 1);
    setenv("HF_TOKEN_PATH", "/secret", 1);
    assert_string_equal(cache("auto"), "/models");
    assert_string_equal(token(), "/secret");
}

TEST(paths_take_the_settings_folder_or_none)
{
    clear();
    setenv("HF_HOME", "/hf", 1);
    assert_string_equal(cache("/mine"), "/mine");
    assert_string_equal(cache("off"), "");
    assert_string_equal(cache(""), "");
}

TEST(paths_that_are_too_long_are_refused)
{
    static char longest[AETHERCORE_PATH_BYTES];
    struct kit_err err = {0};
    clear();
    memset(longest, 'x', sizeof(longest) - 1);
    setenv("HF_HOME", longest, 1);
    assert_int_equal(aethercore_paths_hf_cache("auto", path, &err), KIT_INVALID);
    assert_int_equal(aethercore_paths_hf_token(path, &err), KIT_INVALID);
}

int main(void)
{
    return TEST_RUN(TEST_OF(paths_lead_to_the_cache_and_the_token_of_hugging_faces_tools),
                    TEST_OF(paths_take_the_settings_folder_or_none), TEST_OF(paths_that_are_too_long_are_refused));
}
