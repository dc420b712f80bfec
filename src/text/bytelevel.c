#include "text/bytelevel.h"

#include "kit/utf8.h"
#include "text/unicode.h"

int text_bytelevel_byte(uint32_t cp)
{
    if (cp < 0x100) {
        return text_bytelevel_char((uint8_t)cp) == cp ? (int)cp : -1;
    }
    if (cp <= 0x120) {
        return (int)(cp - 0x100);
    }
    if (cp <= 0x142) {
        return (int)(cp - 0x121 + 0x7F);
    }
    return cp == 0x143 ? 0xAD : -1;
}

/* --- the pattern --- */

enum class { LETTER, NUMBER, SPACE, OTHER };

static enum class class_at(const char *text, size_t at, uint32_t *bytes) {
    uint32_t flags = text_unicode_flags(kit_utf8_read(text + at, bytes));
    if ((flags & TEXT_LETTER) != 0){return LETTER;}
if ((flags & TEXT_NUMBER) != 0)
{
    return NUMBER;
}
return (flags & TEXT_SPACE) != 0 ? SPACE : OTHER;
}

/* Behind the run of one class that goes on at `at`; *last gets where its last character begins, if it has one. */
static size_t end_of_run(const char *text, enum class class, size_t at, size_t end, size_t *last)
{
    uint32_t bytes;
    while (at < end && class_at(text, at, &bytes) == class) {
        *last = at;
        at += bytes;
    }
    return at;
}

/* Bytes of the contraction that begins at the apostrophe p, 0: none. */
static size_t contraction(const char *p, size_t left)
{
    static const char *const tails[] = {"s", "t", "re", "ve", "m", "ll", "d"};
    kit_str text = {p + 1, left - 1};
    for (size_t i = 0; i < KIT_COUNT(tails); i++) {
        kit_str tail = kit_str_c(tails[i]);
        if (kit_str_starts(text, tail)) {
            return 1 + tail.len;
        }
    }
    return 0;
}

/* The end of the match that begins at white space: all of it, or all but the last before a word. */
static size_t end_of_space(const char *text, size_t at, size_t end)
{
    size_t last = at;
    size_t stop = end_of_run(text, SPACE, at, end, &last);
    return stop < end && last > at ? last : stop;
}

static size_t end_of_match(const char *text, size_t at, size_t end)
{
    size_t skip = 0;
    if (text[at] == '\'' && (skip = contraction(text + at, end - at)) > 0) {
        return at + skip;
    }
    uint32_t bytes;
    size_t first = text[at] == ' ' && at + 1 < end ? at + 1 : at;
    enum class class = class_at(text, first, &bytes);
    if (class == SPACE) {
        return end_of_space(text, at, end);
    }
    return end_of_run(text, class, first + bytes, end, &skip);
}

void text_bytelevel_cut(const void *step, const char *text, struct text_span word, struct text_spans *out)
{
    (void)step;
    for (size_t at = word.start; at < word.end;) {
        size_t stop = end_of_match(text, at, word.end);
        text_spans_add(out, at, stop);
        at = stop;
    }
}

/* --- writing anew --- */

void text_bytelevel_put_bytes(const void *step, const struct text_aligned *from, struct text_span word,
                              struct text_aligned *out)
{
    (void)step;
    uint32_t bytes;
    for (size_t at = word.start; at < word.end; at += bytes) {
        struct text_span origin;
        (void)text_aligned_get(from, at, &bytes, &origin);
        for (uint32_t i = 0; i < bytes; i++) {
            text_aligned_put(out, text_bytelevel_char((uint8_t)from->bytes[at + i]), origin);
        }
    }
}

void text_bytelevel_put_space(const void *step, const struct text_aligned *from, struct text_span word,
                              struct text_aligned *out)
{
    (void)step;
    uint32_t bytes;
    for (size_t at = word.start; at < word.end; at += bytes) {
        struct text_span origin;
        uint32_t cp = text_aligned_get(from, at, &bytes, &origin);
        if (at == word.start && cp != ' ') {
            text_aligned_put(out, ' ', origin);
        }
        text_aligned_put(out, cp, origin);
    }
}
