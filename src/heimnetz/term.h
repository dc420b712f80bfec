/* src/heimnetz/term.h - what the terminal can show: width, colours, Unicode; and the few things we draw on it.
 *
 * Colours only on a terminal, without NO_COLOR and --no-color; line drawing falls back to ASCII where the locale is not
 * UTF-8. Thread: main. Memory: none. */
#ifndef HEIMNETZ_TERM_H
#define HEIMNETZ_TERM_H

#include <stdio.h>

#include "kit/str.h"

enum heimnetz_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GOOD, TERM_WARN, TERM_BAD, TERM_ACCENT };

struct heimnetz_term {
    FILE *out;
    bool terminal, colour, unicode;
    uint32_t width; /* columns; 80 when unknown */
};

void heimnetz_term_init(struct heimnetz_term *t, FILE *out, bool no_color);
/* Prints text in a style. */
void heimnetz_term_put(const struct heimnetz_term *t, enum heimnetz_style style, const char *format, ...)
    KIT_PRINTF(3, 4);
/* The colour of a state: good, warn or bad. */
enum heimnetz_style heimnetz_term_style_of_state(kit_str state);
/* Columns that UTF-8 text takes: code points, wide ones of East Asia and emoji count two. */
uint32_t heimnetz_term_columns(kit_str text);

/* A progress bar on the current line: call again to redraw it, heimnetz_term_bar_end to wipe it away. On no terminal nothing is
 * drawn. */
void heimnetz_term_bar(const struct heimnetz_term *t, const char *label, uint64_t done, uint64_t total);
void heimnetz_term_bar_end(const struct heimnetz_term *t);

/* "87.5 MB"; returns buf. */
char *heimnetz_term_bytes(uint64_t bytes, char *buf, size_t size);
/* "3 d 4 h", "12 min 5 s", "8 s"; returns buf. */
char *heimnetz_term_duration(uint64_t seconds, char *buf, size_t size);

#endif
