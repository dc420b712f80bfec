#include "kit/alloc.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Atomic uint64_t bytes_in_use;
static _Atomic uint64_t blocks_in_use;

/* A test's order for this thread: allocations until the one that fails, 0 for none. */
static _Thread_local uint64_t fail_in;
static _Thread_local bool fail_happened;

static bool must_fail(void)
{
    if (fail_in == 0) {
        return false;
    }
    fail_in--;
    fail_happened = fail_happened || fail_in == 0;
    return fail_in == 0;
}

static void *book(void *p)
{
    if (p != NULL) {
        atomic_fetch_add_explicit(&bytes_in_use, malloc_usable_size(p), memory_order_relaxed);
        atomic_fetch_add_explicit(&blocks_in_use, 1, memory_order_relaxed);
    }
    return p;
}

void *kit_alloc(size_t bytes)
{
    return must_fail() ? NULL : book(malloc(bytes == 0 ? 1 : bytes));
}

void *kit_alloc_zero(size_t count, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(count, bytes, &total) || must_fail()) {
        return NULL;
    }
    return book(calloc(1, total == 0 ? 1 : total));
}

void *kit_alloc_array(size_t count, size_t bytes)
{
    size_t total;
    return __builtin_mul_overflow(count, bytes, &total) ? NULL : kit_alloc(total);
}

void *kit_alloc_resize(void *old, size_t bytes)
{
    if (old == NULL) {
        return kit_alloc(bytes);
    }
    if (must_fail()) {
        return NULL;
    }
    size_t before = malloc_usable_size(old);
    void *p = realloc(old, bytes == 0 ? 1 : bytes);
    if (p != NULL) {
        /* Unsigned arithmetic wraps: a smaller block is subtracted. */
        atomic_fetch_add_explicit(&bytes_in_use, malloc_usable_size(p) - before, memory_order_relaxed);
    }
    return p;
}

void *kit_alloc_copy(const void *from, size_t bytes)
{
    char *p = bytes == SIZE_MAX ? NULL : kit_alloc(bytes + 1);
    if (p == NULL) {
        return NULL;
    }
    if (bytes > 0) {
        memcpy(p, from, bytes);
    }
    p[bytes] = '\0';
    return p;
}

void *kit_alloc_aligned(size_t align, size_t bytes)
{
    void *p = NULL;
    if (must_fail() || posix_memalign(&p, align, bytes == 0 ? 1 : bytes) != 0) {
        return NULL;
    }
    return book(p);
}

void kit_alloc_free(void *p)
{
    if (p != NULL) {
        atomic_fetch_sub_explicit(&bytes_in_use, malloc_usable_size(p), memory_order_relaxed);
        atomic_fetch_sub_explicit(&blocks_in_use, 1, memory_order_relaxed);
        free(p);
    }
}

char *kit_alloc_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = len < 0 ? NULL : kit_alloc((size_t)len + 1);
    if (text == NULL) {
        return NULL;
    }
    va_start(args, format);
    vsnprintf(text, (size_t)len + 1, format, args);
    va_end(args);
    return text;
}

uint64_t kit_alloc_bytes(void)
{
    return atomic_load_explicit(&bytes_in_use, memory_order_relaxed);
}

uint64_t kit_alloc_count(void)
{
    return atomic_load_explicit(&blocks_in_use, memory_order_relaxed);
}

void kit_alloc_fail_at(uint64_t n)
{
    fail_in = n;
    fail_happened = false;
}

bool kit_alloc_failed(void)
{
    return fail_happened;
}

void kit_alloc_trim(void)
{
    malloc_trim(0);
}
