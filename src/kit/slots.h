/* src/kit/slots.h - ids instead of pointers between threads: slot number + generation.
 *
 * A late answer to something that is gone finds NULL and is dropped. A table never grows past its maximum.
 * Thread: the owner's. A kit_id itself may travel anywhere. Memory: the table stores borrowed pointers. */
#ifndef KIT_SLOTS_H
#define KIT_SLOTS_H

#include "kit/status.h"

typedef struct kit_id {
    uint32_t slot;       /* index, from 0 */
    uint32_t generation; /* odd while in use, never 0: the zeroed id names nothing */
} kit_id;

#define KIT_ID_NONE ((kit_id){0, 0})

struct kit_slots;

/* max: 1 … 2^24 entries; memory is taken as they are used. */
KIT_MUST_CHECK enum kit_status kit_slots_new(uint32_t max, struct kit_slots **ret);
void kit_slots_free(struct kit_slots *t); /* what the entries point at is not touched */
/* FULL at the maximum, NOMEM. item: borrowed, not NULL. */
KIT_MUST_CHECK enum kit_status kit_slots_add(struct kit_slots *t, void *item, kit_id *ret);
void *kit_slots_get(const struct kit_slots *t, kit_id id); /* NULL: gone or never was */
void *kit_slots_remove(struct kit_slots *t, kit_id id);    /* what was there, or NULL */
uint32_t kit_slots_count(const struct kit_slots *t);
/* The first entry at or behind *slot (start with 0), which is moved behind it; NULL at the end. Entries may be
 * removed while walking. */
void *kit_slots_next(const struct kit_slots *t, uint32_t *slot, kit_id *id);

static inline bool kit_id_eq(kit_id a, kit_id b)
{
    return a.slot == b.slot && a.generation == b.generation;
}

#endif
