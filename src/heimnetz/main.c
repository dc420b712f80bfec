/* heimnetz - the command line of the suite. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "heimnetz/args.h"
#include "heimnetz/help.h"
#include "heimnetz/service.h"

/* What to type to get here again: the script in a checkout says so itself. */
static const char *name_of(const char *arg)
{
    const char *said = getenv("HEIMNETZ_NAME");
    return said != NULL && said[0] != '\0' ? said : arg != NULL && arg[0] != '\0' ? arg : "heimnetz";
}

/* The client of the model server, which every command may use. */
static enum kit_status connect(struct heimnetz *h, struct kit_err *err)
{
    char url[SERVICE_ADDRESS_BYTES];
    bool said;
    heimnetz_service_address(h, HEIMNETZ_SERVICE_AETHERCORE, url, &said);
    enum kit_status rc = client_init(&h->client, url, getenv("HEIMNETZ_API_KEY"), err);
    h->client.timeout_ms = HEIMNETZ_CALL_MS;
    return rc;
}

static int run(struct heimnetz *h)
{
    struct kit_err err = {0};
    bool help = heimnetz_args_has(h, HEIMNETZ_OPT_HELP), version = heimnetz_args_has(h, HEIMNETZ_OPT_VERSION);
    if (help && h->command != NULL && h->command->help != NULL) {
        heimnetz_help_command(h, &h->out, h->command);
        return HEIMNETZ_GOOD;
    }
    if (h->command == NULL && (help || version)) {
        return version ? heimnetz_cmd_version(h) : heimnetz_cmd_help(h);
    }
    if (h->command == NULL && h->word_count > 0) {
        return heimnetz_help_unknown(h);
    }
    if ((h->command != NULL && heimnetz_args_check(h, &err) != KIT_OK) || connect(h, &err) != KIT_OK) {
        return heimnetz_usage(h, "%s", err.msg);
    }
    return h->command != NULL ? h->command->run(h) : heimnetz_cmd_overview(h);
}

int main(int argc, char **argv)
{
    struct heimnetz h = {.name = name_of(argv[0])};
    struct kit_err err = {0};
    setlocale(LC_CTYPE, "");
    enum kit_status rc = heimnetz_args_read(&h, argc, argv, &err);
    bool no_color = heimnetz_args_has(&h, HEIMNETZ_OPT_NO_COLOR);
    heimnetz_term_init(&h.out, stdout, no_color);
    heimnetz_term_init(&h.err, stderr, no_color);
    h.json = heimnetz_args_has(&h, HEIMNETZ_OPT_JSON);
    int code = rc == KIT_OK ? run(&h) : heimnetz_usage(&h, "%s", err.msg);
    heimnetz_args_done(&h);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? code : HEIMNETZ_REFUSED;
}
