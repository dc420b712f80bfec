#include "heimnetz/command.h"

#include <stdarg.h>

#include "heimnetz/rich.h"
#include "heimnetz/service.h"

#define ERROR_BYTES_MAX (64 * KIT_KIB)

/* What to type next, behind the program's name and up to the closing quote; NULL: nothing helps. */
static const char *next_step(const struct heimnetz *h, enum kit_status rc, bool answered, char *buf, size_t size)
{
    char start[SERVICE_START_BYTES];
    if (rc == KIT_MODEL_NOT_FOUND) {
        return "aethercore models' lists what there is";
    }
    if (rc != KIT_UNAVAILABLE || answered) {
        return NULL;
    }
    if (heimnetz_service_start(HEIMNETZ_SERVICE_AETHERCORE, h->client.url, start) == NULL) {
        return NULL;
    }
    snprintf(buf, size, "%s' starts it; --url names another one", start);
    return buf;
}

static int exit_code(enum kit_status rc, const struct client_answer *a)
{
    if (a != NULL && a->status != 0) {
        return a->status >= 500 ? HEIMNETZ_FAILING : HEIMNETZ_REFUSED;
    }
    bool nobody = rc == KIT_UNAVAILABLE || rc == KIT_IO || rc == KIT_TIMEOUT;
    return nobody ? HEIMNETZ_NOBODY : HEIMNETZ_REFUSED;
}

static void print_complaint(struct heimnetz *h, const char *message, const char *next)
{
    struct kit_buf text;
    kit_buf_init(&text, ERROR_BYTES_MAX);
    heimnetz_rich_add(&text, TERM_BAD, "heimnetz:");
    heimnetz_rich_add(&text, TERM_PLAIN, " %s\n", message);
    if (next != NULL) {
        heimnetz_rich_add(&text, TERM_DIM, "  '%s %s\n", h->name, next);
    }
    heimnetz_rich_print_wrapped(&h->err, kit_buf_str(&text));
    kit_buf_done(&text);
}

/* {"error":{"code","message","remedy"}}: the shape of a server's errors, with what to do next. */
static void print_error_json(struct heimnetz *h, enum kit_status rc, const char *message, const char *next)
{
    struct kit_buf text, remedy;
    struct kit_json_writer w;
    kit_buf_init(&text, ERROR_BYTES_MAX);
    kit_buf_init(&remedy, ERROR_BYTES_MAX);
    kit_buf_printf(&remedy, "'%s %s", h->name, next != NULL ? next : "");
    kit_json_writer_init(&w, &text);
    kit_json_open(&w, '{');
    kit_json_key(&w, "error");
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "code", kit_status_name(rc));
    kit_json_member_c(&w, "message", message);
    kit_json_key(&w, "remedy");
    if (next != NULL) {
        kit_json_put_str(&w, kit_buf_str(&remedy));
    } else {
        kit_json_put_null(&w);
    }
    kit_json_close(&w, '}');
    kit_json_close(&w, '}');
    heimnetz_print_buf(h, &text);
    kit_buf_done(&remedy);
    kit_buf_done(&text);
}

static void complain(struct heimnetz *h, enum kit_status rc, const char *message, const char *next)
{
    if (h->json) {
        print_error_json(h, rc, message, next);
    } else {
        print_complaint(h, message, next);
    }
}

void heimnetz_error(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const char *next)
{
    complain(h, rc, err->msg, next);
}

int heimnetz_fail(struct heimnetz *h, enum kit_status rc, const struct kit_err *err, const struct client_answer *a)
{
    bool answered = a != NULL && a->status != 0;
    if (h->json && answered && a->doc != NULL) {
        heimnetz_print_json(h, a);
    } else {
        char next[2 * SERVICE_START_BYTES];
        heimnetz_error(h, rc, err, next_step(h, rc, answered, next, sizeof(next)));
    }
    return exit_code(rc, a);
}

int heimnetz_usage(struct heimnetz *h, const char *format, ...)
{
    char text[512], next[128];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (h->command != NULL) {
        snprintf(next, sizeof(next), "help %s' says what it takes", h->command->words);
    } else {
        snprintf(next, sizeof(next), "help' lists what there is");
    }
    complain(h, KIT_INVALID, text, next);
    return HEIMNETZ_USAGE;
}

int heimnetz_print_json(struct heimnetz *h, const struct client_answer *a)
{
    kit_str text = kit_str_trim(kit_str_c(a->text != NULL ? a->text : "null"));
    fprintf(h->out.out, "%.*s\n", KIT_STR_ARG(text));
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
