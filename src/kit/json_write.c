/* src/kit/json_write.c - the writing half of kit/json.h; it needs no yyjson. */
#include <assert.h>
#include <math.h>
#include <string.h>

#include "kit/json.h"
#include "kit/num.h"
#include "kit/utf8.h"

#define CHUNK_BYTES 1024 /* of an array of floats, made aside */

void kit_json_writer_init(struct kit_json_writer *w, struct kit_buf *out)
{
    *w = (struct kit_json_writer){.out = out};
}

/* Before each value: a comma where one is due, and the next will need one. */
static void begin(struct kit_json_writer *w)
{
    if (w->comma) {
        kit_buf_add_char(w->out, ',');
    }
    w->comma = true;
}

void kit_json_open(struct kit_json_writer *w, char bracket)
{
    assert(w->depth < KIT_JSON_DEPTH_MAX);
    begin(w);
    kit_buf_add_char(w->out, bracket);
    w->depth++;
    w->comma = false;
}

void kit_json_close(struct kit_json_writer *w, char bracket)
{
    assert(w->depth > 0);
    kit_buf_add_char(w->out, bracket);
    w->depth--;
    w->comma = true;
}

/* --- strings --- */

#define EVERY(byte) (UINT64_C(0x0101010101010101) * (byte))

/* True when one of eight bytes is below 0x20, a quote, a backslash or beyond ASCII. A byte x is zero where
 * (x - 1) & ~x has its top bit set; a borrow can only raise a false alarm, which costs a slow look. */
static bool eight_need_care(const char *p)
{
    uint64_t x;
    memcpy(&x, p, sizeof(x));
    uint64_t quote = x ^ EVERY('"'), slash = x ^ EVERY('\\');
    uint64_t found = (x - EVERY(0x20)) | (quote - EVERY(1)) | (slash - EVERY(1)) | x;
    return (found & EVERY(0x80)) != 0;
}

/* Bytes from s.ptr[at] on that can stand in a JSON string as they are (RFC 8259, section 7). */
static size_t plain_run(kit_str s, size_t at)
{
    size_t from = at;
    while (at < s.len) {
        if (s.len - at >= 8 && !eight_need_care(s.ptr + at)) {
            at += 8;
            continue;
        }
        unsigned char c = (unsigned char)s.ptr[at];
        size_t len = c < 0x20 || c == '"' || c == '\\' ? 0 : kit_utf8_at(s, at);
        if (len == 0) {
            break;
        }
        at += len;
    }
    return at - from;
}

static void put_escaped(struct kit_buf *out, unsigned char c)
{
    static const char letters[] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r', ['"'] = '"', ['\\'] = '\\'};
    static const char hex[] = "0123456789abcdef";
    if (c >= 0x80) {
        kit_buf_add(out, kit_str_lit("\xEF\xBF\xBD")); /* U+FFFD */
    } else if (c < sizeof(letters) && letters[c] != '\0') {
        kit_buf_add(out, (kit_str){(char[]){'\\', letters[c]}, 2});
    } else {
        kit_buf_add(out, (kit_str){(char[]){'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]}, 6});
    }
}

static void put_quoted(struct kit_buf *out, kit_str s)
{
    kit_buf_add_char(out, '"');
    for (size_t at = 0; at < s.len;) {
        size_t run = plain_run(s, at);
        kit_buf_add(out, (kit_str){.ptr = s.ptr + at, .len = run});
        at += run;
        if (at < s.len) {
            put_escaped(out, (unsigned char)s.ptr[at++]);
        }
    }
    kit_buf_add_char(out, '"');
}

void kit_json_key(struct kit_json_writer *w, const char *key)
{
    kit_json_key_str(w, kit_str_c(key));
}

void kit_json_key_str(struct kit_json_writer *w, kit_str key)
{
    begin(w);
    put_quoted(w->out, key);
    kit_buf_add_char(w->out, ':');
    w->comma = false;
}

void kit_json_put_str(struct kit_json_writer *w, kit_str s)
{
    begin(w);
    put_quoted(w->out, s);
}

void kit_json_put_c(struct kit_json_writer *w, const char *text)
{
    if (text == NULL) {
        kit_json_put_null(w);
    } else {
        kit_json_put_str(w, kit_str_c(text));
    }
}

void kit_json_put_raw(struct kit_json_writer *w, kit_str json)
{
    begin(w);
    kit_buf_add(w->out, json);
}

/* --- numbers --- */

void kit_json_put_u64(struct kit_json_writer *w, uint64_t n)
{
    char text[KIT_NUM_BYTES];
    kit_json_put_raw(w, (kit_str){.ptr = text, .len = kit_num_u64(n, text)});
}

void kit_json_put_i64(struct kit_json_writer *w, int64_t n)
{
    char text[KIT_NUM_BYTES + 1] = "-";
    size_t sign = n < 0 ? 1 : 0;
    uint64_t size = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;
    kit_json_put_raw(w, (kit_str){.ptr = text, .len = sign + kit_num_u64(size, text + sign)});
}

void kit_json_put_bool(struct kit_json_writer *w, bool b)
{
    kit_json_put_raw(w, b ? kit_str_lit("true") : kit_str_lit("false"));
}

void kit_json_put_null(struct kit_json_writer *w)
{
    kit_json_put_raw(w, kit_str_lit("null"));
}

void kit_json_put_f64(struct kit_json_writer *w, double x)
{
    char text[KIT_NUM_BYTES];
    if (!isfinite(x)) {
        kit_json_put_null(w);
        return;
    }
    kit_json_put_raw(w, (kit_str){.ptr = text, .len = kit_num_f64(x, text)});
}

void kit_json_put_ms(struct kit_json_writer *w, uint64_t ns)
{
    char text[KIT_NUM_BYTES];
    uint64_t us = ns / 1000 + (ns % 1000 >= 500 ? 1 : 0);
    size_t len = kit_num_u64(us / 1000, text);
    unsigned rest = (unsigned)(us % 1000);
    text[len++] = '.';
    text[len++] = (char)('0' + rest / 100);
    text[len++] = (char)('0' + rest / 10 % 10);
    text[len++] = (char)('0' + rest % 10);
    kit_json_put_raw(w, (kit_str){.ptr = text, .len = len});
}

static size_t put_float(float x, char *to)
{
    if (isfinite(x)) {
        return kit_num_f32(x, to);
    }
    memcpy(to, "null", 4);
    return 4;
}

void kit_json_put_f32(struct kit_json_writer *w, float x)
{
    char text[KIT_NUM_BYTES];
    kit_json_put_raw(w, (kit_str){.ptr = text, .len = put_float(x, text)});
}

void kit_json_put_f32s(struct kit_json_writer *w, const float *x, size_t n)
{
    char chunk[CHUNK_BYTES];
    size_t used = 0;
    kit_json_open(w, '[');
    for (size_t i = 0; i < n; i++) {
        if (used > sizeof(chunk) - KIT_NUM_BYTES - 1) {
            kit_buf_add(w->out, (kit_str){.ptr = chunk, .len = used});
            used = 0;
        }
        if (i > 0) {
            chunk[used++] = ',';
        }
        used += put_float(x[i], chunk + used);
    }
    kit_buf_add(w->out, (kit_str){.ptr = chunk, .len = used});
    kit_json_close(w, ']');
}

void kit_json_member_c(struct kit_json_writer *w, const char *key, const char *text)
{
    kit_json_key(w, key);
    kit_json_put_c(w, text);
}

void kit_json_member_str(struct kit_json_writer *w, const char *key, kit_str s)
{
    kit_json_key(w, key);
    kit_json_put_str(w, s);
}

void kit_json_member_u64(struct kit_json_writer *w, const char *key, uint64_t n)
{
    kit_json_key(w, key);
    kit_json_put_u64(w, n);
}

void kit_json_member_bool(struct kit_json_writer *w, const char *key, bool b)
{
    kit_json_key(w, key);
    kit_json_put_bool(w, b);
}

void kit_json_member_ms(struct kit_json_writer *w, const char *key, uint64_t ns)
{
    kit_json_key(w, key);
    kit_json_put_ms(w, ns);
}
