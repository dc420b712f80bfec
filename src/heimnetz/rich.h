/* src/heimnetz/rich.h - text with styles in it, ready for a terminal: clean, measured, wrapped.
 *
 * Rich text is valid UTF-8 in a kit_buf. A change of style or place is the byte MARK and what follows; '\n' ends a line;
 * there is no other control character, whoever the text came from. Columns are counted as terminals do: combining
 * characters none, East Asian wide ones and emoji two; a sequence that some terminals join counts as its parts.
 * Thread: main. Memory: the kit_buf's. */
#ifndef HEIMNETZ_RICH_H
#define HEIMNETZ_RICH_H

#include "heimnetz/term.h"
#include "kit/buf.h"

#define RICH_MARK '\x01'

/* Appends text in a style; afterwards the style is plain again. Bytes that are not UTF-8 become U+FFFD, control
 * characters '?', tabs a space; characters that turn the direction of writing go. Failures stay in out->failed. */
void heimnetz_rich_add(struct kit_buf *out, enum heimnetz_style style, const char *format, ...) KIT_PRINTF(3, 4);
void heimnetz_rich_vadd(struct kit_buf *out, enum heimnetz_style style, const char *format, va_list args)
    KIT_PRINTF(3, 0);
/* Appends at most `columns` of s in a style: a longer one, or one of several lines, is cut and ends in an ellipsis. */
void heimnetz_rich_fit(struct kit_buf *out, enum heimnetz_style style, kit_str s, uint32_t columns,
                       const struct heimnetz_term *t);
void heimnetz_rich_pad(struct kit_buf *out, uint32_t columns); /* that many spaces */

uint32_t heimnetz_rich_columns(kit_str rich); /* of its widest line */
/* Does it hold what terminals measure differently: joined emoji, flags, emoji that are asked for by a selector? */
bool heimnetz_rich_is_uncertain(kit_str rich);
/* Goes on at a column, counted from 1, where the terminal's cursor moves: behind a text that is uncertain. */
void heimnetz_rich_place(struct kit_buf *out, uint32_t column);

/* Lines of at most `columns` (0: only '\n' ends a line): after a blank, else after one of / - _ , : or a wide
 * character, else anywhere between two characters.
 *
 *     for (struct heimnetz_rich_lines l = heimnetz_rich_lines(text); heimnetz_rich_next(&l, width);) { l.line, l.style } */
struct heimnetz_rich_lines {
    kit_str line;              /* without its end */
    enum heimnetz_style style; /* in force where line begins */
    kit_str rest;
    enum heimnetz_style after; /* in force where rest begins */
};
struct heimnetz_rich_lines heimnetz_rich_lines(kit_str rich);
bool heimnetz_rich_next(struct heimnetz_rich_lines *l, uint32_t columns);
/* Appends such a line, in its style, plain at the end. */
void heimnetz_rich_line(struct kit_buf *out, const struct heimnetz_rich_lines *l);

/* Writes rich text: styles as the terminal shows them, or none; other than ASCII only where it can be shown. */
void heimnetz_rich_print(const struct heimnetz_term *t, kit_str rich);
/* The same, line by line, none wider than the terminal. s ends with '\n'. */
void heimnetz_rich_print_wrapped(const struct heimnetz_term *t, kit_str rich);

#endif
