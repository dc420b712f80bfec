/* src/kit/utf8.h - the bytes of code points: reading, writing, checking, counting. What a code point is (a letter, a space,
 * how wide) is text/unicode.h's.
 *
 * Thread: any; pure. Memory: none. Source: RFC 3629: no surrogates, no overlong forms, at most U+10FFFF. */
#ifndef KIT_UTF8_H
#define KIT_UTF8_H

#include "kit/str.h"

#define KIT_UTF8_BYTES_MAX 4

/* --- of any bytes --- */

bool kit_utf8_is_valid(kit_str s);
/* Bytes of the valid sequence that starts at s.ptr[at], 1 … 4; 0: none starts there. */
size_t kit_utf8_at(kit_str s, size_t at);
/* Bytes of a sequence whose first byte this is, 1 … 4; 0: none begins so. */
uint32_t kit_utf8_bytes_from(char first);
/* May `second` stand behind `first`? All bytes behind it need kit_utf8_is_inside only. */
bool kit_utf8_second_fits(char first, char second);
bool kit_utf8_is_ascii(kit_str s);

/* 10xxxxxx: it continues a code point, all others begin one. */
static inline bool kit_utf8_is_inside(char c)
{
    return ((unsigned char)c & 0xC0) == 0x80;
}

size_t kit_utf8_count(kit_str s); /* bytes that begin a code point: of valid UTF-8, its code points */

/* --- of valid UTF-8 --- */

uint32_t kit_utf8_last(kit_str s); /* the code point that ends at s.len, which is not 0 */

/* The code point at p, which must begin a sequence; *bytes gets 1 … 4. */
static inline uint32_t kit_utf8_read(const char *p, uint32_t *bytes)
{
    const unsigned char *u = (const unsigned char *)p;
    if (u[0] < 0x80) {
        *bytes = 1;
        return u[0];
    }
    if (u[0] < 0xE0) {
        *bytes = 2;
        return (u[0] & 0x1Fu) << 6 | (u[1] & 0x3Fu);
    }
    if (u[0] < 0xF0) {
        *bytes = 3;
        return (u[0] & 0x0Fu) << 12 | (u[1] & 0x3Fu) << 6 | (u[2] & 0x3Fu);
    }
    *bytes = 4;
    return (u[0] & 0x07u) << 18 | (u[1] & 0x3Fu) << 12 | (u[2] & 0x3Fu) << 6 | (u[3] & 0x3Fu);
}

/* Writes cp as UTF-8 and returns its bytes, 1 … 4. */
static inline uint32_t kit_utf8_write(uint32_t cp, char *to)
{
    if (cp < 0x80) {
        to[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        to[0] = (char)(0xC0 | cp >> 6);
        to[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        to[0] = (char)(0xE0 | cp >> 12);
        to[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        to[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    to[0] = (char)(0xF0 | cp >> 18);
    to[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    to[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    to[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

#endif
