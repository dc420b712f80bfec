#include "heimnetz/table.h"

#include <stdarg.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/buf.h"

#define GAP 2
#define COLUMN_MIN 6
#define CELL_BYTES_MAX 4096

void heimnetz_table_init(struct heimnetz_table *t, uint32_t columns, const char *const *headings)
{
    *t = (struct heimnetz_table){.columns = columns};
    for (uint32_t i = 0; i < columns; i++) {
        t->right[i] = headings[i][0] == '>';
        t->heading[i] = headings[i] + (t->right[i] ? 1 : 0);
    }
}

void heimnetz_table_done(struct heimnetz_table *t)
{
    for (uint32_t i = 0; i < t->count; i++) {
        kit_alloc_free(t->cells[i].text);
    }
    kit_alloc_free(t->cells);
    *t = (struct heimnetz_table){0};
}

static enum kit_status make_room(struct heimnetz_table *t)
{
    if (t->count < t->room) {
        return KIT_OK;
    }
    uint32_t room = t->room == 0 ? 64 : t->room * 2;
    if (room > TABLE_ROWS_MAX * TABLE_COLUMNS_MAX) {
        return KIT_FULL;
    }
    struct heimnetz_table_cell *cells = kit_alloc_resize(t->cells, room * sizeof(*cells));
    if (cells == NULL) {
        return KIT_NOMEM;
    }
    t->cells = cells;
    t->room = room;
    return KIT_OK;
}

enum kit_status heimnetz_table_add(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...)
{
    struct kit_buf text;
    va_list args;
    enum kit_status rc = make_room(t);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_buf_init(&text, CELL_BYTES_MAX);
    va_start(args, format);
    kit_buf_vprintf(&text, format, args);
    va_end(args);
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7F) {
            text.ptr[i] = '?'; /* what a server says must not steer the terminal */
        }
    }
    struct heimnetz_table_cell cell = {.style = style, .columns = heimnetz_term_columns(kit_buf_str(&text))};
    cell.text = kit_alloc_copy(text.len > 0 ? text.ptr : "", text.len);
    kit_buf_done(&text);
    if (cell.text == NULL) {
        return KIT_NOMEM;
    }
    t->cells[t->count++] = cell;
    return KIT_OK;
}

static void natural_widths(const struct heimnetz_table *t, uint32_t *width)
{
    for (uint32_t c = 0; c < t->columns; c++) {
        width[c] = (uint32_t)strlen(t->heading[c]);
    }
    for (uint32_t i = 0; i < t->count; i++) {
        width[i % t->columns] = KIT_MAX(width[i % t->columns], t->cells[i].columns);
    }
}

static void shrink(const struct heimnetz_table *t, uint32_t *width, uint32_t room)
{
    for (;;) {
        uint32_t sum = GAP * (t->columns - 1), widest = 0;
        for (uint32_t c = 0; c < t->columns; c++) {
            sum += width[c];
            widest = width[c] > width[widest] ? c : widest;
        }
        if (sum <= room || width[widest] <= COLUMN_MIN) {
            return;
        }
        width[widest]--;
    }
}

/* The longest front of text that takes at most `columns`. */
static kit_str front(const char *text, uint32_t columns)
{
    kit_str s = kit_str_c(text);
    size_t len = s.len;
    while (len > 0 &&
           (heimnetz_term_columns(kit_str_sub(s, 0, len)) > columns || ((unsigned char)s.ptr[len] & 0xC0) == 0x80)) {
        len--;
    }
    return kit_str_sub(s, 0, len);
}

static void pad(const struct heimnetz_term *term, uint32_t columns)
{
    fprintf(term->out, "%*s", (int)columns, "");
}

static void print_cell(const struct heimnetz_term *term, const struct heimnetz_table_cell *cell, uint32_t width,
                       bool right, bool last)
{
    bool cut = cell->columns > width;
    kit_str text = cut ? front(cell->text, width - 1) : kit_str_c(cell->text);
    uint32_t used = cut ? heimnetz_term_columns(text) + 1 : cell->columns;
    if (right) {
        pad(term, width - used);
    }
    heimnetz_term_put(term, cell->style, "%.*s%s", KIT_STR_ARG(text), !cut ? "" : term->unicode ? "…" : "~");
    if (!last) {
        pad(term, (right ? 0 : width - used) + GAP);
    }
}

static void print_headings(const struct heimnetz_table *t, const struct heimnetz_term *term, const uint32_t *width)
{
    for (uint32_t c = 0; c < t->columns; c++) {
        bool last = c + 1 == t->columns;
        int columns = (int)width[c];
        heimnetz_term_put(term, TERM_DIM, "%*s", t->right[c] ? columns : last ? 0 : -columns, t->heading[c]);
        fputs(last ? "\n" : "  ", term->out);
    }
}

void heimnetz_table_print(const struct heimnetz_table *t, const struct heimnetz_term *term)
{
    uint32_t width[TABLE_COLUMNS_MAX];
    natural_widths(t, width);
    if (term->terminal) {
        shrink(t, width, term->width);
    }
    print_headings(t, term, width);
    for (uint32_t i = 0; i < t->count; i++) {
        uint32_t c = i % t->columns;
        print_cell(term, &t->cells[i], width[c], t->right[c], c + 1 == t->columns);
        if (c + 1 == t->columns) {
            fputc('\n', term->out);
        }
    }
}
