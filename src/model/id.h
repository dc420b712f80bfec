/* src/model/id.h - ids of models: what they may look like, and which known one somebody may have meant.
 *
 * An id is the path of the model's folder under the models folder: "all-MiniLM-L6-v2", "org/name".
 * Thread: any; pure. Memory: none. */
#ifndef MODEL_ID_H
#define MODEL_ID_H

#include "kit/str.h"

#define MODEL_ID_BYTES_MAX 127  /* the ledger's owner has as many */
#define MODEL_ID_SEGMENTS_MAX 4 /* joined by '/' */

/* One part between slashes: [A-Za-z0-9._-], at least one byte, neither "." nor "..". */
bool model_id_is_segment(kit_str segment);
/* 1 … MODEL_ID_SEGMENTS_MAX segments, none starting with '.', MODEL_ID_BYTES_MAX bytes at most. */
bool model_id_is_valid(kit_str id);

/* Looks for the id nearest to `wanted` (kit/near.h) among those that are offered: at most a third of it may have to change, and
 * 8 bytes. Zero it but for `wanted`. An id whose last segment is what was wanted counts as near ("name" for "org/name"). */
struct model_id_nearest {
    kit_str wanted;                    /* borrowed */
    char best[MODEL_ID_BYTES_MAX + 1]; /* "" while nothing is near enough */
    uint32_t distance;                 /* of best */
};
void model_id_offer(struct model_id_nearest *n, kit_str id);

#endif
