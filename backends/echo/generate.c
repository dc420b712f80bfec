#include "generate.h"

#include "vocabulary.h"

void echo_store_init(struct echo_store *s, struct echo_place *places, uint32_t count)
{
    *s = (struct echo_store){.places = places, .count = count, .free = ECHO_NOWHERE, .free_count = count};
    for (uint32_t i = 0; i < ECHO_SEQUENCES_MAX; i++) {
        s->last[i] = ECHO_NOWHERE;
    }
    for (uint32_t i = count; i-- > 0;) {
        places[i] = (struct echo_place){.before = s->free};
        s->free = i;
    }
}

static uint32_t length_of(const struct echo_store *s, uint32_t at)
{
    return at == ECHO_NOWHERE ? 0 : s->places[at].length;
}

uint32_t echo_store_length(const struct echo_store *s, uint32_t seq)
{
    return length_of(s, s->last[seq]);
}

bool echo_store_append(struct echo_store *s, uint32_t seq, int32_t token)
{
    uint32_t at = s->free;
    if (at == ECHO_NOWHERE) {
        return false;
    }
    s->free = s->places[at].before;
    s->free_count--;
    /* The sequence no longer ends at the place before: that user is this place now. */
    s->places[at] = (struct echo_place){token, s->last[seq], echo_store_length(s, seq) + 1, 1};
    s->last[seq] = at;
    return true;
}

/* A place without users is free, and uses the one before it no more. */
static void release(struct echo_store *s, uint32_t at)
{
    while (at != ECHO_NOWHERE && --s->places[at].users == 0) {
        uint32_t before = s->places[at].before;
        s->places[at].before = s->free;
        s->free = at;
        s->free_count++;
        at = before;
    }
}

static uint32_t back_to(const struct echo_store *s, uint32_t at, uint32_t length)
{
    while (length_of(s, at) > length) {
        at = s->places[at].before;
    }
    return at;
}

/* The new end is taken before the old one is let go: they may share. */
void echo_store_copy(struct echo_store *s, uint32_t src, uint32_t dst, uint32_t length)
{
    uint32_t at = back_to(s, s->last[src], length);
    if (at != ECHO_NOWHERE) {
        s->places[at].users++;
    }
    release(s, s->last[dst]);
    s->last[dst] = at;
}

/* The place of the last <reply> at or before this one. */
static uint32_t find_reply(const struct echo_store *s, uint32_t at)
{
    while (at != ECHO_NOWHERE && s->places[at].token != ECHO_REPLY) {
        at = s->places[at].before;
    }
    return at;
}

int32_t echo_store_next(const struct echo_store *s, uint32_t seq, int32_t shift)
{
    uint32_t end = s->last[seq];
    uint32_t reply = find_reply(s, end);
    if (reply == ECHO_NOWHERE) {
        return s->places[end].token;
    }
    uint32_t start = s->places[reply].before;
    while (start != ECHO_NOWHERE && s->places[start].token < ECHO_BEGIN) {
        start = s->places[start].before;
    }
    uint32_t said = length_of(s, end) - length_of(s, reply);
    uint32_t from = length_of(s, start) + said + 1; /* the length of the sequence up to the token to repeat */
    if (from >= length_of(s, reply)) {
        return ECHO_END;
    }
    int32_t token = s->places[back_to(s, reply, from)].token;
    return token < ECHO_BEGIN ? (token + shift) & 255 : token;
}
