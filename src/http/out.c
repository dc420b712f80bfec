#include "http/out.h"

#include <string.h>

#include "kit/alloc.h"

#define POOLED_BYTES ((size_t)4096)
#define POOL_MAX 64

struct http_piece {
    struct http_piece *next;
    char *bytes; /* space, or memory of its own */
    size_t room; /* bytes that fit into space; 0: nothing can be added */
    size_t len;
    size_t sent;
    char space[];
};

#define POOLED_ROOM (POOLED_BYTES - sizeof(struct http_piece))

static void append(struct http_out *o, struct http_piece *p)
{
    if (o->last == NULL) {
        o->first = p;
    } else {
        o->last->next = p;
    }
    o->last = p;
}

static struct http_piece *new_piece(struct http_out_pool *pool, size_t bytes)
{
    struct http_piece *p = pool->free;
    size_t room = KIT_MAX(bytes, POOLED_ROOM);
    if (room == POOLED_ROOM && p != NULL) {
        pool->free = p->next;
        pool->count--;
    } else {
        p = kit_alloc(sizeof(*p) + room);
    }
    if (p != NULL) {
        p->next = NULL;
        p->bytes = p->space;
        p->room = room;
        p->len = p->sent = 0;
    }
    return p;
}

char *http_out_reserve(struct http_out *o, struct http_out_pool *pool, size_t bytes)
{
    struct http_piece *p = o->last;
    if (p == NULL || bytes > p->room - KIT_MIN(p->len, p->room)) {
        p = new_piece(pool, bytes);
        if (p == NULL) {
            return NULL;
        }
        append(o, p);
    }
    return p->bytes + p->len;
}

void http_out_grew(struct http_out *o, size_t bytes)
{
    o->last->len += bytes;
    o->bytes += bytes;
}

enum kit_status http_out_add(struct http_out *o, struct http_out_pool *pool, kit_str s)
{
    if (s.len == 0) {
        return KIT_OK;
    }
    char *to = http_out_reserve(o, pool, s.len);
    if (to == NULL) {
        return KIT_NOMEM;
    }
    memcpy(to, s.ptr, s.len);
    http_out_grew(o, s.len);
    return KIT_OK;
}

enum kit_status http_out_add_owned(struct http_out *o, char *body, size_t len)
{
    struct http_piece *p = len == 0 ? NULL : kit_alloc_zero(1, sizeof(*p));
    if (p == NULL) {
        kit_alloc_free(body);
        return len == 0 ? KIT_OK : KIT_NOMEM;
    }
    p->bytes = body;
    append(o, p);
    http_out_grew(o, len);
    return KIT_OK;
}

void http_out_move(struct http_out *to, struct http_out *from)
{
    if (from->first == NULL) {
        return;
    }
    append(to, from->first);
    to->last = from->last;
    to->bytes += from->bytes;
    *from = (struct http_out){0};
}

int http_out_iov(const struct http_out *o, struct iovec *iov, int max)
{
    int count = 0;
    for (struct http_piece *p = o->first; p != NULL && count < max; p = p->next) {
        if (p->len > p->sent) {
            iov[count++] = (struct iovec){.iov_base = p->bytes + p->sent, .iov_len = p->len - p->sent};
        }
    }
    return count;
}

static void free_piece(struct http_out_pool *pool, struct http_piece *p)
{
    if (p->bytes != p->space) {
        kit_alloc_free(p->bytes);
    }
    if (p->room == POOLED_ROOM && pool->count < POOL_MAX) {
        p->next = pool->free;
        pool->free = p;
        pool->count++;
    } else {
        kit_alloc_free(p);
    }
}

static void drop_first(struct http_out *o, struct http_out_pool *pool)
{
    struct http_piece *p = o->first;
    o->first = p->next;
    if (o->first == NULL) {
        o->last = NULL;
    }
    free_piece(pool, p);
}

void http_out_wrote(struct http_out *o, struct http_out_pool *pool, size_t bytes)
{
    o->bytes -= bytes;
    while (o->first != NULL) {
        struct http_piece *p = o->first;
        size_t n = KIT_MIN(bytes, p->len - p->sent);
        p->sent += n;
        bytes -= n;
        if (p->sent < p->len) {
            return;
        }
        drop_first(o, pool);
    }
}

void http_out_done(struct http_out *o, struct http_out_pool *pool)
{
    while (o->first != NULL) {
        drop_first(o, pool);
    }
    o->bytes = 0;
}

void http_out_pool_done(struct http_out_pool *pool)
{
    while (pool->free != NULL) {
        struct http_piece *p = pool->free;
        pool->free = p->next;
        kit_alloc_free(p);
    }
    pool->count = 0;
}
