#include "kit/status.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/str.h"
#include "kit/utf8.h"

#define TEXT_BYTES 1024 /* room while a message is made; what is kept is KIT_ERR_MSG_BYTES */

struct status_row {
    int http;
    int grpc;
    const char *name;
    const char *text;
};

static const struct status_row rows[KIT_STATUS_COUNT] = {
#define STATUS_ROW(name, http, grpc, wire, text) {http, grpc, wire, text},
    KIT_STATUS_MAP(STATUS_ROW)
#undef STATUS_ROW
};

static const struct status_row *row_of(enum kit_status code)
{
    return &rows[(unsigned)code < KIT_STATUS_COUNT ? code : KIT_INTERNAL];
}

/* What is quoted may be no UTF-8, or may have been cut within a character: each such byte becomes '?'. */
static void make_utf8(char *text)
{
    kit_str all = kit_str_c(text);
    for (size_t at = 0, bytes; at < all.len; at += KIT_MAX(bytes, (size_t)1)) {
        bytes = kit_utf8_at(all, at);
        text[at] = bytes == 0 ? '?' : text[at];
    }
}

/* Keeps as much of the text as there is room for. */
static void keep(const char *text, char *to, size_t size)
{
    kit_str_to_c(kit_str_c(text), to, size);
    make_utf8(to);
}

/* The text is made aside first: the arguments may point into *err itself. */
enum kit_status kit_fail_at(struct kit_err *err, enum kit_status code, const char *where, const char *param,
                            const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    char text[TEXT_BYTES];
    char field[KIT_ERR_PARAM_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    keep(param, field, sizeof(field));
    err->code = code;
    err->where = where;
    err->retry_after_ms = kit_status_retry_ms(code);
    memcpy(err->param, field, sizeof(field));
    keep(text, err->msg, sizeof(err->msg));
    return code;
}

enum kit_status kit_err_prefix(struct kit_err *err, enum kit_status code, const char *format, ...)
{
    if (err == NULL) {
        return code;
    }
    char text[TEXT_BYTES];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof(text) / 2, format, args);
    va_end(args);
    size_t at = len < 0 ? 0 : KIT_MIN((size_t)len, sizeof(text) / 2 - 1);
    snprintf(text + at, sizeof(text) - at, ": %s", err->msg);
    keep(text, err->msg, sizeof(err->msg));
    err->code = code;
    return code;
}

uint32_t kit_status_retry_ms(enum kit_status code)
{
    return code == KIT_FULL || code == KIT_NOMEM || code == KIT_UNAVAILABLE ? 1000 : 0;
}

int kit_status_http(enum kit_status code)
{
    return row_of(code)->http;
}

int kit_status_grpc(enum kit_status code)
{
    return row_of(code)->grpc;
}

const char *kit_status_name(enum kit_status code)
{
    return row_of(code)->name;
}

const char *kit_status_text(enum kit_status code)
{
    return row_of(code)->text;
}
