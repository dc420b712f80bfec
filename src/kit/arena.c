#include "kit/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"

#define ALIGN ((size_t)16)
#define BLOCK_MIN (4 * KIT_KIB)
#define BLOCK_MAX (256 * KIT_KIB) /* a block grows no further, unless one piece needs more */

struct kit_arena_block {
    struct kit_arena_block *next; /* older */
    size_t room;                  /* bytes behind this header */
    size_t used;
    _Alignas(16) char bytes[];
};

struct kit_arena_cleanup {
    struct kit_arena_cleanup *next; /* registered before */
    void (*fn)(void *arg);
    void *arg;
};

void kit_arena_init(struct kit_arena *a, size_t bytes_max)
{
    *a = (struct kit_arena){.max = bytes_max};
}

static void run_cleanups(struct kit_arena *a)
{
    while (a->cleanups != NULL) {
        struct kit_arena_cleanup *c = a->cleanups;
        a->cleanups = c->next;
        c->fn(c->arg);
    }
}

/* Frees every block but the last `keep` (0 or 1) of the list, the oldest. */
static void free_blocks(struct kit_arena *a, size_t keep)
{
    while (a->blocks != NULL && !(keep == 1 && a->blocks->next == NULL)) {
        struct kit_arena_block *block = a->blocks;
        a->blocks = block->next;
        a->bytes -= sizeof(*block) + block->room;
        kit_alloc_free(block);
    }
}

void kit_arena_done(struct kit_arena *a)
{
    if (a != NULL) {
        run_cleanups(a);
        free_blocks(a, 0);
    }
}

void kit_arena_reset(struct kit_arena *a)
{
    run_cleanups(a);
    free_blocks(a, 1);
    if (a->blocks != NULL) {
        a->blocks->used = 0;
    }
}

/* A block with room for `bytes`: twice the newest one, less where the maximum demands it. */
static struct kit_arena_block *add_block(struct kit_arena *a, size_t bytes)
{
    size_t header = sizeof(struct kit_arena_block);
    size_t left = a->max - KIT_MIN(a->bytes, a->max);
    if (left < header || bytes > left - header) {
        return NULL;
    }
    size_t wanted = a->blocks == NULL ? BLOCK_MIN : KIT_MIN(2 * (a->blocks->room + header), BLOCK_MAX);
    size_t total = KIT_MIN(left, KIT_MAX(wanted, header + bytes));
    struct kit_arena_block *block = kit_alloc(total);
    if (block != NULL) {
        *block = (struct kit_arena_block){.next = a->blocks, .room = total - header};
        a->blocks = block;
        a->bytes += total;
    }
    return block;
}

void *kit_arena_get(struct kit_arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX - ALIGN) {
        return NULL;
    }
    bytes = KIT_MAX((bytes + ALIGN - 1) / ALIGN * ALIGN, ALIGN);
    struct kit_arena_block *block = a->blocks;
    if (block == NULL || block->room < bytes || block->used > block->room - bytes) {
        block = add_block(a, bytes);
    }
    if (block == NULL) {
        return NULL;
    }
    void *p = block->bytes + block->used;
    block->used += bytes;
    return p;
}

void *kit_arena_zero(struct kit_arena *a, size_t count, size_t bytes)
{
    size_t total;
    void *p = __builtin_mul_overflow(count, bytes, &total) ? NULL : kit_arena_get(a, total);
    return p == NULL ? NULL : memset(p, 0, total);
}

enum kit_status kit_arena_str(struct kit_arena *a, kit_str s, kit_str *ret)
{
    char *copy = s.len == SIZE_MAX ? NULL : kit_arena_get(a, s.len + 1);
    if (copy == NULL) {
        return KIT_NOMEM;
    }
    if (s.len > 0) {
        memcpy(copy, s.ptr, s.len);
    }
    copy[s.len] = '\0';
    *ret = (kit_str){.ptr = copy, .len = s.len};
    return KIT_OK;
}

char *kit_arena_printf(struct kit_arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : kit_arena_get(a, (size_t)len + 1);
    if (text == NULL) {
        return NULL;
    }
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

enum kit_status kit_arena_defer(struct kit_arena *a, void (*fn)(void *arg), void *arg)
{
    struct kit_arena_cleanup *c = kit_arena_get(a, sizeof(*c));
    if (c == NULL) {
        return KIT_NOMEM;
    }
    *c = (struct kit_arena_cleanup){.next = a->cleanups, .fn = fn, .arg = arg};
    a->cleanups = c;
    return KIT_OK;
}
