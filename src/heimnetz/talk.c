#include "heimnetz/talk.h"

#include <unistd.h>

#include "heimnetz/args.h"
#include "heimnetz/chat.h"
#include "heimnetz/chat_command.h"
#include "heimnetz/chat_input.h"
#include "heimnetz/interrupt.h"
#include "heimnetz/load.h"
#include "heimnetz/progress.h"
#include "heimnetz/rich.h"
#include "heimnetz/server.h"

#define MESSAGE_BYTES_MAX (64 * KIT_MIB)
#define TOKENS_MAX (1u << 30)
#define TAB "    "

struct talk {
    struct heimnetz *h;
    struct heimnetz_chat chat;
    struct heimnetz_progress progress;
    bool waiting; /* progress is shown: nothing has come yet */
    bool aloud;   /* the last piece was the model's thinking */
    bool begun;   /* something was printed of this answer, */
    bool ended;   /* and it ends with a newline */
};

/* --- an answer --- */

static void stop_waiting(struct talk *t)
{
    if (t->waiting) {
        heimnetz_progress_stop(&t->progress);
        t->waiting = false;
    }
}

/* On a terminal tabs are blanks, and what steers it is taken out (term.h); a program gets each byte. */
static void put(struct talk *t, enum heimnetz_style style, kit_str text)
{
    const struct heimnetz_term *term = &t->h->out;
    if (!term->terminal) {
        fwrite(text.ptr, 1, text.len, term->out);
    }
    while (term->terminal && text.len > 0) {
        size_t tab = kit_str_find_char(text, '\t');
        kit_str piece = kit_str_sub(text, 0, tab);
        heimnetz_term_put(term, style, "%.*s%s", KIT_STR_ARG(piece), tab < text.len ? TAB : "");
        text = kit_str_sub(text, tab + 1, text.len);
    }
    fflush(term->out);
}

static void say(void *ctx, bool reasoning, kit_str piece)
{
    struct talk *t = ctx;
    stop_waiting(t);
    if (reasoning && !t->h->out.terminal) {
        return; /* a program wants the answer */
    }
    if (t->aloud && !reasoning) {
        put(t, TERM_PLAIN, t->ended ? kit_str_lit("\n") : kit_str_lit("\n\n"));
    }
    put(t, reasoning ? TERM_DIM : TERM_PLAIN, piece);
    t->aloud = reasoning;
    t->begun = true;
    t->ended = kit_str_ends(piece, kit_str_lit("\n"));
}

static bool stop(void *ctx)
{
    (void)ctx;
    return heimnetz_interrupt_said();
}

/* What is to be said below an answer; only people read it. */
static void note(const struct talk *t, const char *text)
{
    if (t->h->out.terminal) {
        heimnetz_term_put(&t->h->out, TERM_WARN, "(%s)\n", text);
    }
}

static int ask(struct talk *t, kit_str text)
{
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    t->aloud = t->begun = t->ended = false;
    t->waiting = true;
    heimnetz_progress_start(&t->progress, &t->h->err, t->chat.model, NULL);
    enum kit_status rc = heimnetz_chat_ask(&t->chat, text, say, stop, t, &err);
    stop_waiting(t);
    if (!t->ended && (t->begun || rc == KIT_OK)) {
        put(t, TERM_PLAIN, kit_str_lit("\n"));
    }
    if (rc == KIT_CANCELLED) {
        note(t, "called off");
    } else if (rc != KIT_OK) {
        code = heimnetz_fail(t->h, rc, &err, &(struct client_answer){.status = t->chat.status});
    } else if (t->chat.cut_off) {
        note(t, "cut off: the answer has as many tokens as it may");
    }
    return code;
}

/* --- at the terminal --- */

/* What was typed: a command, a question, or nothing. False: the person leaves. */
static bool take(struct talk *t, kit_str line)
{
    kit_str text = kit_str_trim(line);
    heimnetz_interrupt_forget();
    if (text.len == 0) {
        return true;
    }
    if (text.ptr[0] == '/' && !kit_str_starts(text, kit_str_lit("//"))) {
        return heimnetz_chat_command(&t->chat, text);
    }
    ask(t, kit_str_sub(text, text.ptr[0] == '/' ? 1 : 0, text.len)); /* what failed is told; the conversation goes on */
    heimnetz_interrupt_forget();
    return true;
}

static int talk(struct talk *t)
{
    struct heimnetz_input *input = NULL;
    struct kit_buf line;
    struct kit_err err = {0};
    enum kit_status rc = heimnetz_input_open(&input, &err);
    if (rc != KIT_OK) {
        return heimnetz_fail(t->h, rc, &err, NULL);
    }
    kit_buf_init(&line, INPUT_BYTES_MAX);
    heimnetz_term_put(&t->h->out, TERM_BOLD, "%s", t->chat.model);
    heimnetz_term_put(&t->h->out, TERM_DIM, "  /help says what can be typed; Ctrl-D leaves\n");
    fflush(t->h->out.out);
    heimnetz_interrupt_watch();
    while (heimnetz_input_read(input, &line) && take(t, kit_buf_str(&line))) {
    }
    heimnetz_interrupt_unwatch();
    kit_buf_done(&line);
    heimnetz_input_close(input);
    return HEIMNETZ_GOOD;
}

/* --- out of a pipe --- */

static enum kit_status read_message(struct kit_buf *text, struct kit_err *err)
{
    char piece[16 * KIT_KIB];
    for (size_t n; (n = fread(piece, 1, sizeof(piece), stdin)) > 0;) {
        kit_buf_add(text, (kit_str){.ptr = piece, .len = n});
    }
    if (text->failed != KIT_OK || ferror(stdin) != 0) {
        return kit_fail(err, text->failed != KIT_OK ? KIT_TOO_LARGE : KIT_IO,
                        "standard input cannot be read, or is too long");
    }
    return kit_str_trim(kit_buf_str(text)).len > 0
               ? KIT_OK
               : kit_fail(err, KIT_INVALID, "a message is missing on standard input");
}

static int ask_json(struct talk *t, kit_str text)
{
    struct kit_buf body;
    struct client_answer a = {0};
    struct kit_err err = {0};
    kit_buf_init(&body, 8 * MESSAGE_BYTES_MAX);
    heimnetz_chat_write(&t->chat, text, false, &body);
    t->h->client.timeout_ms = HEIMNETZ_WORK_MS;
    enum kit_status rc = body.failed == KIT_OK
                             ? client_call(&t->h->client, "POST", "/v1/chat/completions", kit_buf_str(&body), &a, &err)
                             : kit_fail(&err, body.failed, "out of memory for the message");
    int code = rc == KIT_OK ? heimnetz_print_json(t->h, &a) : heimnetz_fail(t->h, rc, &err, &a);
    client_answer_done(&a);
    kit_buf_done(&body);
    return code;
}

static int ask_once(struct talk *t)
{
    struct kit_buf text;
    struct kit_err err = {0};
    kit_buf_init(&text, MESSAGE_BYTES_MAX);
    enum kit_status rc = read_message(&text, &err);
    kit_str message = kit_str_trim(kit_buf_str(&text));
    int code = rc == KIT_INVALID ? heimnetz_usage(t->h, "%s", err.msg)
               : rc != KIT_OK    ? heimnetz_fail(t->h, rc, &err, NULL)
               : t->h->json      ? ask_json(t, message)
                                 : ask(t, message);
    kit_buf_done(&text);
    return code;
}

/* --- the model --- */

static bool generates(kit_json model)
{
    bool does = false;
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(model, "tasks")); kit_json_next(&i);) {
        does = does || kit_str_eq(kit_json_str(i.value, (kit_str){0}), kit_str_lit("generate"));
    }
    return does;
}

static void warn_of_no_template(const struct talk *t)
{
    struct kit_buf text;
    kit_buf_init(&text, 64 * KIT_KIB);
    heimnetz_rich_add(&text, TERM_WARN, "%s has no chat template:", t->chat.model);
    heimnetz_rich_add(&text, TERM_PLAIN, " it goes on with your last message, and knows nothing of those before it\n");
    heimnetz_rich_print_wrapped(&t->h->err, kit_buf_str(&text));
    kit_buf_done(&text);
}

/* One that makes no text is refused; one without a chat template is warned of. */
static enum kit_status look_at(struct talk *t, struct client_answer *a, struct kit_err *err)
{
    char path[SERVER_PATH_BYTES];
    enum kit_status rc = client_model_path(kit_str_c(t->chat.model), "", path, sizeof(path), err);
    rc = rc == KIT_OK ? client_call(&t->h->client, "GET", path, (kit_str){0}, a, err) : rc;
    if (rc != KIT_OK || a->doc == NULL) {
        return rc;
    }
    kit_json model = kit_json_root(a->doc);
    if (!generates(model)) {
        return kit_fail(err, KIT_UNPROCESSABLE, "'%s' makes no text", t->chat.model);
    }
    if (!kit_json_bool(kit_json_get(model, "chat_template"), true)) {
        warn_of_no_template(t);
    }
    return KIT_OK;
}

static int prepare(struct talk *t)
{
    struct client_answer a, model = {0};
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    enum kit_status rc = heimnetz_load(t->h, t->chat.model, &a, &err);
    if (rc != KIT_OK) {
        code = heimnetz_fail(t->h, rc, &err, a.status >= 400 ? &a : NULL);
    } else if ((rc = look_at(t, &model, &err)) != KIT_OK) {
        heimnetz_error(t->h, rc, &err, "aethercore serve' asks a model what it is made for");
        code = HEIMNETZ_REFUSED;
    }
    client_answer_done(&model);
    client_answer_done(&a);
    return code;
}

static enum kit_status read_options(struct talk *t, struct kit_err *err)
{
    const char *system = heimnetz_args_value(t->h, HEIMNETZ_OPT_SYSTEM);
    enum kit_status rc =
        heimnetz_args_number(t->h, HEIMNETZ_OPT_MAX_TOKENS, 1, TOKENS_MAX, 0, &t->chat.tokens_max, err);
    return rc == KIT_OK ? heimnetz_chat_set_system(&t->chat, kit_str_c(system), err) : rc;
}

int heimnetz_talk(struct heimnetz *h, const char *model)
{
    struct talk t = {.h = h};
    struct kit_err err = {0};
    heimnetz_chat_init(&t.chat, h, model);
    int code = read_options(&t, &err) == KIT_OK ? HEIMNETZ_GOOD : heimnetz_usage(h, "%s", err.msg);
    code = code == HEIMNETZ_GOOD ? prepare(&t) : code;
    if (code == HEIMNETZ_GOOD) {
        bool person = isatty(STDIN_FILENO) == 1 && h->out.terminal && !h->json;
        code = person ? talk(&t) : ask_once(&t);
    }
    heimnetz_chat_done(&t.chat);
    return code;
}
