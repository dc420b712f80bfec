#include "http/h1.h"

#include <string.h>

#include "http/body.h"
#include "kit/alloc.h"

#define HEAD_ROOM_BYTES 1024             /* to begin with */
#define FIELDS_ROOM 16                   /* to begin with */
#define UNTAKEN_BYTES_MAX (64 * KIT_KIB) /* of answers: who does not take them need not ask more */

/* Notes what is wrong and makes the parser stop. */
#define refuse(h, status, reason, code, ...)                                                                           \
    (kit_fail((h)->err, (code), __VA_ARGS__), (h)->refused_status = (status), (h)->refused_reason = (reason), -1)

static struct http_h1 *self(llhttp_t *p)
{
    return p->data;
}

static const struct http_options *options(const struct http_h1 *h)
{
    return &h->connection->server->options;
}

/* --- the head --- */

static int on_message_begin(llhttp_t *p)
{
    struct http_h1 *h = self(p);
    h->reading = http_exchange_new(h->connection);
    h->in_value = h->head_done = false;
    if (h->reading == NULL) {
        h->connection->lost = true;
        return -1;
    }
    h->connection->progress = true;
    return 0;
}

/* Room for more text; earlier offsets stay valid. */
static int grow_head(struct http_h1 *h, struct http_exchange *x, size_t bytes)
{
    size_t room = KIT_MAX(x->head_len + bytes, KIT_MAX(2 * (size_t)x->head_room, HEAD_ROOM_BYTES));
    char *head = kit_arena_get(&x->arena, room);
    if (head == NULL) {
        return refuse(h, 0, "memory", KIT_NOMEM, "out of memory for the head of a request");
    }
    if (x->head_len > 0) {
        memcpy(head, x->head, x->head_len);
    }
    x->head = head;
    x->head_room = (uint32_t)room;
    return 0;
}

static int add_text(struct http_h1 *h, const char *at, size_t len, size_t max)
{
    struct http_exchange *x = h->reading;
    if (len > max - KIT_MIN(x->head_len, max)) {
        bool target = x->request.field_count == 0;
        return target ? refuse(h, 414, "target", KIT_TOO_LARGE, "the target is longer than %zu bytes", max)
                      : refuse(h, 431, "head", KIT_TOO_LARGE, "the head of the request is larger than %zu bytes", max);
    }
    if (len > x->head_room - x->head_len && grow_head(h, x, len) != 0) {
        return -1;
    }
    memcpy(x->head + x->head_len, at, len);
    x->head_len += (uint32_t)len;
    return 0;
}

static int on_url(llhttp_t *p, const char *at, size_t len)
{
    struct http_h1 *h = self(p);
    int rc = add_text(h, at, len, options(h)->head_bytes_max / 2);
    h->reading->target_len = h->reading->head_len;
    return rc;
}

static int add_field(struct http_h1 *h, struct http_exchange *x)
{
    struct http_request *r = &x->request;
    if (r->field_count == options(h)->fields_max) {
        return refuse(h, 431, "head", KIT_TOO_LARGE, "the request has more than %u fields", options(h)->fields_max);
    }
    if (r->field_count == x->fields_room) {
        uint32_t room = KIT_MIN(KIT_MAX(2 * x->fields_room, FIELDS_ROOM), options(h)->fields_max);
        struct http_field *fields = kit_arena_get(&x->arena, room * sizeof(*fields));
        if (fields == NULL) {
            return refuse(h, 0, "memory", KIT_NOMEM, "out of memory for the head of a request");
        }
        if (r->field_count > 0) {
            memcpy(fields, x->fields, r->field_count * sizeof(*fields));
        }
        x->fields = fields;
        x->fields_room = room;
    }
    /* Offsets until the head is complete: the text may move. */
    x->fields[r->field_count++] = (struct http_field){.name = {(const char *)(uintptr_t)x->head_len, 0}};
    return 0;
}

static struct http_field *last_field(struct http_exchange *x)
{
    return &x->fields[x->request.field_count - 1];
}

static int on_field(llhttp_t *p, const char *at, size_t len)
{
    struct http_h1 *h = self(p);
    struct http_exchange *x = h->reading;
    if (h->head_done) {
        return 0; /* trailers are read and dropped; raw_bytes limits them */
    }
    bool first_piece = h->in_value || x->request.field_count == 0;
    h->in_value = false;
    if (first_piece && add_field(h, x) != 0) {
        return -1;
    }
    if (add_text(h, at, len, options(h)->head_bytes_max) != 0) {
        return -1;
    }
    last_field(x)->name.len += len;
    return 0;
}

static int on_value(llhttp_t *p, const char *at, size_t len)
{
    struct http_h1 *h = self(p);
    struct http_exchange *x = h->reading;
    if (h->head_done) {
        return 0;
    }
    struct http_field *f = last_field(x);
    if (!h->in_value) {
        f->value = (kit_str){(const char *)(uintptr_t)x->head_len, 0};
        h->in_value = true;
    }
    if (add_text(h, at, len, options(h)->head_bytes_max) != 0) {
        return -1;
    }
    f->value.len += len;
    return 0;
}

static int on_value_complete(llhttp_t *p)
{
    self(p)->in_value = true; /* an empty value has no pieces */
    return 0;
}

static void fix_fields(struct http_exchange *x)
{
    for (uint32_t i = 0; i < x->request.field_count; i++) {
        struct http_field *f = &x->fields[i];
        f->name.ptr = x->head + (uintptr_t)f->name.ptr;
        f->value.ptr = x->head + (uintptr_t)f->value.ptr;
        f->value = kit_str_trim(f->value);
    }
    x->request.fields = x->fields;
}

static int check_method(struct http_h1 *h, struct http_request *r, uint8_t method)
{
    static const enum http_method ours[] = {
        [LLHTTP_GET] = HTTP_GET,         [LLHTTP_HEAD] = HTTP_HEAD,   [LLHTTP_POST] = HTTP_POST,
        [LLHTTP_PUT] = HTTP_PUT,         [LLHTTP_PATCH] = HTTP_PATCH, [LLHTTP_DELETE] = HTTP_DELETE,
        [LLHTTP_OPTIONS] = HTTP_OPTIONS,
    };
    bool known = method < KIT_COUNT(ours) && (ours[method] != HTTP_GET || method == LLHTTP_GET);
    if (!known) {
        return refuse(h, 501, "method", KIT_UNSUPPORTED, "the method %s is not known here",
                      llhttp_method_name((llhttp_method_t)method));
    }
    r->method = ours[method];
    return 0;
}

/* The fields that framing hangs on, found in one go. */
enum found_name { TRANSFER_ENCODING, CONTENT_LENGTH, HOST, EXPECT, FOUND_NAMES };

struct found {
    uint32_t count[FOUND_NAMES];
    kit_str value[FOUND_NAMES]; /* of the last one */
};

static struct found find_fields(const struct http_request *r)
{
    static const struct {
        const char *name;
        size_t len;
    } names[] = {{"Transfer-Encoding", 17}, {"Content-Length", 14}, {"Host", 4}, {"Expect", 6}};
    struct found f = {0};
    for (uint32_t i = 0; i < r->field_count; i++) {
        kit_str name = r->fields[i].name;
        for (size_t n = 0; n < FOUND_NAMES; n++) {
            if (name.len == names[n].len && kit_str_eq_nocase(name, (kit_str){names[n].name, names[n].len})) {
                f.count[n]++;
                f.value[n] = r->fields[i].value;
            }
        }
    }
    return f;
}

/* What llhttp leaves to us, and once more what no reader may understand in two ways (RFC 9112, section 6.3). */
static int check_framing(struct http_h1 *h, const struct http_exchange *x, const struct found *f)
{
    uint32_t codings = f->count[TRANSFER_ENCODING];
    if (codings + f->count[CONTENT_LENGTH] > 1) {
        return refuse(h, 400, "malformed", KIT_INVALID, "more than one Content-Length or Transfer-Encoding");
    }
    if (codings == 1 && x->old) {
        return refuse(h, 400, "malformed", KIT_INVALID, "HTTP/1.0 has no Transfer-Encoding");
    }
    if (codings == 1 && !kit_str_eq_nocase(f->value[TRANSFER_ENCODING], kit_str_lit("chunked"))) {
        return refuse(h, 501, "transfer_coding", KIT_UNSUPPORTED, "the only transfer coding known here is 'chunked'");
    }
    return 0;
}

/* Bytes that no host and port have could mean something else to a reader before or behind us (RFC 9112, section 3.2). */
static bool is_authority(kit_str host)
{
    static const char fits[128] = {
        ['-'] = 1,  ['.'] = 1, ['_'] = 1, ['~'] = 1,         ['%'] = 1,         ['!'] = 1,         ['$'] = 1, ['&'] = 1,
        ['\''] = 1, ['('] = 1, [')'] = 1, ['*'] = 1,         ['+'] = 1,         [','] = 1,         [';'] = 1, ['='] = 1,
        [':'] = 1,  ['['] = 1, [']'] = 1, ['0' ... '9'] = 1, ['a' ... 'z'] = 1, ['A' ... 'Z'] = 1,
    };
    for (size_t i = 0; i < host.len; i++) {
        unsigned char c = (unsigned char)host.ptr[i];
        if (c >= sizeof(fits) || fits[c] == 0) {
            return false;
        }
    }
    return true;
}

static int check_host(struct http_h1 *h, const struct http_exchange *x, const struct found *f)
{
    uint32_t hosts = f->count[HOST];
    if (hosts > 1 || (hosts == 0 && !x->old)) {
        return refuse(h, 400, "malformed", KIT_INVALID, "a request needs one Host field, this one has %u", hosts);
    }
    if (!is_authority(f->value[HOST])) {
        return refuse(h, 400, "malformed", KIT_INVALID, "the Host field is no name or address with a port");
    }
    return 0;
}

static int check_version(struct http_h1 *h, const llhttp_t *p, struct http_exchange *x)
{
    x->old = p->http_minor == 0;
    if (p->http_major != 1) {
        return refuse(h, 505, "version", KIT_UNSUPPORTED, "HTTP/1.0 and HTTP/1.1 are spoken here");
    }
    return 0;
}

static int check_expect(struct http_h1 *h, struct http_exchange *x, const struct found *f, bool has_body)
{
    if (f->count[EXPECT] == 0 || x->old) {
        return 0;
    }
    if (!kit_str_eq_nocase(f->value[EXPECT], kit_str_lit("100-continue"))) {
        return refuse(h, 417, "malformed", KIT_INVALID, "the only expectation known here is '100-continue'");
    }
    x->wants_continue = has_body;
    return 0;
}

static bool is_refused_access(enum kit_status rc)
{
    return rc == KIT_UNAUTHORIZED || rc == KIT_DENIED || rc == KIT_MISDIRECTED;
}

/* For http_refused_total. */
static const char *reason_of(enum kit_status rc)
{
    switch (rc) {
    case KIT_NOT_FOUND:
    case KIT_METHOD:
        return "route";
    case KIT_TOO_LARGE:
    case KIT_MEDIA_TYPE:
        return "body";
    case KIT_UNAVAILABLE:
        return "bodies";
    case KIT_TIMEOUT:
        return "timeout";
    case KIT_NOMEM:
        return "memory";
    case KIT_UNAUTHORIZED:
    case KIT_DENIED:
    case KIT_MISDIRECTED:
        return "access";
    default:
        return "malformed";
    }
}

/* A request without a route is answered when its body has passed, so that the connection lives on; at once, and as the last
 * one, when the body is unwelcome, or waits for our word, or belongs to somebody who may not ask. */
static int route(struct http_h1 *h, struct http_exchange *x, int64_t body_bytes)
{
    int status = 0;
    enum kit_status rc = http_exchange_route(x, body_bytes, &status, h->err);
    if (rc == KIT_OK) {
        return 0;
    }
    bool routeless = rc == KIT_NOT_FOUND || rc == KIT_METHOD;
    bool pass_body =
        routeless ? !x->wants_continue && body_bytes <= (int64_t)x->body_max : is_refused_access(rc) && body_bytes == 0;
    h->refused_status = status;
    h->refused_reason = reason_of(rc);
    if (!pass_body) {
        return -1;
    }
    http_exchange_refuse(x, h->err, status, h->refused_reason);
    h->refused_reason = NULL;
    return 0;
}

static bool announces_body(const llhttp_t *p, int64_t *bytes)
{
    bool chunked = (p->flags & F_CHUNKED) != 0;
    *bytes = chunked ? -1 : (int64_t)KIT_MIN(p->content_length, (uint64_t)INT64_MAX);
    return chunked || *bytes > 0;
}

static int on_headers_complete(llhttp_t *p)
{
    struct http_h1 *h = self(p);
    struct http_exchange *x = h->reading;
    int64_t body_bytes = 0;
    h->head_done = true;
    h->raw_bytes = 0;
    x->upgrade = p->upgrade != 0;
    p->upgrade = 0; /* a handler may ignore it (RFC 9110, section 7.8); until it has answered, nothing is read */
    fix_fields(x);
    struct found f = find_fields(&x->request);
    if (check_version(h, p, x) != 0 || check_method(h, &x->request, p->method) != 0 || check_framing(h, x, &f) != 0 ||
        check_host(h, x, &f) != 0) {
        return -1;
    }
    bool has_body = announces_body(p, &body_bytes);
    x->keep_alive = llhttp_should_keep_alive(p) != 0;
    return check_expect(h, x, &f, has_body) != 0 || route(h, x, body_bytes) != 0 ? -1 : 0;
}

/* --- the body --- */

static int on_body(llhttp_t *p, const char *at, size_t len)
{
    struct http_h1 *h = self(p);
    h->reading->wants_continue = false; /* it did not wait for our word */
    h->connection->progress = true;
    enum kit_status rc = http_body_add(h->reading, (kit_str){at, len}, h->err);
    h->refused_reason = rc == KIT_OK ? NULL : reason_of(rc);
    h->refused_status = rc == KIT_TIMEOUT ? 408 : 0;
    return rc == KIT_OK ? 0 : -1;
}

/* The request goes to its handler outside of the parser. */
static int on_message_complete(llhttp_t *p)
{
    (void)p;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
    .on_body = on_body,
    .on_message_complete = on_message_complete,
};

/* --- feeding --- */

void http_h1_read_init(struct http_h1 *h)
{
    llhttp_init(&h->parser, HTTP_REQUEST, &settings);
    h->parser.data = h;
}

bool http_h1_read_can_begin(const struct http_h1 *h)
{
    const struct http_connection *c = h->connection;
    const struct http_options *o = &c->server->options;
    const struct http_exchange *x = c->last;
    bool held = x != NULL && (x->phase != HTTP_PHASE_DISPATCHED || (x->upgrade && !x->reply.finished));
    return !held && h->next == NULL && !http_connection_had_its_turn(c) && c->exchange_count < o->pipeline_max &&
           c->out.bytes < KIT_MIN(http_server_write_max(c->server), UNTAKEN_BYTES_MAX);
}

void http_h1_read_refuse(struct http_h1 *h, const struct kit_err *err, int status, const char *reason)
{
    struct http_connection *c = h->connection;
    struct http_exchange *x = h->reading != NULL ? h->reading : http_exchange_new(c);
    h->stopped = h->linger = true;
    h->reading = NULL;
    if (x == NULL) {
        c->lost = true;
        return;
    }
    if (!h->head_done) {
        x->request.field_count = 0; /* not to be read: the pointers are offsets */
    }
    x->keep_alive = false;
    x->phase = HTTP_PHASE_READY;
    if (x->refusal == NULL) {
        http_exchange_refuse(x, err, status, reason);
    }
    http_h1_dispatch(h);
}

/* True when the bytes begin with something that has the form of a method. */
static bool begins_with_token(kit_str bytes)
{
    size_t end = kit_str_find_char(bytes, ' ');
    for (size_t i = 0; i < end; i++) {
        char c = bytes.ptr[i];
        if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_')) {
            return false;
        }
    }
    return end > 0 && end < bytes.len;
}

/* Another version than ours, as opposed to ours with something wrong behind it. */
static bool is_other_version(const llhttp_t *p, llhttp_errno_t code)
{
    bool ours = p->http_major == 1 && p->http_minor <= 1;
    return code == HPE_PAUSED_H2_UPGRADE || (code == HPE_INVALID_VERSION && !ours);
}

static void answer_error(struct http_h1 *h, llhttp_errno_t code, kit_str bytes)
{
    int status = 0;
    if (h->refused_reason != NULL) {
        http_h1_read_refuse(h, h->err, h->refused_status, h->refused_reason);
        return;
    }
    enum kit_status rc = KIT_INVALID;
    if (is_other_version(&h->parser, code)) {
        status = 505;
        rc = KIT_UNSUPPORTED;
    } else if (code == HPE_INVALID_METHOD && begins_with_token(bytes)) {
        status = 501;
        rc = KIT_UNSUPPORTED;
    }
    const char *why = llhttp_get_error_reason(&h->parser);
    kit_fail(h->err, rc, "malformed HTTP/1.1 request: %s", why != NULL ? why : llhttp_errno_name(code));
    http_h1_read_refuse(h, h->err, status, status == 501 ? "method" : status == 505 ? "version" : "malformed");
}

/* What waits is kept where it is when it lies in `rest` already. */
static void keep(struct http_h1 *h, kit_str bytes)
{
    struct kit_buf *rest = &h->rest;
    if (rest->len > 0) {
        h->rest_at = (size_t)(bytes.ptr - rest->ptr);
    } else if (kit_buf_add(rest, bytes) != KIT_OK) {
        h->connection->lost = true;
    } else {
        h->rest_at = 0;
    }
}

/* Bytes between requests, or of an incomplete head or framing, have a limit too. */
static bool within_limits(struct http_h1 *h, size_t bytes, bool was_done)
{
    size_t max = options(h)->head_bytes_max;
    const struct http_exchange *x = h->reading;
    if (x != NULL && h->head_done) {
        h->raw_bytes += was_done ? bytes : 0;
        size_t body = x->request.body.len;
        return h->raw_bytes <= body || h->raw_bytes - body <= max + 16 * body; /* chunks of one byte each pass */
    }
    h->raw_bytes += bytes;
    return h->raw_bytes <= max;
}

static void completed(struct http_h1 *h)
{
    struct http_exchange *x = h->reading;
    h->reading = NULL;
    h->raw_bytes = 0;
    h->served++;
    h->stopped = !x->keep_alive;
    x->phase = HTTP_PHASE_READY;
    http_h1_dispatch(h);
    http_h1_retire(h);
}

/* One run of the parser. Returns the bytes that are left behind a complete request. */
static kit_str run(struct http_h1 *h, kit_str bytes)
{
    bool was_done = h->reading != NULL && h->head_done;
    llhttp_errno_t code = llhttp_execute(&h->parser, bytes.ptr, bytes.len);
    if (code == HPE_PAUSED) {
        size_t taken = (size_t)(llhttp_get_error_pos(&h->parser) - bytes.ptr);
        llhttp_resume(&h->parser);
        h->behind = bytes.len - taken;
        completed(h);
        return kit_str_sub(bytes, taken, bytes.len);
    }
    if (code != HPE_OK) {
        answer_error(h, code, bytes);
    } else if (!within_limits(h, bytes.len, was_done)) {
        bool head = h->reading == NULL || !h->head_done;
        kit_fail(h->err, head ? KIT_TOO_LARGE : KIT_INVALID, "the %s of the request is larger than allowed",
                 head ? "head" : "chunk framing");
        http_h1_read_refuse(h, h->err, head ? 431 : 0, head ? "head" : "malformed");
    }
    return (kit_str){0};
}

void http_h1_read_feed(struct http_h1 *h, kit_str bytes)
{
    struct kit_err err = {0};
    h->err = &err;
    h->refused_reason = NULL;
    while (bytes.len > 0 && !h->stopped && !h->connection->lost) {
        if (h->reading == NULL && !http_h1_read_can_begin(h)) {
            keep(h, bytes);
            break;
        }
        bytes = run(h, bytes);
    }
    h->behind = h->stopped ? 0 : bytes.len;
    h->err = NULL;
}

void http_h1_read_rest(struct http_h1 *h)
{
    kit_str bytes = kit_str_sub(kit_buf_str(&h->rest), h->rest_at, h->rest.len);
    h->rest_at = h->rest.len;
    http_h1_read_feed(h, bytes);
    if (h->rest_at == h->rest.len || h->stopped) {
        kit_buf_done(&h->rest);
        h->rest_at = 0;
    }
}
