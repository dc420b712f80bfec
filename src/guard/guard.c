#include "guard/guard.h"

#include <string.h>

#include "guard/host.h"
#include "http/server.h"
#include "kit/base64.h"

#define SHOWN_MAX 60 /* bytes of a client's text in a message */

void guard_init(struct guard *g, struct guard_rules *rules)
{
    *g = (struct guard){.rules = rules};
}

void guard_done(struct guard *g)
{
    guard_rules_unref(g->rules);
    g->rules = NULL;
}

void guard_set(struct guard *g, struct guard_rules *rules)
{
    guard_rules_unref(g->rules);
    guard_init(g, rules);
}

/* --- where it comes from --- */

static enum kit_status check_host(struct guard *g, const struct http_request *r, struct kit_err *err)
{
    if (kit_str_eq(r->host, (kit_str){g->host, g->host_len})) {
        return KIT_OK; /* or there is none: HTTP/1.0, which no browser speaks */
    }
    if (r->host.len == 0 || guard_rules_allow_host(g->rules, r->host)) {
        if (r->host.len > 0 && r->host.len <= sizeof(g->host)) {
            memcpy(g->host, r->host.ptr, r->host.len);
            g->host_len = r->host.len;
        }
        return KIT_OK;
    }
    return kit_fail(err, KIT_MISDIRECTED,
                    "this server does not go by the name '%.*s': use its address, or add the name to "
                    "server.allowed_hosts",
                    (int)KIT_MIN(r->host.len, SHOWN_MAX), r->host.ptr);
}

static bool is_preflight(const struct http_request *r)
{
    return r->method == HTTP_OPTIONS && http_request_field(r, "Access-Control-Request-Method").ptr != NULL;
}

static void add_cors(struct http_request *r, kit_str origin)
{
    http_reply_field(r, "Access-Control-Allow-Origin", origin);
    http_reply_field(r, "Vary", kit_str_lit("Origin"));
    if (!is_preflight(r)) {
        http_reply_field(r, "Access-Control-Expose-Headers",
                         kit_str_lit("X-Request-Id, Retry-After, WWW-Authenticate"));
        return;
    }
    kit_str wanted = http_request_field(r, "Access-Control-Request-Headers");
    http_reply_field(r, "Access-Control-Allow-Methods", kit_str_lit("GET, HEAD, POST, PUT, PATCH, DELETE"));
    if (wanted.len > 0) {
        http_reply_field(r, "Access-Control-Allow-Headers", wanted);
    }
    if (kit_str_eq(http_request_field(r, "Access-Control-Request-Private-Network"), kit_str_lit("true"))) {
        http_reply_field(r, "Access-Control-Allow-Private-Network", kit_str_lit("true"));
    }
    http_reply_field(r, "Access-Control-Max-Age", kit_str_lit("600"));
}

static enum kit_status check_origin(const struct guard_rules *rules, struct http_request *r, struct kit_err *err)
{
    kit_str origin = http_request_field(r, "Origin");
    if (origin.ptr == NULL || guard_host_is_own_origin(origin, r->host)) {
        return KIT_OK;
    }
    if (!guard_rules_allow_origin(rules, origin)) {
        return kit_fail(err, KIT_DENIED,
                        "pages of '%.*s' may not use this server: if they should, add that origin to "
                        "server.allowed_origins",
                        (int)KIT_MIN(origin.len, SHOWN_MAX), origin.ptr);
    }
    add_cors(r, origin);
    return KIT_OK;
}

/* --- who it is --- */

static kit_str bearer_of(kit_str field)
{
    kit_str scheme = kit_str_lit("Bearer ");
    bool bearer = kit_str_eq_nocase(kit_str_sub(field, 0, scheme.len), scheme);
    return bearer ? kit_str_trim(kit_str_sub(field, scheme.len, field.len)) : (kit_str){0};
}

/* room: where a key in base64 is decoded to. {NULL}: no subprotocol holds one. */
static kit_str key_of_subprotocol(const struct http_request *r, char room[GUARD_KEY_BYTES_MAX])
{
    kit_str prefix = kit_str_lit("heimnetz.key.");
    struct http_tokens t = {.request = r, .name = "Sec-WebSocket-Protocol"};
    for (kit_str token; http_tokens_next(&t, &token);) {
        size_t len = 0;
        if (kit_str_starts(token, prefix)) {
            kit_str text = kit_str_sub(token, prefix.len, token.len);
            bool good = kit_base64_read(text, room, GUARD_KEY_BYTES_MAX, &len) == KIT_OK;
            return (kit_str){room, good ? len : 0};
        }
    }
    return (kit_str){0};
}

static kit_str presented_key(const struct http_request *r, char room[GUARD_KEY_BYTES_MAX])
{
    kit_str field = http_request_field(r, "Authorization");
    if (field.ptr != NULL) {
        kit_str key = bearer_of(field);
        return key.ptr != NULL ? key : (kit_str){"", 0};
    }
    field = http_request_field(r, "X-Api-Key");
    return field.ptr != NULL ? field : key_of_subprotocol(r, room);
}

static enum kit_status refuse(struct http_request *r, bool wrong, struct kit_err *err)
{
    http_reply_field(r, "WWW-Authenticate",
                     wrong ? kit_str_lit("Bearer realm=\"heimnetz\", error=\"invalid_token\"")
                           : kit_str_lit("Bearer realm=\"heimnetz\""));
    return kit_fail(err, KIT_UNAUTHORIZED,
                    wrong ? "that is not this server's key: see HEIMNETZ_API_KEY, or --api-key-file of the server"
                          : "this server wants its key: send 'Authorization: Bearer KEY' (heimnetz takes it from "
                            "HEIMNETZ_API_KEY)");
}

static enum kit_status check_key(const struct guard_rules *rules, struct http_request *r, struct kit_err *err)
{
    char room[GUARD_KEY_BYTES_MAX];
    kit_str key = presented_key(r, room);
    bool right = key.ptr != NULL && guard_rules_key_is(rules, key);
    if (right) {
        enum kit_status rc = kit_arena_str(r->arena, guard_rules_principal(rules), &r->principal);
        return rc == KIT_OK ? KIT_OK : kit_fail(err, rc, "out of memory for a request");
    }
    bool open = (r->route != NULL && r->route->open) || r->method == HTTP_OPTIONS; /* which tells what Allow tells */
    return open ? KIT_OK : refuse(r, key.ptr != NULL, err);
}

enum kit_status guard_admit(struct http_request *r, void *ctx, struct kit_err *err)
{
    struct guard *g = ctx;
    const struct guard_rules *rules = g->rules;
    enum kit_status rc = check_host(g, r, err);
    if (rc == KIT_OK) {
        rc = check_origin(rules, r, err);
    }
    return rc == KIT_OK && guard_rules_have_key(rules) ? check_key(rules, r, err) : rc;
}
