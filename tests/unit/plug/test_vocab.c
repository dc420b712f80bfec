/* The table of a model's tokens. */
#include "plug/vocab.h"

#include "kit/alloc.h"
#include "support/test.h"

/* --- a model whose tokens are as long as their number --- */

static int32_t detokenize(void *model, int32_t id, uint32_t flags, char *text, uint64_t *bytes)
{
    assert_int_equal(flags, ACB_TOKENIZE_SPECIAL);
    if (model != NULL && *(int32_t *)model == id) {
        return ACB_INVALID;
    }
    bool fits = (uint64_t)id <= *bytes;
    *bytes = (uint64_t)id;
    if (fits) {
        memset(text, 'a' + id % 26, (size_t)id);
    }
    return fits ? ACB_OK : ACB_FULL;
}

static uint32_t token_flags(void *model, int32_t id)
{
    (void)model;
    return id % 2 == 0 ? ACB_TOKEN_SPECIAL : ACB_TOKEN_BYTE;
}

static const struct acb_plugin table = {.detokenize = detokenize, .token_flags = token_flags};

static struct plug_vocab *read_vocab(uint32_t count, uint64_t *bytes)
{
    struct plug_vocab *v = NULL;
    assert_int_equal(plug_vocab_read(&table, NULL, count, &v, bytes, NULL), KIT_OK);
    return v;
}

TEST(every_token_is_there_whatever_its_length)
{
    uint64_t bytes = 0;
    struct plug_vocab *v = read_vocab(300, &bytes);
    for (int32_t id = 0; id < 300; id++) {
        kit_str t = plug_vocab_token(v, id);
        assert_int_equal(t.len, id);
        assert_true(t.len == 0 || (t.ptr[0] == 'a' + id % 26 && t.ptr[t.len - 1] == t.ptr[0]));
        assert_int_equal(plug_vocab_flags(v, id), id % 2 == 0 ? ACB_TOKEN_SPECIAL : ACB_TOKEN_BYTE);
    }
    kit_alloc_free(v);
}

TEST(a_number_that_is_no_token_has_no_text)
{
    uint64_t bytes = 0;
    struct plug_vocab *v = read_vocab(3, &bytes);
    static const int32_t none[] = {-1, 3, INT32_MAX, INT32_MIN};
    for (size_t k = 0; k < KIT_COUNT(none); k++) {
        assert_null(plug_vocab_token(v, none[k]).ptr);
        assert_int_equal(plug_vocab_flags(v, none[k]), 0);
    }
    kit_alloc_free(v);
}

TEST(a_back_end_that_does_not_know_its_own_token_is_told_on)
{
    int32_t unknown = 7;
    uint64_t bytes = 0;
    struct plug_vocab *v = NULL;
    assert_int_equal(plug_vocab_read(&table, &unknown, 10, &v, &bytes, NULL), KIT_INTERNAL);
    assert_null(v);
}

TEST(a_table_of_somebody_else_is_believed_only_when_it_is_sound)
{
    uint64_t bytes = 0;
    struct plug_vocab *v = read_vocab(5, &bytes);
    assert_true(plug_vocab_ok(v, bytes, 5));
    assert_false(plug_vocab_ok(v, bytes, 4));
    assert_false(plug_vocab_ok(v, bytes - 1, 5));
    assert_false(plug_vocab_ok(v, 3, 5));
    v->ends[2] = 1000;
    assert_false(plug_vocab_ok(v, bytes, 5));
    v->ends[2] = 3;
    v->text_bytes = UINT32_MAX;
    assert_false(plug_vocab_ok(v, bytes, 5));
    kit_alloc_free(v);
}

int main(void)
{
    return TEST_RUN(TEST_OF(every_token_is_there_whatever_its_length), TEST_OF(a_number_that_is_no_token_has_no_text),
                    TEST_OF(a_back_end_that_does_not_know_its_own_token_is_told_on),
                    TEST_OF(a_table_of_somebody_else_is_believed_only_when_it_is_sound));
}
