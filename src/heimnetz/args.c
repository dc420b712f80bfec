#include "heimnetz/args.h"

#include <string.h>

#include "kit/alloc.h"
#include "kit/near.h"

/* --- the tables --- */

const struct heimnetz_option_row heimnetz_options[HEIMNETZ_OPT_COUNT] = {
#define OPTION(id_, name_, letter_, value_, kind_, help_)                                                              \
    {.name = name_, .letter = letter_, .value = value_, .kind = HEIMNETZ_KIND_##kind_, .help = help_},
#include "heimnetz/options.def"
#undef OPTION
};

const struct heimnetz_command heimnetz_commands[] = {
#define NONE 0
#define O(id) HEIMNETZ_BIT(id)
#define COMMAND(words_, arguments_, options_, run_, help_, example_)                                                   \
    {.words = words_, .arguments = arguments_, .options = options_, .help = help_, .example = example_, .run = run_},
#include "heimnetz/commands.def"
#undef COMMAND
    {.words = NULL},
};

enum heimnetz_option heimnetz_args_option(const char *arg, const char **value)
{
    const char *equals = strchr(arg, '=');
    kit_str name = {.ptr = arg, .len = equals != NULL ? (size_t)(equals - arg) : strlen(arg)};
    *value = equals != NULL ? equals + 1 : NULL;
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        const struct heimnetz_option_row *row = &heimnetz_options[i];
        bool letter = row->letter != 0 && name.len == 2 && arg[0] == '-' && arg[1] == row->letter;
        if (letter || kit_str_eq(name, kit_str_c(row->name))) {
            return (enum heimnetz_option)i;
        }
    }
    return HEIMNETZ_OPT_COUNT;
}

/* How many of words the words of a command take; 0: not this one. */
static uint32_t match_words(const char *command, const char *const *words, uint32_t count)
{
    kit_str rest = kit_str_c(command), word;
    uint32_t taken = 0;
    while (kit_str_cut(&rest, ' ', &word)) {
        if (taken == count || !kit_str_eq(word, kit_str_c(words[taken]))) {
            return 0;
        }
        taken++;
    }
    return taken;
}

const struct heimnetz_command *heimnetz_args_find(const char *const *words, uint32_t count, uint32_t *taken)
{
    const struct heimnetz_command *best = NULL;
    *taken = 0;
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        uint32_t n = match_words(c->words, words, count);
        if (n > *taken) {
            *taken = n;
            best = c;
        }
    }
    return best;
}

bool heimnetz_args_next(kit_str *rest, struct heimnetz_argument *ret)
{
    kit_str word;
    if (!kit_str_cut(rest, ' ', &word)) {
        return false;
    }
    *ret = (struct heimnetz_argument){.repeated = kit_str_ends(word, kit_str_lit("..."))};
    if (ret->repeated) {
        word = kit_str_sub(word, 0, word.len - 3);
    }
    ret->optional = kit_str_starts(word, kit_str_lit("["));
    ret->name = ret->optional ? kit_str_sub(word, 1, word.len - 2) : word;
    return true;
}

/* --- reading --- */

static enum kit_status fail_option(const char *arg, struct kit_err *err)
{
    kit_str name = kit_str_sub(kit_str_c(arg), 0, kit_str_find_char(kit_str_c(arg), '='));
    struct kit_near near = {.wanted = kit_str_sub(name, kit_str_starts(name, kit_str_lit("--")) ? 2 : 1, name.len)};
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        kit_near_offer(&near, heimnetz_options[i].name + 2); /* "--" makes no two of them alike */
    }
    return near.best != NULL ? kit_fail(err, KIT_INVALID, "unknown option '%s'; did you mean '--%s'?", arg, near.best)
                             : kit_fail(err, KIT_INVALID, "unknown option '%s'", arg);
}

/* argv[*at] is an option: takes it, and its value. */
static enum kit_status take_option(struct heimnetz *h, int argc, char *const *argv, int *at, struct kit_err *err)
{
    const char *arg = argv[(*at)++], *value = NULL;
    enum heimnetz_option option = heimnetz_args_option(arg, &value);
    if (option == HEIMNETZ_OPT_COUNT) {
        return fail_option(arg, err);
    }
    const struct heimnetz_option_row *row = &heimnetz_options[option];
    if (row->value == NULL && value != NULL) {
        return kit_fail(err, KIT_INVALID, "%s takes no value", row->name);
    }
    if (row->value != NULL && value == NULL) {
        if (*at == argc) {
            return kit_fail(err, KIT_INVALID, "%s needs a value: %s %s", row->name, row->name, row->value);
        }
        value = argv[(*at)++];
    }
    h->given[h->given_count++] =
        (struct heimnetz_given){.option = option, .value = value, .words_before = h->word_count};
    return KIT_OK;
}

enum kit_status heimnetz_args_read(struct heimnetz *h, int argc, char *const *argv, struct kit_err *err)
{
    size_t room = argc > 0 ? (size_t)argc : 1;
    bool options = true;
    enum kit_status rc = KIT_OK;
    h->words = kit_alloc_array(room, sizeof(*h->words));
    h->given = kit_alloc_array(room, sizeof(*h->given));
    if (h->words == NULL || h->given == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the command line");
    }
    for (int at = 1; rc == KIT_OK && at < argc;) {
        if (options && strcmp(argv[at], "--") == 0) {
            options = false;
            at++;
        } else if (options && argv[at][0] == '-' && argv[at][1] != '\0') {
            rc = take_option(h, argc, argv, &at, err);
        } else {
            h->words[h->word_count++] = argv[at++];
        }
    }
    uint32_t taken = 0;
    h->command = heimnetz_args_find(h->words, h->word_count, &taken);
    h->word_count -= taken;
    for (uint32_t i = 0; i < h->given_count; i++) {
        h->given[i].words_before -= KIT_MIN(h->given[i].words_before, taken);
    }
    memmove(h->words, h->words + taken, h->word_count * sizeof(*h->words));
    return rc;
}

void heimnetz_args_done(struct heimnetz *h)
{
    kit_alloc_free(h->words);
    kit_alloc_free(h->given);
    h->words = NULL;
    h->given = NULL;
    h->word_count = h->given_count = 0;
}

/* --- checking --- */

static enum kit_status check_words(const struct heimnetz *h, struct kit_err *err)
{
    kit_str rest = kit_str_c(h->command->arguments);
    struct heimnetz_argument argument;
    uint32_t least = 0, most = 0;
    while (heimnetz_args_next(&rest, &argument)) {
        if (!argument.optional && least == h->word_count) {
            return kit_fail(err, KIT_INVALID, "'%s' needs a %.*s", h->command->words, KIT_STR_ARG(argument.name));
        }
        least += argument.optional ? 0 : 1;
        most = argument.repeated ? UINT32_MAX : most + 1;
    }
    return h->word_count <= most
               ? KIT_OK
               : kit_fail(err, KIT_INVALID, "'%s' does not take '%s'", h->command->words, h->words[most]);
}

enum kit_status heimnetz_args_check(const struct heimnetz *h, struct kit_err *err)
{
    for (uint32_t i = 0; i < h->given_count; i++) {
        enum heimnetz_option option = h->given[i].option;
        if (((h->command->options | HEIMNETZ_COMMON) >> option & 1) == 0) {
            return kit_fail(err, KIT_INVALID, "'%s' does not take %s", h->command->words,
                            heimnetz_options[option].name);
        }
    }
    return check_words(h, err);
}

/* --- asking --- */

const char *heimnetz_args_value(const struct heimnetz *h, enum heimnetz_option option)
{
    const char *value = NULL;
    for (uint32_t i = 0; i < h->given_count; i++) {
        value = h->given[i].option == option ? h->given[i].value : value;
    }
    return value;
}

bool heimnetz_args_has(const struct heimnetz *h, enum heimnetz_option option)
{
    bool has = false;
    for (uint32_t i = 0; i < h->given_count; i++) {
        has = has || h->given[i].option == option;
    }
    return has;
}

enum kit_status heimnetz_args_number(const struct heimnetz *h, enum heimnetz_option option, uint64_t min, uint64_t max,
                                     uint64_t otherwise, uint64_t *ret, struct kit_err *err)
{
    const char *text = heimnetz_args_value(h, option);
    uint64_t n = otherwise;
    if (text != NULL && (kit_str_to_u64(kit_str_c(text), &n) != KIT_OK || n < min || n > max)) {
        return kit_fail(err, KIT_INVALID, "%s takes a whole number from %llu to %llu, not '%s'",
                        heimnetz_options[option].name, (unsigned long long)min, (unsigned long long)max, text);
    }
    *ret = n;
    return KIT_OK;
}
