#include "kit/log.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/json.h"
#include "kit/utf8.h"

static _Atomic int log_level = KIT_LOG_INFO;
static _Atomic int log_format = KIT_LOG_PRETTY;
static _Atomic int log_colour;
static _Atomic int log_fd = 2;

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const level_titles[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};
static const char *const level_colours[] = {"\x1b[2m", "\x1b[32m", "\x1b[33m", "\x1b[31m"};

void kit_log_setup(const struct kit_log_options *options)
{
    atomic_store_explicit(&log_level, (int)options->level, memory_order_relaxed);
    atomic_store_explicit(&log_format, (int)options->format, memory_order_relaxed);
    atomic_store_explicit(&log_colour, options->colour, memory_order_relaxed);
    atomic_store_explicit(&log_fd, options->fd, memory_order_relaxed);
}

void kit_log_set_level(enum kit_log_level level)
{
    atomic_store_explicit(&log_level, (int)level, memory_order_relaxed);
}

bool kit_log_wants(enum kit_log_level level)
{
    return (int)level >= atomic_load_explicit(&log_level, memory_order_relaxed) && level < KIT_LOG_OFF;
}

/* --- escapes --- */

/* One byte as it may stand in a line: 1 … 4 bytes into to. */
static size_t escape(char c, bool quoted, char to[4])
{
    static const char hex[] = "0123456789abcdef";
    unsigned char byte = (unsigned char)c;
    char letter = byte == '\n' ? 'n' : byte == '\r' ? 'r' : byte == '\t' ? 't' : '\0';
    if (quoted && (byte == '"' || byte == '\\')) {
        letter = c;
    }
    if (letter != '\0') {
        to[0] = '\\';
        to[1] = letter;
        return 2;
    }
    if (byte < 0x20 || byte >= 0x7F) {
        memcpy(to, (char[]){'\\', 'x', hex[byte >> 4], hex[byte & 15]}, 4);
        return 4;
    }
    to[0] = c;
    return 1;
}

/* Copies s escaped; stops before a piece that does not fit. Returns the bytes written. */
static size_t put_escaped(kit_str s, bool quoted, char *to, size_t room)
{
    size_t used = 0;
    for (size_t at = 0; at < s.len;) {
        char piece[4];
        size_t taken = kit_utf8_at(s, at);
        size_t len = taken;
        if (taken > 1) {
            memcpy(piece, s.ptr + at, taken);
        } else {
            taken = 1;
            len = escape(s.ptr[at], quoted, piece);
        }
        if (len > room - used) {
            break;
        }
        memcpy(to + used, piece, len);
        used += len;
        at += taken;
    }
    return used;
}

const char *kit_log_quote(kit_str s, char buf[KIT_LOG_QUOTE_BYTES])
{
    buf[0] = '"';
    size_t len = 1 + put_escaped(s, true, buf + 1, KIT_LOG_QUOTE_BYTES - 3);
    buf[len] = '"';
    buf[len + 1] = '\0';
    return buf;
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Undoes put_escaped in place. */
static kit_str unescape(char *text, size_t len)
{
    size_t used = 0;
    for (size_t at = 0; at < len; at++) {
        char c = text[at];
        if (c == '\\' && at + 1 < len) {
            c = text[++at];
            if (c == 'x' && at + 2 < len && hex_value(text[at + 1]) >= 0 && hex_value(text[at + 2]) >= 0) {
                c = (char)(hex_value(text[at + 1]) * 16 + hex_value(text[at + 2]));
                at += 2;
            } else {
                c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
            }
        }
        text[used++] = c;
    }
    return (kit_str){.ptr = text, .len = used};
}

/* --- a line as JSON --- */

struct pair {
    kit_str key;
    char *value; /* inside the quotes */
    size_t len;
    bool quoted;
};

/* Index of the quote that ends a value whose first byte is at `from`, or len. */
static size_t quote_end(const char *text, size_t from, size_t len)
{
    size_t at = from;
    while (at < len && text[at] != '"') {
        at += text[at] == '\\' ? 2 : 1;
    }
    return KIT_MIN(at, len);
}

/* Takes the next key=value off the text; a word without '=' is a pair of the key "text". */
static bool next_pair(char **text, size_t *left, struct pair *ret)
{
    char *at = *text, *end = at + *left;
    while (at < end && *at == ' ') {
        at++;
    }
    if (at == end) {
        return false;
    }
    char *word = at;
    while (at < end && *at != ' ' && *at != '=' && *at != '"') {
        at++;
    }
    ret->key = kit_str_lit("text");
    if (at < end && *at == '=' && at > word) {
        ret->key = (kit_str){.ptr = word, .len = (size_t)(at - word)};
        word = ++at;
    }
    ret->quoted = word < end && *word == '"';
    if (ret->quoted) {
        ret->value = word + 1;
        ret->len = quote_end(word, 1, (size_t)(end - word)) - 1;
        at = KIT_MIN(word + ret->len + 2, end);
    } else {
        ret->value = word;
        ret->len = kit_str_find_char((kit_str){word, (size_t)(end - word)}, ' ');
        at = word + ret->len;
    }
    *left = (size_t)(end - at);
    *text = at;
    return true;
}

static bool is_json_literal(kit_str s)
{
    double x;
    if (kit_str_eq(s, kit_str_lit("true")) || kit_str_eq(s, kit_str_lit("false"))) {
        return true;
    }
    kit_str digits = kit_str_starts(s, kit_str_lit("-")) ? kit_str_sub(s, 1, s.len) : s;
    bool leading_zero = digits.len > 1 && digits.ptr[0] == '0' && digits.ptr[1] >= '0' && digits.ptr[1] <= '9';
    return digits.len > 0 && digits.ptr[0] != '+' && !leading_zero && kit_str_to_f64(s, &x) == KIT_OK;
}

static void put_pair(struct kit_json_writer *w, const struct pair *pair)
{
    kit_str raw = {.ptr = pair->value, .len = pair->len};
    kit_json_key_str(w, pair->key);
    if (pair->quoted) {
        kit_json_put_str(w, unescape(pair->value, pair->len));
    } else if (is_json_literal(raw)) {
        kit_json_put_raw(w, raw);
    } else {
        kit_json_put_str(w, raw);
    }
}

/* out lies over a fixed array: it is FULL at its end and never allocates. A pair that does not fit is taken back. */
static void line_json(struct kit_buf *out, enum kit_log_level level, const char *time, const char *event, char *text,
                      size_t len)
{
    static const char cut[] = ",\"cut\":true";
    struct kit_json_writer w;
    struct pair pair;
    out->max -= sizeof(cut) + 1;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_key(&w, "time");
    kit_json_put_c(&w, time);
    kit_json_key(&w, "level");
    kit_json_put_c(&w, level_names[level]);
    kit_json_key(&w, "event");
    kit_json_put_c(&w, event);
    size_t whole = out->len;
    while (out->failed == KIT_OK && next_pair(&text, &len, &pair)) {
        put_pair(&w, &pair);
        whole = out->failed == KIT_OK ? out->len : whole;
    }
    bool was_cut = out->failed != KIT_OK;
    out->max += sizeof(cut) + 1;
    out->failed = KIT_OK;
    out->len = whole;
    kit_buf_add(out, was_cut ? kit_str_lit(",\"cut\":true}") : kit_str_lit("}"));
}

/* --- a line as text --- */

static void add_escaped(struct kit_buf *out, const char *text, size_t len)
{
    out->len += put_escaped((kit_str){text, len}, false, out->ptr + out->len, out->max - out->len);
}

static void line_logfmt(struct kit_buf *out, enum kit_log_level level, const char *time, const char *event,
                        const char *text, size_t len)
{
    kit_buf_printf(out, "time=%s level=%s event=%s%s", time, level_names[level], event, len > 0 ? " " : "");
    add_escaped(out, text, len);
}

static void line_pretty(struct kit_buf *out, enum kit_log_level level, const char *time, const char *event,
                        const char *text, size_t len)
{
    bool colour = atomic_load_explicit(&log_colour, memory_order_relaxed) != 0;
    kit_buf_printf(out, "%.12s %s%s%s ", strchr(time, 'T') + 1, colour ? level_colours[level] : "", level_titles[level],
                   colour ? "\x1b[0m" : "");
    kit_buf_printf(out, "%s%s%s%s", colour ? "\x1b[1m" : "", event, colour ? "\x1b[0m" : "", len > 0 ? "  " : "");
    add_escaped(out, text, len);
}

static void write_line(const char *line, size_t len)
{
    int fd = atomic_load_explicit(&log_fd, memory_order_relaxed);
    ssize_t n;
    do {
        n = write(fd, line, len);
    } while (n < 0 && errno == EINTR);
}

void kit_log_write(enum kit_log_level level, const char *event, const char *format, ...)
{
    assert(level < KIT_LOG_OFF);
    int error = errno; /* a log line must not change what the caller goes on to report */
    char text[KIT_LOG_LINE_BYTES], line[KIT_LOG_LINE_BYTES], time[KIT_CLOCK_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    int wanted = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    size_t len = wanted < 0 ? 0 : KIT_MIN((size_t)wanted, sizeof(text) - 1);
    struct kit_buf out = {.ptr = line, .room = sizeof(line) - 2, .max = sizeof(line) - 2};
    kit_clock_text(kit_clock_wall_ns(), time);
    switch ((enum kit_log_format)atomic_load_explicit(&log_format, memory_order_relaxed)) {
    case KIT_LOG_JSON:
        line_json(&out, level, time, event, text, len);
        break;
    case KIT_LOG_LOGFMT:
        line_logfmt(&out, level, time, event, text, len);
        break;
    case KIT_LOG_PRETTY:
        line_pretty(&out, level, time, event, text, len);
        break;
    }
    line[out.len] = '\n';
    write_line(line, out.len + 1);
    errno = error;
}
