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

static const char *next_step(enum kit_status rc, bool answered)
{
    if (rc == KIT_UNAVAILABLE && !answered) {
        return "start the server with 'make run', or name another one with --url";
    }
    return rc == KIT_MODEL_NOT_FOUND ? "'heimnetz aethercore models' lists what is there" : NULL;
}

int heimnetz_fail(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const struct client_answer *a)
{
    bool answered = a != NULL && a->status != 0;
    const char *next = next_step(rc, answered);
    heimnetz_term_put(&h->err, TERM_BAD, "heimnetz:");
    fprintf(h->err.out, " %s\n", err->msg);
    if (next != NULL) {
        heimnetz_term_put(&h->err, TERM_DIM, "  %s\n", next);
    }
    if (answered) {
        return a->status >= 500 ? HEIMNETZ_FAILING : HEIMNETZ_REFUSED;
    }
    bool nobody = rc == KIT_UNAVAILABLE || rc == KIT_IO || rc == KIT_TIMEOUT;
    return nobody ? HEIMNETZ_NOBODY : HEIMNETZ_REFUSED;
}

int heimnetz_print_json(struct heimnetz *h, const struct client_answer *a)
{
    fprintf(h->out.out, "%s\n", a->text != NULL ? a->text : "null");
    return a->status < 400 ? HEIMNETZ_GOOD : HEIMNETZ_REFUSED;
}
