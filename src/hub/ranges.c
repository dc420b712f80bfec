#include "hub/ranges.h"

#include <string.h>

bool hub_ranges_add(struct hub_ranges *r, uint64_t from, uint64_t to)
{
    uint32_t first = 0;
    if (from >= to) {
        return true;
    }
    while (first < r->count && r->at[first].to < from) {
        first++;
    }
    uint32_t end = first; /* behind the last one that touches */
    while (end < r->count && r->at[end].from <= to) {
        from = KIT_MIN(from, r->at[end].from);
        to = KIT_MAX(to, r->at[end].to);
        end++;
    }
    if (end == first && r->count == HUB_RANGES_MAX) {
        return false;
    }
    memmove(&r->at[first + 1], &r->at[end], (r->count - end) * sizeof(r->at[0]));
    r->at[first] = (struct hub_range){.from = from, .to = to};
    r->count = r->count - (end - first) + 1;
    return true;
}

uint64_t hub_ranges_bytes(const struct hub_ranges *r)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        bytes += r->at[i].to - r->at[i].from;
    }
    return bytes;
}

uint64_t hub_ranges_prefix(const struct hub_ranges *r)
{
    return r->count > 0 && r->at[0].from == 0 ? r->at[0].to : 0;
}

bool hub_ranges_hole(const struct hub_ranges *r, uint64_t size, uint64_t most, struct hub_range *ret)
{
    uint64_t from = hub_ranges_prefix(r);
    uint32_t next = from > 0 ? 1 : 0;
    uint64_t to = next < r->count ? r->at[next].from : size;
    if (from >= size) {
        return false;
    }
    *ret = (struct hub_range){.from = from, .to = KIT_MIN(to, from + KIT_MIN(most, size - from))};
    return true;
}
