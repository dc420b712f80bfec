#include "heimnetz/logline.h"

#include <string.h>
#include <time.h>

#include "heimnetz/rich.h"
#include "kit/json.h"

#define LINE_BYTES_MAX (64 * KIT_KIB)
#define EVENT_COLUMNS 16

/* --- taking it apart --- */

/* Index of the quote that ends a value which begins at `from`, or s.len. */
static size_t quote_end(kit_str s, size_t from)
{
    size_t at = from;
    while (at < s.len && s.ptr[at] != '"') {
        at += s.ptr[at] == '\\' ? 2 : 1;
    }
    return KIT_MIN(at, s.len);
}

bool heimnetz_logline_next(kit_str *rest, kit_str *key, kit_str *value)
{
    while (kit_str_starts(*rest, kit_str_lit(" "))) {
        *rest = kit_str_sub(*rest, 1, rest->len);
    }
    size_t equals = kit_str_find_char(*rest, '=');
    if (equals == rest->len || kit_str_find_char(kit_str_sub(*rest, 0, equals), ' ') < equals) {
        return false;
    }
    *key = kit_str_sub(*rest, 0, equals);
    bool quoted = equals + 1 < rest->len && rest->ptr[equals + 1] == '"';
    size_t from = equals + (quoted ? 2 : 1);
    size_t end = quoted ? quote_end(*rest, from) : from + kit_str_find_char(kit_str_sub(*rest, from, rest->len), ' ');
    *value = kit_str_sub(*rest, from, end - from);
    *rest = kit_str_sub(*rest, end + (quoted ? 1 : 0), rest->len);
    return true;
}

bool heimnetz_logline_parse(kit_str line, struct heimnetz_logline *ret)
{
    static const char *const keys[] = {"time", "level", "event"};
    kit_str *const to[] = {&ret->time, &ret->level, &ret->event};
    for (size_t i = 0; i < KIT_COUNT(keys); i++) {
        kit_str key;
        if (!heimnetz_logline_next(&line, &key, to[i]) || !kit_str_eq(key, kit_str_c(keys[i]))) {
            return false;
        }
    }
    ret->rest = kit_str_trim(line);
    return true;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes what kit_log_quote does. */
static void unescape(kit_str s, struct kit_buf *out)
{
    for (size_t at = 0; at < s.len; at++) {
        char c = s.ptr[at];
        if (c == '\\' && at + 1 < s.len) {
            c = s.ptr[++at];
            int high = c == 'x' && at + 2 < s.len ? hex_value(s.ptr[at + 1]) : -1;
            int low = high >= 0 ? hex_value(s.ptr[at + 2]) : -1;
            at += low >= 0 ? 2 : 0;
            c = low >= 0 ? (char)(high * 16 + low) : c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
        }
        kit_buf_add_char(out, c);
    }
}

bool heimnetz_logline_value(const struct heimnetz_logline *l, const char *key, char *buf, size_t size)
{
    kit_str rest = l->rest, name, value;
    while (heimnetz_logline_next(&rest, &name, &value)) {
        if (kit_str_eq(name, kit_str_c(key))) {
            struct kit_buf plain;
            kit_buf_init(&plain, LINE_BYTES_MAX);
            unescape(value, &plain);
            kit_str_to_c(kit_buf_str(&plain), buf, size);
            kit_buf_done(&plain);
            return true;
        }
    }
    return false;
}

/* --- from JSON --- */

static void add_quoted(struct kit_buf *out, kit_str s)
{
    kit_buf_add_char(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"' || c == '\\' || c == '\n') {
            kit_buf_add_char(out, '\\');
        }
        kit_buf_add_char(out, c == '\n' ? 'n' : c);
    }
    kit_buf_add_char(out, '"');
}

static void add_value(struct kit_buf *out, kit_json v)
{
    if (kit_json_type(v) == KIT_JSON_NUMBER) {
        kit_buf_printf(out, "%.15g", kit_json_f64(v, 0));
    } else if (kit_json_type(v) == KIT_JSON_BOOL) {
        kit_buf_printf(out, "%s", kit_json_bool(v, false) ? "true" : "false");
    } else {
        kit_str s = kit_json_str(v, kit_str_lit(""));
        bool plain = s.len > 0 && kit_str_find_char(s, ' ') == s.len && kit_str_find_char(s, '"') == s.len &&
                     kit_str_find_char(s, '\n') == s.len && kit_str_find_char(s, '\\') == s.len;
        if (plain) {
            kit_buf_add(out, s);
        } else {
            add_quoted(out, s);
        }
    }
}

bool heimnetz_logline_from_json(kit_str line, struct kit_buf *out)
{
    struct kit_json_doc *doc = NULL;
    if (!kit_str_starts(line, kit_str_lit("{")) || kit_json_parse(line, 2, &doc, NULL) != KIT_OK) {
        return false;
    }
    for (struct kit_json_iter i = kit_json_iter(kit_json_root(doc)); kit_json_next(&i);) {
        kit_buf_printf(out, "%s%.*s=", i.index > 0 ? " " : "", KIT_STR_ARG(i.key));
        add_value(out, i.value);
    }
    kit_json_free(doc);
    return out->failed == KIT_OK;
}

/* --- for people --- */

static enum heimnetz_style style_of(kit_str level)
{
    return kit_str_eq(level, kit_str_lit("error"))  ? TERM_BAD
           : kit_str_eq(level, kit_str_lit("warn")) ? TERM_WARN
           : kit_str_eq(level, kit_str_lit("info")) ? TERM_GOOD
                                                    : TERM_DIM;
}

/* "2026-11-23T05:40:28.123Z" as "05:40:28.123" of this place; as it came when it is no such time. */
static void add_time(struct kit_buf *out, kit_str time)
{
    struct tm utc = {0}, local;
    char text[40];
    kit_str_to_c(time, text, sizeof(text));
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    time_t seconds = timegm(&utc);
    if (rest == NULL || localtime_r(&seconds, &local) == NULL) {
        heimnetz_rich_add(out, TERM_DIM, "%s", text);
        return;
    }
    heimnetz_rich_add(out, TERM_DIM, "%02d:%02d:%02d%.4s", local.tm_hour, local.tm_min, local.tm_sec, rest);
}

static void add_pairs(struct kit_buf *out, kit_str rest)
{
    kit_str key, value;
    while (heimnetz_logline_next(&rest, &key, &value)) {
        struct kit_buf plain;
        kit_buf_init(&plain, LINE_BYTES_MAX);
        unescape(value, &plain);
        heimnetz_rich_add(out, TERM_DIM, "  %.*s=", KIT_STR_ARG(key));
        heimnetz_rich_add(out, TERM_PLAIN, "%.*s", KIT_STR_ARG(kit_buf_str(&plain)));
        kit_buf_done(&plain);
    }
    if (rest.len > 0) {
        heimnetz_rich_add(out, TERM_PLAIN, "  %.*s", KIT_STR_ARG(rest));
    }
}

static void show(struct kit_buf *out, const struct heimnetz_logline *l)
{
    add_time(out, l->time);
    heimnetz_rich_add(out, style_of(l->level), " %-5.*s", KIT_STR_ARG(l->level));
    heimnetz_rich_add(out, TERM_BOLD, " %.*s", KIT_STR_ARG(l->event));
    if (l->rest.len > 0) {
        heimnetz_rich_pad(out, l->event.len < EVENT_COLUMNS ? EVENT_COLUMNS - (uint32_t)l->event.len : 0);
        add_pairs(out, l->rest);
    }
    kit_buf_add_char(out, '\n');
}

void heimnetz_logline_show(struct kit_buf *out, kit_str line)
{
    struct heimnetz_logline l;
    struct kit_buf logfmt;
    kit_buf_init(&logfmt, LINE_BYTES_MAX);
    kit_str plain = heimnetz_logline_from_json(line, &logfmt) ? kit_buf_str(&logfmt) : line;
    if (heimnetz_logline_parse(plain, &l)) {
        show(out, &l);
    } else {
        heimnetz_rich_add(out, TERM_PLAIN, "%.*s\n", KIT_STR_ARG(line));
    }
    kit_buf_done(&logfmt);
}

/* --- as JSON --- */

/* A number without quotes around it stays one. */
static void put_value(struct kit_json_writer *w, kit_str value, kit_str plain)
{
    struct kit_json_doc *doc = NULL;
    bool quoted = value.len > 0 && value.ptr[-1] == '"'; /* behind the key there is always a sign */
    bool number = !quoted && kit_json_parse(value, 1, &doc, NULL) == KIT_OK &&
                  kit_json_type(kit_json_root(doc)) == KIT_JSON_NUMBER;
    kit_json_free(doc);
    if (number) {
        kit_json_put_raw(w, value);
    } else {
        kit_json_put_str(w, plain);
    }
}

static void add_json(struct kit_buf *out, kit_str line)
{
    struct heimnetz_logline l;
    struct kit_json_writer w;
    kit_str key, value;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    if (!heimnetz_logline_parse(line, &l)) {
        kit_json_member_str(&w, "text", line);
        line = (kit_str){0};
    }
    while (heimnetz_logline_next(&line, &key, &value)) {
        struct kit_buf plain;
        kit_buf_init(&plain, LINE_BYTES_MAX);
        unescape(value, &plain);
        kit_json_key_str(&w, key);
        put_value(&w, value, kit_buf_str(&plain));
        kit_buf_done(&plain);
    }
    kit_json_close(&w, '}');
    kit_buf_add_char(out, '\n');
}

void heimnetz_logline_json(struct kit_buf *out, kit_str line)
{
    struct kit_json_doc *doc = NULL;
    bool json = kit_str_starts(line, kit_str_lit("{")) && kit_json_parse(line, 2, &doc, NULL) == KIT_OK;
    kit_json_free(doc);
    if (json) {
        kit_buf_add(out, line);
        kit_buf_add_char(out, '\n');
    } else {
        add_json(out, line);
    }
}
