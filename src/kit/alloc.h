/* src/kit/alloc.h - the one place that calls malloc. It counts, limits and, in tests, fails on demand.
 *
 * Thread: any. Memory: everything from here is returned with kit_alloc_free; sizes are kept by the allocator
 * (malloc_usable_size), so that free needs no size. */
#ifndef KIT_ALLOC_H
#define KIT_ALLOC_H

#include "kit/base.h"

KIT_MUST_CHECK void *kit_alloc(size_t bytes);                        /* owned; not cleared; NULL: out of memory */
KIT_MUST_CHECK void *kit_alloc_zero(size_t count, size_t bytes);     /* owned; cleared; NULL also on overflow */
KIT_MUST_CHECK void *kit_alloc_array(size_t count, size_t bytes);    /* owned; not cleared; NULL on overflow */
KIT_MUST_CHECK void *kit_alloc_resize(void *old, size_t bytes);      /* NULL: old is untouched and still owned */
KIT_MUST_CHECK void *kit_alloc_copy(const void *from, size_t bytes); /* owned; one NUL is added behind */
/* align: a power of two, 16 … 2 MiB. Freed by kit_alloc_free. */
KIT_MUST_CHECK void *kit_alloc_aligned(size_t align, size_t bytes);
void kit_alloc_free(void *p); /* NULL is fine */

/* Printf into a new, NUL-ended string. owned; NULL: out of memory. */
KIT_MUST_CHECK char *kit_alloc_printf(const char *format, ...) KIT_PRINTF(1, 2);

/* Gives back to the system what was freed; cheap when there is little. */
void kit_alloc_trim(void);
uint64_t kit_alloc_bytes(void); /* in use now, whole process */
uint64_t kit_alloc_count(void); /* blocks in use now */

/* Tests only. The n-th allocation from now (counted from 1) of this thread fails, once; 0 switches it off. */
void kit_alloc_fail_at(uint64_t n);
/* True when the failure that was ordered has happened. */
bool kit_alloc_failed(void);

#endif
