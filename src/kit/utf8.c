#include "kit/utf8.h"

#include <string.h>

#define TOP_BITS UINT64_C(0x8080808080808080) /* of eight bytes */

uint32_t kit_utf8_bytes_from(char first)
{
    unsigned char c = (unsigned char)first;
    if (c < 0x80) {
        return 1;
    }
    return c < 0xC2 ? 0 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 0;
}

/* The second byte's range depends on the first (RFC 3629, section 4); the others are 80..BF. */
bool kit_utf8_second_fits(char first, char second)
{
    unsigned char a = (unsigned char)first, b = (unsigned char)second;
    unsigned char low = a == 0xE0 ? 0xA0 : a == 0xF0 ? 0x90 : 0x80;
    unsigned char high = a == 0xED ? 0x9F : a == 0xF4 ? 0x8F : 0xBF;
    return b >= low && b <= high;
}

size_t kit_utf8_at(kit_str s, size_t at)
{
    if (at >= s.len) {
        return 0;
    }
    const char *p = s.ptr + at;
    size_t len = kit_utf8_bytes_from(p[0]);
    if (len <= 1) {
        return len;
    }
    if (len > s.len - at || !kit_utf8_second_fits(p[0], p[1])) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if (!kit_utf8_is_inside(p[i])) {
            return 0;
        }
    }
    return len;
}

bool kit_utf8_is_valid(kit_str s)
{
    for (size_t at = 0; at < s.len;) {
        uint64_t eight;
        if (s.len - at >= sizeof(eight)) {
            memcpy(&eight, s.ptr + at, sizeof(eight));
            if ((eight & TOP_BITS) == 0) {
                at += sizeof(eight);
                continue;
            }
        }
        size_t len = kit_utf8_at(s, at);
        if (len == 0) {
            return false;
        }
        at += len;
    }
    return true;
}

bool kit_utf8_is_ascii(kit_str s)
{
    uint64_t seen = 0;
    size_t i = 0;
    for (; i + sizeof(seen) <= s.len; i += sizeof(seen)) {
        uint64_t word;
        memcpy(&word, s.ptr + i, sizeof(word));
        seen |= word;
    }
    for (; i < s.len; i++) {
        seen |= (unsigned char)s.ptr[i];
    }
    return (seen & TOP_BITS) == 0;
}

/* Eight bytes at a time. */
size_t kit_utf8_count(kit_str s)
{
    size_t count = s.len, i = 0;
    for (; i + sizeof(uint64_t) <= s.len; i += sizeof(uint64_t)) {
        uint64_t eight;
        memcpy(&eight, s.ptr + i, sizeof(eight));
        count -= (size_t)__builtin_popcountll(eight & ~(eight << 1) & TOP_BITS);
    }
    for (; i < s.len; i++) {
        count -= kit_utf8_is_inside(s.ptr[i]);
    }
    return count;
}

uint32_t kit_utf8_last(kit_str s)
{
    size_t at = s.len - 1;
    while (at > 0 && kit_utf8_is_inside(s.ptr[at])) {
        at--;
    }
    uint32_t bytes;
    return kit_utf8_read(s.ptr + at, &bytes);
}
