#include "kit/near.h"

size_t kit_near_distance(kit_str a, kit_str b)
{
    size_t row[KIT_NEAR_BYTES_MAX + 1];
    for (size_t k = 0; k <= b.len; k++) {
        row[k] = k;
    }
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t k = 0; k < b.len; k++) {
            size_t exchange = diagonal + (a.ptr[i] == b.ptr[k] ? 0 : 1);
            diagonal = row[k + 1];
            row[k + 1] = KIT_MIN(exchange, KIT_MIN(row[k], row[k + 1]) + 1);
        }
    }
    return row[b.len];
}

void kit_near_offer(struct kit_near *n, const char *word)
{
    kit_str offered = kit_str_c(word);
    if (n->wanted.len > KIT_NEAR_BYTES_MAX || offered.len > KIT_NEAR_BYTES_MAX) {
        return;
    }
    size_t distance = kit_near_distance(n->wanted, offered);
    if (distance < (n->best == NULL ? n->wanted.len / 2 + 1 : n->distance)) {
        n->best = word;
        n->distance = distance;
    }
}
