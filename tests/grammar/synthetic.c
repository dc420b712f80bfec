#include "grammar/synthetic.h"

#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"

#define PIECE_MAX 16

struct dice {
    uint64_t state;
};

static uint32_t draw(struct dice *d, uint32_t below)
{
    d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((d->state >> 33) % below);
}

static uint32_t add_letters(struct dice *d, char *out, uint32_t count)
{
    static const char letters[] = "etaoinshrdlucmfwypvbgkjqxzETAOINS";
    for (uint32_t i = 0; i < count; i++) {
        out[i] = letters[KIT_MIN(draw(d, sizeof(letters) - 1), draw(d, sizeof(letters) - 1))];
    }
    return count;
}

static uint32_t add_signs(struct dice *d, char *out, uint32_t count)
{
    static const char *const signs[] = {"\"", "\":", "\",", "\"}",  "\"]", "{\"", "[\"", "},", "],",
                                        "{",  "}",   "[",   "]",    ":",   ",",   "\n",  " ",  "  ",
                                        "\\", "\\n", "\\u", "\\\"", "-",   ".",   "e+",  ")"};
    uint32_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *sign = signs[draw(d, KIT_COUNT(signs))];
        memcpy(out + len, sign, strlen(sign));
        len += (uint32_t)strlen(sign);
    }
    return len;
}

static uint32_t add_digits(struct dice *d, char *out, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i] = (char)('0' + draw(d, 10));
    }
    return count;
}

/* Characters of two to four bytes; every fourth piece is cut. */
static uint32_t add_wide(struct dice *d, char *out, uint32_t count)
{
    static const char *const wide[] = {"\xC3\xA9",     "\xC3\xBC",     "\xD0\xB6",
                                       "\xE4\xB8\xAD", "\xE3\x81\x82", "\xF0\x9F\x98\x80"};
    uint32_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *c = wide[draw(d, KIT_COUNT(wide))];
        memcpy(out + len, c, strlen(c));
        len += (uint32_t)strlen(c);
    }
    return draw(d, 4) == 0 ? len - 1 : len;
}

static uint32_t make_piece(struct dice *d, char out[PIECE_MAX * 2])
{
    switch (draw(d, 12)) {
    case 0:
        return add_signs(d, out, 1 + draw(d, 3));
    case 1: {
        uint32_t len = add_signs(d, out, 1);
        return len + add_letters(d, out + len, 1 + draw(d, 6));
    }
    case 2: {
        uint32_t len = add_letters(d, out, 1 + draw(d, 6));
        return len + add_signs(d, out + len, 1 + draw(d, 2));
    }
    case 3:
        return add_digits(d, out, 1 + draw(d, 4));
    case 4:
        return add_wide(d, out, 1 + draw(d, 3));
    case 5:
    case 6:
    case 7:
    case 8:
        out[0] = ' ';
        return 1 + add_letters(d, out + 1, 1 + draw(d, 9));
    default:
        return add_letters(d, out, 2 + draw(d, 10));
    }
}

static kit_str token(void *ctx, int32_t id)
{
    const struct synthetic *s = ctx;
    return (kit_str){s->bytes + s->at[id], s->at[id + 1] - s->at[id]};
}

void synthetic_make(struct synthetic *s, uint32_t count, uint64_t seed)
{
    struct dice d = {seed * 2654435761u + 1};
    int32_t end = SYNTHETIC_END;
    *s = (struct synthetic){.count = count};
    s->bytes = kit_alloc((size_t)count * PIECE_MAX * 2);
    s->at = kit_alloc_zero(count + 1, sizeof(*s->at));
    if (s->bytes == NULL || s->at == NULL) {
        abort();
    }
    uint32_t len = 0;
    for (uint32_t id = 0; id < count; id++) {
        s->at[id] = len;
        if (id < 256) {
            s->bytes[len++] = (char)id;
        } else if (id > SYNTHETIC_CONTROL) {
            len += make_piece(&d, s->bytes + len);
        }
    }
    s->at[count] = len;
    if (grammar_vocab_new(count, token, s, &end, 1, &s->vocab, NULL) != KIT_OK) {
        abort();
    }
}

void synthetic_done(struct synthetic *s)
{
    grammar_vocab_unref(s->vocab);
    kit_alloc_free(s->bytes);
    kit_alloc_free(s->at);
    *s = (struct synthetic){0};
}
