/* src/heimnetz/logline.h - a line that a program of the suite has logged (kit/log.h), as logfmt or JSON, taken apart.
 *
 * Thread: any; pure. Memory: slices borrow from the line. */
#ifndef HEIMNETZ_LOGLINE_H
#define HEIMNETZ_LOGLINE_H

#include "heimnetz/term.h"
#include "kit/buf.h"

struct heimnetz_logline {
    kit_str time;  /* "2026-11-23T05:40:28.123Z" */
    kit_str level; /* "info" */
    kit_str event; /* "server.ready" */
    kit_str rest;  /* key=value pairs, values quoted where they need it */
};

/* False: not a line of ours, such as what a crash prints. Of logfmt only; heimnetz_logline_from_json comes first. */
bool heimnetz_logline_parse(kit_str line, struct heimnetz_logline *ret);
/* Writes a line of JSON as the same in logfmt. False: no such line. */
bool heimnetz_logline_from_json(kit_str line, struct kit_buf *out);

/* Takes the next pair off *rest; value without its quotes, still escaped. */
bool heimnetz_logline_next(kit_str *rest, kit_str *key, kit_str *value);
/* The value of a key, without quotes and escapes; false: it is not there. */
bool heimnetz_logline_value(const struct heimnetz_logline *l, const char *key, char *buf, size_t size);

/* Adds the line for people: local time, level, event, pairs. A line that is not ours comes as it is. */
void heimnetz_logline_show(struct kit_buf *out, kit_str line);
/* Adds the line as one object of JSON. A line that is not ours is {"text":…}. */
void heimnetz_logline_json(struct kit_buf *out, kit_str line);

#endif
