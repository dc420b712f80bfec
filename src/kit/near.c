#include "kit/near.h"

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* A row of the table: its place j stands for the first j bytes of b. The zeroth row comes from nothing. */
struct row {
    uint32_t cost[KIT_NEAR_BYTES_MAX + 1];
};

static uint32_t min3(uint32_t x, uint32_t y, uint32_t z)
{
    return KIT_MIN(x, KIT_MIN(y, z));
}

/* Fills row i (>= 1) within the band; beyond it everything is `far`. Answers the least cost in it. */
static uint32_t fill_row(const struct row *above, struct row *row, kit_str a, kit_str b, size_t i, uint32_t most)
{
    const uint32_t far = most + 1;
    size_t from = i > most ? i - most : 0, to = KIT_MIN(b.len, i + most);
    uint32_t least = far;
    for (size_t j = from; j <= to; j++) {
        uint32_t up = j < i + most ? above->cost[j] + 1 : far;
        uint32_t left = j > from ? row->cost[j - 1] + 1 : far;
        uint32_t diagonal = j == 0 ? far : above->cost[j - 1] + (lower(a.ptr[i - 1]) != lower(b.ptr[j - 1]));
        row->cost[j] = KIT_MIN(far, min3(up, left, diagonal));
        least = KIT_MIN(least, row->cost[j]);
    }
    return least;
}

uint32_t kit_near_distance(kit_str a, kit_str b, uint32_t most)
{
    most = KIT_MIN(most, (uint32_t)KIT_NEAR_BYTES_MAX);
    size_t apart = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (apart > most || b.len > KIT_NEAR_BYTES_MAX) {
        return most + 1;
    }
    struct row rows[2];
    for (uint32_t j = 0; j <= KIT_MIN(b.len, most); j++) {
        rows[0].cost[j] = j;
    }
    for (size_t i = 1; i <= a.len; i++) {
        if (fill_row(&rows[(i - 1) % 2], &rows[i % 2], a, b, i, most) > most) {
            return most + 1;
        }
    }
    return rows[a.len % 2].cost[b.len];
}

void kit_near_offer(struct kit_near *n, const char *word)
{
    kit_str offered = kit_str_c(word);
    if (n->wanted.len > KIT_NEAR_BYTES_MAX || offered.len > KIT_NEAR_BYTES_MAX) {
        return;
    }
    if (n->best != NULL && n->distance == 0) {
        return;
    }
    uint32_t most = n->best == NULL ? (uint32_t)n->wanted.len / 2 : n->distance - 1;
    uint32_t distance = kit_near_distance(n->wanted, offered, most);
    if (distance <= most) {
        n->best = word;
        n->distance = distance;
    }
}
