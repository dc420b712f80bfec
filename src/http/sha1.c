#include "http/sha1.h"

#include <string.h>

#define BLOCK 64
#define ROUNDS 80

static uint32_t turn(uint32_t x, int bits)
{
    return x << bits | x >> (32 - bits);
}

static void expand(const uint8_t *block, uint32_t w[ROUNDS])
{
    for (int i = 0; i < 16; i++) {
        const uint8_t *p = block + (size_t)4 * (size_t)i;
        w[i] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    }
    for (int i = 16; i < ROUNDS; i++) {
        w[i] = turn(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
}

static uint32_t mix(int round, uint32_t b, uint32_t c, uint32_t d)
{
    switch (round / 20) {
    case 0:
        return ((b & c) | (~b & d)) + 0x5A827999;
    case 1:
        return (b ^ c ^ d) + 0x6ED9EBA1;
    case 2:
        return ((b & c) | (b & d) | (c & d)) + 0x8F1BBCDC;
    default:
        return (b ^ c ^ d) + 0xCA62C1D6;
    }
}

static void add_block(uint32_t h[5], const uint8_t *block)
{
    uint32_t w[ROUNDS], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
    expand(block, w);
    for (int i = 0; i < ROUNDS; i++) {
        uint32_t next = turn(a, 5) + mix(i, b, c, d) + e + w[i];
        e = d;
        d = c;
        c = turn(b, 30);
        b = a;
        a = next;
    }
    h[0] += a;
    h[1] += b;
    h[2] += c;
    h[3] += d;
    h[4] += e;
}

/* The last bytes, a one bit, zeros, and the length in bits. */
static void add_end(uint32_t h[5], kit_str rest, uint64_t bytes)
{
    uint8_t block[2 * BLOCK] = {0};
    if (rest.len > 0) {
        memcpy(block, rest.ptr, rest.len);
    }
    block[rest.len] = 0x80;
    size_t used = rest.len + 1 + sizeof(bytes) <= BLOCK ? BLOCK : 2 * BLOCK;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        block[used - 1 - i] = (uint8_t)(bytes * 8 >> 8 * i);
    }
    for (size_t at = 0; at < used; at += BLOCK) {
        add_block(h, block + at);
    }
}

void http_sha1(kit_str s, uint8_t to[HTTP_SHA1_BYTES])
{
    uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint64_t bytes = s.len;
    for (; s.len >= BLOCK; s = kit_str_sub(s, BLOCK, s.len)) {
        add_block(h, (const uint8_t *)s.ptr);
    }
    add_end(h, s, bytes);
    for (size_t i = 0; i < HTTP_SHA1_BYTES; i++) {
        to[i] = (uint8_t)(h[i / 4] >> 8 * (3 - i % 4));
    }
}
