/* heimnetz help, heimnetz version. */
#include "heimnetz/args.h"
#include "heimnetz/help.h"

#define JSON_BYTES_MAX KIT_MIB

static void write_options(struct kit_json_writer *w, uint64_t options)
{
    kit_json_key(w, "options");
    kit_json_open(w, '[');
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        const struct heimnetz_option_row *row = &heimnetz_options[i];
        if ((options >> i & 1) != 0) {
            kit_json_open(w, '{');
            kit_json_member_c(w, "name", row->name);
            kit_json_member_c(w, "value", row->value);
            kit_json_member_c(w, "help", row->help);
            kit_json_close(w, '}');
        }
    }
    kit_json_close(w, ']');
}

/* All commands with what they take, for who builds upon them. */
static int print_json(struct heimnetz *h)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, JSON_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_key(&w, "commands");
    kit_json_open(&w, '[');
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (c->help != NULL) {
            kit_json_open(&w, '{');
            kit_json_member_c(&w, "command", c->words);
            kit_json_member_c(&w, "arguments", c->arguments);
            kit_json_member_c(&w, "help", c->help);
            write_options(&w, c->options);
            kit_json_close(&w, '}');
        }
    }
    kit_json_close(&w, ']');
    write_options(&w, HEIMNETZ_COMMON);
    kit_json_close(&w, '}');
    int code = heimnetz_print_buf(h, &text);
    kit_buf_done(&text);
    return code;
}

int heimnetz_cmd_help(struct heimnetz *h)
{
    uint32_t taken = 0;
    const struct heimnetz_command *c = heimnetz_args_find(h->words, h->word_count, &taken);
    bool group = h->word_count == 1 && heimnetz_help_is_group(h->words[0]);
    bool command = c != NULL && taken == h->word_count && c->help != NULL;
    if (h->word_count > 0 && !group && !command) {
        return heimnetz_help_unknown(h);
    }
    if (h->json) {
        return print_json(h);
    }
    if (command) {
        heimnetz_help_command(h, &h->out, c);
    } else if (group) {
        heimnetz_help_group(h, &h->out, h->words[0]);
    } else {
        heimnetz_help(h, &h->out);
    }
    return HEIMNETZ_GOOD;
}

int heimnetz_cmd_version(struct heimnetz *h)
{
    struct kit_buf text;
    struct kit_json_writer w;
    if (!h->json) {
        heimnetz_term_put(&h->out, TERM_PLAIN, "heimnetz %s\n", HEIMNETZ_VERSION);
        return HEIMNETZ_GOOD;
    }
    kit_buf_init(&text, JSON_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "name", "heimnetz");
    kit_json_member_c(&w, "version", HEIMNETZ_VERSION);
    kit_json_close(&w, '}');
    int code = heimnetz_print_buf(h, &text);
    kit_buf_done(&text);
    return code;
}
