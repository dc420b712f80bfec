/* heimnetz - the command line of the suite. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "heimnetz/command.h"

#define URL_DEFAULT "http://127.0.0.1:8001"

static void print_help(const struct heimnetz_term *t)
{
    heimnetz_term_put(t, TERM_BOLD, "heimnetz");
    fputs(" - your own AI on your own machines\n\n", t->out);
    heimnetz_term_put(t, TERM_DIM, "usage: heimnetz [options] COMMAND\n\n");
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        heimnetz_term_put(t, TERM_ACCENT, "  %s", c->words);
        fprintf(t->out, " %s\n", c->usage);
        heimnetz_term_put(t, TERM_DIM, "      %s\n", c->help);
    }
    fputs("\n  --url ADDRESS  the model server (AETHERCORE_URL, " URL_DEFAULT ")\n"
          "  --json         what the server said, as it said it\n"
          "  --no-color     no colours (NO_COLOR)\n"
          "  --version, --help\n\n"
          "Exit codes: 0 good, 1 the server said no, 2 usage, 3 nothing answers,\n"
          "4 it is failing.\n",
          t->out);
}

/* How many of args the words of a command take; 0: not this one. */
static int match_words(const char *words, char *const *args, int count)
{
    kit_str rest = kit_str_c(words), word;
    int taken = 0;
    while (kit_str_cut(&rest, ' ', &word)) {
        if (taken == count || !kit_str_eq(word, kit_str_c(args[taken]))) {
            return 0;
        }
        taken++;
    }
    return taken;
}

static const struct heimnetz_command *find_command(char *const *args, int count, int *taken)
{
    const struct heimnetz_command *best = NULL;
    *taken = 0;
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        int n = match_words(c->words, args, count);
        if (n > *taken) {
            *taken = n;
            best = c;
        }
    }
    return best;
}

struct options {
    const char *url;
    bool json, no_color, help, version;
    char *args[256]; /* what is no option of ours, in order */
    int count;
};

static bool is(const char *arg, const char *name)
{
    return strcmp(arg, name) == 0;
}

/* False: usage. */
static bool read_options(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        if (is(argv[i], "--text") && i + 1 < argc && o->count + 2 <= (int)KIT_COUNT(o->args)) {
            o->args[o->count++] = argv[i++]; /* whatever the text is */
            o->args[o->count++] = argv[i];
        } else if (is(argv[i], "--json")) {
            o->json = true;
        } else if (is(argv[i], "--no-color")) {
            o->no_color = true;
        } else if (is(argv[i], "--help") || is(argv[i], "-h")) {
            o->help = true;
        } else if (is(argv[i], "--version")) {
            o->version = true;
        } else if (is(argv[i], "--url")) {
            if (++i == argc) {
                return false;
            }
            o->url = argv[i];
        } else if (strncmp(argv[i], "--url=", 6) == 0) {
            o->url = argv[i] + 6;
        } else if (o->count == (int)KIT_COUNT(o->args)) {
            return false;
        } else {
            o->args[o->count++] = argv[i];
        }
    }
    return true;
}

/* A group's name alone ("aethercore") lists its commands. */
static int unknown_command(struct heimnetz *h, const char *word)
{
    size_t len = strlen(word);
    bool group = false;
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (strncmp(c->words, word, len) == 0 && c->words[len] == ' ') {
            fprintf(h->err.out, "  heimnetz %s %s\n", c->words, c->usage);
            group = true;
        }
    }
    if (!group) {
        fprintf(h->err.out, "heimnetz: unknown %s '%s'; --help lists them\n", word[0] == '-' ? "option" : "command",
                word);
    }
    return HEIMNETZ_USAGE;
}

static int run_command(struct heimnetz *h, const struct options *o)
{
    int taken = 0;
    const struct heimnetz_command *c = find_command(o->args, o->count, &taken);
    if (c == NULL) {
        return unknown_command(h, o->args[0]);
    }
    h->args = o->args + taken;
    h->arg_count = o->count - taken;
    if (h->arg_count > 0 && c->usage[0] == '\0') {
        fprintf(h->err.out, "heimnetz: '%s' takes no '%s'\n", c->words, h->args[0]);
        return HEIMNETZ_USAGE;
    }
    return c->run(h);
}

int main(int argc, char **argv)
{
    struct options o = {0};
    struct heimnetz h = {0};
    struct kit_err err = {0};
    setlocale(LC_CTYPE, "");
    bool good = read_options(argc, argv, &o);
    heimnetz_term_init(&h.out, stdout, o.no_color);
    heimnetz_term_init(&h.err, stderr, o.no_color);
    h.json = o.json;
    if (!good) {
        fputs("usage: heimnetz [options] COMMAND; --help lists them\n", stderr);
        return HEIMNETZ_USAGE;
    }
    if (o.version) {
        puts("heimnetz " HEIMNETZ_VERSION);
        return HEIMNETZ_GOOD;
    }
    if (o.help || o.count == 0) {
        print_help(&h.out);
        return HEIMNETZ_GOOD;
    }
    const char *url = o.url != NULL ? o.url : getenv("AETHERCORE_URL");
    if (client_init(&h.client, url != NULL && url[0] != '\0' ? url : URL_DEFAULT, getenv("HEIMNETZ_API_KEY"), &err) !=
        KIT_OK) {
        fprintf(stderr, "heimnetz: %s\n", err.msg);
        return HEIMNETZ_USAGE;
    }
    h.client.timeout_ms = HEIMNETZ_CALL_MS;
    int code = run_command(&h, &o);
    return fflush(stdout) == 0 && ferror(stdout) == 0 ? code : HEIMNETZ_REFUSED;
}
