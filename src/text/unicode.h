/* src/text/unicode.h - what a code point is: its classes, lower case, decomposition and composition. Its bytes are
 * kit/utf8.h's.
 *
 * The only place that sees utf8proc. The tables follow what Hugging Face's tokenizers answer, code point by
 * code point (unicode_gap.h lists where that is not what the linked Unicode says): a token that differs is a
 * vector that differs. Thread: any; pure. Memory: none. Source: The Unicode Standard, UAX 15 (normal forms)
 * and UAX 44 (properties). */
#ifndef TEXT_UNICODE_H
#define TEXT_UNICODE_H

#include "kit/str.h"

enum text_unicode_flag {
    TEXT_SPACE = 1 << 0,       /* White_Space */
    TEXT_OTHER = 1 << 1,       /* Cc, Cf, Co without \t, \n, \r: what BERT's cleaning removes */
    TEXT_PUNCT = 1 << 2,       /* P*, and every ASCII character that is no letter, digit, space or control */
    TEXT_MARK = 1 << 3,        /* Mn, Mc, Me as of Unicode 9 */
    TEXT_NONSPACING = 1 << 4,  /* Mn as of Unicode 8 */
    TEXT_WORD = 1 << 5,        /* \w of regular expressions: letters, marks, digits, connectors */
    TEXT_NUMERIC = 1 << 6,     /* Nd, Nl, No */
    TEXT_HAN = 1 << 7,         /* the CJK blocks that BERT sets apart, with BERT's gap from 2B820 to 2B91F */
    TEXT_UPPER = 1 << 8,       /* has a lower case of its own */
    TEXT_CANONICAL = 1 << 9,   /* has a canonical decomposition */
    TEXT_COMPAT = 1 << 10,     /* has a compatibility decomposition */
    TEXT_NONSTARTER = 1 << 11, /* its combining class is not 0 */
    TEXT_LETTER = 1 << 12,     /* \p{L} of regular expressions */
    TEXT_NUMBER = 1 << 13      /* \p{N} of regular expressions, which stands at an older Unicode than TEXT_NUMERIC */
};

extern const uint16_t text_unicode_ascii[128];
uint32_t text_unicode_flags_far(uint32_t cp); /* for cp >= 128 */

/* The flags of a code point, 0 … 10FFFF. */
static inline uint32_t text_unicode_flags(uint32_t cp)
{
    return cp < 128 ? text_unicode_ascii[cp] : text_unicode_flags_far(cp);
}

static inline bool text_unicode_is_space(uint32_t cp)
{
    return (text_unicode_flags(cp) & TEXT_SPACE) != 0;
}

/* Columns of a terminal that it takes by itself: 0 (combining, joiner, control), 1, or 2 (East Asian wide, emoji). As of
 * the linked Unicode. Source: UAX 11. */
uint32_t text_unicode_columns(uint32_t cp);

/* Lower case as Unicode has it without context or language; out[0 … count-1]. */
uint32_t text_unicode_lower(uint32_t cp, uint32_t out[2]);

uint8_t text_unicode_combining(uint32_t cp); /* combining class, 0 … 254, as of Unicode 9 */

/* The full decomposition, not yet in canonical order; a code point without one gives itself. Returns the
 * count. */
#define TEXT_UNICODE_PARTS_MAX 32
uint32_t text_unicode_decompose(uint32_t cp, bool compat, uint32_t out[TEXT_UNICODE_PARTS_MAX]);
/* The primary composite of the two; 0 when there is none. */
uint32_t text_unicode_compose(uint32_t first, uint32_t second);

/* Without the white space at its end; text is valid UTF-8. */
kit_str text_unicode_trim_end(kit_str text);

#endif
