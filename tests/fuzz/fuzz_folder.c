/* The files of a tokenizer without a tokenizer.json: the vocabulary (two files where the first byte is odd), then
 * tokenizer_config.json, special_tokens_map.json, added_tokens.json. */
#include "fuzz/files.h"
#include "text/tokenizer.h"

static const char *const berts[] = {"vocab.txt"};
static const char *const robertas[] = {"vocab.json", "merges.txt"};
static const char *const settings[] = {"tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"};

static void put(kit_str *rest, const char *const *names, size_t count, bool wanted)
{
    for (size_t i = 0; i < count; i++) {
        fuzz_folder_put(names[i], wanted ? fuzz_take_part(rest) : (kit_str){0});
    }
}

static void encode(const struct text_tokenizer *t)
{
    struct text_scratch *s = NULL;
    struct text_encoding e;
    struct text_options options = {.add_special = true};
    kit_str text = kit_str_lit("The cats' [MASK] <mask> ab \xC3\xA9\xE6\x97\xA5");
    uint32_t mask;
    FUZZ_CHECK(text_scratch_new(&s) == KIT_OK);
    if (text_tokenizer_encode(t, s, text, &text, &options, &e, NULL) == KIT_OK) {
        for (uint32_t i = 0; i < e.count; i++) {
            FUZZ_CHECK((uint32_t)e.ids[i] < text_tokenizer_vocab_size(t));
            FUZZ_CHECK(e.spans[i].start <= e.spans[i].end && e.spans[i].end <= text.len);
        }
    }
    FUZZ_CHECK(!text_tokenizer_mask_id(t, &mask) || mask < text_tokenizer_vocab_size(t));
    text_scratch_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, size};
    uint8_t choice;
    struct text_tokenizer *t = NULL;
    struct kit_err err = {0};
    if (!fuzz_take_byte(&rest, &choice)) {
        return 0;
    }
    put(&rest, berts, KIT_COUNT(berts), choice % 2 == 0);
    put(&rest, robertas, KIT_COUNT(robertas), choice % 2 == 1);
    put(&rest, settings, KIT_COUNT(settings), true);
    if (text_tokenizer_open(fuzz_folder(), &t, &err) == KIT_OK) {
        encode(t);
    } else {
        FUZZ_CHECK(err.msg[0] != '\0');
    }
    text_tokenizer_free(t);
    return 0;
}
