#include "heimnetz/command.h"

#include <stdarg.h>

#define ERROR_BYTES_MAX (64 * KIT_KIB)

/* What to type next, behind the program's name; NULL: nothing helps. */
static const char *next_step(enum kit_status rc, bool answered)
{
    if (rc == KIT_UNAVAILABLE && !answered) {
        return "up' starts it; --url names another one";
    }
    return rc == KIT_MODEL_NOT_FOUND ? "aethercore models' lists what is there" : NULL;
}

static int exit_code(enum kit_status rc, const struct client_answer *a)
{
    if (a != NULL && a->status != 0) {
        return a->status >= 500 ? HEIMNETZ_FAILING : HEIMNETZ_REFUSED;
    }
    bool nobody = rc == KIT_UNAVAILABLE || rc == KIT_IO || rc == KIT_TIMEOUT;
    return nobody ? HEIMNETZ_NOBODY : HEIMNETZ_REFUSED;
}

static void print_error_json(struct heimnetz *h, enum kit_status rc, const struct kit_err *err)
{
    struct kit_buf text;
    struct kit_json_writer w;
    kit_buf_init(&text, ERROR_BYTES_MAX);
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_key(&w, "error");
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "code", kit_status_name(rc));
    kit_json_member_c(&w, "message", err->msg);
    kit_json_close(&w, '}');
    kit_json_close(&w, '}');
    heimnetz_print_buf(h, &text);
    kit_buf_done(&text);
}

void heimnetz_error(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const char *next)
{
    if (h->json) {
        print_error_json(h, rc, err);
        return;
    }
    heimnetz_term_put(&h->err, TERM_BAD, "heimnetz:");
    heimnetz_term_put(&h->err, TERM_PLAIN, " %s\n", err->msg);
    if (next != NULL) {
        heimnetz_term_put(&h->err, TERM_DIM, "  '%s %s\n", h->name, next);
    }
}

int heimnetz_fail(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const struct client_answer *a)
{
    bool answered = a != NULL && a->status != 0;
    if (h->json && answered && a->doc != NULL) {
        heimnetz_print_json(h, a);
    } else {
        heimnetz_error(h, rc, err, next_step(rc, answered));
    }
    return exit_code(rc, a);
}

int heimnetz_usage(struct heimnetz *h, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    heimnetz_term_put(&h->err, TERM_BAD, "heimnetz:");
    heimnetz_term_put(&h->err, TERM_PLAIN, " %s\n", text);
    heimnetz_term_put(&h->err, TERM_DIM, "  '%s help%s%s' lists what there is\n", h->name,
                      h->command != NULL ? " " : "", h->command != NULL ? h->command->words : "");
    return HEIMNETZ_USAGE;
}

int heimnetz_print_json(struct heimnetz *h, const struct client_answer *a)
{
    fprintf(h->out.out, "%s\n", a->text != NULL ? a->text : "null");
    return a->status >= 500 ? HEIMNETZ_FAILING : a->status >= 400 ? HEIMNETZ_REFUSED : HEIMNETZ_GOOD;
}

int heimnetz_print_buf(struct heimnetz *h, const struct kit_buf *text)
{
    struct kit_err err = {0};
    if (text->failed != KIT_OK) {
        kit_fail(&err, text->failed, "the answer does not fit into memory");
        h->json = false; /* an error in JSON would fail alike */
        return heimnetz_fail(h, text->failed, &err, NULL);
    }
    fprintf(h->out.out, "%.*s\n", KIT_STR_ARG(kit_buf_str(text)));
    return HEIMNETZ_GOOD;
}
