#include "sample/seen.h"

#include <string.h>

#include "kit/alloc.h"

static uint32_t slots_for(uint32_t entries)
{
    uint32_t slots = 16;
    while (slots < entries * 2) {
        slots *= 2;
    }
    return slots;
}

enum kit_status sample_seen_init(struct sample_seen *s, uint32_t window, uint32_t vocab)
{
    /* Twice as many as can be in the window, so that clearing out gives room for another window; or one for each. */
    *s = (struct sample_seen){.window = window, .entry_max = KIT_MIN(2 * window, vocab)};
    uint32_t slots = slots_for(s->entry_max);
    s->slot_mask = slots - 1;
    s->ring = kit_alloc_array(window, sizeof(*s->ring));
    s->slot = kit_alloc_zero(slots, sizeof(*s->slot));
    s->entry = kit_alloc_array(s->entry_max, sizeof(*s->entry));
    if (s->ring == NULL || s->slot == NULL || s->entry == NULL) {
        sample_seen_done(s);
        return KIT_NOMEM;
    }
    return KIT_OK;
}

void sample_seen_done(struct sample_seen *s)
{
    kit_alloc_free(s->ring);
    kit_alloc_free(s->slot);
    kit_alloc_free(s->entry);
    *s = (struct sample_seen){0};
}

/* Where the token is or would go. Fibonacci hashing (Knuth, TAOCP 3, 6.4), then the next free place. */
static uint32_t *slot_of(struct sample_seen *s, int32_t token)
{
    uint32_t at = (uint32_t)((uint64_t)(uint32_t)token * 0x9E3779B97F4A7C15u >> 32) & s->slot_mask;
    while (s->slot[at] != 0 && s->entry[s->slot[at] - 1].token != token) {
        at = (at + 1) & s->slot_mask;
    }
    return &s->slot[at];
}

static void append(struct sample_seen *s, struct sample_seen_entry entry)
{
    s->entry[s->entry_count++] = entry;
    *slot_of(s, entry.token) = s->entry_count;
}

/* Forgets those that have left the window. */
static void clear_out(struct sample_seen *s)
{
    uint32_t count = s->entry_count;
    memset(s->slot, 0, ((size_t)s->slot_mask + 1) * sizeof(*s->slot));
    s->entry_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (s->entry[i].count > 0) {
            append(s, s->entry[i]);
        }
    }
}

static void count_up(struct sample_seen *s, int32_t token)
{
    uint32_t index = *slot_of(s, token);
    if (index != 0) {
        s->entry[index - 1].count++;
        return;
    }
    if (s->entry_count == s->entry_max) {
        clear_out(s);
    }
    append(s, (struct sample_seen_entry){token, 1});
}

void sample_seen_add(struct sample_seen *s, int32_t token)
{
    if (s->held == s->window) {
        s->entry[*slot_of(s, s->ring[s->at]) - 1].count--;
    } else {
        s->held++;
    }
    count_up(s, token);
    s->ring[s->at] = token;
    s->at = s->at + 1 == s->window ? 0 : s->at + 1;
}
