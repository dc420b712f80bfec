#include "text/trim.h"

#include "text/bytelevel.h"
#include "kit/utf8.h"
#include "text/unicode.h"

static bool is_space(uint32_t cp)
{
    return cp == TEXT_BYTELEVEL_SPACE || text_unicode_is_space(cp);
}

static uint32_t spaces_before(kit_str piece)
{
    uint32_t count = 0;
    uint32_t bytes;
    for (size_t at = 0; at < piece.len && is_space(kit_utf8_read(piece.ptr + at, &bytes)); at += bytes) {
        count++;
    }
    return count;
}

static uint32_t spaces_behind(kit_str piece)
{
    uint32_t count = 0;
    while (piece.len > 0 && is_space(kit_utf8_last(piece))) {
        do {
            piece.len--;
        } while (kit_utf8_is_inside(piece.ptr[piece.len]));
        count++;
    }
    return count;
}

static uint32_t forward(kit_str text, uint32_t at, uint32_t chars, uint32_t end)
{
    uint32_t bytes;
    for (; chars > 0 && at < end; chars--) {
        (void)kit_utf8_read(text.ptr + at, &bytes);
        at += bytes;
    }
    return at;
}

/* Where the text has fewer characters before `at`, it stays. */
static uint32_t back(kit_str text, uint32_t at, uint32_t chars, uint32_t start)
{
    uint32_t from = at;
    for (; chars > 0; chars--) {
        if (from == 0) {
            return at;
        }
        do {
            from--;
        } while (kit_utf8_is_inside(text.ptr[from]));
    }
    return KIT_MAX(from, start);
}

/* What the token reads: an added one may have taken white space around it. */
static kit_str reading_of(const struct text_parts *p, kit_str text, const struct text_token *t)
{
    bool added = text_added_by_id(p->added, (uint32_t)t->id) != NULL;
    return added ? kit_str_sub(text, t->span.start, t->span.end - t->span.start)
                 : text_vocab_piece(p->model->vocab, (uint32_t)t->id);
}

void text_trim_spans(const struct text_parts *p, kit_str text, struct text_token *token, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct text_span *span = &token[i].span;
        kit_str reading = reading_of(p, text, &token[i]);
        uint32_t before = spaces_before(reading);
        uint32_t behind = spaces_behind(reading);
        bool is_first = i == 0 || span->start == 0;
        if (is_first && p->template.space_added && before == 1) {
            before = 0; /* more than one were in the input, so that none was added */
        }
        span->start = forward(text, span->start, before, span->end);
        span->end = back(text, span->end, behind, span->start);
    }
}
