/* src/heimnetz/chat_input.h - what a person types: a line with editing and history, or several as one text. The only file
 * that sees libedit (editline(3)).
 *
 * A line that ends in a backslash goes on in the next one; three double quotes begin a text of many lines, and end it.
 * Standard input and output are a terminal, and heimnetz_interrupt_watch was called. Thread: main. The history is gone with
 * the program: what is asked is written nowhere. */
#ifndef HEIMNETZ_CHAT_INPUT_H
#define HEIMNETZ_CHAT_INPUT_H

#include "kit/buf.h"

#define INPUT_BYTES_MAX (8 * KIT_MIB)

struct heimnetz_input;

KIT_MUST_CHECK enum kit_status heimnetz_input_open(struct heimnetz_input **ret, struct kit_err *err); /* NOMEM */
void heimnetz_input_close(struct heimnetz_input *i);                                                  /* NULL is fine */

/* The next text, without the end of its line. False: the person leaves, by Ctrl-D on an empty line or Ctrl-C. */
bool heimnetz_input_read(struct heimnetz_input *i, struct kit_buf *text);

/* For tests, and the rule itself: does the text so far want another line? Takes the marks off once it does not. */
bool heimnetz_input_goes_on(struct kit_buf *text);

#endif
