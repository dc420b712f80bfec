/* heimnetz completions SHELL: a script for the shell, which asks `heimnetz __complete -- WORDS…` at each TAB; so it knows
 * new commands and the server's models without being made anew.
 *
 * __complete prints a candidate a line, with what it is behind a tab; a line ":files" or ":folders" leaves it to the
 * shell. Nothing that fails says anything: a completion must not disturb the line that is being typed. */
#include <string.h>

#include "heimnetz/args.h"
#include "task/kind.h"

#define ANSWER_MS 400 /* of the server: longer than this nobody waits for a TAB */

/* --- scripts --- */

static const char bash_script[] = "_heimnetz() {\n"
                                  "    local candidate\n"
                                  "    COMPREPLY=()\n"
                                  "    while IFS=$'\\t' read -r candidate _; do\n"
                                  "        case $candidate in\n"
                                  "        :files) compopt -o default; return ;;\n"
                                  "        :folders) compopt -o dirnames; return ;;\n"
                                  "        \"${COMP_WORDS[COMP_CWORD]}\"*) COMPREPLY+=(\"$candidate\") ;;\n"
                                  "        esac\n"
                                  "    done < <(\"$1\" __complete -- \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\n"
                                  "}\n"
                                  "complete -F _heimnetz heimnetz\n";

static const char zsh_script[] =
    "#compdef heimnetz\n"
    "_heimnetz() {\n"
    "    local line\n"
    "    local -a candidates\n"
    "    for line in \"${(@f)$(\"$words[1]\" __complete -- \"${(@)words[2,CURRENT]}\" 2>/dev/null)}\"; do\n"
    "        case $line in\n"
    "        :files) _files; return ;;\n"
    "        :folders) _files -/; return ;;\n"
    "        ?*) candidates+=(\"${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}\") ;;\n"
    "        esac\n"
    "    done\n"
    "    _describe heimnetz candidates\n"
    "}\n"
    "if [[ $funcstack[1] = _heimnetz ]]; then _heimnetz \"$@\"; else compdef _heimnetz heimnetz; fi\n";

static const char fish_script[] = "function __heimnetz_complete\n"
                                  "    set -l words (commandline -opc) (commandline -ct)\n"
                                  "    for line in (command $words[1] __complete -- $words[2..-1] 2>/dev/null)\n"
                                  "        switch $line\n"
                                  "            case :files\n"
                                  "                __fish_complete_path (commandline -ct)\n"
                                  "            case :folders\n"
                                  "                __fish_complete_directories (commandline -ct)\n"
                                  "            case '*'\n"
                                  "                echo $line\n"
                                  "        end\n"
                                  "    end\n"
                                  "end\n"
                                  "complete -c heimnetz -f -a '(__heimnetz_complete)'\n";

static const struct {
    const char *name, *script;
} shells[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};

static int print_script(struct heimnetz *h, const char *shell, const char *script)
{
    struct kit_buf text;
    struct kit_json_writer w;
    if (!h->json) {
        fputs(script, h->out.out);
        return HEIMNETZ_GOOD;
    }
    kit_buf_init(&text, KIT_MIB);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "shell", shell);
    kit_json_member_c(&w, "script", script);
    kit_json_close(&w, '}');
    int code = heimnetz_print_buf(h, &text);
    kit_buf_done(&text);
    return code;
}

int heimnetz_cmd_completions(struct heimnetz *h)
{
    for (size_t i = 0; i < KIT_COUNT(shells); i++) {
        if (strcmp(h->words[0], shells[i].name) == 0) {
            return print_script(h, shells[i].name, shells[i].script);
        }
    }
    return heimnetz_usage(h, "'%s' is not a shell that we know: bash, zsh, fish", h->words[0]);
}

/* --- candidates --- */

static void offer(const struct heimnetz *h, kit_str word, const char *what)
{
    fprintf(h->out.out, "%.*s\t%s\n", KIT_STR_ARG(word), what);
}

/* What a server says ends up on a command line: nothing there may mean something to a shell. */
static bool is_plain(kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '/' && c != '.' && c != '_' && (c != '-' || i == 0)) {
            return false;
        }
    }
    return s.len > 0;
}

static void offer_models(struct heimnetz *h)
{
    struct client_answer a = {0};
    h->client.timeout_ms = ANSWER_MS;
    if (client_call(&h->client, "GET", "/models", (kit_str){0}, &a, NULL) == KIT_OK && a.doc != NULL) {
        kit_json models = kit_json_get(kit_json_root(a.doc), "models");
        for (struct kit_json_iter i = kit_json_iter(models); kit_json_next(&i);) {
            char what[32];
            kit_str id = kit_json_str(kit_json_get(i.value, "id"), (kit_str){0});
            kit_str state = kit_json_str(kit_json_get(i.value, "state"), (kit_str){0});
            if (is_plain(id)) {
                offer(h, id, kit_str_to_c(is_plain(state) ? state : kit_str_lit("model"), what, sizeof(what)));
            }
        }
    }
    client_answer_done(&a);
}

/* The next word of each command that begins with words[0 … count). */
static void offer_commands(const struct heimnetz *h, const char *const *words, uint32_t count)
{
    kit_str last = {0};
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        kit_str rest = kit_str_c(c->words), word = {0};
        uint32_t same = 0;
        while (same < count && kit_str_cut(&rest, ' ', &word) && kit_str_eq(word, kit_str_c(words[same]))) {
            same++;
        }
        if (c->help != NULL && same == count && kit_str_cut(&rest, ' ', &word) && !kit_str_eq(word, last)) {
            offer(h, word, rest.len > 0 ? "commands" : c->help);
            last = word;
        }
    }
}

static void offer_options(const struct heimnetz *h, uint64_t options)
{
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        if ((options >> i & 1) != 0) {
            offer(h, kit_str_c(heimnetz_options[i].name), heimnetz_options[i].help);
        }
    }
}

static void offer_words(const struct heimnetz *h, const char *words)
{
    kit_str rest = kit_str_c(words), word;
    while (kit_str_cut(&rest, ' ', &word)) {
        offer(h, word, "");
    }
}

/* All but raw: tensors are nothing to type. */
static void offer_tasks(const struct heimnetz *h)
{
#define OFFER(name, text)                                                                                              \
    if (TASK_##name != TASK_RAW) {                                                                                     \
        offer(h, kit_str_lit(text), "");                                                                               \
    }
    TASK_NAMED(OFFER)
#undef OFFER
}

static void offer_kind(struct heimnetz *h, enum heimnetz_kind kind)
{
    switch (kind) {
    case HEIMNETZ_KIND_FILE:
    case HEIMNETZ_KIND_FOLDER:
        fputs(kind == HEIMNETZ_KIND_FILE ? ":files\n" : ":folders\n", h->out.out);
        break;
    case HEIMNETZ_KIND_MODEL:
        offer_models(h);
        break;
    case HEIMNETZ_KIND_TASK:
        offer_tasks(h);
        break;
    case HEIMNETZ_KIND_SERVICE:
        offer_words(h, "aethercore contextforge");
        break;
    case HEIMNETZ_KIND_SHELL:
        offer_words(h, "bash zsh fish");
        break;
    case HEIMNETZ_KIND_COMMAND:
    case HEIMNETZ_KIND_OTHER:
        break;
    }
}

static enum heimnetz_kind kind_of(kit_str argument)
{
    static const struct {
        const char *name;
        enum heimnetz_kind kind;
    } rows[] = {{"MODEL", HEIMNETZ_KIND_MODEL},     {"MODEL[:QUANT]", HEIMNETZ_KIND_MODEL},
                {"MODEL|URL", HEIMNETZ_KIND_MODEL}, {"SERVICE", HEIMNETZ_KIND_SERVICE},
                {"SHELL", HEIMNETZ_KIND_SHELL},     {"COMMAND", HEIMNETZ_KIND_COMMAND}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (kit_str_eq(argument, kit_str_c(rows[i].name))) {
            return rows[i].kind;
        }
    }
    return HEIMNETZ_KIND_OTHER;
}

/* What the word behind `given` words of a command stands for. */
static enum heimnetz_kind argument_kind(const struct heimnetz_command *c, uint32_t given)
{
    kit_str rest = kit_str_c(c->arguments);
    struct heimnetz_argument argument = {0};
    uint32_t at = 0;
    while (heimnetz_args_next(&rest, &argument)) {
        if (at == given || argument.repeated) {
            return kind_of(argument.name);
        }
        at++;
    }
    return HEIMNETZ_KIND_OTHER;
}

/* --- where we are in the line --- */

struct line {
    const char **words; /* [count] without options and their values; the rest of h->words is not used any more */
    uint32_t count;
    enum heimnetz_option open; /* the option whose value is being typed; HEIMNETZ_OPT_COUNT: none */
    const char *typed;         /* the word under the cursor so far */
};

static struct line read_line(struct heimnetz *h)
{
    struct line l = {.words = h->words, .open = HEIMNETZ_OPT_COUNT, .typed = ""};
    for (uint32_t i = 0; i < h->word_count; i++) {
        const char *word = h->words[i], *value = NULL;
        bool last = i + 1 == h->word_count;
        enum heimnetz_option option = heimnetz_args_option(word, &value);
        bool takes_next = option != HEIMNETZ_OPT_COUNT && heimnetz_options[option].value != NULL && value == NULL;
        if (last) {
            l.typed = word;
        } else if (takes_next && i + 2 == h->word_count) {
            l.open = option;
        } else if (takes_next) {
            i++;
        } else if (word[0] != '-') {
            l.words[l.count++] = word;
        }
    }
    return l;
}

int heimnetz_cmd_complete(struct heimnetz *h)
{
    struct line l = read_line(h);
    uint32_t taken = 0;
    const struct heimnetz_command *c = heimnetz_args_find(l.words, l.count, &taken);
    bool helps = c != NULL && c->run == heimnetz_cmd_help;
    if (l.open != HEIMNETZ_OPT_COUNT) {
        offer_kind(h, heimnetz_options[l.open].kind);
    } else if (l.typed[0] == '-') {
        offer_options(h, HEIMNETZ_COMMON | (c != NULL ? c->options : 0));
    } else if (c == NULL || helps) {
        offer_commands(h, l.words + (helps ? taken : 0), l.count - (helps ? taken : 0));
    } else {
        offer_kind(h, argument_kind(c, l.count - taken));
    }
    return HEIMNETZ_GOOD;
}
