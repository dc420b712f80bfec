#include "text/wordpiece.h"

#include "kit/utf8.h"

#define PREFIX kit_str_lit("##")
#define CHARS_MAX 100

struct wordpiece {
    struct text_model base;
    uint32_t unknown;    /* id */
    uint32_t chars_max;  /* of a word; longer ones are unknown */
    kit_str next_prefix; /* of every piece of a word but its first */
};

static enum kit_status find_unknown(const struct text_node *node, struct wordpiece *w, struct kit_err *err)
{
    struct text_node at = text_node_get(node, "unk_token");
    kit_str unknown;
    enum kit_status rc = text_node_str_or(node, "unk_token", kit_str_lit("[UNK]"), &unknown, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (!text_vocab_find(w->base.vocab, unknown, &w->unknown)) {
        return text_node_fail(&at, KIT_PARSE, err, "'%.*s' is not in the vocabulary",
                              KIT_STR_ARG(kit_str_sub(unknown, 0, 40)));
    }
    return KIT_OK;
}

static enum kit_status read_prefix(const struct text_node *node, struct kit_arena *arena, struct wordpiece *w,
                                   struct kit_err *err)
{
    struct text_node at = text_node_get(node, "continuing_subword_prefix");
    kit_str prefix;
    enum kit_status rc = text_node_str_or(node, "continuing_subword_prefix", PREFIX, &prefix, err);
    if (rc == KIT_OK && kit_arena_str(arena, prefix, &w->next_prefix) != KIT_OK) {
        rc = text_node_fail(&at, KIT_NOMEM, err, "no memory");
    }
    return rc;
}

static enum kit_status parse(const struct text_node *node, struct kit_arena *arena, struct text_model **ret,
                             struct kit_err *err)
{
    struct wordpiece *w = kit_arena_zero(arena, 1, sizeof(*w));
    if (w == NULL) {
        return text_node_fail(node, KIT_NOMEM, err, "no memory");
    }
    w->base.kind = &text_wordpiece_kind;
    struct text_node vocab = text_node_get(node, "vocab");
    enum kit_status rc = text_vocab_parse(&vocab, arena, &w->base.vocab, err);
    if (rc == KIT_OK) {
        rc = find_unknown(node, w, err);
    }
    if (rc == KIT_OK) {
        rc = read_prefix(node, arena, w, err);
    }
    if (rc == KIT_OK) {
        rc = text_node_u32_or(node, "max_input_chars_per_word", UINT32_MAX, CHARS_MAX, &w->chars_max, err);
    }
    if (rc == KIT_OK) {
        *ret = &w->base;
    }
    return rc;
}

enum kit_status text_wordpiece_new(struct text_vocab *vocab, kit_str unknown, struct kit_arena *arena,
                                   struct text_model **ret, struct kit_err *err)
{
    struct wordpiece *w = kit_arena_zero(arena, 1, sizeof(*w));
    if (w == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a WordPiece model");
    }
    *w = (struct wordpiece){.base = {&text_wordpiece_kind, vocab}, .chars_max = CHARS_MAX, .next_prefix = PREFIX};
    if (!text_vocab_find(vocab, unknown, &w->unknown)) {
        return kit_fail(err, KIT_PARSE, "the vocabulary has no '%.*s', which stands for unknown words",
                        KIT_STR_ARG(kit_str_sub(unknown, 0, 40)));
    }
    *ret = &w->base;
    return KIT_OK;
}

static bool is_too_long(const struct wordpiece *w, kit_str word)
{
    return word.len > w->chars_max && kit_utf8_count(word) > w->chars_max;
}

static bool cover(const struct wordpiece *w, kit_str word, size_t at, struct text_tokens *out)
{
    kit_str prefix = kit_str_lit("");
    size_t bytes;
    for (size_t done = 0; done < word.len; done += bytes) {
        uint32_t id;
        kit_str rest = {word.ptr + done, word.len - done};
        if (!text_vocab_longest(w->base.vocab, prefix, rest, &bytes, &id)) {
            return false;
        }
        text_tokens_add(out, id, at + done, at + done + bytes);
        prefix = w->next_prefix;
    }
    return true;
}

static void cut(const struct text_model *m, kit_str word, size_t at, struct text_room *room, struct text_tokens *out)
{
    (void)room;
    const struct wordpiece *w = (const struct wordpiece *)m; /* base is its first member */
    size_t before = out->count;
    if (is_too_long(w, word) || !cover(w, word, at, out)) {
        out->count = before;
        text_tokens_add(out, w->unknown, at, at + word.len);
    }
}

const struct text_model_kind text_wordpiece_kind = {.type = "WordPiece", .parse = parse, .cut = cut};
