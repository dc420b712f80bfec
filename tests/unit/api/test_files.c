#include "api/files.h"

#include "support/test.h"

TEST(an_entity_tag_is_found_in_a_list_whatever_its_strength)
{
    assert_true(api_etag_in(kit_str_lit("\"a\""), "\"a\""));
    assert_true(api_etag_in(kit_str_lit("\"b\" , W/\"a\",\"c\""), "\"a\""));
    assert_true(api_etag_in(kit_str_lit("*"), "\"a\""));
    assert_false(api_etag_in((kit_str){0}, "\"a\""));
    assert_false(api_etag_in(kit_str_lit("a"), "\"a\""));
    assert_false(api_etag_in(kit_str_lit("\"a-gz\", w/\"a\""), "\"a\""));
}

TEST(each_file_has_bytes_a_smaller_form_and_tags_of_their_own)
{
    for (size_t i = 0; i < api_file_count; i++) {
        const struct api_file *f = &api_files[i];
        assert_ptr_equal(api_file_find(kit_str_c(f->name)), f);
        assert_true(f->bytes.len > f->gzip.len && f->gzip.len > 20);
        assert_memory_equal(f->gzip.ptr, "\x1f\x8b\x08", 3); /* RFC 1952, 2.3.1 */
        assert_string_not_equal(f->etag, f->gzip_etag);
    }
    assert_null(api_file_find(kit_str_lit("page.cs")));
    assert_null(api_file_find((kit_str){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(an_entity_tag_is_found_in_a_list_whatever_its_strength),
                                       TEST_OF(each_file_has_bytes_a_smaller_form_and_tags_of_their_own)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
