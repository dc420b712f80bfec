/* GBNF: compiled or refused with its place; what is compiled answers for any bytes, and what it forces it also takes. The text
 * before the border is the grammar, the rest goes through it. */
#include "fuzz/fuzz.h"
#include "grammar/masks.h"
#include "kit/utf8.h"

static void follow(struct grammar_masks *masks, kit_str bytes)
{
    struct grammar_state *s = NULL;
    char forced[64];
    if (grammar_state_new(masks, &s, NULL) != KIT_OK) {
        return;
    }
    for (size_t i = 0; i < KIT_MIN(bytes.len, 64U); i++) {
        size_t must = grammar_state_forced(s, forced, sizeof(forced));
        if (must > 0) {
            FUZZ_CHECK(!grammar_state_complete(s));
            FUZZ_CHECK(grammar_state_accept_bytes(s, (kit_str){forced, must}, NULL) == KIT_OK);
        } else if (grammar_state_accept_bytes(s, kit_str_sub(bytes, i, 1), NULL) != KIT_OK) {
            break;
        }
    }
    grammar_state_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    kit_str rest = {(const char *)data, KIT_MIN(size, 4096U)};
    kit_str text = fuzz_take_part(&rest);
    struct grammar *grammar = NULL;
    struct grammar_masks *masks = NULL;
    struct kit_err err = {0};
    if (grammar_from_gbnf(text, &grammar, &err) != KIT_OK) {
        FUZZ_CHECK(grammar == NULL && err.msg[0] != '\0' && kit_utf8_is_valid(kit_str_c(err.msg)));
        return 0;
    }
    if (grammar_masks_new(grammar, NULL, 0, &masks, NULL) == KIT_OK) {
        follow(masks, rest);
    }
    grammar_masks_unref(masks);
    grammar_unref(grammar);
    return 0;
}
