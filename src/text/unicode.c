#include "text/unicode.h"

#include <string.h>

#include <utf8proc.h>

#include "text/unicode_gap.h"
#include "kit/utf8.h"

/* One letter a class of ASCII characters, so that the table below can be read. */
#define C TEXT_OTHER
#define B (TEXT_OTHER | TEXT_SPACE)
#define S TEXT_SPACE
#define P TEXT_PUNCT
#define J (TEXT_PUNCT | TEXT_WORD)
#define N (TEXT_NUMERIC | TEXT_NUMBER | TEXT_WORD)
#define U (TEXT_UPPER | TEXT_LETTER | TEXT_WORD)
#define L (TEXT_LETTER | TEXT_WORD)
const uint16_t text_unicode_ascii[128] = {
    C, C, C, C, C, C, C, C, C, S, S, B, B, S, C, C, /* \t \n \v \f \r */
    C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, C, /* */
    S, P, P, P, P, P, P, P, P, P, P, P, P, P, P, P, /* space to slash */
    N, N, N, N, N, N, N, N, N, N, P, P, P, P, P, P, /* 0 to question mark */
    P, U, U, U, U, U, U, U, U, U, U, U, U, U, U, U, /* @ to O */
    U, U, U, U, U, U, U, U, U, U, U, P, P, P, P, J, /* P to _ */
    P, L, L, L, L, L, L, L, L, L, L, L, L, L, L, L, /* ` to o */
    L, L, L, L, L, L, L, L, L, L, L, P, P, P, P, C, /* p to DEL */
};
#undef C
#undef B
#undef S
#undef P
#undef J
#undef N
#undef U
#undef L

#define LETTERS (TEXT_WORD | TEXT_LETTER)
#define MARKS (TEXT_WORD | TEXT_MARK)
#define NUMBERS (TEXT_NUMERIC | TEXT_NUMBER)

static const uint16_t category_flags[] = {
    [UTF8PROC_CATEGORY_CN] = 0,
    [UTF8PROC_CATEGORY_LU] = LETTERS,
    [UTF8PROC_CATEGORY_LL] = LETTERS,
    [UTF8PROC_CATEGORY_LT] = LETTERS,
    [UTF8PROC_CATEGORY_LM] = LETTERS,
    [UTF8PROC_CATEGORY_LO] = LETTERS,
    [UTF8PROC_CATEGORY_MN] = MARKS | TEXT_NONSPACING,
    [UTF8PROC_CATEGORY_MC] = MARKS,
    [UTF8PROC_CATEGORY_ME] = MARKS,
    [UTF8PROC_CATEGORY_ND] = TEXT_WORD | NUMBERS,
    [UTF8PROC_CATEGORY_NL] = TEXT_WORD | NUMBERS,
    [UTF8PROC_CATEGORY_NO] = NUMBERS,
    [UTF8PROC_CATEGORY_PC] = TEXT_PUNCT | TEXT_WORD,
    [UTF8PROC_CATEGORY_PD] = TEXT_PUNCT,
    [UTF8PROC_CATEGORY_PS] = TEXT_PUNCT,
    [UTF8PROC_CATEGORY_PE] = TEXT_PUNCT,
    [UTF8PROC_CATEGORY_PI] = TEXT_PUNCT,
    [UTF8PROC_CATEGORY_PF] = TEXT_PUNCT,
    [UTF8PROC_CATEGORY_PO] = TEXT_PUNCT,
    [UTF8PROC_CATEGORY_SM] = 0,
    [UTF8PROC_CATEGORY_SC] = 0,
    [UTF8PROC_CATEGORY_SK] = 0,
    [UTF8PROC_CATEGORY_SO] = 0,
    [UTF8PROC_CATEGORY_ZS] = TEXT_SPACE,
    [UTF8PROC_CATEGORY_ZL] = TEXT_SPACE,
    [UTF8PROC_CATEGORY_ZP] = TEXT_SPACE,
    [UTF8PROC_CATEGORY_CC] = TEXT_OTHER,
    [UTF8PROC_CATEGORY_CF] = TEXT_OTHER,
    [UTF8PROC_CATEGORY_CS] = 0,
    [UTF8PROC_CATEGORY_CO] = TEXT_OTHER,
};

/* The gap that holds cp, or NULL. */
static const struct text_unicode_gap *find_gap(uint32_t cp)
{
    if (cp < 0x10000 && (text_unicode_gap_blocks[cp >> 13] >> (cp >> 8 & 31) & 1) == 0) {
        return NULL;
    }
    size_t low = 0;
    size_t high = text_unicode_gap_count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (cp > text_unicode_gaps[middle].last) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < text_unicode_gap_count && cp >= text_unicode_gaps[low].first ? &text_unicode_gaps[low] : NULL;
}

static bool is_han(uint32_t cp)
{
    return (cp >= 0x4E00 && cp <= 0x9FFF) || (cp >= 0x3400 && cp <= 0x4DBF) || (cp >= 0x20000 && cp <= 0x2A6DF) ||
           (cp >= 0x2A700 && cp <= 0x2B81F) || (cp >= 0x2B920 && cp <= 0x2CEAF) || (cp >= 0xF900 && cp <= 0xFAFF) ||
           (cp >= 0x2F800 && cp <= 0x2FA1F);
}

/* Upper case letters whose lower case utf8proc may be too old to know. */
static uint32_t lower_of_new(uint32_t cp)
{
    if (cp >= 0x10D50 && cp <= 0x10D65) {
        return cp + 0x20;
    }
    if (cp >= 0x16EA0 && cp <= 0x16EB8) {
        return cp + 0x1B;
    }
    switch (cp) {
    case 0x1C89:
    case 0xA7CC:
    case 0xA7CE:
    case 0xA7D2:
    case 0xA7D4:
    case 0xA7DA:
        return cp + 1;
    case 0xA7CB:
        return 0x264;
    case 0xA7DC:
        return 0x19B;
    default:
        return cp;
    }
}

static bool is_hangul(uint32_t cp)
{
    return cp >= 0xAC00 && cp <= 0xD7A3;
}

static uint32_t decomposition_flag(uint32_t cp, const utf8proc_property_t *p)
{
    if (is_hangul(cp)) {
        return TEXT_CANONICAL;
    }
    if (p->decomp_seqindex == UINT16_MAX) {
        return 0;
    }
    return p->decomp_type == 0 ? TEXT_CANONICAL : TEXT_COMPAT;
}

uint32_t text_unicode_flags_far(uint32_t cp)
{
    const utf8proc_property_t *p = utf8proc_get_property((utf8proc_int32_t)cp);
    uint32_t flags = category_flags[p->category] | decomposition_flag(cp, p);
    flags |= is_han(cp) ? TEXT_HAN : 0;
    flags |= cp == 0x85 ? TEXT_SPACE : 0; /* a control character that is white space all the same */
    flags |= p->lowercase_seqindex != UINT16_MAX ? TEXT_UPPER : 0;
    flags |= p->combining_class != 0 ? TEXT_NONSTARTER : 0;
    const struct text_unicode_gap *gap = find_gap(cp);
    return gap == NULL ? flags : (flags & ~(uint32_t)gap->clear) | gap->set;
}

uint32_t text_unicode_lower(uint32_t cp, uint32_t out[2])
{
    if (cp == 0x130) { /* the only one that becomes two: i and a dot above */
        out[0] = 'i';
        out[1] = 0x307;
        return 2;
    }
    uint32_t newer = lower_of_new(cp);
    out[0] = newer != cp ? newer : (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
    return 1;
}

uint8_t text_unicode_combining(uint32_t cp)
{
    if ((text_unicode_flags(cp) & TEXT_NONSTARTER) == 0) {
        return 0;
    }
    return (uint8_t)utf8proc_get_property((utf8proc_int32_t)cp)->combining_class;
}

uint32_t text_unicode_decompose(uint32_t cp, bool compat, uint32_t out[TEXT_UNICODE_PARTS_MAX])
{
    uint32_t wanted = compat ? TEXT_CANONICAL | TEXT_COMPAT : TEXT_CANONICAL;
    if ((text_unicode_flags(cp) & wanted) != 0) {
        utf8proc_int32_t parts[TEXT_UNICODE_PARTS_MAX];
        int options = UTF8PROC_DECOMPOSE | (compat ? UTF8PROC_COMPAT : 0);
        utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, parts, TEXT_UNICODE_PARTS_MAX,
                                                     (utf8proc_option_t)options, NULL);
        if (n > 0 && n <= TEXT_UNICODE_PARTS_MAX) {
            memcpy(out, parts, (size_t)n * sizeof(*out));
            return (uint32_t)n;
        }
    }
    out[0] = cp;
    return 1;
}

uint32_t text_unicode_compose(uint32_t first, uint32_t second)
{
    if (second < 0x300) { /* nothing below is the second half of a composite */
        return 0;
    }
    utf8proc_int32_t pair[3] = {(utf8proc_int32_t)first, (utf8proc_int32_t)second, 0};
    if (utf8proc_normalize_utf32(pair, 2, UTF8PROC_COMPOSE | UTF8PROC_STABLE) != 1) {
        return 0;
    }
    uint32_t both = (uint32_t)pair[0];
    return (text_unicode_flags(both) & TEXT_CANONICAL) != 0 ? both : 0;
}

uint32_t text_unicode_columns(uint32_t cp)
{
    if (cp < 0x7F) {
        return cp < 0x20 ? 0 : 1;
    }
    int columns = utf8proc_charwidth((utf8proc_int32_t)cp);
    return columns > 0 ? (uint32_t)columns : 0;
}

kit_str text_unicode_trim_end(kit_str text)
{
    while (text.len > 0 && (text_unicode_flags(kit_utf8_last(text)) & TEXT_SPACE) != 0) {
        do {
            text.len--;
        } while (kit_utf8_is_inside(text.ptr[text.len]));
    }
    return text;
}
