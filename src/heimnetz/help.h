/* src/heimnetz/help.h - help out of the tables of command.h. Thread: main. */
#ifndef HEIMNETZ_HELP_H
#define HEIMNETZ_HELP_H

#include "heimnetz/command.h"

/* All commands. */
void heimnetz_help(const struct heimnetz *h, const struct heimnetz_term *t);
/* One command: what it takes and an example. */
void heimnetz_help_command(const struct heimnetz *h, const struct heimnetz_term *t, const struct heimnetz_command *c);
/* Do commands begin with this word, as with "aethercore"? */
bool heimnetz_help_is_group(const char *word);
/* The commands that begin with it. */
void heimnetz_help_group(const struct heimnetz *h, const struct heimnetz_term *t, const char *word);
/* The command that may have been meant by words nobody knows, behind "heimnetz "; NULL: none is near. */
const char *heimnetz_help_nearest(const char *const *words, uint32_t count);
/* h's words (at least one) are no command: says so, with the one that may have been meant, or lists those of a group that
 * stands alone. The exit code. */
int heimnetz_help_unknown(struct heimnetz *h);

#endif
