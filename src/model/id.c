#include "model/id.h"

static bool is_id_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
           c == '-';
}

bool model_id_is_segment(kit_str segment)
{
    for (size_t i = 0; i < segment.len; i++) {
        if (!is_id_byte(segment.ptr[i])) {
            return false;
        }
    }
    return segment.len > 0 && !kit_str_eq(segment, kit_str_lit(".")) && !kit_str_eq(segment, kit_str_lit(".."));
}

bool model_id_is_valid(kit_str id)
{
    kit_str rest = id, segment;
    size_t count = 0;
    while (kit_str_cut(&rest, '/', &segment)) {
        if (!model_id_is_segment(segment) || segment.ptr[0] == '.') {
            return false;
        }
        count++;
    }
    bool whole = id.len > 0 && id.ptr[id.len - 1] != '/';
    return whole && count <= MODEL_ID_SEGMENTS_MAX && id.len <= MODEL_ID_BYTES_MAX;
}

/* --- how far apart two ids are --- */

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* A row of the table: its place j stands for the first j bytes of b. The zeroth row comes from nothing. */
struct row {
    uint32_t cost[MODEL_ID_BYTES_MAX + 1];
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

uint32_t model_id_distance(kit_str a, kit_str b, uint32_t most)
{
    most = KIT_MIN(most, MODEL_ID_DISTANCE_MAX);
    size_t apart = a.len > b.len ? a.len - b.len : b.len - a.len;
    if (apart > most || b.len > MODEL_ID_BYTES_MAX) {
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

/* --- the nearest --- */

static kit_str last_segment(kit_str id)
{
    for (size_t i = id.len; i > 0; i--) {
        if (id.ptr[i - 1] == '/') {
            return kit_str_sub(id, i, id.len);
        }
    }
    return id;
}

static bool same_last_segment(kit_str a, kit_str b)
{
    return kit_str_eq_nocase(last_segment(a), last_segment(b));
}

void model_id_offer(struct model_id_nearest *n, kit_str id)
{
    uint32_t most = (uint32_t)KIT_MIN(n->wanted.len / 3, (size_t)MODEL_ID_DISTANCE_MAX);
    if (n->best[0] != '\0') {
        if (n->distance == 0) {
            return;
        }
        most = KIT_MIN(most, n->distance - 1);
    }
    uint32_t distance = same_last_segment(n->wanted, id) ? 0 : model_id_distance(n->wanted, id, most);
    if (distance <= most) {
        n->distance = distance;
        kit_str_to_c(id, n->best, sizeof(n->best));
    }
}
