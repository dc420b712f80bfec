/* heimnetz __manual: the manual page heimnetz(1), as the build installs it, out of the tables of commands and options.
 * Source of the format: man-pages(7), groff_man(7). */
#include "heimnetz/command.h"
#include "heimnetz/service.h"

#define PAGE_BYTES_MAX KIT_MIB

/* Text as it may stand anywhere in a page: no sign of it is taken for a request. */
static void add_text(struct kit_buf *out, const char *text)
{
    for (const char *c = text; *c != '\0'; c++) {
        if (*c == '\\') {
            kit_buf_add(out, kit_str_lit("\\e"));
        } else if (*c == '-') {
            kit_buf_add(out, kit_str_lit("\\-"));
        } else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n')) {
            kit_buf_printf(out, "\\&%c", *c);
        } else {
            kit_buf_add_char(out, *c);
        }
    }
}

static void add_line(struct kit_buf *out, const char *before, const char *text, const char *behind)
{
    kit_buf_printf(out, "%s", before);
    add_text(out, text);
    kit_buf_printf(out, "%s\n", behind);
}

/* A help text of the tables as a sentence. */
static void add_sentence(struct kit_buf *out, const char *help)
{
    char first[2] = {help[0], '\0'};
    if (first[0] >= 'a' && first[0] <= 'z') {
        first[0] = (char)(first[0] - 'a' + 'A');
    }
    add_text(out, first);
    add_line(out, "", help + 1, ".");
}

static void add_options(struct kit_buf *out, uint64_t options)
{
    for (int i = 0; i < HEIMNETZ_OPT_COUNT; i++) {
        const struct heimnetz_option_row *row = &heimnetz_options[i];
        if ((options >> i & 1) == 0) {
            continue;
        }
        kit_buf_add(out, kit_str_lit(".TP\n\\fB"));
        if (row->letter != 0) {
            kit_buf_printf(out, "\\-%c\\fR, \\fB", row->letter);
        }
        add_text(out, row->name);
        kit_buf_printf(out, "\\fR%s\\fI", row->value != NULL ? " " : "");
        add_text(out, row->value != NULL ? row->value : "");
        kit_buf_add(out, kit_str_lit("\\fR\n"));
        add_sentence(out, row->help);
    }
}

static void add_command(struct kit_buf *out, const struct heimnetz_command *c)
{
    kit_buf_add(out, kit_str_lit(".SS \""));
    add_text(out, c->words);
    kit_buf_printf(out, "%s", c->arguments[0] != '\0' ? " " : "");
    add_text(out, c->arguments);
    kit_buf_add(out, kit_str_lit("\"\n"));
    add_sentence(out, c->help);
    add_options(out, c->options);
    if (c->example != NULL) {
        add_line(out, ".PP\n.EX\n$ heimnetz ", c->example, "\n.EE");
    }
}

static void add_environment(struct kit_buf *out)
{
    static const char *const rows[][2] = {
        {"HEIMNETZ_API_KEY", "The key that servers want."},
        {"HEIMNETZ_STATE", "Where pid files and logs are kept."},
        {"NO_COLOR", "No colours, whatever its value."},
    };
    kit_buf_add(out, kit_str_lit(".SH ENVIRONMENT\n"));
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        add_line(out, ".TP\n\\fB", rows[i][0], "\\fR");
        add_line(out, "", rows[i][1], "");
    }
    for (int i = 0; i < HEIMNETZ_SERVICE_COUNT; i++) {
        const struct heimnetz_service_row *row = &heimnetz_service_rows[i];
        add_line(out, ".TP\n\\fB", row->variable, "\\fR");
        add_line(out, "Address of ", row->name, row->address != NULL ? "." : ", when there is one.");
        if (row->address != NULL) {
            add_line(out, "Without it ", row->address, ".");
        }
    }
}

static void add_page(struct kit_buf *out)
{
    kit_buf_printf(out, ".TH HEIMNETZ 1 \"\" \"heimnetz %s\" \"Heimnetz\"\n", HEIMNETZ_VERSION);
    kit_buf_add(out,
                kit_str_lit(".SH NAME\nheimnetz \\- your own AI on your own machines\n"
                            ".SH SYNOPSIS\n.B heimnetz\n.I COMMAND\n.RI [ options ]\n"
                            ".SH DESCRIPTION\nStarts, watches and asks the services of Heimnetz: the model server\n"
                            ".B aethercore\nand the context server\n.BR contextforge .\n"
                            "Without a command it says what runs.\n"
                            ".SH COMMANDS\n"));
    for (const struct heimnetz_command *c = heimnetz_commands; c->words != NULL; c++) {
        if (c->help != NULL) {
            add_command(out, c);
        }
    }
    kit_buf_add(out, kit_str_lit(".SH OPTIONS OF EVERY COMMAND\n"));
    add_options(out, HEIMNETZ_COMMON);
    add_environment(out);
    kit_buf_add(out,
                kit_str_lit(".SH FILES\n.TP\n\\fI$XDG_STATE_HOME/heimnetz\\fR, for root \\fI/var/lib/heimnetz\\fR\n"
                            "Pid files and logs of what \\fBheimnetz up\\fR started.\n"
                            ".SH EXIT STATUS\n.TP\n.B 0\nGood.\n.TP\n.B 1\nThe server said no.\n.TP\n.B 2\nUsage.\n"
                            ".TP\n.B 3\nNothing answers.\n.TP\n.B 4\nIt answers, but it is failing.\n"));
}

int heimnetz_cmd_manual(struct heimnetz *h)
{
    struct kit_buf page;
    kit_buf_init(&page, PAGE_BYTES_MAX);
    add_page(&page);
    int code = page.failed == KIT_OK ? HEIMNETZ_GOOD : HEIMNETZ_REFUSED;
    fwrite(page.ptr, 1, page.len, h->out.out);
    kit_buf_done(&page);
    return code;
}
