#include "heimnetz/chat_command.h"

#include "heimnetz/panel.h"
#include "heimnetz/rich.h"

static bool leave(struct heimnetz_chat *c, kit_str rest)
{
    (void)c, (void)rest;
    return false;
}

static bool set_system(struct heimnetz_chat *c, kit_str rest)
{
    struct kit_err err = {0};
    enum kit_status rc = heimnetz_chat_set_system(c, rest, &err);
    if (rc != KIT_OK) {
        heimnetz_error(c->h, rc, &err, NULL);
    } else {
        heimnetz_term_put(&c->h->out, TERM_DIM, "%s\n",
                          rest.len > 0 ? "it is told this first" : "it is told nothing first");
    }
    return true;
}

static bool save(struct heimnetz_chat *c, kit_str rest)
{
    char path[4096];
    struct kit_err err = {0};
    enum kit_status rc = rest.len == 0 ? kit_fail(&err, KIT_INVALID, "/save needs a file")
                         : rest.len >= sizeof(path)
                             ? kit_fail(&err, KIT_INVALID, "that path is too long")
                             : heimnetz_chat_save(c, kit_str_to_c(rest, path, sizeof(path)), &err);
    if (rc != KIT_OK) {
        heimnetz_error(c->h, rc, &err, NULL);
    } else {
        heimnetz_term_put(&c->h->out, TERM_DIM, "%u messages are in %s\n", c->count, path);
    }
    return true;
}

static bool clear(struct heimnetz_chat *c, kit_str rest)
{
    (void)rest;
    heimnetz_chat_clear(c);
    heimnetz_term_put(&c->h->out, TERM_DIM, "the conversation begins anew\n");
    return true;
}

/* --- /stats --- */

static void add_count(struct heimnetz_table *table, const char *name, uint64_t last, uint64_t all)
{
    heimnetz_table_add(table, TERM_DIM, "%s", name);
    heimnetz_table_add(table, TERM_PLAIN, "%llu", (unsigned long long)last);
    heimnetz_table_add(table, TERM_PLAIN, "%llu", (unsigned long long)all);
}

static void add_time(struct heimnetz_table *table, const char *name, uint64_t last_ns, uint64_t all_ns)
{
    char figure[TERM_FIGURE_BYTES];
    heimnetz_table_add(table, TERM_DIM, "%s", name);
    heimnetz_table_add(table, TERM_PLAIN, "%s", heimnetz_term_ms((double)last_ns / 1e6, figure));
    heimnetz_table_add(table, TERM_PLAIN, "%s", heimnetz_term_ms((double)all_ns / 1e6, figure));
}

/* Tokens a second once the first has come. */
static double speed(const struct heimnetz_chat_cost *c)
{
    double s = (double)(c->total_ns - c->first_ns) / 1e9;
    uint64_t later = c->tokens > c->questions ? c->tokens - c->questions : 0;
    return s > 0 ? (double)later / s : 0;
}

static bool print_stats(struct heimnetz_chat *c, kit_str rest)
{
    static const char *const headings[] = {"", ">LAST ANSWER", ">ALL"};
    struct heimnetz_table table;
    struct kit_err err = {0};
    const struct heimnetz_chat_cost *last = &c->last, *all = &c->all;
    (void)rest;
    heimnetz_table_init(&table, KIT_COUNT(headings), headings);
    add_count(&table, "answers", last->questions, all->questions);
    add_count(&table, "tokens read", last->prompt_tokens, all->prompt_tokens);
    add_count(&table, "of them known already", last->cached_tokens, all->cached_tokens);
    add_count(&table, "tokens made", last->tokens, all->tokens);
    add_time(&table, "to the first token", last->first_ns, all->questions > 0 ? all->first_ns / all->questions : 0);
    heimnetz_table_add(&table, TERM_DIM, "tokens a second");
    heimnetz_table_add(&table, TERM_PLAIN, "%.1f", speed(last));
    heimnetz_table_add(&table, TERM_PLAIN, "%.1f", speed(all));
    enum kit_status rc = heimnetz_panels_print(&c->h->out, &(struct heimnetz_panel){c->model, &table}, 1);
    heimnetz_table_done(&table);
    if (rc != KIT_OK) {
        kit_fail(&err, rc, "out of memory for the figures");
        heimnetz_error(c->h, rc, &err, NULL);
    }
    return true;
}

/* --- the table of commands --- */

static bool print_help(struct heimnetz_chat *c, kit_str rest);

static const struct {
    const char *name, *argument, *help;
    bool (*run)(struct heimnetz_chat *c, kit_str rest);
} commands[] = {
    {"/help", "", "what can be typed", print_help},
    {"/system", "[TEXT]", "what the model is told first; without TEXT: nothing", set_system},
    {"/clear", "", "forget the conversation", clear},
    {"/save", "FILE", "write it down, as JSON", save},
    {"/stats", "", "tokens and times", print_stats},
    {"/exit", "", "leave; Ctrl-D does it, too", leave},
};

static const struct {
    const char *keys, *help;
} keys[] = {
    {"\\ at the end", "the next line belongs to it"},
    {"\"\"\"", "begins a text of many lines, and ends it"},
    {"//…", "a message that begins with a slash"},
    {"Ctrl-C", "calls off an answer"},
};

static bool print_help(struct heimnetz_chat *c, kit_str rest)
{
    struct heimnetz_table table;
    struct kit_buf lines;
    (void)rest;
    heimnetz_table_init(&table, 2, NULL);
    for (size_t i = 0; i < KIT_COUNT(commands); i++) {
        heimnetz_table_add(&table, TERM_ACCENT, "%s %s", commands[i].name, commands[i].argument);
        heimnetz_table_add(&table, TERM_DIM, "%s", commands[i].help);
    }
    for (size_t i = 0; i < KIT_COUNT(keys); i++) {
        heimnetz_table_add(&table, TERM_ACCENT, "%s", keys[i].keys);
        heimnetz_table_add(&table, TERM_DIM, "%s", keys[i].help);
    }
    kit_buf_init(&lines, KIT_MIB);
    if (heimnetz_table_lines(&table, c->h->out.width, &lines) == KIT_OK) {
        heimnetz_rich_print(&c->h->out, kit_buf_str(&lines));
    }
    kit_buf_done(&lines);
    heimnetz_table_done(&table);
    return true;
}

bool heimnetz_chat_command(struct heimnetz_chat *c, kit_str line)
{
    size_t blank = kit_str_find_char(line, ' ');
    kit_str name = kit_str_sub(line, 0, blank), rest = kit_str_trim(kit_str_sub(line, blank, line.len));
    struct kit_err err = {0};
    for (size_t i = 0; i < KIT_COUNT(commands); i++) {
        if (kit_str_eq(name, kit_str_c(commands[i].name))) {
            return commands[i].run(c, rest);
        }
    }
    kit_fail(&err, KIT_INVALID, "there is no '%.*s': /help says what can be typed", KIT_STR_ARG(name));
    heimnetz_error(c->h, KIT_INVALID, &err, NULL);
    return true;
}
