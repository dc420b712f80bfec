#include "vocabulary.h"

#include <stdbool.h>
#include <string.h>

static const char *const specials[] = {"<begin>", "<end>", "<turn>", "<reply>"};
#define SPECIALS (sizeof(specials) / sizeof(specials[0]))

/* Tokens that are counted even where there is no room for them. */
struct sink {
    int32_t *ids;
    uint64_t room, count;
};

static void add(struct sink *s, int32_t id)
{
    if (s->count < s->room) {
        s->ids[s->count] = id;
    }
    s->count++;
}

/* The special token that the text begins with; *len gets its bytes. -1: none. */
static int32_t special_at(const char *text, uint64_t bytes, uint64_t *len)
{
    for (uint32_t i = 0; i < SPECIALS; i++) {
        *len = strlen(specials[i]);
        if (*len <= bytes && memcmp(text, specials[i], *len) == 0) {
            return (int32_t)(ECHO_BEGIN + i);
        }
    }
    return -1;
}

int32_t echo_tokenize(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids, uint64_t *count)
{
    (void)model;
    struct sink s = {ids, *count, 0};
    bool both_ends = (flags & ACB_TOKENIZE_ADD_SPECIAL) != 0;
    if (both_ends) {
        add(&s, ECHO_BEGIN);
    }
    for (uint64_t at = 0; at < bytes;) {
        uint64_t len = 1;
        int32_t id = (flags & ACB_TOKENIZE_PARSE_SPECIAL) != 0 ? special_at(text + at, bytes - at, &len) : -1;
        add(&s, id >= 0 ? id : (unsigned char)text[at]);
        at += id >= 0 ? len : 1;
    }
    if (both_ends) {
        add(&s, ECHO_REPLY);
    }
    *count = s.count;
    return s.count <= s.room ? ACB_OK : ACB_FULL;
}

int32_t echo_detokenize(void *model, int32_t id, uint32_t flags, char *text, uint64_t *bytes)
{
    (void)model;
    if (id < 0 || id >= ECHO_TOKENS) {
        return ACB_INVALID;
    }
    char byte = (char)id;
    const char *from = id < ECHO_BEGIN ? &byte : specials[id - ECHO_BEGIN];
    uint64_t len = id < ECHO_BEGIN ? 1 : (flags & ACB_TOKENIZE_SPECIAL) != 0 ? strlen(from) : 0;
    bool fits = len <= *bytes;
    if (fits) {
        memcpy(text, from, len);
    }
    *bytes = len;
    return fits ? ACB_OK : ACB_FULL;
}

uint32_t echo_token_flags(void *model, int32_t id)
{
    (void)model;
    if (id < 0 || id >= ECHO_TOKENS) {
        return 0;
    }
    return id < ECHO_BEGIN ? ACB_TOKEN_BYTE : ACB_TOKEN_SPECIAL | (id == ECHO_END ? ACB_TOKEN_END : 0);
}
