#include "text/scratch.h"

#include "kit/alloc.h"
#include "text/tokenizer.h"

/* A call keeps some 40 bytes a byte of input, with byte-level words some 100; arrays grow by doubling. Below this much,
 * keeping it costs less than asking for it again. */
#define KEEP_BYTES (4 * KIT_MIB)
#define BYTES_A_BYTE 256

enum kit_status text_scratch_new(struct text_scratch **ret)
{
    struct text_scratch *s = kit_alloc_zero(1, sizeof(*s));
    if (s == NULL) {
        return KIT_NOMEM;
    }
    text_aligned_init(&s->text, 0);
    text_aligned_init(&s->spare, 0);
    text_words_init(&s->words);
    *ret = s;
    return KIT_OK;
}

static void empty(struct text_scratch *s)
{
    text_aligned_done(&s->text);
    text_aligned_done(&s->spare);
    text_words_done(&s->words);
    text_room_done(&s->room);
    text_tokens_done(&s->tokens[0]);
    text_tokens_done(&s->tokens[1]);
    text_encoding_room_done(&s->out);
}

void text_scratch_free(struct text_scratch *s)
{
    if (s != NULL) {
        empty(s);
        kit_alloc_free(s);
    }
}

static size_t bytes_of_text(const struct text_aligned *a)
{
    return a->room + a->origin_room * sizeof(struct text_span);
}

static size_t bytes_of(const struct text_scratch *s)
{
    size_t bytes = bytes_of_text(&s->text) + bytes_of_text(&s->spare) + s->room.bytes;
    for (int i = 0; i < 2; i++) {
        bytes += bytes_of_text(&s->words.rewritten[i]) + s->words.lists[i].room * sizeof(struct text_span);
        bytes += s->tokens[i].room * sizeof(struct text_token);
    }
    return bytes + s->out.room * (size_t)21; /* the arrays of struct text_encoding, a token */
}

void text_scratch_trim(struct text_scratch *s, size_t bytes)
{
    size_t has = bytes_of(s);
    if (has > KEEP_BYTES && has / BYTES_A_BYTE > bytes) {
        empty(s);
    }
}
