/* src/heimnetz/command.h - what every command gets, what it answers, and the table of all of them.
 *
 * A command is cmd_<name>.c with one function for each row of commands.def. Thread: main. */
#ifndef HEIMNETZ_COMMAND_H
#define HEIMNETZ_COMMAND_H

#include "client/client.h"
#include "heimnetz/term.h"

enum heimnetz_exit {
    HEIMNETZ_GOOD = 0,
    HEIMNETZ_REFUSED = 1, /* the server said no */
    HEIMNETZ_USAGE = 2,
    HEIMNETZ_NOBODY = 3,  /* nothing answers */
    HEIMNETZ_FAILING = 4, /* it answers, but it is not well */
};

#define HEIMNETZ_CALL_MS 10000   /* a question about the server */
#define HEIMNETZ_WORK_MS 3600000 /* a model at work */

struct heimnetz {
    struct client client;
    struct heimnetz_term out, err;
    bool json;
    char *const *args; /* behind the command's words */
    int arg_count;
};

struct heimnetz_command {
    const char *words; /* "aethercore load" */
    const char *usage; /* "MODEL" */
    const char *help;
    int (*run)(struct heimnetz *h); /* an enum heimnetz_exit */
};

#define COMMAND(words, usage, run, help) int run(struct heimnetz *h);
#include "heimnetz/commands.def"
#undef COMMAND

extern const struct heimnetz_command heimnetz_commands[]; /* ends with words NULL */

/* Prints an error with what to do next, and gives the exit code that goes with it. a: the answer that said it; NULL: nothing
 * was asked, or nothing answered. */
int heimnetz_fail(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const struct client_answer *a);
/* "usage: heimnetz …"; HEIMNETZ_USAGE. */
int heimnetz_usage(struct heimnetz *h, const char *words);
/* Prints an answer's body as it came and a newline: what --json does. */
int heimnetz_print_json(struct heimnetz *h, const struct client_answer *a);

#endif
