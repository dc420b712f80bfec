#include "crypt/hash.h"

#include "support/test.h"

static void assert_hash(enum crypt_hash_kind kind, kit_str bytes, const char *hex)
{
    char buf[CRYPT_HEX_BYTES];
    assert_int_equal(crypt_hash_of(kind, bytes, buf, NULL), KIT_OK);
    assert_string_equal(buf, hex);
}

/* FIPS 180-4's examples, and what `git hash-object` says of a file that holds "hello" and a newline. */
TEST(hash_of_known_texts)
{
    assert_hash(CRYPT_SHA256, kit_str_lit("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_hash(CRYPT_SHA256, (kit_str){0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_hash(CRYPT_SHA1, kit_str_lit("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    assert_hash(CRYPT_SHA1, kit_str_lit("blob 6\0hello\n"), "ce013625030ba8dba906f756967f9e9ca394464a");
}

TEST(hash_in_pieces_is_the_hash_of_the_whole_and_starts_anew)
{
    struct crypt_hash *h = NULL;
    char buf[CRYPT_HEX_BYTES];
    assert_int_equal(crypt_hash_new(CRYPT_SHA256, &h, NULL), KIT_OK);
    for (int round = 0; round < 2; round++) {
        crypt_hash_add(h, kit_str_lit("a"));
        crypt_hash_add(h, (kit_str){0});
        crypt_hash_add(h, kit_str_lit("bc"));
        assert_string_equal(crypt_hash_end(h, buf), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    }
    crypt_hash_free(h);
    crypt_hash_free(NULL);
}

TEST(hash_as_bytes_is_what_the_digits_say)
{
    uint8_t bytes[CRYPT_HASH_BYTES];
    size_t len = 0;
    assert_int_equal(crypt_hash_bytes(CRYPT_SHA1, kit_str_lit("abc"), bytes, &len, NULL), KIT_OK);
    assert_int_equal(len, 20);
    assert_memory_equal(bytes, "\xa9\x99\x3e\x36", 4);
    assert_int_equal(crypt_hash_bytes(CRYPT_SHA256, (kit_str){0}, bytes, &len, NULL), KIT_OK);
    assert_int_equal(len, 32);
    assert_memory_equal(bytes, "\xe3\xb0\xc4\x42", 4);
}

TEST(hash_survives_each_failed_alloc)
{
    TEST_ALLOC_SWEEP(n) {
        char buf[CRYPT_HEX_BYTES];
        enum kit_status rc = crypt_hash_of(CRYPT_SHA1, kit_str_lit("abc"), buf, NULL);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(hash_of_known_texts), TEST_OF(hash_in_pieces_is_the_hash_of_the_whole_and_starts_anew),
                    TEST_OF(hash_as_bytes_is_what_the_digits_say), TEST_OF(hash_survives_each_failed_alloc));
}
