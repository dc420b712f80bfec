#include "text/decoder.h"

#include <string.h>

#include "text/vocab.h"

static enum kit_status parse_wordpiece(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                       struct kit_err *err)
{
    kit_str prefix;
    ret->wordpiece = true;
    enum kit_status rc = text_node_str_or(node, "prefix", kit_str_lit("##"), &prefix, err);
    if (rc == KIT_OK) {
        rc = text_node_bool_or(node, "cleanup", true, &ret->cleanup, err);
    }
    if (rc == KIT_OK && kit_arena_str(arena, prefix, &ret->prefix) != KIT_OK) {
        rc = text_node_fail(node, KIT_NOMEM, err, "no memory");
    }
    return rc;
}

enum kit_status text_decoder_parse(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                   struct kit_err *err)
{
    *ret = (struct text_decoder){0};
    if (text_node_is_null(node)) {
        return KIT_OK;
    }
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (kit_str_eq(type, kit_str_lit("WordPiece"))) {
        return parse_wordpiece(node, arena, ret, err);
    }
    return text_node_unknown_type(node, type, err);
}

/* English contractions and punctuation, in this order. */
static const struct {
    const char *from, *to;
} cleanups[] = {{" .", "."},   {" ?", "?"},           {" !", "!"},   {" ,", ","},     {" ' ", "'"},   {" n't", "n't"},
                {" 'm", "'m"}, {" do not", " don't"}, {" 's", "'s"}, {" 've", "'ve"}, {" 're", "'re"}};

/* Replaces in place; `to` is never longer than `from`. */
static size_t replace(char *text, size_t len, kit_str from, kit_str to)
{
    size_t out = 0;
    for (size_t at = 0; at < len;) {
        if (len - at >= from.len && memcmp(text + at, from.ptr, from.len) == 0) {
            memcpy(text + out, to.ptr, to.len);
            at += from.len;
            out += to.len;
        } else {
            text[out++] = text[at++];
        }
    }
    return out;
}

static size_t clean(char *text, size_t len)
{
    for (size_t i = 0; i < KIT_COUNT(cleanups); i++) {
        len = replace(text, len, kit_str_c(cleanups[i].from), kit_str_c(cleanups[i].to));
    }
    return len;
}

void text_decoder_put(const struct text_decoder *d, kit_str piece, bool first, struct kit_buf *out)
{
    char text[TEXT_VOCAB_PIECE_BYTES_MAX + 1];
    size_t len = 0;
    bool goes_on = d->wordpiece && kit_str_starts(piece, d->prefix);
    if (!first && goes_on) {
        piece = kit_str_sub(piece, d->prefix.len, piece.len);
    } else if (!first) {
        text[len++] = ' ';
    }
    if (piece.len > 0) {
        memcpy(text + len, piece.ptr, piece.len);
    }
    len += piece.len;
    if (d->cleanup) {
        len = clean(text, len);
    }
    kit_buf_add(out, (kit_str){text, len});
}
