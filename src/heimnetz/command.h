/* src/heimnetz/command.h - what every command gets, what it answers, and the tables of all of them.
 *
 * A command is a function in cmd_<name>.c and a row of commands.def; what it takes are rows of options.def. Parser
 * (args.h), help (help.h) and completions (cmd_completions.c) read the same rows. Thread: main. */
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

/* --- options --- */

enum heimnetz_option {
#define OPTION(id, name, letter, value, kind, help) HEIMNETZ_OPT_##id,
#include "heimnetz/options.def"
#undef OPTION
    HEIMNETZ_OPT_COUNT
};
_Static_assert(HEIMNETZ_OPT_COUNT <= 64, "a set of options is one 64-bit word");

#define HEIMNETZ_BIT(id) (UINT64_C(1) << HEIMNETZ_OPT_##id)
#define HEIMNETZ_COMMON                                                                                                \
    (HEIMNETZ_BIT(URL) | HEIMNETZ_BIT(CONTEXT_URL) | HEIMNETZ_BIT(JSON) | HEIMNETZ_BIT(NO_COLOR) |                     \
     HEIMNETZ_BIT(HELP) | HEIMNETZ_BIT(VERSION))

/* Those that a service is started with; they have the service's own names. */
#define HEIMNETZ_STARTS                                                                                                \
    (HEIMNETZ_BIT(HOST) | HEIMNETZ_BIT(PORT) | HEIMNETZ_BIT(MODELS) | HEIMNETZ_BIT(API_KEY_FILE) |                     \
     HEIMNETZ_BIT(CONFIG) | HEIMNETZ_BIT(SET))

/* What the value of an option, or a word of a command, stands for. */
enum heimnetz_kind {
    HEIMNETZ_KIND_OTHER,
    HEIMNETZ_KIND_FILE,
    HEIMNETZ_KIND_FOLDER,
    HEIMNETZ_KIND_MODEL,
    HEIMNETZ_KIND_TASK,
    HEIMNETZ_KIND_SERVICE,
    HEIMNETZ_KIND_SHELL,
    HEIMNETZ_KIND_COMMAND,
};

struct heimnetz_option_row {
    const char *name;  /* "--text" */
    char letter;       /* 't' for -t; 0: none */
    const char *value; /* "TEXT"; NULL: a switch */
    enum heimnetz_kind kind;
    const char *help;
};
extern const struct heimnetz_option_row heimnetz_options[HEIMNETZ_OPT_COUNT];

/* --- commands --- */

struct heimnetz;

struct heimnetz_command {
    const char *words;              /* "aethercore load" */
    const char *arguments;          /* "MODEL [TEXT]..." */
    uint64_t options;               /* HEIMNETZ_BIT of each that it takes beside HEIMNETZ_COMMON */
    const char *help;               /* NULL: not for people, and not listed */
    const char *example;            /* behind "heimnetz "; NULL: none */
    int (*run)(struct heimnetz *h); /* an enum heimnetz_exit */
};

#define COMMAND(words, arguments, options, run, help, example) int run(struct heimnetz *h);
#include "heimnetz/commands.def"
#undef COMMAND

/* `heimnetz` alone. */
int heimnetz_cmd_overview(struct heimnetz *h);

extern const struct heimnetz_command heimnetz_commands[]; /* ends with words NULL */

/* --- one run --- */

/* An option as it was given. */
struct heimnetz_given {
    enum heimnetz_option option;
    const char *value;     /* borrowed of argv; NULL for a switch */
    uint32_t words_before; /* how many of struct heimnetz's words stand before it */
};

struct heimnetz {
    struct client client;
    struct heimnetz_term out, err;
    const char *name; /* what to type: "heimnetz", "./heimnetz" */
    bool json;
    const struct heimnetz_command *command; /* NULL: none was named */
    const char **words;                     /* [word_count] behind the command's words; owned by args.h */
    uint32_t word_count;
    struct heimnetz_given *given; /* [given_count] in the order given; owned by args.h */
    uint32_t given_count;
};

/* Prints an error with what to do next, and gives the exit code that goes with it. a: the answer that said it; NULL: nothing
 * was asked, or nothing answered. With --json the error is an object on standard output. */
int heimnetz_fail(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const struct client_answer *a);
/* The same without an exit code: next is what to type, behind the program's name and up to the closing quote ("up' starts
 * it"); NULL: nothing. */
void heimnetz_error(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const char *next);
/* What is wrong with how it was called, and where it is explained; HEIMNETZ_USAGE. */
int heimnetz_usage(struct heimnetz *h, const char *format, ...) KIT_PRINTF(2, 3);
/* Prints an answer's body as it came and a newline: what --json does. */
int heimnetz_print_json(struct heimnetz *h, const struct client_answer *a);
/* Prints text, which is JSON, and a newline. text.failed is an error. */
int heimnetz_print_buf(struct heimnetz *h, const struct kit_buf *text);

#endif
