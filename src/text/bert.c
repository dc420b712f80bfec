#include "text/bert.h"

#include "text/normal_form.h"
#include "kit/utf8.h"
#include "text/unicode.h"

#define CLEAN TEXT_BERT_CLEAN
#define CHINESE TEXT_BERT_CHINESE
#define STRIP TEXT_BERT_STRIP
#define LOWER TEXT_BERT_LOWER

enum kit_status text_bert_parse(const struct text_node *node, struct kit_arena *arena, struct text_normal_step *step,
                                struct kit_err *err)
{
    (void)arena;
    const struct {
        const char *key;
        uint32_t flag;
    } keys[] = {
        {"clean_text", CLEAN}, {"handle_chinese_chars", CHINESE}, {"lowercase", LOWER}, {"strip_accents", STRIP}};
    for (size_t i = 0; i < KIT_COUNT(keys); i++) {
        bool otherwise = keys[i].flag == STRIP ? (step->flags & LOWER) != 0 : true;
        bool on;
        enum kit_status rc = text_node_bool_or(node, keys[i].key, otherwise, &on, err);
        if (rc != KIT_OK) {
            return rc;
        }
        step->flags |= on ? keys[i].flag : 0;
    }
    return KIT_OK;
}

void text_bert_step(uint32_t flags, struct text_normal_step *ret)
{
    *ret = (struct text_normal_step){.run = text_bert_run, .flags = flags};
}

/* ASCII where no byte is removed stays where it is. False when a byte would be. */
static bool run_ascii(uint32_t flags, struct text_aligned *text)
{
    uint32_t seen = 0;
    for (size_t i = 0; i < text->len; i++) {
        seen |= text_unicode_ascii[(unsigned char)text->bytes[i]];
    }
    if ((flags & CLEAN) != 0 && (seen & TEXT_OTHER) != 0) {
        return false;
    }
    char upper_first = (flags & LOWER) != 0 ? 'A' : '\x7F';
    char space_end = (flags & CLEAN) != 0 ? ' ' : '\0';
    for (size_t i = 0; i < text->len; i++) {
        char c = text->bytes[i];
        c = (char)(c < space_end ? ' ' : c);
        text->bytes[i] = (char)(c >= upper_first && c <= 'Z' ? c | 0x20 : c);
    }
    return true;
}

static void put_lower(uint32_t flags, uint32_t seen, struct text_aligned *out, uint32_t cp, struct text_span origin)
{
    if ((flags & LOWER) == 0 || (seen & TEXT_UPPER) == 0) {
        text_aligned_put(out, cp, origin);
        return;
    }
    uint32_t lower[2];
    uint32_t n = text_unicode_lower(cp, lower);
    for (uint32_t i = 0; i < n; i++) {
        text_aligned_put(out, lower[i], origin);
    }
}

/* Decomposes, drops nonspacing marks and lowers. False: a mark stays that canonical ordering could move, so
 * that one pass is not enough. */
static bool put_stripped(uint32_t flags, struct text_aligned *out, uint32_t cp, struct text_span origin)
{
    uint32_t parts[TEXT_UNICODE_PARTS_MAX];
    uint32_t n = text_unicode_decompose(cp, false, parts);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t seen = text_unicode_flags(parts[i]);
        if ((seen & TEXT_NONSPACING) != 0) {
            continue;
        }
        if ((seen & TEXT_NONSTARTER) != 0) {
            return false;
        }
        put_lower(flags, seen, out, parts[i], origin);
    }
    return true;
}

#define NEEDS_STRIP (TEXT_CANONICAL | TEXT_NONSPACING | TEXT_NONSTARTER)

/* One character through all that flags ask for. False: see put_stripped. */
static bool put_char(uint32_t flags, struct text_aligned *out, uint32_t cp, struct text_span origin)
{
    uint32_t seen = text_unicode_flags(cp);
    if ((flags & CLEAN) != 0 && ((seen & (TEXT_OTHER | TEXT_SPACE)) != 0 || cp == 0xFFFD)) {
        if ((seen & TEXT_OTHER) == 0 && cp != 0xFFFD) {
            text_aligned_put(out, ' ', origin);
        }
        return true;
    }
    bool apart = (flags & CHINESE) != 0 && (seen & TEXT_HAN) != 0;
    bool fine = true;
    if (apart) {
        text_aligned_put(out, ' ', origin);
    }
    if ((flags & STRIP) != 0 && (seen & NEEDS_STRIP) != 0) {
        fine = put_stripped(flags, out, cp, origin);
    } else {
        put_lower(flags, seen, out, cp, origin);
    }
    if (apart) {
        text_aligned_put(out, ' ', origin);
    }
    return fine;
}

static bool one_pass(uint32_t flags, const struct text_aligned *text, struct text_aligned *out)
{
    text_aligned_begin(out, text);
    uint32_t bytes;
    for (size_t at = 0; at < text->len; at += bytes) {
        struct text_span origin;
        uint32_t cp = text_aligned_get(text, at, &bytes, &origin);
        if (!put_char(flags, out, cp, origin)) {
            return false;
        }
    }
    return true;
}

static void put_unless_nonspacing(const struct text_normal_step *step, struct text_aligned *out, uint32_t cp,
                                  struct text_span origin)
{
    uint32_t seen = text_unicode_flags(cp);
    if ((seen & TEXT_NONSPACING) == 0) {
        put_lower(step->flags, seen, out, cp, origin);
    }
}

/* The same in the three passes that the definition speaks of, for text whose marks need ordering. */
static enum kit_status in_passes(const struct text_normal_step *step, struct text_aligned *text,
                                 struct text_aligned *spare)
{
    (void)one_pass(step->flags & ~(STRIP | LOWER), text, spare);
    text_aligned_swap(text, spare);
    enum kit_status rc = text->failed;
    if (rc == KIT_OK) {
        rc = text_normal_form(text, spare, false, false);
    }
    return rc != KIT_OK ? rc : text_normal_rewrite(step, text, spare, put_unless_nonspacing);
}

enum kit_status text_bert_run(const struct text_normal_step *step, struct text_aligned *text,
                              struct text_aligned *spare)
{
    if (kit_utf8_is_ascii(text_aligned_str(text)) && run_ascii(step->flags, text)) {
        return KIT_OK;
    }
    if (!one_pass(step->flags, text, spare)) {
        return in_passes(step, text, spare);
    }
    text_aligned_swap(text, spare);
    return text->failed;
}
