#include "kit/base64.h"

void kit_base64_write(kit_str s, char *to)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t at = 0; at < s.len; at += 3) {
        uint32_t bits = 0;
        size_t count = KIT_MIN(s.len - at, (size_t)3);
        for (size_t i = 0; i < 3; i++) {
            bits = bits << 8 | (i < count ? (unsigned char)s.ptr[at + i] : 0);
        }
        for (size_t i = 0; i < 4; i++) {
            *to++ = i <= count ? alphabet[bits >> 6 * (3 - i) & 63] : '=';
        }
    }
}

static int value_of(char c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    return c == '+' || c == '-' ? 62 : c == '/' || c == '_' ? 63 : -1;
}

/* Padding fills the last four characters up. */
static kit_str without_padding(kit_str s)
{
    if (s.len % 4 == 0) {
        s.len -= kit_str_ends(s, kit_str_lit("==")) ? 2 : kit_str_ends(s, kit_str_lit("=")) ? 1 : 0;
    }
    return s;
}

enum kit_status kit_base64_read(kit_str s, char *to, size_t room, size_t *ret)
{
    s = without_padding(s);
    uint32_t bits = 0, held = 0; /* held: bits of `bits` that no byte has taken */
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        int value = value_of(s.ptr[i]);
        if (value < 0) {
            return KIT_PARSE;
        }
        bits = bits << 6 | (uint32_t)value;
        held += 6;
        if (held >= 8) {
            if (len == room) {
                return KIT_FULL;
            }
            held -= 8;
            to[len++] = (char)(bits >> held & 0xff);
        }
    }
    if (held >= 6 || (bits & ((1u << held) - 1)) != 0) {
        return KIT_PARSE;
    }
    *ret = len;
    return KIT_OK;
}
