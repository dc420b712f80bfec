/* src/text/stops.h - a generated text on its way to its reader: it ends where a stop string is complete, and what is shown before
 * is whole characters, none of them part of a stop string.
 *
 * A byte waits only while it may belong to a stop string or to an unfinished character, so at most 258 wait. The end is
 * the first byte that completes a stop string; of several that it completes the longest counts. How the bytes are cut
 * into pieces changes nothing. Thread: one at a time. Memory: about 800 bytes a stop string, made by new. Source:
 * Knuth, Morris and Pratt 1977, "Fast Pattern Matching in Strings": constant time a byte, on average, for each stop
 * string. */
#ifndef TEXT_STOPS_H
#define TEXT_STOPS_H

#include "kit/buf.h"

#define TEXT_STOPS_MAX 16u
#define TEXT_STOP_BYTES_MAX 256u

struct text_stops;

/* stops [count]: copied; each 1 … TEXT_STOP_BYTES_MAX bytes of UTF-8; count 0: the text goes on to its end. Errors:
 * INVALID (names the stop string), NOMEM. */
KIT_MUST_CHECK enum kit_status text_stops_new(const kit_str *stops, uint32_t count, struct text_stops **ret,
                                              struct kit_err *err);
void text_stops_free(struct text_stops *s); /* NULL is fine */

/* Appends to out what can be shown by now: valid UTF-8, with U+FFFD for bytes that are none. True: a stop string is
 * complete, here or before; the text ends before it, and whatever comes is dropped. What fails shows in out->failed. */
bool text_stops_put(struct text_stops *s, kit_str bytes, struct kit_buf *out);
/* The text ends here: appends what has waited, unless a stop string has ended it. */
void text_stops_end(struct text_stops *s, struct kit_buf *out);
/* Index of the stop string that ended the text; -1: none has. */
int text_stops_found(const struct text_stops *s);

#endif
