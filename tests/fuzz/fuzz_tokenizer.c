/* A tokenizer.json, and a text and a pair to encode with it if it can be read. */
#include "fuzz/fuzz.h"
#include "text/tokenizer.h"
#include "kit/utf8.h"

#define TEXT_BYTES_MAX 4096

static void check_part(const struct text_encoding *e, uint32_t i, const kit_str text[2], uint32_t vocab)
{
    struct text_span at = e->spans[i];
    FUZZ_CHECK(e->ids[i] >= 0 && (uint32_t)e->ids[i] < vocab);
    if (e->parts[i] == TEXT_PART_SPECIAL) {
        return;
    }
    FUZZ_CHECK(e->parts[i] <= TEXT_PART_PAIR);
    FUZZ_CHECK(at.start <= at.end && at.end <= text[e->parts[i]].len);
}

static void encode(const struct text_tokenizer *t, const kit_str text[2])
{
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct text_options options = {.add_special = text[0].len % 2 == 0, .input_bytes_max = TEXT_BYTES_MAX};
    FUZZ_CHECK(text_scratch_new(&s) == KIT_OK);
    if (text_tokenizer_encode(t, s, text[0], text[1].len > 0 ? &text[1] : NULL, &options, &e, NULL) == KIT_OK) {
        struct kit_buf out;
        for (uint32_t i = 0; i < e.count; i++) {
            check_part(&e, i, text, text_tokenizer_vocab_size(t));
        }
        kit_buf_init(&out, KIT_MIB);
        if (text_tokenizer_decode(t, e.ids, e.count, text[0].len % 3 == 0, &out) == KIT_OK) {
            FUZZ_CHECK(kit_utf8_is_valid(kit_buf_str(&out)));
        }
        kit_buf_done(&out);
    }
    text_scratch_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, size};
    kit_str json = fuzz_take_part(&rest);
    kit_str text[2];
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    text[0] = fuzz_take_part(&rest);
    text[1] = fuzz_take_part(&rest);
    if (text_tokenizer_parse(json, &t, &err) == KIT_OK) {
        encode(t, text);
    } else {
        FUZZ_CHECK(err.code != KIT_OK && err.msg[0] != '\0');
    }
    text_tokenizer_free(t);
    return 0;
}
