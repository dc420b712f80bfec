#include "heimnetz/help.h"

#include <string.h>

#include "heimnetz/rich.h"
#include "heimnetz/table.h"
#include "kit/near.h"

#define HELP_BYTES_MAX KIT_MIB
#define HELP_COLUMNS_MAX 100 /* longer lines are hard to read */
#define INDENT 2

/* --- parts --- */

static void add_usage(struct kit_buf *out, const struct heimnetz *h, const struct heimnetz_command *c)
{
    heimnetz_rich_add(out, TERM_DIM, "usage:");
    heimnetz_rich_add(out, TERM_PLAIN, " %s %s%s%s%s\n", h->name, c->words, c->arguments[0] != '\0' ? " " : "",
                      c->arguments, c->options != 0 ? " [options]" : "");
}

static void add_heading(struct kit_buf *out, const char *text)
{
    heimnetz_rich_add(out, TERM_PLAIN, "\n");
    heimnetz_rich_add(out, TERM_BOLD, "%s\n", text);
}

/* The table's lines, indented; done with the table. */
static void add_table(struct kit_buf *out, const struct heimnetz_term *t, struct heimnetz_table *table)
{
    struct kit_buf lines;
    kit_buf_init(&lines, HELP_BYTES_MAX);
    uint32_t width = t->width == 0 ? 0 : KIT_MIN(t->width, HELP_COLUMNS_MAX) - INDENT;
    if (heimnetz_table_lines(table, width, &lines) != KIT_OK) {
        out->failed = out->failed == KIT_OK ? KIT_NOMEM : out->failed;
    }
    kit_str rest = kit_buf_str(&lines), line;
    while (kit_str_cut(&rest, '\n', &line)) {
        kit_buf_printf(out, "%*s%.*s\n", INDENT, "", KIT_STR_ARG(line));
    }
    kit_buf_done(&lines);
    heimnetz_table_done(table);
}

static void add_options(struct kit_buf *out, const struct heimnetz_term *t, uint64_t options)
{
    struct heimnetz_table table;
    heimnetz_table_init(&table, 2, NULL);
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        const struct heimnetz_option_row *row = &heimnetz_options[i];
        if ((options >> i & 1) == 0) {
            continue;
        }
        heimnetz_table_add(&table, TERM_PLAIN, "%s", "");
        if (row->letter != 0) {
            heimnetz_table_more(&table, TERM_ACCENT, "-%c, ", row->letter);
        }
        heimnetz_table_more(&table, TERM_ACCENT, "%s", row->name);
        heimnetz_table_more(&table, TERM_PLAIN, "%s%s", row->value != NULL ? " " : "",
                            row->value != NULL ? row->value : "");
        heimnetz_table_add(&table, TERM_DIM, "%s", row->help);
    }
    add_table(out, t, &table);
}

static void finish(struct kit_buf *out, const struct heimnetz_term *t)
{
    heimnetz_rich_print_wrapped(t, kit_buf_str(out));
    kit_buf_done(out);
}

/* --- commands --- */

/* The word that a command shares with others, such as "aethercore"; empty for a command of one word. */
static kit_str group_of(const struct heimnetz_command *c)
{
    kit_str words = kit_str_c(c->words);
    size_t blank = kit_str_find_char(words, ' ');
    return kit_str_sub(words, 0, blank < words.len ? blank : 0);
}

static void add_commands(struct kit_buf *out, const struct heimnetz_term *t, kit_str group)
{
    struct heimnetz_table table;
    heimnetz_table_init(&table, 2, NULL);
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (c->help == NULL || !kit_str_eq(group_of(c), group)) {
            continue;
        }
        heimnetz_table_add(&table, TERM_ACCENT, "%s", c->words);
        heimnetz_table_more(&table, TERM_PLAIN, " %s", c->arguments);
        heimnetz_table_add(&table, TERM_DIM, "%s", c->help);
    }
    add_table(out, t, &table);
}

static bool is_first_of_group(const struct heimnetz_command *c)
{
    for (const struct heimnetz_command *o = heimnetz_commands; o != c; o++) {
        if (kit_str_eq(group_of(o), group_of(c))) {
            return false;
        }
    }
    return c->help != NULL;
}

void heimnetz_help(const struct heimnetz *h, const struct heimnetz_term *t)
{
    struct kit_buf out;
    char heading[64];
    kit_buf_init(&out, HELP_BYTES_MAX);
    heimnetz_rich_add(&out, TERM_BOLD, "heimnetz");
    heimnetz_rich_add(&out, TERM_PLAIN, " - your own AI on your own machines\n\n");
    heimnetz_rich_add(&out, TERM_DIM, "usage:");
    heimnetz_rich_add(&out, TERM_PLAIN, " %s COMMAND [options]\n", h->name);
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (is_first_of_group(c)) {
            kit_str group = group_of(c);
            add_heading(&out, group.len > 0 ? kit_str_to_c(group, heading, sizeof(heading)) : "commands");
            add_commands(&out, t, group);
        }
    }
    add_heading(&out, "options of every command");
    add_options(&out, t, HEIMNETZ_COMMON);
    heimnetz_rich_add(&out, TERM_DIM,
                      "\n'%s help COMMAND' says more. The key of a server comes from HEIMNETZ_API_KEY.\n"
                      "Exit codes: 0 good, 1 the server said no, 2 usage, 3 nothing answers, 4 failing.\n",
                      h->name);
    finish(&out, t);
}

void heimnetz_help_command(const struct heimnetz *h, const struct heimnetz_term *t, const struct heimnetz_command *c)
{
    struct kit_buf out;
    kit_buf_init(&out, HELP_BYTES_MAX);
    add_usage(&out, h, c);
    heimnetz_rich_add(&out, TERM_PLAIN, "\n%s\n", c->help);
    if (c->options != 0) {
        add_heading(&out, "options");
        add_options(&out, t, c->options);
    }
    add_heading(&out, "options of every command");
    add_options(&out, t, HEIMNETZ_COMMON);
    if (c->example != NULL) {
        add_heading(&out, "example");
        heimnetz_rich_add(&out, TERM_PLAIN, "  %s %s\n", h->name, c->example);
    }
    finish(&out, t);
}

bool heimnetz_help_is_group(const char *word)
{
    bool is = false;
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        is = is || (c->help != NULL && word[0] != '\0' && kit_str_eq(group_of(c), kit_str_c(word)));
    }
    return is;
}

void heimnetz_help_group(const struct heimnetz *h, const struct heimnetz_term *t, const char *word)
{
    struct kit_buf out;
    kit_buf_init(&out, HELP_BYTES_MAX);
    heimnetz_rich_add(&out, TERM_DIM, "usage:");
    heimnetz_rich_add(&out, TERM_PLAIN, " %s %s COMMAND [options]\n\n", h->name, word);
    add_commands(&out, t, kit_str_c(word));
    finish(&out, t);
}

/* --- what may have been meant --- */

/* "models" for "aethercore models": somebody has left the group out. */
static bool is_last_word(const struct heimnetz_command *c, const char *word)
{
    kit_str words = kit_str_c(c->words);
    size_t at = group_of(c).len;
    return at > 0 && kit_str_eq(kit_str_sub(words, at + 1, words.len), kit_str_c(word));
}

const char *heimnetz_help_nearest(const char *const *words, uint32_t count)
{
    struct kit_buf text;
    kit_buf_init(&text, KIT_NEAR_BYTES_MAX);
    for (uint32_t i = 0; i < KIT_MIN(count, 2u); i++) {
        kit_buf_printf(&text, "%s%s", i > 0 ? " " : "", words[i]);
    }
    struct kit_near one = {.wanted = kit_str_c(count > 0 ? words[0] : "")}, two = {.wanted = kit_buf_str(&text)};
    const char *best = NULL;
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (c->help != NULL && count > 0 && is_last_word(c, words[0])) {
            best = best == NULL ? c->words : best;
        } else if (c->help != NULL) {
            kit_near_offer(group_of(c).len > 0 ? &two : &one, c->words);
        }
    }
    kit_buf_done(&text);
    bool two_nearer = one.best == NULL || (two.best != NULL && two.distance < one.distance);
    return best != NULL ? best : two_nearer ? two.best : one.best;
}

/* How many of the words are meant by "unknown command": two where a group's command was meant. */
static uint32_t words_meant(const struct heimnetz *h, bool group, const char *near)
{
    kit_str words = kit_str_c(near != NULL ? near : "");
    bool of_group = kit_str_find_char(words, ' ') < words.len && !kit_str_ends(words, kit_str_c(h->words[0]));
    return h->word_count > 1 && (group || of_group) ? 2 : 1;
}

int heimnetz_help_unknown(struct heimnetz *h)
{
    struct kit_err err = {0};
    char next[128];
    bool group = heimnetz_help_is_group(h->words[0]), alone = h->word_count == 1;
    const char *near = heimnetz_help_nearest(h->words, h->word_count);
    if (group && alone && !h->json) {
        heimnetz_help_group(h, &h->err, h->words[0]);
        return HEIMNETZ_USAGE;
    }
    bool two = words_meant(h, group, near) == 2, meant = near != NULL && !(group && alone);
    kit_fail(&err, KIT_INVALID, "%s '%s%s%s'%s%s%s", group && alone ? "no command is named behind" : "unknown command",
             h->words[0], two ? " " : "", two ? h->words[1] : "", meant ? "; did you mean '" : "", meant ? near : "",
             meant ? "'?" : "");
    snprintf(next, sizeof(next), "help%s%s' lists what there is", group ? " " : "", group ? h->words[0] : "");
    heimnetz_error(h, KIT_INVALID, &err, next);
    return HEIMNETZ_USAGE;
}
