#include "text/unicode.h"

#include "kit/file.h"
#include "support/test.h"

static const struct {
    const char *name;
    uint32_t flag;
} classes[] = {{"SPACE", TEXT_SPACE},           {"OTHER", TEXT_OTHER},
               {"PUNCT", TEXT_PUNCT},           {"MARK", TEXT_MARK},
               {"NONSPACING", TEXT_NONSPACING}, {"WORD", TEXT_WORD},
               {"NUMERIC", TEXT_NUMERIC},       {"HAN", TEXT_HAN},
               {"UPPER", TEXT_UPPER},           {"CANONICAL", TEXT_CANONICAL},
               {"COMPAT", TEXT_COMPAT},         {"NONSTARTER", TEXT_NONSTARTER},
               {"LETTER", TEXT_LETTER},         {"NUMBER", TEXT_NUMBER}};

static uint32_t flag_of(kit_str name)
{
    for (size_t i = 0; i < KIT_COUNT(classes); i++) {
        if (kit_str_eq(name, kit_str_c(classes[i].name))) {
            return classes[i].flag;
        }
    }
    return 0;
}

static uint32_t hex(kit_str *rest)
{
    uint32_t n = 0;
    for (; rest->len > 0 && rest->ptr[0] != '-'; *rest = kit_str_sub(*rest, 1, rest->len)) {
        char c = rest->ptr[0];
        n = n * 16 + (uint32_t)(c <= '9' ? c - '0' : c - 'A' + 10);
    }
    return n;
}

/* Code points from `from` to `end` - 1 must not have the flag. */
static void expect_none(uint32_t flag, uint32_t from, uint32_t end)
{
    for (uint32_t cp = from; cp < end; cp++) {
        if ((cp < 0xD800 || cp > 0xDFFF) && (text_unicode_flags(cp) & flag) != 0) {
            fail_msg("U+%04X has flag %X", cp, flag);
        }
    }
}

/* One line of the table: a class and its ranges, "41-5A AA". */
static void check_class(kit_str line)
{
    kit_str word;
    assert_true(kit_str_cut(&line, ' ', &word));
    uint32_t flag = flag_of(word);
    uint32_t next = 0;
    assert_int_not_equal(flag, 0);
    while (kit_str_cut(&line, ' ', &word)) {
        uint32_t first = hex(&word);
        word = kit_str_sub(word, 1, word.len);
        uint32_t last = word.len > 0 ? hex(&word) : first;
        expect_none(flag, next, first);
        for (uint32_t cp = first; cp <= last; cp++) {
            if ((text_unicode_flags(cp) & flag) == 0) {
                fail_msg("U+%04X lacks flag %X", cp, flag);
            }
        }
        next = last + 1;
    }
    expect_none(flag, next, 0x110000);
}

TEST(unicode_flags_agree_with_the_reference_for_every_code_point)
{
    struct kit_buf file;
    kit_buf_init(&file, KIT_MIB);
    assert_int_equal(kit_file_read(TEST_DATA "/tokens/unicode.txt", &file, NULL), KIT_OK);
    kit_str rest = kit_buf_str(&file);
    size_t checked = 0;
    for (kit_str line; kit_str_cut(&rest, '\n', &line);) {
        if (line.ptr[0] != '#') {
            check_class(line);
            checked++;
        }
    }
    assert_int_equal(checked, KIT_COUNT(classes));
    kit_buf_done(&file);
}

TEST(unicode_lower_knows_the_one_that_becomes_two_and_new_letters)
{
    uint32_t out[2];
    assert_int_equal(text_unicode_lower('A', out), 1);
    assert_int_equal(out[0], 'a');
    assert_int_equal(text_unicode_lower(0x130, out), 2);
    assert_int_equal(out[0], 'i');
    assert_int_equal(out[1], 0x307);
    assert_int_equal(text_unicode_lower(0x3A3, out), 1);
    assert_int_equal(out[0], 0x3C3); /* no final sigma */
    (void)text_unicode_lower(0x1E9E, out);
    assert_int_equal(out[0], 0xDF);
    (void)text_unicode_lower(0xA7CB, out);
    assert_int_equal(out[0], 0x264);
    (void)text_unicode_lower(0x16EA0, out);
    assert_int_equal(out[0], 0x16EBB);
}

TEST(unicode_decompose_and_compose_are_each_others_reverse)
{
    uint32_t out[TEXT_UNICODE_PARTS_MAX];
    assert_int_equal(text_unicode_decompose(0x1E69, false, out), 3); /* s, dot below, dot above */
    assert_int_equal(out[0], 's');
    assert_int_equal(out[1], 0x323);
    assert_int_equal(text_unicode_compose(out[0], out[1]), 0x1E63);
    assert_int_equal(text_unicode_compose(0x1E63, out[2]), 0x1E69);
    assert_int_equal(text_unicode_decompose(0xAC01, false, out), 3); /* Hangul */
    assert_int_equal(text_unicode_compose(out[0], out[1]), 0xAC00);
    assert_int_equal(text_unicode_compose(0xAC00, out[2]), 0xAC01);
    assert_int_equal(text_unicode_compose('a', 'b'), 0);
    assert_int_equal(text_unicode_compose(0x915, 0x93C), 0); /* excluded from composition */
}

TEST(unicode_decompose_heeds_compat_and_leaves_new_characters_alone)
{
    uint32_t out[TEXT_UNICODE_PARTS_MAX];
    assert_int_equal(text_unicode_decompose(0xFB01, false, out), 1);
    assert_int_equal(text_unicode_decompose(0xFB01, true, out), 2); /* fi */
    assert_int_equal(text_unicode_decompose(0xFDFA, true, out), 18);
    assert_int_equal(text_unicode_decompose(0x11938, false, out), 1);
    assert_int_equal(out[0], 0x11938);
}

int main(void)
{
    return TEST_RUN(TEST_OF(unicode_flags_agree_with_the_reference_for_every_code_point),
                    TEST_OF(unicode_lower_knows_the_one_that_becomes_two_and_new_letters),
                    TEST_OF(unicode_decompose_and_compose_are_each_others_reverse),
                    TEST_OF(unicode_decompose_heeds_compat_and_leaves_new_characters_alone));
}
