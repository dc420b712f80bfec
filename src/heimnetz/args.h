/* src/heimnetz/args.h - the command line against the tables of command.h.
 *
 * Options stand anywhere, "--name value", "--name=value" or "-n value"; "--" ends them; what is no option is a word. The
 * value of an option is whatever follows it, a text that begins with "-" too. Thread: main. Memory: the arrays of
 * struct heimnetz are owned by it until heimnetz_args_done; strings are argv's. */
#ifndef HEIMNETZ_ARGS_H
#define HEIMNETZ_ARGS_H

#include "heimnetz/command.h"

/* Fills h->command, words and given. INVALID: an option that there is not or that needs a value (the message offers the
 * nearest); NOMEM. An unknown command leaves h->command NULL and its words in h->words. */
KIT_MUST_CHECK enum kit_status heimnetz_args_read(struct heimnetz *h, int argc, char *const *argv, struct kit_err *err);
void heimnetz_args_done(struct heimnetz *h);

/* INVALID: an option that h->command does not take, too few words or too many. */
KIT_MUST_CHECK enum kit_status heimnetz_args_check(const struct heimnetz *h, struct kit_err *err);

bool heimnetz_args_has(const struct heimnetz *h, enum heimnetz_option option);
/* The last value given; NULL: none. */
const char *heimnetz_args_value(const struct heimnetz *h, enum heimnetz_option option);
/* The same as a whole number in [min, max]; `otherwise` when it was not given. INVALID. */
KIT_MUST_CHECK enum kit_status heimnetz_args_number(const struct heimnetz *h, enum heimnetz_option option, uint64_t min,
                                                    uint64_t max, uint64_t otherwise, uint64_t *ret,
                                                    struct kit_err *err);

/* The command whose words are the longest front of words[0 … count); NULL: none. *taken: how many words it is. */
const struct heimnetz_command *heimnetz_args_find(const char *const *words, uint32_t count, uint32_t *taken);
/* The option called by arg, which may end in "=value" (*value is set to it, else NULL); HEIMNETZ_OPT_COUNT: none. */
enum heimnetz_option heimnetz_args_option(const char *arg, const char **value);

/* One word of a command's arguments, "MODEL", "[TEXT]...". */
struct heimnetz_argument {
    kit_str name; /* without brackets and dots */
    bool optional, repeated;
};
/* Takes the next off *rest; false: there is none. */
bool heimnetz_args_next(kit_str *rest, struct heimnetz_argument *ret);

#endif
