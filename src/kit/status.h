/* src/kit/status.h - what a function answers when it can fail, and how it says why.
 *
 * One table stands behind every protocol: a status knows its HTTP code, its gRPC code and its wire name.
 * Thread: any; no state. Memory: struct kit_err belongs to the caller and holds its text by value. */
#ifndef KIT_STATUS_H
#define KIT_STATUS_H

#include "kit/base.h"

/*  name, HTTP, gRPC, wire name, text */
#define KIT_STATUS_MAP(X)                                                                                              \
    X(OK, 200, 0, "ok", "ok")                                                                                          \
    X(INVALID, 400, 3, "invalid_request", "the request is not valid")                                                  \
    X(PARSE, 400, 3, "parse_error", "the input could not be parsed")                                                   \
    X(UNAUTHORIZED, 401, 16, "unauthorized", "a key is needed")                                                        \
    X(DENIED, 403, 7, "forbidden", "not allowed")                                                                      \
    X(NOT_FOUND, 404, 5, "not_found", "no such thing")                                                                 \
    X(MODEL_NOT_FOUND, 404, 5, "model_not_found", "no such model")                                                     \
    X(METHOD, 405, 12, "method_not_allowed", "this path does not take this method")                                    \
    X(CONFLICT, 409, 9, "conflict", "the state does not allow this now")                                               \
    X(TOO_LARGE, 413, 11, "too_large", "larger than the limit")                                                        \
    X(MEDIA_TYPE, 415, 3, "unsupported_media_type", "this content type is not taken here")                             \
    X(MISDIRECTED, 421, 9, "misdirected", "this server does not go by that name")                                      \
    X(UNPROCESSABLE, 422, 3, "unprocessable", "well formed, but it cannot be done")                                    \
    X(LOAD_FAILED, 422, 9, "load_failed", "the model could not be loaded")                                             \
    X(FULL, 429, 8, "limit_reached", "a limit is reached; try again later")                                            \
    X(CANCELLED, 499, 1, "cancelled", "cancelled by the caller")                                                       \
    X(INTERNAL, 500, 13, "internal", "an error of ours")                                                               \
    X(UNSUPPORTED, 501, 12, "unsupported", "not supported")                                                            \
    X(IO, 502, 14, "io_error", "reading or writing failed")                                                            \
    X(NOMEM, 503, 8, "out_of_memory", "out of memory")                                                                 \
    X(UNAVAILABLE, 503, 14, "unavailable", "not available at the moment")                                              \
    X(TIMEOUT, 504, 4, "timeout", "the deadline has passed")                                                           \
    X(NO_SPACE, 507, 8, "no_space", "not enough space on the disk")

enum kit_status {
#define KIT_STATUS_ENUM(name, http, grpc, wire, text) KIT_##name,
    KIT_STATUS_MAP(KIT_STATUS_ENUM)
#undef KIT_STATUS_ENUM
        KIT_STATUS_COUNT
};

#define KIT_ERR_MSG_BYTES 240
#define KIT_ERR_PARAM_BYTES 48

/* Filled on failure only. `where` is "file:line" of the kit_fail that failed first and lives for ever. */
struct kit_err {
    enum kit_status code;
    const char *where;
    uint32_t retry_after_ms;         /* when to try again; 0: trying again does not help, or nobody knows */
    char param[KIT_ERR_PARAM_BYTES]; /* the input field at fault, such as "inputs[3]"; "" when none */
    char msg[KIT_ERR_MSG_BYTES];     /* one line for a person: field, limit, remedy */
};

/* Writes code and message into *err (NULL: nowhere) and returns `code`, so that a failure is one statement:
 *     return kit_fail(err, KIT_PARSE, "line %u: empty token", line);
 * Text beyond the space is cut at a UTF-8 border, and a byte that is no UTF-8 becomes '?'. */
#define kit_fail(err, code, ...) kit_fail_at((err), (code), KIT_HERE, "", __VA_ARGS__)
/* The same, naming the field at fault: kit_fail_param(err, KIT_INVALID, "inputs", "…"). */
#define kit_fail_param(err, code, param, ...) kit_fail_at((err), (code), KIT_HERE, (param), __VA_ARGS__)

#define KIT_HERE_TEXT(line) #line
#define KIT_HERE_LINE(line) KIT_HERE_TEXT(line)
#define KIT_HERE __FILE__ ":" KIT_HERE_LINE(__LINE__)

enum kit_status kit_fail_at(struct kit_err *err, enum kit_status code, const char *where, const char *param,
                            const char *format, ...) KIT_PRINTF(5, 6);

/* Puts "text: " before the message of an error on its way up ("model.safetensors: tensor 'x': …"). err may be
 * NULL. Returns err's code so that it can be returned. */
enum kit_status kit_err_prefix(struct kit_err *err, enum kit_status code, const char *format, ...) KIT_PRINTF(3, 4);

/* What kit_fail puts into retry_after_ms: 1 s where waiting helps (FULL, NOMEM, UNAVAILABLE), else 0. */
uint32_t kit_status_retry_ms(enum kit_status code);
int kit_status_http(enum kit_status code);         /* 200, 404, … */
int kit_status_grpc(enum kit_status code);         /* 0 … 16 */
const char *kit_status_name(enum kit_status code); /* "model_not_found"; lives for ever */
const char *kit_status_text(enum kit_status code); /* "no such model"; lives for ever */

#endif
