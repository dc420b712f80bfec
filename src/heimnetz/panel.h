/* src/heimnetz/panel.h - tables in frames with a title: the pages that commands print.
 *
 * Frames of one page are equally wide: as their content needs, at least 80 columns where the terminal has them, never
 * wider than the terminal. In a pipe, and on terminals under 40 columns, there is no frame. Thread: main. */
#ifndef HEIMNETZ_PANEL_H
#define HEIMNETZ_PANEL_H

#include "heimnetz/table.h"

#define PANELS_MAX 16

struct heimnetz_panel {
    const char *title; /* borrowed */
    const struct heimnetz_table *table;
};

/* Prints panels [count] below each other. In a pipe a title is printed only where there are several. What failed while
 * a table was filled or laid out, NOMEM, FULL; nothing is printed then. */
KIT_MUST_CHECK enum kit_status heimnetz_panels_print(const struct heimnetz_term *t, const struct heimnetz_panel *panels,
                                                     uint32_t count);

#endif
