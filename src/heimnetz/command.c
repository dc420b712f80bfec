#include "heimnetz/command.h"

#include <string.h>

const struct heimnetz_command heimnetz_commands[] = {
#define COMMAND(words_, usage_, run_, help_) {.words = words_, .usage = usage_, .run = run_, .help = help_},
#include "heimnetz/commands.def"
#undef COMMAND
    {.words = NULL},
};

int heimnetz_usage(struct heimnetz *h, const char *words)
{
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (strcmp(c->words, words) == 0) {
            fprintf(h->err.out, "usage: heimnetz %s %s\n", c->words, c->usage);
        }
    }
    return HEIMNETZ_USAGE;
}

static void say_next(struct heimnetz *h, enum kit_status rc)
{
    const char *next = NULL;
    if (rc == KIT_UNAVAILABLE) {
        next = "start the server with 'make run', or name another one with --url";
    } else if (rc == KIT_MODEL_NOT_FOUND) {
        next = "'heimnetz aethercore models' lists what is there";
    }
    if (next != NULL) {
        heimnetz_term_put(&h->err, TERM_DIM, "  %s\n", next);
    }
}

int heimnetz_fail(struct heimnetz *h, enum kit_status rc, const struct kit_err *err)
{
    heimnetz_term_put(&h->err, TERM_BAD, "heimnetz:");
    fprintf(h->err.out, " %s\n", err->msg);
    say_next(h, rc);
    switch (rc) {
    case KIT_UNAVAILABLE:
    case KIT_IO:
        return HEIMNETZ_NOBODY;
    default:
        return HEIMNETZ_REFUSED;
    }
}

int heimnetz_print_json(struct heimnetz *h, const struct client_answer *a)
{
    fprintf(h->out.out, "%s\n", a->text != NULL ? a->text : "null");
    return a->status < 400 ? HEIMNETZ_GOOD : HEIMNETZ_REFUSED;
}
