/* backends/echo/generate.h - sequences of tokens, and the token that an echo model says next.
 *
 * It repeats what stands between the last <reply> and the special token before that, then says <end>. A sequence without
 * <reply> repeats its last token for ever. An adapter adds its scale to each byte.
 *
 * What sequences share is held once, as in the KV cache of a real engine: a token is a place that knows the place before
 * it. Thread: one at a time. Memory: the caller gives it, all at once. */
#ifndef ECHO_GENERATE_H
#define ECHO_GENERATE_H

#include <stdbool.h>
#include <stdint.h>

#define ECHO_SEQUENCES_MAX 64
#define ECHO_CONTEXT_TOKENS 8192 /* longest sequence */

struct echo_place {
    int32_t token;
    uint32_t before; /* index of the place before it, or ECHO_NOWHERE */
    uint32_t length; /* tokens up to here, this one included */
    uint32_t users;  /* places after it, and sequences that end here */
};
#define ECHO_NOWHERE UINT32_MAX

struct echo_store {
    struct echo_place *places; /* [count], the caller's */
    uint32_t count;
    uint32_t free; /* first free place; they are chained by `before` */
    uint32_t free_count;
    uint32_t last[ECHO_SEQUENCES_MAX]; /* place of each sequence's last token */
};

void echo_store_init(struct echo_store *s, struct echo_place *places, uint32_t count);
uint32_t echo_store_length(const struct echo_store *s, uint32_t seq);
bool echo_store_append(struct echo_store *s, uint32_t seq, int32_t token); /* false: no place is free */
/* dst becomes the first `length` tokens of src, which has as many. */
void echo_store_copy(struct echo_store *s, uint32_t src, uint32_t dst, uint32_t length);

/* What comes after a sequence, which is not empty. */
int32_t echo_store_next(const struct echo_store *s, uint32_t seq, int32_t shift);

#endif
