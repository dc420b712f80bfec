#include "vocab.h"

static int32_t limit(uint64_t n)
{
    return (int32_t)KIT_MIN(n, INT32_MAX);
}

/* Without a room to write to, llama.cpp counts: it answers the count below zero. */
int32_t llama_plug_tokenize(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids,
                            uint64_t *count)
{
    const struct llama_plug_model *m = model;
    bool add = (flags & ACB_TOKENIZE_ADD_SPECIAL) != 0;
    bool parse = (flags & ACB_TOKENIZE_PARSE_SPECIAL) != 0;
    if (bytes > INT32_MAX) {
        return ACB_UNSUPPORTED;
    }
    int32_t n = llama_tokenize(m->vocab, text, (int32_t)bytes, ids, limit(*count), add, parse);
    if (n == INT32_MIN) {
        return ACB_UNSUPPORTED;
    }
    *count = (uint64_t)(n < 0 ? -(int64_t)n : n);
    return n < 0 ? ACB_FULL : ACB_OK;
}

static bool has(const struct llama_plug_model *m, int32_t id)
{
    return id >= 0 && id < llama_vocab_n_tokens(m->vocab);
}

int32_t llama_plug_detokenize(void *model, int32_t id, uint32_t flags, char *text, uint64_t *bytes)
{
    const struct llama_plug_model *m = model;
    if (!has(m, id)) {
        return ACB_INVALID;
    }
    int32_t n = llama_token_to_piece(m->vocab, id, text, limit(*bytes), 0, (flags & ACB_TOKENIZE_SPECIAL) != 0);
    *bytes = (uint64_t)(n < 0 ? -(int64_t)n : n);
    return n < 0 ? ACB_FULL : ACB_OK;
}

uint32_t llama_plug_token_flags(void *model, int32_t id)
{
    const struct llama_plug_model *m = model;
    if (!has(m, id)) {
        return 0;
    }
    enum llama_token_attr attr = llama_vocab_get_attr(m->vocab, id);
    return (llama_vocab_is_control(m->vocab, id) ? ACB_TOKEN_SPECIAL : 0) |
           (llama_vocab_is_eog(m->vocab, id) ? ACB_TOKEN_END : 0) |
           ((attr & LLAMA_TOKEN_ATTR_BYTE) != 0 ? ACB_TOKEN_BYTE : 0);
}
