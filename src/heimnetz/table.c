#include "heimnetz/table.h"

#include <stdarg.h>
#include <string.h>

#include "heimnetz/rich.h"
#include "kit/alloc.h"

#define GAP 2
#define NOTE_INDENT 2
#define TEXT_BYTES_MAX (256 * KIT_MIB)
#define PARTS_MAX 1000000
/* A column is not made narrower than its longest word, as long as that is no longer than this. */
#define WORD_COLUMNS 28
#define COLUMN_MIN 8
#define STACK_VALUE_MIN 8 /* beside its name; narrower goes below it */

/* --- filling --- */

void heimnetz_table_init(struct heimnetz_table *t, uint32_t columns, const char *const *headings)
{
    *t = (struct heimnetz_table){.columns = columns};
    kit_buf_init(&t->text, TEXT_BYTES_MAX);
    for (uint32_t i = 0; headings != NULL && i < columns; i++) {
        t->right[i] = headings[i][0] == '>';
        t->heading[i] = headings[i] + (t->right[i] ? 1 : 0);
    }
}

void heimnetz_table_done(struct heimnetz_table *t)
{
    kit_buf_done(&t->text);
    kit_alloc_free(t->parts);
    *t = (struct heimnetz_table){0};
}

static bool make_room(struct heimnetz_table *t)
{
    if (t->count < t->room) {
        return true;
    }
    uint32_t room = t->room == 0 ? 64 : t->room * 2;
    struct heimnetz_table_part *parts = room <= PARTS_MAX ? kit_alloc_resize(t->parts, room * sizeof(*parts)) : NULL;
    if (parts == NULL) {
        t->failed = room <= PARTS_MAX ? KIT_NOMEM : KIT_FULL;
        return false;
    }
    t->parts = parts;
    t->room = room;
    return true;
}

static void add_part(struct heimnetz_table *t, enum heimnetz_table_kind kind, enum heimnetz_style style,
                     const char *format, va_list args)
{
    if (t->failed != KIT_OK || !make_room(t)) {
        return;
    }
    struct heimnetz_table_part part = {.from = t->text.len, .kind = kind};
    heimnetz_rich_vadd(&t->text, style, format, args);
    part.len = t->text.len - part.from;
    t->parts[t->count++] = part;
    t->failed = t->text.failed;
}

void heimnetz_table_add(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_part(t, TABLE_CELL, style, format, args);
    va_end(args);
}

void heimnetz_table_note(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_part(t, TABLE_NOTE, style, format, args);
    va_end(args);
}

void heimnetz_table_span(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    add_part(t, TABLE_SPAN, style, format, args);
    va_end(args);
}

void heimnetz_table_pair(struct heimnetz_table *t, const char *name, enum heimnetz_style style, const char *format, ...)
{
    va_list args;
    heimnetz_table_add(t, TERM_DIM, "%s", name);
    va_start(args, format);
    add_part(t, TABLE_CELL, style, format, args);
    va_end(args);
}

void heimnetz_table_more(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...)
{
    va_list args;
    if (t->failed != KIT_OK || t->count == 0) {
        return;
    }
    va_start(args, format);
    heimnetz_rich_vadd(&t->text, style, format, args);
    va_end(args);
    t->parts[t->count - 1].len = t->text.len - t->parts[t->count - 1].from;
    t->failed = t->text.failed;
}

/* --- widths --- */

static kit_str text_of(const struct heimnetz_table *t, uint32_t part)
{
    return (kit_str){.ptr = t->text.ptr + t->parts[part].from, .len = t->parts[part].len};
}

static uint32_t indent_of(enum heimnetz_table_kind kind)
{
    return kind == TABLE_NOTE ? NOTE_INDENT : 0;
}

static uint32_t longest_word(kit_str text)
{
    kit_str word;
    uint32_t longest = 0;
    while (kit_str_cut(&text, ' ', &word)) {
        longest = KIT_MAX(longest, heimnetz_rich_columns(word));
    }
    return longest;
}

struct widths {
    uint32_t natural[TABLE_COLUMNS_MAX];
    uint32_t word[TABLE_COLUMNS_MAX]; /* longest word */
    uint32_t note;
};

static struct widths measure(const struct heimnetz_table *t)
{
    struct widths w = {0};
    uint32_t column = 0;
    for (uint32_t c = 0; c < t->columns && t->heading[c] != NULL; c++) {
        w.natural[c] = w.word[c] = (uint32_t)strlen(t->heading[c]);
    }
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t columns = heimnetz_rich_columns(text_of(t, i));
        if (t->parts[i].kind != TABLE_CELL) {
            w.note = KIT_MAX(w.note, columns + indent_of(t->parts[i].kind));
            continue;
        }
        w.natural[column] = KIT_MAX(w.natural[column], columns);
        w.word[column] = KIT_MAX(w.word[column], longest_word(text_of(t, i)));
        column = (column + 1) % t->columns;
    }
    return w;
}

/* A column without a word in it takes no room. */
static uint32_t sum_of(const struct heimnetz_table *t, const uint32_t *width)
{
    uint32_t sum = 0;
    for (uint32_t c = 0; c < t->columns; c++) {
        sum += width[c] + (sum > 0 && width[c] > 0 ? GAP : 0);
    }
    return sum;
}

uint32_t heimnetz_table_width(const struct heimnetz_table *t)
{
    struct widths w = measure(t);
    return KIT_MAX(sum_of(t, w.natural), w.note);
}

/* Takes columns away where there is most to spare, down to the least that each needs. */
static bool shrink(const struct heimnetz_table *t, const struct widths *w, uint32_t word_max, uint32_t room,
                   uint32_t *width)
{
    while (sum_of(t, width) > room) {
        uint32_t best = 0, spare_most = 0;
        for (uint32_t c = 0; c < t->columns; c++) {
            uint32_t least = t->right[c] ? width[c] : KIT_MIN(w->word[c], word_max);
            uint32_t spare = width[c] > least ? width[c] - least : 0;
            best = spare > spare_most ? c : best;
            spare_most = KIT_MAX(spare, spare_most);
        }
        if (spare_most == 0) {
            return false;
        }
        width[best]--;
    }
    return true;
}

/* --- lines --- */

/* Drops the blanks at the end of what was added since `from`, and ends the line. */
static void end_line(struct kit_buf *out, size_t from)
{
    while (out->len > from && out->ptr[out->len - 1] == ' ') {
        out->len--;
    }
    kit_buf_add_char(out, '\n');
}

struct row {
    struct heimnetz_rich_lines cell[TABLE_COLUMNS_MAX];
    bool more[TABLE_COLUMNS_MAX]; /* cell[c].line is to be printed */
};

static bool next_line(struct row *row, uint32_t columns, const uint32_t *width)
{
    bool any = false;
    for (uint32_t c = 0; c < columns; c++) {
        row->more[c] = heimnetz_rich_next(&row->cell[c], width[c]);
        any = any || row->more[c];
    }
    return any;
}

static void add_line(const struct heimnetz_table *t, const struct row *row, const uint32_t *width, struct kit_buf *out)
{
    size_t from = out->len;
    bool first = true;
    for (uint32_t c = 0; c < t->columns; c++) {
        uint32_t used = row->more[c] ? heimnetz_rich_columns(row->cell[c].line) : 0;
        if (width[c] == 0) {
            continue;
        }
        uint32_t blank = width[c] > used ? width[c] - used : 0;
        heimnetz_rich_pad(out, (first ? 0 : GAP) + (t->right[c] ? blank : 0));
        if (row->more[c]) {
            heimnetz_rich_line(out, &row->cell[c]);
        }
        heimnetz_rich_pad(out, t->right[c] ? 0 : blank);
        first = false;
    }
    end_line(out, from);
}

static void add_headings(const struct heimnetz_table *t, const uint32_t *width, struct kit_buf *out)
{
    struct row row = {0};
    struct kit_buf dim[TABLE_COLUMNS_MAX];
    for (uint32_t c = 0; c < t->columns; c++) {
        kit_buf_init(&dim[c], KIT_KIB);
        heimnetz_rich_add(&dim[c], TERM_DIM, "%s", t->heading[c]);
        row.cell[c] = heimnetz_rich_lines(kit_buf_str(&dim[c]));
        out->failed = out->failed == KIT_OK ? dim[c].failed : out->failed;
    }
    while (next_line(&row, t->columns, width)) {
        add_line(t, &row, width, out);
    }
    for (uint32_t c = 0; c < t->columns; c++) {
        kit_buf_done(&dim[c]);
    }
}

static void add_wide(const struct heimnetz_table *t, uint32_t part, uint32_t width, struct kit_buf *out)
{
    kit_str text = text_of(t, part);
    uint32_t indent = indent_of(t->parts[part].kind), room = width == 0 ? 0 : width - indent;
    for (struct heimnetz_rich_lines l = heimnetz_rich_lines(text); heimnetz_rich_next(&l, room);) {
        size_t from = out->len;
        heimnetz_rich_pad(out, indent);
        heimnetz_rich_line(out, &l);
        end_line(out, from);
    }
}

/* The cells of a row from part `at` on; how many there are. */
static uint32_t take_row(const struct heimnetz_table *t, uint32_t at, struct row *row)
{
    uint32_t taken = 0;
    while (taken < t->columns && at + taken < t->count && t->parts[at + taken].kind == TABLE_CELL) {
        row->cell[taken] = heimnetz_rich_lines(text_of(t, at + taken));
        taken++;
    }
    return taken;
}

static void add_rows(const struct heimnetz_table *t, uint32_t total, const uint32_t *width, struct kit_buf *out)
{
    for (uint32_t at = 0; at < t->count;) {
        struct row row = {0};
        uint32_t taken = take_row(t, at, &row);
        while (taken > 0 && next_line(&row, t->columns, width)) {
            add_line(t, &row, width, out);
        }
        if (taken == 0) {
            add_wide(t, at, total, out);
        }
        at += KIT_MAX(taken, 1u);
    }
}

/* --- row by row, where there is no room for columns --- */

/* The rest of a cell whose first line begins where we are. */
static void stack_lines(kit_str text, uint32_t indent, uint32_t width, bool begun, struct kit_buf *out)
{
    for (struct heimnetz_rich_lines l = heimnetz_rich_lines(text); heimnetz_rich_next(&l, width - indent);) {
        size_t from = out->len;
        heimnetz_rich_pad(out, begun ? 0 : indent);
        heimnetz_rich_line(out, &l);
        end_line(out, from);
        begun = false;
    }
}

/* names: columns of the widest heading. */
static void stack_cell(const char *heading, kit_str text, uint32_t names, uint32_t width, struct kit_buf *out)
{
    bool beside = names + GAP + STACK_VALUE_MIN <= width;
    uint32_t indent = beside ? names + GAP : NOTE_INDENT;
    heimnetz_rich_add(out, TERM_DIM, "%s", heading);
    if (beside) {
        heimnetz_rich_pad(out, indent - (uint32_t)strlen(heading));
    } else {
        kit_buf_add_char(out, '\n');
    }
    stack_lines(text, indent, width, beside, out);
}

static void add_stacked(const struct heimnetz_table *t, uint32_t width, struct kit_buf *out)
{
    uint32_t names = 0, column = 0;
    for (uint32_t c = 0; c < t->columns && t->heading[c] != NULL; c++) {
        names = KIT_MAX(names, (uint32_t)strlen(t->heading[c]));
    }
    for (uint32_t i = 0; i < t->count; i++) {
        kit_str text = text_of(t, i);
        if (t->parts[i].kind != TABLE_CELL) {
            add_wide(t, i, width, out);
            continue;
        }
        if (column == 0 && i > 0 && names > 0) {
            kit_buf_add_char(out, '\n');
        }
        if (text.len > 0 && names > 0) {
            stack_cell(t->heading[column], text, names, width, out);
        } else if (text.len > 0) {
            stack_lines(text, column == 0 ? 0 : NOTE_INDENT, width, false, out);
        }
        column = (column + 1) % t->columns;
    }
}

enum kit_status heimnetz_table_lines(const struct heimnetz_table *t, uint32_t width, struct kit_buf *out)
{
    struct widths w = measure(t);
    uint32_t chosen[TABLE_COLUMNS_MAX];
    if (t->failed != KIT_OK) {
        return t->failed;
    }
    memcpy(chosen, w.natural, sizeof(chosen));
    if (width > 0 && !shrink(t, &w, WORD_COLUMNS, width, chosen) && !shrink(t, &w, COLUMN_MIN, width, chosen)) {
        add_stacked(t, width, out);
        return out->failed;
    }
    if (t->heading[0] != NULL && t->count > 0) {
        add_headings(t, chosen, out);
    }
    add_rows(t, width, chosen, out);
    return out->failed;
}
