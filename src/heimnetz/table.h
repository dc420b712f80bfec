/* src/heimnetz/table.h - rows of cells, with headings or without, laid out for a width.
 *
 * Nothing is cut: a cell that is wider than its column goes on in the next line, and a table whose columns do not fit at
 * all is laid out row by row, a cell a line. Thread: main. Memory: texts are copied, freed by heimnetz_table_done.
 * Failures stay in `failed` and come out of heimnetz_table_lines. */
#ifndef HEIMNETZ_TABLE_H
#define HEIMNETZ_TABLE_H

#include "heimnetz/term.h"
#include "kit/buf.h"

#define TABLE_COLUMNS_MAX 8

enum heimnetz_table_kind {
    TABLE_CELL,
    TABLE_NOTE, /* below the row before it, indented, over all columns */
    TABLE_SPAN, /* a line of its own over all columns */
};

struct heimnetz_table_part {
    size_t from, len; /* in text */
    enum heimnetz_table_kind kind;
};

struct heimnetz_table {
    uint32_t columns;
    const char *heading[TABLE_COLUMNS_MAX]; /* literals; NULL in all: no line of headings */
    bool right[TABLE_COLUMNS_MAX];          /* aligned to the right, and never wrapped */
    struct kit_buf text;                    /* rich text of all parts */
    struct heimnetz_table_part *parts;      /* [count]; owned */
    uint32_t count, room;
    enum kit_status failed;
};

/* headings: literals, one a column; one that begins with '>' aligns its column to the right. NULL: none, and the first
 * column names what the others hold. */
void heimnetz_table_init(struct heimnetz_table *t, uint32_t columns, const char *const *headings);
void heimnetz_table_done(struct heimnetz_table *t);
/* Cells from left to right, row after row. */
void heimnetz_table_add(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...) KIT_PRINTF(3, 4);
/* More text, in a style of its own, in the cell or note that was added last. */
void heimnetz_table_more(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...) KIT_PRINTF(3, 4);
/* A text below the row that was added last, as wide as the table. */
void heimnetz_table_note(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...) KIT_PRINTF(3, 4);
/* A text between rows, as wide as the table. */
void heimnetz_table_span(struct heimnetz_table *t, enum heimnetz_style style, const char *format, ...) KIT_PRINTF(3, 4);
/* A row of two: a name, dim, and what it is. For tables of two columns. */
void heimnetz_table_pair(struct heimnetz_table *t, const char *name, enum heimnetz_style style, const char *format, ...)
    KIT_PRINTF(4, 5);

/* Columns that it takes when nothing is wrapped. */
uint32_t heimnetz_table_width(const struct heimnetz_table *t);
/* Appends its lines, each ended by '\n', at most `width` columns wide (0: as wide as they come; any other is at least
 * 16). What failed while it was filled, NOMEM, FULL. */
KIT_MUST_CHECK enum kit_status heimnetz_table_lines(const struct heimnetz_table *t, uint32_t width,
                                                    struct kit_buf *out);

#endif
