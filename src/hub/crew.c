#include "hub/crew.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fetch/url.h"
#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/log.h"

#define CHUNK_BYTES (16 * KIT_MIB)
#define TRIES_MAX 8
#define MUCH_BYTES (64 * KIT_KIB) /* who brings this much before it breaks is on a good way */
#define PATH_BYTES 1024

/* Why a receiver has ended its own transfer. */
enum quit { QUIT_NONE, QUIT_NO_RANGES, QUIT_LIE, QUIT_FATAL };

struct hub_slot {
    struct hub_crew *crew;
    struct hub_file *file;  /* NULL: free */
    struct hub_range range; /* its part of the file */
    uint64_t at;            /* where the next byte goes */
    uint64_t began_at;      /* of this transfer */
    bool from_storage;      /* asked file->url, not the hub */
    struct hub_route route;
    struct fetch_transfer *transfer; /* NULL: it has ended */
    enum quit quit;
    struct kit_err err; /* of quit */
    struct hub_verdict verdict;
};

enum kit_status hub_crew_init(struct hub_crew *c, struct hub_session *s, const char *commit, struct hub_file *files,
                              uint32_t count, struct kit_err *err)
{
    *c = (struct hub_crew){.session = s, .commit = commit, .files = files, .count = count};
    c->chunk_bytes = s->o->chunk_bytes > 0 ? s->o->chunk_bytes : CHUNK_BYTES;
    c->slots = kit_alloc_zero(s->o->connections, sizeof(*c->slots));
    return c->slots != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for %u connections", s->o->connections);
}

void hub_crew_done(struct hub_crew *c)
{
    for (uint32_t i = 0; c->slots != NULL && i < c->session->o->connections; i++) {
        if (c->slots[i].transfer != NULL) {
            fetch_group_stop(c->slots[i].transfer);
        }
    }
    kit_alloc_free(c->slots);
    c->slots = NULL;
}

/* --- while an answer comes --- */

static bool quit(struct hub_slot *s, enum quit why)
{
    s->quit = why;
    return false;
}

/* The hub's own word on the file has to be what the listing said: a commit does not change. */
static bool is_same_file(struct hub_slot *s, const struct fetch_transfer *t)
{
    char hash[CRYPT_HEX_BYTES];
    const struct hub_plan_file *plan = s->file->plan;
    int status = fetch_transfer_status(t);
    kit_str etag = fetch_transfer_field(t, "X-Linked-ETag"), commit = fetch_transfer_field(t, "X-Repo-Commit");
    if (etag.len == 0 && status / 100 == 2) {
        etag = fetch_transfer_field(t, "ETag");
    }
    bool other = hub_plan_read_etag(etag, hash) == plan->proof && strcmp(hash, plan->hash) != 0;
    bool moved = hub_name_is_commit(commit) && !kit_str_eq(commit, kit_str_c(s->crew->commit));
    if (s->route.away || status / 100 > 3 || (!other && !moved)) {
        return true;
    }
    kit_fail(&s->err, KIT_IO, "%s has changed on the hub while it was fetched: pull again", plan->path);
    return false;
}

/* "bytes 0-99/1000" is what was asked for. */
static bool is_asked_range(const struct hub_slot *s, kit_str field)
{
    kit_str unit, from, to;
    uint64_t first = 0, last = 0, size = 0;
    bool good = kit_str_cut(&field, ' ', &unit) && kit_str_eq(unit, kit_str_lit("bytes")) &&
                kit_str_cut(&field, '-', &from) && kit_str_cut(&field, '/', &to) &&
                kit_str_to_u64(from, &first) == KIT_OK && kit_str_to_u64(to, &last) == KIT_OK;
    bool sized =
        kit_str_eq(field, kit_str_lit("*")) || (kit_str_to_u64(field, &size) == KIT_OK && size == s->file->plan->size);
    return good && sized && first == s->at && last == s->range.to - 1;
}

static bool is_whole_file(const struct hub_slot *s)
{
    return s->at == 0 && s->range.to == s->file->plan->size;
}

static bool check_length(struct hub_slot *s, const struct fetch_transfer *t)
{
    int64_t length = fetch_transfer_length(t);
    uint64_t expected = s->range.to - s->at;
    if (length < 0 || (uint64_t)length == expected) {
        return true;
    }
    kit_fail(&s->err, KIT_IO, "%s: the server sends %" PRIi64 " bytes instead of %" PRIu64, s->file->plan->path, length,
             expected);
    return quit(s, QUIT_LIE);
}

static bool on_head(void *ctx, struct fetch_transfer *t)
{
    struct hub_slot *s = ctx;
    int status = fetch_transfer_status(t);
    if (!is_same_file(s, t)) {
        return quit(s, QUIT_FATAL);
    }
    if (status / 100 != 2) {
        return true;
    }
    if (status == 206 && !is_asked_range(s, fetch_transfer_field(t, "Content-Range"))) {
        kit_fail(&s->err, KIT_IO, "%s: the server sends other bytes than it was asked for", s->file->plan->path);
        return quit(s, QUIT_LIE);
    }
    if (status != 206 && !is_whole_file(s)) {
        return quit(s, QUIT_NO_RANGES);
    }
    return check_length(s, t);
}

static bool on_piece(void *ctx, kit_str bytes)
{
    struct hub_slot *s = ctx;
    if (bytes.len > s->range.to - s->at) {
        kit_fail(&s->err, KIT_IO, "%s: the server sends more bytes than the file has", s->file->plan->path);
        return quit(s, QUIT_LIE);
    }
    if (hub_file_write(s->file, s->at, bytes, &s->err) != KIT_OK) {
        return quit(s, QUIT_FATAL);
    }
    s->at += bytes.len;
    s->crew->fetched += bytes.len;
    s->crew->session->done += bytes.len;
    return true;
}

static void on_done(void *ctx, struct fetch_transfer *t, enum kit_status rc, const struct kit_err *err)
{
    struct hub_slot *s = ctx;
    s->transfer = NULL;
    hub_session_judge(s->crew->session, &s->route, t, rc, err, &s->verdict);
    if (s->verdict.outcome == HUB_DONE && s->at < s->range.to) {
        s->verdict.outcome = HUB_AGAIN;
        kit_fail(&s->verdict.err, KIT_IO, "%s: the server ends before the file does", s->file->plan->path);
    }
}

/* --- starting --- */

static enum kit_status start_route(struct hub_slot *s, struct kit_err *err)
{
    struct hub_crew *c = s->crew;
    struct kit_buf path;
    s->from_storage = s->file->url != NULL;
    if (s->from_storage) {
        kit_str_to_c(kit_str_c(s->file->url), s->route.url, sizeof(s->route.url));
        s->route.hops = 0;
        s->route.away = true;
        return KIT_OK;
    }
    kit_buf_init(&path, PATH_BYTES);
    kit_buf_printf(&path, "/%s/resolve/%s/", c->session->wish->name.id, c->commit);
    fetch_url_escape(&path, kit_str_c(s->file->plan->path), true);
    enum kit_status rc = path.failed == KIT_OK
                             ? hub_route_start(&s->route, c->session->o->endpoint, kit_buf_str(&path), err)
                             : kit_fail(err, path.failed, "out of memory for an address");
    kit_buf_done(&path);
    return rc;
}

/* Along the route as it is; again after each redirect. */
static enum kit_status start_transfer(struct hub_slot *s, struct kit_err *err)
{
    char range[64];
    struct fetch_group_request ask = {.method = "GET", .head = on_head, .piece = on_piece, .done = on_done, .ctx = s};
    snprintf(range, sizeof(range), "bytes=%" PRIu64 "-%" PRIu64, s->at, s->range.to - 1);
    s->quit = QUIT_NONE;
    s->began_at = s->at;
    return hub_session_start(s->crew->session, &s->route, &ask, is_whole_file(s) ? NULL : range, &s->transfer, err);
}

/* The next range that nobody fetches. */
static bool find_work(struct hub_crew *c, uint64_t now_ns, struct hub_file **file, struct hub_range *range)
{
    for (uint32_t i = 0; now_ns >= c->not_before_ns && i < c->count; i++) {
        struct hub_file *f = &c->files[i];
        bool one_at_it = f->whole_only && f->fetching > 0;
        uint64_t most = f->whole_only ? UINT64_MAX : c->chunk_bytes;
        if (!f->good && !one_at_it && now_ns >= f->not_before_ns &&
            hub_ranges_hole(&f->taken, f->plan->size, most, range)) {
            *file = f;
            return true;
        }
    }
    return false;
}

static enum kit_status employ(struct hub_slot *s, struct hub_file *f, const struct hub_range *range,
                              struct kit_err *err)
{
    if (f->whole_only && f->have.count > 0) {
        s->crew->session->done -= hub_ranges_bytes(&f->have);
        hub_file_forget(f); /* what came in ranges before does not help: the server starts from the first byte */
    }
    s->file = f;
    s->range = f->whole_only ? (struct hub_range){.from = 0, .to = f->plan->size} : *range;
    s->at = s->range.from;
    f->fetching++;
    hub_ranges_add(&f->taken, s->range.from, s->range.to);
    enum kit_status rc = hub_file_open(f, err);
    if (rc == KIT_OK) {
        rc = start_route(s, err);
    }
    return rc == KIT_OK ? start_transfer(s, err) : rc;
}

/* --- settling --- */

/* The slot is free; what it did not bring is anybody's again. */
static void release(struct hub_slot *s)
{
    struct hub_crew *c = s->crew;
    struct hub_file *f = s->file;
    s->file = NULL;
    f->fetching--;
    f->taken = f->have;
    for (uint32_t i = 0; i < c->session->o->connections; i++) {
        if (c->slots[i].file == f) {
            hub_ranges_add(&f->taken, c->slots[i].range.from, c->slots[i].range.to);
        }
    }
}

/* Storage that was good is asked at once the next time. */
static enum kit_status settle_good(struct hub_slot *s, struct kit_err *err)
{
    struct hub_file *f = s->file;
    enum kit_status rc = KIT_OK;
    f->tries = 0;
    if (s->route.away && f->url == NULL) {
        f->url = kit_alloc_printf("%s", s->route.url);
        rc = f->url != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for an address");
    }
    release(s);
    return rc;
}

static enum kit_status settle_again(struct hub_slot *s, const struct kit_err *why, uint32_t retry_after_s,
                                    struct kit_err *err)
{
    struct hub_crew *c = s->crew;
    struct hub_file *f = s->file;
    uint64_t now_ns = kit_clock_ns(), got = s->at - s->began_at;
    LOG_DEBUG("hub.again", "file=%s at=%" PRIu64 " why=%s", LOG_QUOTE(f->plan->path), s->at, LOG_QUOTE(why->msg));
    kit_alloc_free(f->url);
    f->url = NULL; /* it may have been good for a while only */
    if (got >= MUCH_BYTES && !f->whole_only) {
        f->tries = 1;
    } else if (now_ns >= f->not_before_ns) { /* several connections that break at once count once */
        f->tries++;
    }
    uint64_t wait_ns = hub_session_wait_ns(c->session, KIT_MAX(f->tries, 1u), retry_after_s);
    f->not_before_ns = now_ns + wait_ns;
    if (retry_after_s > 0) {
        c->not_before_ns = now_ns + wait_ns;
    }
    uint32_t tries = f->tries;
    release(s);
    return tries < TRIES_MAX
               ? KIT_OK
               : kit_fail(err, why->code, "%s (tried %u times; pull again to go on from here)", why->msg, tries);
}

static enum kit_status fail_as(const struct kit_err *why, struct kit_err *err)
{
    if (err != NULL) {
        *err = *why;
    }
    return why->code;
}

static enum kit_status settle(struct hub_slot *s, struct kit_err *err)
{
    const struct hub_verdict *v = &s->verdict;
    switch (s->quit) {
    case QUIT_FATAL:
        return fail_as(&s->err, err);
    case QUIT_LIE:
        return settle_again(s, &s->err, 0, err);
    case QUIT_NO_RANGES:
        s->file->whole_only = true;
        release(s);
        return KIT_OK;
    case QUIT_NONE:
        break;
    }
    if (v->outcome == HUB_DONE) {
        return settle_good(s, err);
    }
    if (v->outcome == HUB_FOLLOW) {
        return start_transfer(s, err);
    }
    bool stale = v->outcome == HUB_FAILED && s->from_storage; /* the signature has run out: the hub gives a new one */
    return v->outcome == HUB_AGAIN || stale ? settle_again(s, &v->err, v->retry_after_s, err) : fail_as(&v->err, err);
}

enum kit_status hub_crew_go_on(struct hub_crew *c, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    uint64_t now_ns = kit_clock_ns();
    for (uint32_t i = 0; rc == KIT_OK && i < c->session->o->connections; i++) {
        struct hub_slot *s = &c->slots[i];
        struct hub_file *file = NULL;
        struct hub_range range;
        s->crew = c;
        if (s->file != NULL && s->transfer == NULL) {
            rc = settle(s, err);
        }
        if (rc == KIT_OK && s->file == NULL && find_work(c, now_ns, &file, &range)) {
            rc = employ(s, file, &range, err);
        }
    }
    return rc;
}
