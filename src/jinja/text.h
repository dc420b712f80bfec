/* src/jinja/text.h - what Python's str does, on values that keep their marks. For src/jinja/ only.
 *
 * Case is that of ASCII; letters beyond it stay as they are. Thread: one. Memory: the run's arena. */
#ifndef JINJA_TEXT_H
#define JINJA_TEXT_H

#include "jinja/value.h"

/* which: "l", "r" or "lr". chars: MISSING or none for white space, else the characters to take away. */
struct jinja_value jinja_text_strip(struct jinja_run *r, struct jinja_value s, struct jinja_value chars,
                                    const char *which);
/* A list. sep: MISSING or none for runs of white space; most < 0: no limit. */
struct jinja_value jinja_text_split(struct jinja_run *r, struct jinja_value s, struct jinja_value sep, int64_t most);
struct jinja_value jinja_text_rsplit(struct jinja_run *r, struct jinja_value s, struct jinja_value sep, int64_t most);
struct jinja_value jinja_text_lines(struct jinja_run *r, struct jinja_value s, bool keep_ends);
struct jinja_value jinja_text_replace(struct jinja_run *r, struct jinja_value s, struct jinja_value old,
                                      struct jinja_value new, int64_t most);
/* items: a list of any values, printed. */
struct jinja_value jinja_text_join(struct jinja_run *r, struct jinja_value sep, struct jinja_value items);

enum jinja_case { JINJA_CASE_LOWER, JINJA_CASE_UPPER, JINJA_CASE_CAPITAL, JINJA_CASE_TITLE, JINJA_CASE_SWAP };
struct jinja_value jinja_text_case(struct jinja_run *r, struct jinja_value s, enum jinja_case how);

#endif
