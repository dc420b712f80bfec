#include "text/decoder.h"

#include <string.h>

#include "text/bytelevel.h"
#include "text/vocab.h"
#include "kit/utf8.h"

static enum kit_status parse_wordpiece(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                       struct kit_err *err)
{
    kit_str prefix;
    ret->kind = TEXT_DECODER_WORDPIECE;
    enum kit_status rc = text_node_str_or(node, "prefix", kit_str_lit("##"), &prefix, err);
    if (rc == KIT_OK) {
        rc = text_node_bool_or(node, "cleanup", true, &ret->cleanup, err);
    }
    if (rc == KIT_OK && kit_arena_str(arena, prefix, &ret->prefix) != KIT_OK) {
        rc = text_node_fail(node, KIT_NOMEM, err, "no memory");
    }
    return rc;
}

static enum kit_status parse_any(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                 struct kit_err *err);

static enum kit_status parse_sequence(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                      struct kit_err *err)
{
    struct text_node list = text_node_get(node, "decoders");
    enum kit_status rc = text_node_need(&list, KIT_JSON_ARRAY, err);
    if (rc == KIT_OK && kit_json_count(list.value) > 1) {
        rc = text_node_fail(&list, KIT_UNSUPPORTED, err, "more than one decoder is not supported");
    }
    struct kit_json_iter iter = kit_json_iter(list.value);
    for (struct text_node item; rc == KIT_OK && text_node_next(&list, &iter, &item);) {
        rc = parse_any(&item, arena, ret, err);
    }
    return rc;
}

static enum kit_status parse_any(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                 struct kit_err *err)
{
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (kit_str_eq(type, kit_str_lit("WordPiece"))) {
        return parse_wordpiece(node, arena, ret, err);
    }
    if (kit_str_eq(type, kit_str_lit("ByteLevel"))) {
        ret->kind = TEXT_DECODER_BYTELEVEL;
        return KIT_OK;
    }
    if (kit_str_eq(type, kit_str_lit("Sequence"))) {
        return parse_sequence(node, arena, ret, err);
    }
    return text_node_unknown_type(node, type, err);
}

enum kit_status text_decoder_parse(const struct text_node *node, struct kit_arena *arena, struct text_decoder *ret,
                                   struct kit_err *err)
{
    *ret = (struct text_decoder){0};
    return text_node_is_null(node) ? KIT_OK : parse_any(node, arena, ret, err);
}

/* --- words with spaces between them --- */

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

static void put_word(const struct text_decoding *d, kit_str piece)
{
    char text[TEXT_VOCAB_PIECE_BYTES_MAX + 1];
    size_t len = 0;
    bool goes_on = d->decoder->kind == TEXT_DECODER_WORDPIECE && kit_str_starts(piece, d->decoder->prefix);
    if (d->begun && goes_on) {
        piece = kit_str_sub(piece, d->decoder->prefix.len, piece.len);
    } else if (d->begun) {
        text[len++] = ' ';
    }
    if (piece.len > 0) {
        memcpy(text + len, piece.ptr, piece.len);
    }
    len += piece.len;
    if (d->decoder->cleanup) {
        len = clean(text, len);
    }
    kit_buf_add(d->out, (kit_str){text, len});
}

/* --- bytes --- */

/* A piece that was not written in the characters of bytes, such as <mask> with a space in it, stands for itself. */
static bool is_of_bytes(kit_str piece)
{
    uint32_t bytes;
    for (size_t at = 0; at < piece.len; at += bytes) {
        if (text_bytelevel_byte(kit_utf8_read(piece.ptr + at, &bytes)) < 0) {
            return false;
        }
    }
    return true;
}

static void put_bytes(struct text_decoding *d, kit_str piece)
{
    bool mapped = is_of_bytes(piece);
    uint32_t bytes = 1;
    for (size_t at = 0; at < piece.len; at += bytes) {
        uint8_t byte = (uint8_t)piece.ptr[at];
        byte = mapped ? (uint8_t)text_bytelevel_byte(kit_utf8_read(piece.ptr + at, &bytes)) : byte;
        text_whole_put(&d->whole, (char)byte, d->out);
    }
}

/* --- all of them --- */

void text_decoding_put(struct text_decoding *d, kit_str piece)
{
    if (d->decoder->kind == TEXT_DECODER_BYTELEVEL) {
        put_bytes(d, piece);
    } else {
        put_word(d, piece);
    }
    d->begun = true;
}

void text_decoding_end(struct text_decoding *d)
{
    text_whole_end(&d->whole, d->out);
}
