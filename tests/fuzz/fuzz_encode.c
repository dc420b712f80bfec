/* A text for one of the tokenizers of the golden data; the first byte says which, and how. Byte-level tokens must give
 * back the text that they came from. */
#include "fuzz/fuzz.h"
#include "text/tokenizer.h"
#include "kit/utf8.h"

#define TEXT_BYTES_MAX (64 * KIT_KIB)

static struct {
    const char *folder;
    bool gives_back; /* byte-level, without a space put first */
    struct text_tokenizer *tokenizer;
} all[] = {{TEST_DATA "/tokens/bert-plain", false, NULL},
           {TEST_DATA "/tokens/bert-settings", false, NULL},
           {TEST_DATA "/tokens/roberta", true, NULL},
           {TEST_DATA "/tokens/gpt2", false, NULL}};

static struct text_scratch *scratch; /* as the server keeps one */

static void open_all(void)
{
    if (scratch != NULL) {
        return;
    }
    FUZZ_CHECK(text_scratch_new(&scratch) == KIT_OK);
    for (size_t i = 0; i < KIT_COUNT(all); i++) {
        FUZZ_CHECK(text_tokenizer_open(all[i].folder, &all[i].tokenizer, NULL) == KIT_OK);
    }
}

static void check_spans(const struct text_encoding *e, kit_str text)
{
    for (uint32_t i = 0; i < e->count; i++) {
        struct text_span at = e->spans[i];
        FUZZ_CHECK(at.start <= at.end && at.end <= text.len);
        FUZZ_CHECK(kit_utf8_is_valid(kit_str_sub(text, at.start, at.end - at.start)));
    }
}

static void check_gives_back(const struct text_tokenizer *t, const struct text_encoding *e, kit_str text)
{
    struct kit_buf out;
    kit_buf_init(&out, 16 * KIT_MIB);
    FUZZ_CHECK(text_tokenizer_decode(t, e->ids, e->count, false, &out) == KIT_OK);
    FUZZ_CHECK(kit_str_eq(kit_buf_str(&out), text));
    kit_buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str text = {(const char *)data, size};
    struct text_encoding e;
    struct text_options options = {.max_tokens = TEXT_TOKENS_UNLIMITED, .input_bytes_max = TEXT_BYTES_MAX};
    uint8_t choice;
    open_all();
    if (!fuzz_take_byte(&text, &choice)) {
        return 0;
    }
    size_t which = choice % KIT_COUNT(all);
    bool cut = choice >= 128;
    const struct text_tokenizer *t = all[which].tokenizer;
    options.max_tokens = cut ? 8 : TEXT_TOKENS_UNLIMITED;
    options.side = choice % 64 < 32 ? TEXT_SIDE_RIGHT : TEXT_SIDE_LEFT;
    enum kit_status rc = text_tokenizer_encode(t, scratch, text, NULL, &options, &e, NULL);
    FUZZ_CHECK((rc == KIT_OK) == (kit_utf8_is_valid(text) && text.len <= TEXT_BYTES_MAX));
    if (rc != KIT_OK) {
        return 0;
    }
    check_spans(&e, text);
    if (all[which].gives_back && !cut && kit_str_find_char(text, '<') == text.len) { /* <mask> takes spaces */
        check_gives_back(t, &e, text);
    }
    return 0;
}
