/* src/text/encoding.h - what tokenizing gives: the ids that a model takes, and where each came from.
 *
 * Thread: one while it is filled, then any. Memory: text_tokenizer_encode lends the arrays from its scratch
 * until the next call with that scratch; text_encoding_keep copies them. */
#ifndef TEXT_ENCODING_H
#define TEXT_ENCODING_H

#include "kit/arena.h"
#include "text/span.h"

enum text_part { TEXT_PART_TEXT, TEXT_PART_PAIR, TEXT_PART_SPECIAL };

#define TEXT_NO_WORD UINT32_MAX

struct text_encoding {
    uint32_t count;          /* tokens; every array has this many */
    int32_t *ids;            /* 0 <= id < text_tokenizer_vocab_size */
    int32_t *types;          /* token_type_ids (segment) as the template says */
    uint8_t *parts;          /* enum text_part; TEXT_PART_SPECIAL marks what the template put in */
    struct text_span *spans; /* bytes of the text or the pair, in UTF-8; {0, 0} for TEXT_PART_SPECIAL */
    uint32_t *words;         /* word of its text, from 0; TEXT_NO_WORD for TEXT_PART_SPECIAL */
    uint32_t dropped[2];     /* tokens that truncation cut off the text and off the pair */
};

/* A copy that lives as long as the arena. NOMEM. */
KIT_MUST_CHECK enum kit_status text_encoding_keep(const struct text_encoding *e, struct kit_arena *arena,
                                                  struct text_encoding *ret);

/* Room for an encoding that is written again and again. Zeroed is empty. */
struct text_encoding_room {
    struct text_encoding all; /* owned arrays; count is in use */
    uint32_t room;
};
/* Empties it and makes room for `count` tokens. NOMEM. */
KIT_MUST_CHECK enum kit_status text_encoding_room_reserve(struct text_encoding_room *r, size_t count);
void text_encoding_room_done(struct text_encoding_room *r);

#endif
