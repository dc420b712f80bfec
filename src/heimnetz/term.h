/* src/heimnetz/term.h - what the terminal can show: width, colours, Unicode, a cursor that moves; and how figures look.
 *
 * Colours only on a terminal, without NO_COLOR and --no-color; TERM=dumb gets neither colours nor a moving cursor; signs
 * fall back to ASCII where the locale is not UTF-8. Thread: main. Memory: none. */
#ifndef HEIMNETZ_TERM_H
#define HEIMNETZ_TERM_H

#include <stdio.h>

#include "kit/str.h"

enum heimnetz_style { TERM_PLAIN, TERM_BOLD, TERM_DIM, TERM_GOOD, TERM_WARN, TERM_BAD, TERM_ACCENT, TERM_STYLE_COUNT };

#define TERM_SPIN_FRAMES 10

/* The signs that we draw with; each is one column wide. */
struct heimnetz_signs {
    const char *across, *down;                                     /* of a frame */
    const char *top_left, *top_right, *bottom_left, *bottom_right; /* its corners */
    const char *full, *empty;                                      /* of a bar */
    const char *on, *off, *good, *bad;                             /* a service, an outcome */
    const char *ellipsis;
    const char *spin[TERM_SPIN_FRAMES];
};

struct heimnetz_term {
    FILE *out;
    bool terminal; /* not a pipe or file */
    bool colour, moves, unicode;
    uint32_t width; /* columns of a terminal, at least 20; 0: not a terminal, nothing is cut or wrapped */
    const struct heimnetz_signs *signs;
};

void heimnetz_term_init(struct heimnetz_term *t, FILE *out, bool no_color);
/* For tests: a terminal of `width` columns, or with 0 no terminal. */
void heimnetz_term_make(struct heimnetz_term *t, FILE *out, uint32_t width, bool colour, bool unicode);
/* Prints text in a style. What a server says must not steer the terminal: control characters are replaced (rich.h). */
void heimnetz_term_put(const struct heimnetz_term *t, enum heimnetz_style style, const char *format, ...)
    KIT_PRINTF(3, 4);
/* The colour of a state: good, warn or bad. */
enum heimnetz_style heimnetz_term_style_of_state(kit_str state);

/* --- figures; each returns buf --- */

#define TERM_FIGURE_BYTES 48
char *heimnetz_term_bytes(uint64_t bytes, char buf[TERM_FIGURE_BYTES]);      /* "87.5 MB" */
char *heimnetz_term_duration(uint64_t seconds, char buf[TERM_FIGURE_BYTES]); /* "3 d 4 h", "12 min 5 s", "8 s" */
char *heimnetz_term_ms(double ms, char buf[TERM_FIGURE_BYTES]);              /* "0.8 ms", "340 ms", "1.2 s" */

#endif
