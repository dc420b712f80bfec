/* src/hub/ranges.h - which bytes of a file are there: ranges in order that do not touch.
 *
 * Thread: one at a time; pure. Memory: the holder's. */
#ifndef HUB_RANGES_H
#define HUB_RANGES_H

#include "kit/base.h"

#define HUB_RANGES_MAX 64

struct hub_range {
    uint64_t from, to; /* [from, to) */
};

struct hub_ranges {
    struct hub_range at[HUB_RANGES_MAX];
    uint32_t count;
};

/* Joins what touches. False: no room for one more range; nothing changed. An empty range changes nothing. */
bool hub_ranges_add(struct hub_ranges *r, uint64_t from, uint64_t to);
uint64_t hub_ranges_bytes(const struct hub_ranges *r);
/* Bytes from 0 on without a hole. */
uint64_t hub_ranges_prefix(const struct hub_ranges *r);
/* The first hole below `size`, cut to `most` bytes. False: none. */
bool hub_ranges_hole(const struct hub_ranges *r, uint64_t size, uint64_t most, struct hub_range *ret);

#endif
