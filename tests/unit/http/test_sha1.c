#include "http/sha1.h"

#include "support/test.h"

static void expect(kit_str s, const char *hex)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t hash[HTTP_SHA1_BYTES];
    char text[2 * HTTP_SHA1_BYTES + 1] = {0};
    http_sha1(s, hash);
    for (size_t i = 0; i < sizeof(hash); i++) {
        text[2 * i] = digits[hash[i] >> 4];
        text[2 * i + 1] = digits[hash[i] & 15];
    }
    assert_string_equal(text, hex);
}

TEST(sha1_gives_the_hashes_of_fips_180)
{
    expect(kit_str_lit(""), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    expect(kit_str_lit("abc"), "a9993e364706816aba3e25717850c26c9cd0d89d");
    expect(kit_str_lit("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
           "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
}

TEST(sha1_pads_at_each_border_of_a_block)
{
    static const struct {
        size_t len;
        const char *hex;
    } rows[] = {
        {55, "c1c8bbdc22796e28c0e15163d20899b65621d65a"},  {56, "c2db330f6083854c99d4b5bfb6e8f29f201be699"},
        {63, "03f09f5b158a7a8cdad920bddc29b81c18a551f5"},  {64, "0098ba824b5c16427bd7a1122a5a442a25ec644d"},
        {65, "11655326c708d70319be2610e8a57d9a5b959d3b"},  {119, "ee971065aaa017e0632a8ca6c77bb3bf8b1dfc56"},
        {120, "f34c1488385346a55709ba056ddd08280dd4c6d6"},
    };
    char bytes[128];
    memset(bytes, 'a', sizeof(bytes));
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        expect((kit_str){bytes, rows[i].len}, rows[i].hex);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(sha1_gives_the_hashes_of_fips_180), TEST_OF(sha1_pads_at_each_border_of_a_block));
}
