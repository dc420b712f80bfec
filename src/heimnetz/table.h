/* src/heimnetz/table.h - rows under headings, as wide as the terminal allows: columns shrink from the widest, cut texts end
 * in an ellipsis. In a pipe: plain text, nothing cut. Thread: main. Memory: cells are copied, freed by heimnetz_table_done. */
#ifndef HEIMNETZ_TABLE_H
#define HEIMNETZ_TABLE_H

#include "heimnetz/term.h"

#define TABLE_COLUMNS_MAX 8
#define TABLE_ROWS_MAX 100000

struct heimnetz_table_cell {
    char *text; /* owned */
    enum heimnetz_style style;
    uint32_t columns;
};

struct heimnetz_table {
    uint32_t columns;
    const char *heading[TABLE_COLUMNS_MAX]; /* literals */
    bool right[TABLE_COLUMNS_MAX];          /* aligned to the right */
    struct heimnetz_table_cell *cells;      /* [rows][columns], row-major; owned */
    uint32_t count, room;                   /* cells */
};

/* headings: literals, one a column; a heading that begins with '>' aligns its column to the right. */
void heimnetz_table_init(struct heimnetz_table *t, uint32_t columns, const char *const *headings);
void heimnetz_table_done(struct heimnetz_table *t);
/* Cells from left to right, row after row. NOMEM. */
KIT_MUST_CHECK enum kit_status heimnetz_table_add(struct heimnetz_table *t, enum heimnetz_style style,
                                                  const char *format, ...) KIT_PRINTF(3, 4);
void heimnetz_table_print(const struct heimnetz_table *t, const struct heimnetz_term *term);

#endif
