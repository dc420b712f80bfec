/* src/kit/json.h - JSON in and out, over yyjson (RFC 8259). The only place that sees yyjson.
 *
 * Reading gives an immutable document and values that borrow from it. Writing appends to a kit_buf as it goes: no
 * tree is built for an answer. Thread: one at a time for a writer; a parsed document may be read by many. */
#ifndef KIT_JSON_H
#define KIT_JSON_H

#include "kit/arena.h"
#include "kit/budget.h"
#include "kit/buf.h"

/* --- reading --- */

struct kit_json_doc;

/* A value of a document; borrowed, passed by value. {NULL} is "not there" and answers every question with no. */
typedef struct kit_json {
    const void *v;
} kit_json;

enum kit_json_type {
    KIT_JSON_NONE,
    KIT_JSON_NULL,
    KIT_JSON_BOOL,
    KIT_JSON_NUMBER,
    KIT_JSON_STRING,
    KIT_JSON_ARRAY,
    KIT_JSON_OBJECT
};

/* text: copied. depth_max: nested arrays and objects, 1 … 1,000; deeper is PARSE. Rejects what RFC 8259 rejects,
 * invalid UTF-8 among it; the message gives the byte. Duplicate keys: the first counts. Errors: PARSE, NOMEM. */
KIT_MUST_CHECK enum kit_status kit_json_parse(kit_str text, uint32_t depth_max, struct kit_json_doc **ret,
                                              struct kit_err *err);

/* A value takes 16 bytes beside its text, so that "0,0,0,…" grows eightfold: whoever parses what strangers send gives
 * all of that one sum. Texts up to KIT_JSON_FREE_BYTES take nothing of it, so that small requests go on. */
#define KIT_JSON_FREE_BYTES (64 * KIT_KIB)
struct kit_json_limits {
    uint32_t depth_max;       /* as above */
    struct kit_budget *trees; /* of all documents that are alive; borrowed, outlives them; NULL: no such limit */
    uint64_t trees_bytes_max; /* of that sum */
};
/* Errors besides: TOO_LARGE (more values than the sum ever takes), UNAVAILABLE (not now: others hold it). */
KIT_MUST_CHECK enum kit_status kit_json_parse_within(kit_str text, const struct kit_json_limits *limits,
                                                     struct kit_json_doc **ret, struct kit_err *err);
void kit_json_free(struct kit_json_doc *d); /* NULL is fine */
kit_json kit_json_root(const struct kit_json_doc *d);

enum kit_json_type kit_json_type(kit_json v);
const char *kit_json_type_name(kit_json v); /* "an object"; "missing" for {NULL} */
/* What a message says after "but is": a number itself, "an array of 3", the name of another type. */
#define KIT_JSON_WHAT_BYTES 40
const char *kit_json_what(kit_json v, char to[KIT_JSON_WHAT_BYTES]);
kit_json kit_json_get(kit_json object, const char *key); /* {NULL}: no object or no such key */
kit_json kit_json_at(kit_json array, size_t index);      /* {NULL}: no array or not so many; walks to it */
size_t kit_json_count(kit_json v);                       /* items of an array, pairs of an object, else 0 */

/* Plain reads: `otherwise` when the type differs. */
kit_str kit_json_str(kit_json v, kit_str otherwise);
bool kit_json_bool(kit_json v, bool otherwise);
double kit_json_f64(kit_json v, double otherwise);
int64_t kit_json_i64(kit_json v, int64_t otherwise); /* a real number counts only if it is whole */
bool kit_json_is_real(kit_json v);                   /* a number with a fraction or exponent, or beyond int64 */

/* The value as JSON text again, without blanks, in the arena: to keep it beyond its document. NOMEM. */
KIT_MUST_CHECK enum kit_status kit_json_text(kit_json v, struct kit_arena *arena, kit_str *ret);

/* Walks an array or object: for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) { i.key, i.value }
 * key is empty for arrays. */
struct kit_json_iter {
    kit_json value;
    kit_str key;
    size_t index; /* of value, from 0 */
    kit_json container;
    const void *cursor;
    size_t left;
};
struct kit_json_iter kit_json_iter(kit_json v);
bool kit_json_next(struct kit_json_iter *i);

/* Reads that say what is wrong: INVALID with param = key when the member is missing or has another type or is out of
 * range ("'timeout_ms' must be a whole number from 1 to 3600000, but is a string"). The `_or` forms take a default
 * for a member that is missing or null. */
KIT_MUST_CHECK enum kit_status kit_json_need_str(kit_json object, const char *key, kit_str *ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status kit_json_str_or(kit_json object, const char *key, kit_str otherwise, kit_str *ret,
                                               struct kit_err *err);
KIT_MUST_CHECK enum kit_status kit_json_i64_or(kit_json object, const char *key, int64_t min, int64_t max,
                                               int64_t otherwise, int64_t *ret, struct kit_err *err);
KIT_MUST_CHECK enum kit_status kit_json_bool_or(kit_json object, const char *key, bool otherwise, bool *ret,
                                                struct kit_err *err);

/* --- writing --- */

#define KIT_JSON_DEPTH_MAX 32

/* Commas and colons come by themselves. Errors stay in out->failed; check it once, at the end. Strings that are not
 * UTF-8 get U+FFFD for each bad byte. */
struct kit_json_writer {
    struct kit_buf *out; /* borrowed */
    uint32_t depth;
    bool comma; /* the next value needs one before it */
};

void kit_json_writer_init(struct kit_json_writer *w, struct kit_buf *out);
void kit_json_open(struct kit_json_writer *w, char bracket);  /* '{' or '[' */
void kit_json_close(struct kit_json_writer *w, char bracket); /* '}' or ']' */
void kit_json_key(struct kit_json_writer *w, const char *key);
void kit_json_key_str(struct kit_json_writer *w, kit_str key);
void kit_json_put_str(struct kit_json_writer *w, kit_str s);
void kit_json_put_c(struct kit_json_writer *w, const char *text); /* NULL writes null */
void kit_json_put_u64(struct kit_json_writer *w, uint64_t n);
void kit_json_put_i64(struct kit_json_writer *w, int64_t n);
void kit_json_put_bool(struct kit_json_writer *w, bool b);
void kit_json_put_null(struct kit_json_writer *w);
void kit_json_put_f64(struct kit_json_writer *w, double x);   /* shortest that reads back; NaN, Inf: null */
void kit_json_put_f32(struct kit_json_writer *w, float x);    /* the same: that reads back as this float32 */
void kit_json_put_ms(struct kit_json_writer *w, uint64_t ns); /* nanoseconds as milliseconds, 3 decimals */
/* An array; each number the shortest that reads back as the same float32; NaN, Inf: null. */
void kit_json_put_f32s(struct kit_json_writer *w, const float *x, size_t n);
/* Key and value at once. */
void kit_json_member_c(struct kit_json_writer *w, const char *key, const char *text); /* NULL writes null */
void kit_json_member_str(struct kit_json_writer *w, const char *key, kit_str s);
void kit_json_member_u64(struct kit_json_writer *w, const char *key, uint64_t n);
void kit_json_member_bool(struct kit_json_writer *w, const char *key, bool b);
void kit_json_member_ms(struct kit_json_writer *w, const char *key, uint64_t ns);
void kit_json_put_raw(struct kit_json_writer *w, kit_str json); /* one value, already JSON */

#endif
