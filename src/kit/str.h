/* src/kit/str.h - a borrowed slice of bytes, passed by value. No ending NUL, need not be UTF-8.
 *
 * Thread: any; pure. Memory: a kit_str never owns; to keep it, copy it (kit_arena_str, kit_alloc_copy). */
#ifndef KIT_STR_H
#define KIT_STR_H

#include "kit/status.h"

typedef struct kit_str {
    const char *ptr; /* may be NULL when len is 0 */
    size_t len;
} kit_str;

#define kit_str_lit(literal) ((kit_str){.ptr = "" literal, .len = sizeof(literal) - 1})
#define KIT_STR_ARG(s) (int)(s).len, (s).ptr /* printf("%.*s", KIT_STR_ARG(s)) */

kit_str kit_str_c(const char *text); /* NULL gives an empty slice */
bool kit_str_eq(kit_str a, kit_str b);
bool kit_str_eq_nocase(kit_str a, kit_str b); /* ASCII letters only */
int kit_str_cmp(kit_str a, kit_str b);        /* memcmp order, shorter first */
bool kit_str_starts(kit_str s, kit_str prefix);
bool kit_str_ends(kit_str s, kit_str suffix);
kit_str kit_str_sub(kit_str s, size_t from, size_t len); /* clamped to s */
kit_str kit_str_trim(kit_str s);                         /* space, \t, \r, \n at both ends */
/* Index of the first `c` or `needle`; s.len when there is none. */
size_t kit_str_find_char(kit_str s, char c);
size_t kit_str_find(kit_str s, kit_str needle);

/* Takes the piece before `sep` off the front of *rest. False when *rest is used up; a trailing separator gives
 * no last empty piece ("a\n" is one line). */
bool kit_str_cut(kit_str *rest, char sep, kit_str *piece);

/* Whole-slice parsers, in decimal: no sign where unsigned, no spaces, no rest, nothing out of range. PARSE on anything else. */
KIT_MUST_CHECK enum kit_status kit_str_to_u64(kit_str s, uint64_t *ret);
KIT_MUST_CHECK enum kit_status kit_str_to_i64(kit_str s, int64_t *ret);
KIT_MUST_CHECK enum kit_status kit_str_to_f64(kit_str s, double *ret);

int kit_str_hex_digit(char c); /* 0 … 15, of either case; -1: it is none */

/* FNV-1a, 64 bit. For tables of trusted keys; not for keys that an attacker picks. */
uint64_t kit_str_hash(kit_str s);

/* Copies s into buf (at most size-1 bytes, cut at a UTF-8 border) with an ending NUL; returns buf. */
char *kit_str_to_c(kit_str s, char *buf, size_t size);

#endif
