#include "heimnetz/chat_input.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <histedit.h>

#include "heimnetz/interrupt.h"
#include "kit/alloc.h"

#define HISTORY_LINES 1000
#define QUOTES kit_str_lit("\"\"\"")

struct heimnetz_input {
    EditLine *line;   /* owned */
    History *history; /* owned */
    bool more;        /* another line of the same text is read */
};

static char first_prompt[] = "> ", more_prompt[] = ". ";

static char *prompt(EditLine *e)
{
    struct heimnetz_input *i = NULL;
    el_get(e, EL_CLIENTDATA, &i);
    return i->more ? more_prompt : first_prompt;
}

/* Waits for a key. False: a signal came meanwhile, or an interrupt before: between the look at it and the wait there is
 * no gap in which one could get lost. */
static bool wait_for_key(void)
{
    sigset_t interrupt, before;
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
    sigemptyset(&interrupt);
    sigaddset(&interrupt, SIGINT);
    sigprocmask(SIG_BLOCK, &interrupt, &before);
    bool ready = !heimnetz_interrupt_said() && ppoll(&p, 1, NULL, &before) > 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return ready;
}

/* One byte; 0: the end; -1: interrupted. A new size of the window is no interruption. */
static int take_byte(EditLine *e, char *ret)
{
    while (!wait_for_key()) {
        if (heimnetz_interrupt_said()) {
            return -1;
        }
        el_set(e, EL_REFRESH);
    }
    return (int)read(STDIN_FILENO, ret, 1);
}

/* One character; else as take_byte. */
static int take_char(EditLine *e, wchar_t *ret)
{
    mbstate_t state = {0};
    for (;;) {
        char byte;
        int n = take_byte(e, &byte);
        if (n <= 0) {
            return n;
        }
        size_t used = mbrtowc(ret, &byte, 1, &state);
        if (used == (size_t)-1) {
            *ret = L'?';
        }
        if (used != (size_t)-2) {
            return 1;
        }
    }
}

static bool set_up(struct heimnetz_input *i)
{
    HistEvent event;
    i->line = el_init("heimnetz", stdin, stdout, stderr);
    i->history = history_init();
    if (i->line == NULL || i->history == NULL) {
        return false;
    }
    history(i->history, &event, H_SETSIZE, HISTORY_LINES);
    history(i->history, &event, H_SETUNIQUE, 1);
    el_set(i->line, EL_CLIENTDATA, i);
    el_set(i->line, EL_PROMPT, prompt);
    el_set(i->line, EL_EDITOR, "emacs");
    el_set(i->line, EL_BIND, "^I", "ed-insert", NULL); /* a tab is a sign like others */
    el_set(i->line, EL_SIGNAL, 1);
    el_set(i->line, EL_HIST, history, i->history);
    el_wset(i->line, EL_GETCFN, take_char);
    return true;
}

enum kit_status heimnetz_input_open(struct heimnetz_input **ret, struct kit_err *err)
{
    struct heimnetz_input *i = kit_alloc_zero(1, sizeof(*i));
    if (i == NULL || !set_up(i)) {
        heimnetz_input_close(i);
        return kit_fail(err, KIT_NOMEM, "out of memory for a line");
    }
    *ret = i;
    return KIT_OK;
}

void heimnetz_input_close(struct heimnetz_input *i)
{
    if (i == NULL) {
        return;
    }
    if (i->line != NULL) {
        el_end(i->line);
    }
    if (i->history != NULL) {
        history_end(i->history);
    }
    kit_alloc_free(i);
}

/* --- several lines --- */

/* What is left of the text. */
static void keep(struct kit_buf *text, size_t from, size_t to)
{
    text->len = KIT_MAX(from, to);
    kit_buf_drop(text, from);
}

static bool quotes_go_on(struct kit_buf *text)
{
    kit_str s = kit_buf_str(text);
    bool closed = s.len >= 2 * QUOTES.len && kit_str_ends(s, QUOTES);
    if (closed) {
        keep(text, QUOTES.len, s.len - QUOTES.len);
        kit_str inside = kit_buf_str(text);
        bool before = kit_str_starts(inside, kit_str_lit("\n"));
        bool behind = inside.len > 1 && kit_str_ends(inside, kit_str_lit("\n"));
        keep(text, before ? 1 : 0, inside.len - (behind ? 1 : 0));
    }
    return !closed;
}

bool heimnetz_input_goes_on(struct kit_buf *text)
{
    kit_str s = kit_buf_str(text);
    if (kit_str_starts(s, QUOTES)) {
        return quotes_go_on(text);
    }
    if (!kit_str_ends(s, kit_str_lit("\\"))) {
        return false;
    }
    text->len--;
    return true;
}

/* Appends a line; false: there is none. */
static bool add_line(struct heimnetz_input *i, struct kit_buf *text)
{
    int count = 0;
    HistEvent event;
    const char *line = el_gets(i->line, &count);
    if (line == NULL || count <= 0 || heimnetz_interrupt_said()) {
        return false;
    }
    if (strspn(line, " \t\r\n") < strlen(line)) {
        history(i->history, &event, H_ENTER, line);
    }
    kit_str s = kit_str_c(line);
    kit_buf_add(text, kit_str_sub(s, 0, s.len - (kit_str_ends(s, kit_str_lit("\n")) ? 1 : 0)));
    return true;
}

bool heimnetz_input_read(struct heimnetz_input *i, struct kit_buf *text)
{
    kit_buf_clear(text);
    i->more = false;
    bool good = add_line(i, text);
    while (good && heimnetz_input_goes_on(text)) {
        i->more = true;
        kit_buf_add_char(text, '\n');
        good = add_line(i, text);
    }
    if (!good) {
        fputs("\n", stdout);
        fflush(stdout);
    }
    return good;
}
