#include "http/router.h"

#include <stdlib.h>
#include <string.h>

#include "http/target.h"
#include "kit/alloc.h"

#define PATTERN_SEGMENTS_MAX 16
#define PATH_SEGMENTS_MAX 64 /* a path with more matches nothing */
#define PATTERNS_MAX 1024

enum kind { LITERAL, ONE, MANY };

struct segment {
    enum kind kind;
    kit_str text; /* borrowed from the row */
};

struct row {
    const struct http_route *route; /* NULL: the pattern does not take this method */
    void *ctx;
    uint32_t index;
};

struct pattern {
    kit_str text; /* of the first row with this shape */
    uint32_t count;
    uint32_t many_at; /* index of {name*}, or count */
    uint32_t literal_bytes;
    struct segment segment[PATTERN_SEGMENTS_MAX];
    struct row row[HTTP_METHOD_COUNT];
};

struct http_router {
    struct pattern **patterns; /* owned, also what it points at; best first */
    struct pattern **plain;    /* owned; those without placeholders, sorted by text */
    uint32_t count, plain_count;
    uint32_t room; /* of both */
    uint32_t route_count;
};

/* --- building --- */

enum kit_status http_router_new(struct http_router **ret)
{
    struct http_router *rt = kit_alloc_zero(1, sizeof(*rt));
    if (rt == NULL) {
        return KIT_NOMEM;
    }
    *ret = rt;
    return KIT_OK;
}

void http_router_free(struct http_router *rt)
{
    if (rt != NULL) {
        for (uint32_t i = 0; i < rt->count; i++) {
            kit_alloc_free(rt->patterns[i]);
        }
        kit_alloc_free(rt->patterns);
        kit_alloc_free(rt->plain);
        kit_alloc_free(rt);
    }
}

static enum kit_status bad_pattern(struct kit_err *err, kit_str text, const char *why)
{
    return kit_fail(err, KIT_INVALID, "route '%.*s': %s", KIT_STR_ARG(text), why);
}

static enum kit_status parse_segment(struct pattern *p, kit_str text, uint32_t *params, struct kit_err *err)
{
    struct segment s = {LITERAL, text};
    bool open = kit_str_starts(text, kit_str_lit("{")), shut = kit_str_ends(text, kit_str_lit("}"));
    if (open && shut && text.len > 2) {
        s.kind = kit_str_ends(text, kit_str_lit("*}")) ? MANY : ONE;
        (*params)++;
    } else if (open || shut || text.len == 0) {
        return bad_pattern(err, p->text, "a segment is a literal, {name} or {name*}");
    }
    if (p->count == PATTERN_SEGMENTS_MAX || *params > HTTP_PARAMS_MAX) {
        return bad_pattern(err, p->text, "too many segments or placeholders");
    }
    if (s.kind == MANY) {
        if (p->many_at != UINT32_MAX) {
            return bad_pattern(err, p->text, "more than one {name*}");
        }
        p->many_at = p->count;
    }
    p->literal_bytes += s.kind == LITERAL ? (uint32_t)text.len : 0;
    p->segment[p->count++] = s;
    return KIT_OK;
}

static enum kit_status parse_pattern(kit_str text, struct pattern *p, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    uint32_t params = 0;
    *p = (struct pattern){.text = text, .many_at = UINT32_MAX};
    if (!kit_str_starts(text, kit_str_lit("/"))) {
        return bad_pattern(err, text, "must start with '/'");
    }
    if (text.len == 1) {
        p->segment[p->count++] = (struct segment){LITERAL, kit_str_lit("")};
    }
    if (text.len > 1 && kit_str_ends(text, kit_str_lit("/"))) {
        return bad_pattern(err, text, "must not end with '/'");
    }
    kit_str rest = kit_str_sub(text, 1, text.len), piece;
    while (rc == KIT_OK && kit_str_cut(&rest, '/', &piece)) {
        rc = parse_segment(p, piece, &params, err);
    }
    p->many_at = KIT_MIN(p->many_at, p->count);
    return rc;
}

static bool same_shape(const struct pattern *a, const struct pattern *b)
{
    bool same = a->count == b->count;
    for (uint32_t i = 0; same && i < a->count; i++) {
        const struct segment *x = &a->segment[i], *y = &b->segment[i];
        same = x->kind == y->kind && (x->kind != LITERAL || kit_str_eq(x->text, y->text));
    }
    return same;
}

/* Index of the first segment where only one of the two has a literal tells which goes first; < 0: a does. */
static int rank(const struct pattern *a, const struct pattern *b)
{
    if (a->literal_bytes != b->literal_bytes) {
        return a->literal_bytes > b->literal_bytes ? -1 : 1;
    }
    bool a_many = a->many_at < a->count, b_many = b->many_at < b->count;
    if (a_many != b_many) {
        return a_many ? 1 : -1;
    }
    for (uint32_t i = 0; i < KIT_MIN(a->count, b->count); i++) {
        if (a->segment[i].kind != b->segment[i].kind) {
            return a->segment[i].kind < b->segment[i].kind ? -1 : 1;
        }
    }
    return kit_str_cmp(a->text, b->text);
}

static void insert(struct pattern **list, uint32_t count, struct pattern *p, bool by_rank)
{
    uint32_t at = count;
    while (at > 0 && (by_rank ? rank(p, list[at - 1]) : kit_str_cmp(p->text, list[at - 1]->text)) < 0) {
        list[at] = list[at - 1];
        at--;
    }
    list[at] = p;
}

static enum kit_status grow(struct http_router *rt)
{
    if (rt->count < rt->room) {
        return KIT_OK;
    }
    uint32_t room = KIT_MAX(rt->room * 2, 32);
    struct pattern **patterns = kit_alloc_resize(rt->patterns, room * sizeof(*patterns));
    if (patterns == NULL) {
        return KIT_NOMEM;
    }
    rt->patterns = patterns;
    struct pattern **plain = kit_alloc_resize(rt->plain, room * sizeof(*plain));
    if (plain == NULL) {
        return KIT_NOMEM;
    }
    rt->plain = plain;
    rt->room = room;
    return KIT_OK;
}

/* The pattern of the router with this shape, made when it is new. */
static enum kit_status intern(struct http_router *rt, const struct pattern *like, struct pattern **ret,
                              struct kit_err *err)
{
    for (uint32_t i = 0; i < rt->count; i++) {
        if (same_shape(rt->patterns[i], like)) {
            *ret = rt->patterns[i];
            return KIT_OK;
        }
    }
    if (rt->count == PATTERNS_MAX) {
        return kit_fail(err, KIT_FULL, "more than %d patterns of routes", PATTERNS_MAX);
    }
    struct pattern *p = grow(rt) == KIT_OK ? kit_alloc_copy(like, sizeof(*like)) : NULL;
    if (p == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for routes");
    }
    insert(rt->patterns, rt->count++, p, true);
    bool plain = true;
    for (uint32_t i = 0; i < p->count; i++) {
        plain = plain && p->segment[i].kind == LITERAL;
    }
    if (plain) {
        insert(rt->plain, rt->plain_count++, p, false);
    }
    *ret = p;
    return KIT_OK;
}

static enum kit_status add_row(struct http_router *rt, const struct http_route *route, void *ctx, struct kit_err *err)
{
    struct pattern parsed, *p = NULL;
    enum kit_status rc = parse_pattern(kit_str_c(route->pattern), &parsed, err);
    if (rc == KIT_OK) {
        rc = intern(rt, &parsed, &p, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    struct row *row = &p->row[route->method];
    if (row->route != NULL) {
        return kit_fail(err, KIT_CONFLICT, "%s %s: '%s' takes this already", http_method_name(route->method),
                        route->pattern, row->route->pattern);
    }
    *row = (struct row){.route = route, .ctx = ctx, .index = ++rt->route_count};
    return KIT_OK;
}

enum kit_status http_router_add(struct http_router *rt, const struct http_route *rows, size_t count, void *ctx,
                                struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (size_t i = 0; i < count && rc == KIT_OK; i++) {
        rc = add_row(rt, &rows[i], ctx, err);
    }
    return rc;
}

uint32_t http_router_count(const struct http_router *rt)
{
    return rt->route_count;
}

/* --- matching --- */

struct path {
    uint32_t count;
    kit_str segment[PATH_SEGMENTS_MAX];
};

/* "/a//b" has an empty segment, "/a/" ends with one. False: too many. */
static bool split(kit_str path, struct path *out)
{
    const char *at = path.ptr + 1, *end = path.ptr + path.len;
    out->count = 0;
    for (;;) {
        const char *slash = memchr(at, '/', (size_t)(end - at));
        const char *stop = slash == NULL ? end : slash;
        if (out->count == PATH_SEGMENTS_MAX) {
            return false;
        }
        out->segment[out->count++] = (kit_str){.ptr = at, .len = (size_t)(stop - at)};
        if (slash == NULL) {
            return true;
        }
        at = slash + 1;
    }
}

static bool literal_matches(kit_str literal, kit_str sent)
{
    if (sent.len == literal.len) {
        return memcmp(sent.ptr, literal.ptr, sent.len) == 0;
    }
    size_t at = 0, len = 0;
    while (at < sent.len && len < literal.len && http_target_next(sent, &at) == literal.ptr[len]) {
        len++;
    }
    return at == sent.len && len == literal.len;
}

static bool one_matches(const struct segment *s, kit_str sent)
{
    return s->kind == LITERAL ? literal_matches(s->text, sent) : sent.len > 0;
}

/* Segments in front of {name*} match one to one from the left, those behind it from the right. */
static bool matches(const struct pattern *p, const struct path *path)
{
    bool many = p->many_at < p->count;
    if (many ? path->count < p->count : path->count != p->count) {
        return false;
    }
    uint32_t behind = many ? p->count - p->many_at - 1 : 0;
    for (uint32_t i = 0; i < p->many_at; i++) {
        if (!one_matches(&p->segment[i], path->segment[i])) {
            return false;
        }
    }
    for (uint32_t i = 0; i < behind; i++) {
        if (!one_matches(&p->segment[p->count - 1 - i], path->segment[path->count - 1 - i])) {
            return false;
        }
    }
    for (uint32_t i = p->many_at; i < path->count - behind; i++) {
        if (path->segment[i].len == 0) {
            return false;
        }
    }
    return true;
}

static void take_params(const struct pattern *p, const struct path *path, kit_str param[HTTP_PARAMS_MAX])
{
    uint32_t at = 0, count = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        uint32_t last = p->segment[i].kind == MANY ? at + (path->count - p->count) : at;
        if (p->segment[i].kind != LITERAL) {
            kit_str from = path->segment[at], to = path->segment[last];
            param[count++] = (kit_str){.ptr = from.ptr, .len = (size_t)(to.ptr + to.len - from.ptr)};
        }
        at = last + 1;
    }
}

static uint32_t allowed(const struct pattern *p)
{
    uint32_t allow = 1u << HTTP_OPTIONS;
    for (uint32_t m = 0; m < HTTP_METHOD_COUNT; m++) {
        allow |= p->row[m].route == NULL ? 0 : 1u << m;
    }
    return allow | ((allow & (1u << HTTP_GET)) != 0 ? 1u << HTTP_HEAD : 0);
}

static const struct row *row_for(const struct pattern *p, enum http_method method)
{
    const struct row *row = &p->row[method];
    return row->route == NULL && method == HTTP_HEAD ? &p->row[HTTP_GET] : row;
}

static void set_route(struct http_match *m, const struct row *row)
{
    m->route = row->route;
    m->ctx = row->ctx;
    m->index = row->index;
}

static int compare_text(const void *path, const void *pattern)
{
    return kit_str_cmp(*(const kit_str *)path, (*(struct pattern *const *)pattern)->text);
}

/* A path that is a pattern without placeholders, byte for byte: no other pattern can have more literals. */
static bool match_plain(const struct http_router *rt, enum http_method method, kit_str path, struct http_match *m)
{
    struct pattern *const *p =
        rt->plain_count == 0 ? NULL : bsearch(&path, rt->plain, rt->plain_count, sizeof(*rt->plain), compare_text);
    const struct row *row = p == NULL ? NULL : row_for(*p, method);
    if (row == NULL || row->route == NULL) {
        return false;
    }
    set_route(m, row);
    return true;
}

struct http_match http_router_match(const struct http_router *rt, enum http_method method, kit_str path)
{
    struct http_match m = {0};
    struct path segments;
    if (path.len == 0 || path.ptr[0] != '/' || match_plain(rt, method, path, &m) || !split(path, &segments)) {
        return m;
    }
    for (uint32_t i = 0; i < rt->count; i++) {
        const struct pattern *p = rt->patterns[i];
        if (!matches(p, &segments)) {
            continue;
        }
        const struct row *row = row_for(p, method);
        if (row->route != NULL) {
            set_route(&m, row);
            take_params(p, &segments, m.param);
            m.allow = 0;
            return m;
        }
        m.allow |= allowed(p);
    }
    return m;
}
