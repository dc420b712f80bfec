#include "model/id.h"

#include "kit/near.h"

#define CHANGES_MAX 8 /* of an id that somebody may have meant */

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
    uint32_t most = (uint32_t)KIT_MIN(n->wanted.len / 3, (size_t)CHANGES_MAX);
    if (n->best[0] != '\0') {
        if (n->distance == 0) {
            return;
        }
        most = KIT_MIN(most, n->distance - 1);
    }
    uint32_t distance = same_last_segment(n->wanted, id) ? 0 : kit_near_distance(n->wanted, id, most);
    if (distance <= most) {
        n->distance = distance;
        kit_str_to_c(id, n->best, sizeof(n->best));
    }
}
