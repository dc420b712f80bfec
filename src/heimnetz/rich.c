#include "heimnetz/rich.h"

#include <string.h>

#include "text/unicode.h"
#include "kit/utf8.h"

#define PIECE_BYTES_MAX (16 * KIT_MIB) /* of one call of add */
#define REPLACEMENT "\xEF\xBF\xBD"     /* U+FFFD */
#define PLACE 'G'                      /* behind a MARK: four digits follow, a column */
#define STYLE_BYTES 2
#define PLACE_BYTES 6

/* --- making it clean --- */

/* Left-to-right and right-to-left overrides, embeddings and isolates (UAX 9). */
static bool turns_direction(uint32_t cp)
{
    return (cp >= 0x202A && cp <= 0x202E) || (cp >= 0x2066 && cp <= 0x2069);
}

static void add_clean(struct kit_buf *out, kit_str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t bytes = kit_utf8_at(s, at);
        uint32_t ignored, cp = bytes > 0 ? kit_utf8_read(s.ptr + at, &ignored) : 0;
        if (bytes == 0) {
            kit_buf_add(out, kit_str_lit(REPLACEMENT));
        } else if (cp == '\t' || cp == 0x2028 || cp == 0x2029) {
            kit_buf_add_char(out, ' ');
        } else if (cp != '\n' && (cp < 0x20 || (cp >= 0x7F && cp < 0xA0))) {
            kit_buf_add_char(out, '?');
        } else if (!turns_direction(cp)) {
            kit_buf_add(out, kit_str_sub(s, at, bytes));
        }
        at += bytes > 0 ? bytes : 1;
    }
}

static void mark(struct kit_buf *out, enum heimnetz_style style)
{
    kit_buf_add_char(out, RICH_MARK);
    kit_buf_add_char(out, (char)('0' + style));
}

static void add_styled(struct kit_buf *out, enum heimnetz_style style, kit_str s)
{
    if (style != TERM_PLAIN) {
        mark(out, style);
    }
    add_clean(out, s);
    if (style != TERM_PLAIN) {
        mark(out, TERM_PLAIN);
    }
}

void heimnetz_rich_vadd(struct kit_buf *out, enum heimnetz_style style, const char *format, va_list args)
{
    struct kit_buf text;
    kit_buf_init(&text, PIECE_BYTES_MAX);
    if (kit_buf_vprintf(&text, format, args) == KIT_OK) {
        add_styled(out, style, kit_buf_str(&text));
    } else if (out->failed == KIT_OK) {
        out->failed = text.failed;
    }
    kit_buf_done(&text);
}

void heimnetz_rich_add(struct kit_buf *out, enum heimnetz_style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    heimnetz_rich_vadd(out, style, format, args);
    va_end(args);
}

void heimnetz_rich_pad(struct kit_buf *out, uint32_t columns)
{
    kit_buf_printf(out, "%*s", (int)columns, "");
}

/* --- measuring --- */

/* What stands at `at`: a mark (0 columns) or a character with what combines with it. */
struct step {
    size_t bytes;
    uint32_t columns;
    uint32_t cp; /* its first; 0 for a mark */
};

static struct step step_at(kit_str s, size_t at)
{
    if (s.ptr[at] == RICH_MARK) {
        return (struct step){.bytes = s.ptr[at + 1] == PLACE ? PLACE_BYTES : STYLE_BYTES};
    }
    uint32_t bytes, cp = kit_utf8_read(s.ptr + at, &bytes);
    struct step ret = {.bytes = bytes, .columns = text_unicode_columns(cp), .cp = cp};
    bool joined = false;
    for (size_t next = at + ret.bytes; next < s.len && s.ptr[next] != RICH_MARK; next = at + ret.bytes) {
        uint32_t more = kit_utf8_read(s.ptr + next, &bytes), columns = text_unicode_columns(more);
        if (more == '\n' || (columns > 0 && !joined)) {
            break;
        }
        bool picture = more == 0xFE0F && ret.columns == 1; /* asks for the emoji, which is wide */
        ret.columns += picture ? 1 : columns;
        ret.bytes += bytes;
        joined = more == 0x200D;
    }
    return ret;
}

uint32_t heimnetz_rich_columns(kit_str rich)
{
    uint32_t widest = 0, columns = 0;
    for (size_t at = 0; at < rich.len;) {
        struct step s = step_at(rich, at);
        columns = s.cp == '\n' ? 0 : columns + s.columns;
        widest = KIT_MAX(widest, columns);
        at += s.bytes;
    }
    return widest;
}

bool heimnetz_rich_is_uncertain(kit_str rich)
{
    static const char *const signs[] = {"\xE2\x80\x8D", "\xEF\xB8\x8F", "\xF0\x9F\x87"}; /* U+200D, U+FE0F, U+1F1E6 … */
    bool uncertain = false;
    for (size_t i = 0; i < KIT_COUNT(signs); i++) {
        uncertain = uncertain || kit_str_find(rich, kit_str_c(signs[i])) < rich.len;
    }
    return uncertain;
}

void heimnetz_rich_place(struct kit_buf *out, uint32_t column)
{
    kit_buf_printf(out, "%c%c%04u", RICH_MARK, PLACE, KIT_MIN(column, 9999u));
}

/* Bytes of the longest front without a line's end that takes at most `columns`. */
static size_t front(kit_str s, uint32_t columns)
{
    size_t at = 0;
    for (uint32_t used = 0; at < s.len;) {
        struct step step = step_at(s, at);
        if (step.cp == '\n' || used + step.columns > columns) {
            break;
        }
        used += step.columns;
        at += step.bytes;
    }
    return at;
}

void heimnetz_rich_fit(struct kit_buf *out, enum heimnetz_style style, kit_str s, uint32_t columns,
                       const struct heimnetz_term *t)
{
    struct kit_buf clean;
    kit_buf_init(&clean, PIECE_BYTES_MAX);
    add_clean(&clean, s);
    kit_str text = kit_buf_str(&clean);
    if (columns == 0 || front(text, columns) == text.len) {
        add_styled(out, style, columns == 0 ? (kit_str){0} : text);
    } else {
        kit_str cut = kit_str_sub(text, 0, front(text, columns - 1));
        heimnetz_rich_add(out, style, "%.*s%s", KIT_STR_ARG(cut), t->signs->ellipsis);
    }
    if (clean.failed != KIT_OK && out->failed == KIT_OK) {
        out->failed = clean.failed;
    }
    kit_buf_done(&clean);
}

/* --- wrapping --- */

struct heimnetz_rich_lines heimnetz_rich_lines(kit_str rich)
{
    return (struct heimnetz_rich_lines){.rest = rich};
}

/* Where a line may end: behind `end` bytes. 0: nowhere yet. */
struct ends {
    size_t blank; /* before a blank */
    size_t sign;  /* behind a sign or a wide character */
    size_t any;   /* behind the last character that fits */
};

static bool is_end_sign(const struct step *s)
{
    return s->columns > 1 || (s->cp < 0x80 && s->cp > 0 && strchr("/-_,:", (int)s->cp) != NULL);
}

static size_t choose_end(const struct ends *e)
{
    if (e->blank > 0 && (e->sign == 0 || e->blank * 3 >= e->any)) {
        return e->blank;
    }
    return e->sign > 0 ? e->sign : e->any;
}

/* Bytes of the next line; *whole: it ends at a line's end or with the text. A character that is wider than the line
 * takes a line all the same. */
static size_t line_length(kit_str s, uint32_t columns, bool *whole)
{
    struct ends ends = {0};
    uint32_t used = 0;
    for (size_t at = 0; at < s.len;) {
        struct step step = step_at(s, at);
        *whole = step.cp == '\n';
        if (*whole) {
            return at;
        }
        if (columns > 0 && used + step.columns > columns && ends.any > 0) {
            return step.cp == ' ' ? at : choose_end(&ends);
        }
        if (step.cp == ' ' && used > 0) {
            ends.blank = at;
        }
        used += step.columns;
        at += step.bytes;
        ends.any = used > 0 ? at : 0;
        ends.sign = is_end_sign(&step) ? at : ends.sign;
    }
    *whole = true;
    return s.len;
}

static enum heimnetz_style style_after(kit_str line, enum heimnetz_style style)
{
    for (size_t at = 0; at + 1 < line.len; at++) {
        if (line.ptr[at] == RICH_MARK && line.ptr[at + 1] != PLACE) {
            style = (enum heimnetz_style)(line.ptr[++at] - '0');
        }
    }
    return style;
}

bool heimnetz_rich_next(struct heimnetz_rich_lines *l, uint32_t columns)
{
    bool whole = true;
    if (l->rest.ptr == NULL) {
        return false;
    }
    size_t len = line_length(l->rest, columns, &whole), skip = len;
    while (!whole && skip < l->rest.len && l->rest.ptr[skip] == ' ') {
        skip++;
    }
    l->style = l->after;
    l->line = kit_str_sub(l->rest, 0, len);
    l->after = style_after(l->line, l->style);
    bool last = len == l->rest.len;
    l->rest = last ? (kit_str){0} : kit_str_sub(l->rest, whole ? len + 1 : skip, l->rest.len);
    return true;
}

void heimnetz_rich_line(struct kit_buf *out, const struct heimnetz_rich_lines *l)
{
    if (l->style != TERM_PLAIN) {
        mark(out, l->style);
    }
    kit_buf_add(out, l->line);
    if (l->after != TERM_PLAIN) {
        mark(out, TERM_PLAIN);
    }
}

/* --- printing --- */

static void print_style(const struct heimnetz_term *t, char style)
{
    static const char *const codes[TERM_STYLE_COUNT] = {"0", "1", "2", "32", "33", "31", "36"};
    if (t->colour) {
        fprintf(t->out, "\033[%sm", codes[style - '0']);
    }
}

static void print_text(const struct heimnetz_term *t, kit_str s)
{
    if (t->unicode || !t->terminal) {
        fwrite(s.ptr, 1, s.len, t->out);
        return;
    }
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c < 0x80 || c >= 0xC0) { /* one sign for each character */
            fputc(c < 0x80 ? c : '?', t->out);
        }
    }
}

void heimnetz_rich_print(const struct heimnetz_term *t, kit_str rich)
{
    while (rich.len > 0) {
        size_t mark_at = kit_str_find_char(rich, RICH_MARK);
        print_text(t, kit_str_sub(rich, 0, mark_at));
        rich = kit_str_sub(rich, mark_at, rich.len);
        if (rich.len == 0) {
            return;
        }
        bool place = rich.ptr[1] == PLACE;
        if (!place) {
            print_style(t, rich.ptr[1]);
        } else if (t->moves) {
            fprintf(t->out, "\033[%.4sG", rich.ptr + 2);
        }
        rich = kit_str_sub(rich, place ? PLACE_BYTES : STYLE_BYTES, rich.len);
    }
}

void heimnetz_rich_print_wrapped(const struct heimnetz_term *t, kit_str rich)
{
    for (struct heimnetz_rich_lines l = heimnetz_rich_lines(rich); heimnetz_rich_next(&l, t->width);) {
        if (l.rest.ptr == NULL && heimnetz_rich_columns(l.line) == 0) {
            return; /* behind the last '\n' */
        }
        if (l.style != TERM_PLAIN) {
            print_style(t, (char)('0' + l.style));
        }
        heimnetz_rich_print(t, l.line);
        if (l.after != TERM_PLAIN) {
            print_style(t, '0');
        }
        fputc('\n', t->out);
    }
}
