#include "kit/slots.h"

#include <assert.h>

#include "kit/alloc.h"

#define ROOM_MIN 16u
#define MAX_OF_ALL (UINT32_C(1) << 24)
#define NO_SLOT UINT32_MAX

struct entry {
    void *item;          /* borrowed; NULL while free */
    uint32_t generation; /* odd while in use */
    uint32_t next_free;  /* NO_SLOT ends the list */
};

struct kit_slots {
    struct entry *entries; /* owned */
    uint32_t room;         /* entries allocated */
    uint32_t touched;      /* entries ever used; those behind are fresh */
    uint32_t count;
    uint32_t max;
    uint32_t first_free;
};

enum kit_status kit_slots_new(uint32_t max, struct kit_slots **ret)
{
    assert(max >= 1 && max <= MAX_OF_ALL);
    struct kit_slots *t = kit_alloc_zero(1, sizeof(*t));
    if (t == NULL) {
        return KIT_NOMEM;
    }
    t->max = max;
    t->first_free = NO_SLOT;
    *ret = t;
    return KIT_OK;
}

void kit_slots_free(struct kit_slots *t)
{
    if (t != NULL) {
        kit_alloc_free(t->entries);
        kit_alloc_free(t);
    }
}

/* Makes one fresh entry ready and puts it on the free list. */
static enum kit_status touch_one(struct kit_slots *t)
{
    if (t->touched == t->max) {
        return KIT_FULL;
    }
    if (t->touched == t->room) {
        uint32_t room = KIT_MIN(t->max, KIT_MAX(t->room * 2, ROOM_MIN));
        struct entry *entries = kit_alloc_resize(t->entries, room * sizeof(*entries));
        if (entries == NULL) {
            return KIT_NOMEM;
        }
        t->entries = entries;
        t->room = room;
    }
    t->entries[t->touched] = (struct entry){.next_free = t->first_free};
    t->first_free = t->touched++;
    return KIT_OK;
}

enum kit_status kit_slots_add(struct kit_slots *t, void *item, kit_id *ret)
{
    assert(item != NULL);
    if (t->first_free == NO_SLOT) {
        enum kit_status rc = touch_one(t);
        if (rc != KIT_OK) {
            return rc;
        }
    }
    uint32_t slot = t->first_free;
    struct entry *e = &t->entries[slot];
    t->first_free = e->next_free;
    t->count++;
    e->item = item;
    e->generation++;
    *ret = (kit_id){.slot = slot, .generation = e->generation};
    return KIT_OK;
}

static struct entry *find(const struct kit_slots *t, kit_id id)
{
    if (id.slot >= t->touched || id.generation % 2 == 0) {
        return NULL;
    }
    struct entry *e = &t->entries[id.slot];
    return e->generation == id.generation ? e : NULL;
}

void *kit_slots_get(const struct kit_slots *t, kit_id id)
{
    const struct entry *e = find(t, id);
    return e == NULL ? NULL : e->item;
}

void *kit_slots_remove(struct kit_slots *t, kit_id id)
{
    struct entry *e = find(t, id);
    if (e == NULL) {
        return NULL;
    }
    void *item = e->item;
    e->item = NULL;
    e->generation++;
    e->next_free = t->first_free;
    t->first_free = id.slot;
    t->count--;
    return item;
}

uint32_t kit_slots_count(const struct kit_slots *t)
{
    return t->count;
}

void *kit_slots_next(const struct kit_slots *t, uint32_t *slot, kit_id *id)
{
    for (; *slot < t->touched; (*slot)++) {
        const struct entry *e = &t->entries[*slot];
        if (e->item != NULL) {
            if (id != NULL) {
                *id = (kit_id){.slot = *slot, .generation = e->generation};
            }
            (*slot)++;
            return e->item;
        }
    }
    return NULL;
}
