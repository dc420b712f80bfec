#include "text/tokenizer.h"

#include <assert.h>

#include "kit/alloc.h"
#include "kit/utf8.h"
#include "text/folder.h"
#include "text/scratch.h"
#include "text/trim.h"

struct text_tokenizer {
    struct text_parts parts;
};

/* Normalized text may be this many times as long as its input; compatibility forms reach 11. */
#define GROWTH_MAX 32
#define GROWTH_ROOM (4 * KIT_KIB)
/* And the words this many times as long as that: a digit on its own with a space before it, as ByteLevel writes them. */
#define REWRITE_MAX 4

/* --- opening --- */

static enum kit_status new_tokenizer(struct text_tokenizer **ret, struct kit_err *err)
{
    *ret = kit_alloc_zero(1, sizeof(**ret));
    return *ret == NULL ? kit_fail(err, KIT_NOMEM, "no memory for a tokenizer") : KIT_OK;
}

static enum kit_status keep(struct text_tokenizer *t, enum kit_status rc, struct text_tokenizer **ret)
{
    if (rc == KIT_OK) {
        *ret = t;
    } else {
        text_tokenizer_free(t);
    }
    return rc;
}

enum kit_status text_tokenizer_parse(kit_str json, struct text_tokenizer **ret, struct kit_err *err)
{
    struct text_tokenizer *t;
    enum kit_status rc = new_tokenizer(&t, err);
    return rc == KIT_OK ? keep(t, text_parts_parse(json, &t->parts, err), ret) : rc;
}

enum kit_status text_tokenizer_open(const char *folder, struct text_tokenizer **ret, struct kit_err *err)
{
    struct text_tokenizer *t;
    enum kit_status rc = new_tokenizer(&t, err);
    return rc == KIT_OK ? keep(t, text_folder_read(folder, &t->parts, err), ret) : rc;
}

void text_tokenizer_free(struct text_tokenizer *t)
{
    if (t != NULL) {
        text_parts_done(&t->parts);
        kit_alloc_free(t);
    }
}

/* --- encoding --- */

/* One call of encode on one of its texts. */
struct work {
    const struct text_parts *parts;
    struct text_scratch *s;
    struct text_tokens *out;
};

/* The model's spans are of the words' text: turns those from `first` on into spans of the input. */
static void to_input(struct work *w, size_t first)
{
    for (size_t i = first; i < w->out->count; i++) {
        struct text_token *t = &w->out->at[i];
        t->span = text_aligned_origin(w->s->words.text, t->span.start, t->span.end);
    }
}

static enum kit_status cut_words(struct work *w, struct text_span range)
{
    struct text_words *words = &w->s->words;
    const struct text_model *model = w->parts->model;
    size_t first = w->out->count;
    text_words_begin(words, &w->s->text, range, KIT_MIN(w->s->text.max * REWRITE_MAX, UINT32_MAX - KIT_KIB));
    enum kit_status rc = text_pretokenizer_run(&w->parts->pretokenizer, words);
    if (rc != KIT_OK) {
        return rc;
    }
    for (size_t i = 0; i < words->spans->count; i++) {
        struct text_span at = words->spans->at[i];
        model->kind->cut(model, (kit_str){words->text->bytes + at.start, at.end - at.start}, at.start, &w->s->room,
                         w->out);
        w->out->words++;
    }
    if (w->out->failed == KIT_OK) {
        to_input(w, first);
    }
    return w->out->failed;
}

static void put_added(struct work *w, const struct text_added_token *token, struct text_span span)
{
    text_tokens_add(w->out, token->id, span.start, span.end);
    w->out->words++;
}

/* Normalized text: added tokens that are looked for there, and words between them. */
static enum kit_status cut_normalized(struct work *w)
{
    struct text_added_walk walk = {.text = text_aligned_str(&w->s->text)};
    uint32_t done = 0;
    while (text_added_next(w->parts->added, true, &walk)) {
        if (walk.hit.start > done) {
            enum kit_status rc = cut_words(w, (struct text_span){done, walk.hit.start});
            if (rc != KIT_OK) {
                return rc;
            }
        }
        put_added(w, walk.token, text_aligned_origin(&w->s->text, walk.hit.start, walk.hit.end));
        done = walk.hit.end;
    }
    uint32_t end = (uint32_t)walk.text.len;
    return done < end ? cut_words(w, (struct text_span){done, end}) : w->out->failed;
}

/* A stretch of the input without added tokens. */
static enum kit_status cut_stretch(struct work *w, kit_str text, struct text_span range)
{
    kit_str piece = {text.ptr + range.start, range.end - range.start};
    enum kit_status rc = text_aligned_load(&w->s->text, piece, range.start);
    if (rc == KIT_OK) {
        rc = text_normalizer_run(&w->parts->normalizer, &w->s->text, &w->s->spare);
    }
    return rc == KIT_OK ? cut_normalized(w) : rc;
}

static enum kit_status cut_text(struct work *w, kit_str text)
{
    struct text_added_walk walk = {.text = text};
    uint32_t done = 0;
    while (text_added_next(w->parts->added, false, &walk)) {
        if (walk.hit.start > done) {
            enum kit_status rc = cut_stretch(w, text, (struct text_span){done, walk.hit.start});
            if (rc != KIT_OK) {
                return rc;
            }
        }
        put_added(w, walk.token, walk.hit);
        done = walk.hit.end;
    }
    return done < text.len ? cut_stretch(w, text, (struct text_span){done, (uint32_t)text.len}) : w->out->failed;
}

static enum kit_status check_text(kit_str text, const char *name, size_t max, struct kit_err *err)
{
    if (text.len > max) {
        return kit_fail_param(err, KIT_TOO_LARGE, name, "%s has %zu bytes; at most %zu are taken", name, text.len, max);
    }
    if (!kit_utf8_is_valid(text)) {
        return kit_fail_param(err, KIT_INVALID, name, "%s is not valid UTF-8", name);
    }
    return KIT_OK;
}

static enum kit_status encode_text(const struct text_tokenizer *t, struct text_scratch *s, kit_str text, int which,
                                   struct kit_err *err)
{
    const char *name = which == 0 ? "text" : "pair";
    struct work w = {&t->parts, s, &s->tokens[which]};
    s->text.max = text.len * GROWTH_MAX + GROWTH_ROOM;
    s->spare.max = s->text.max;
    enum kit_status rc = cut_text(&w, text);
    if (rc == KIT_TOO_LARGE) {
        return kit_fail_param(err, rc, name, "%s grows more than %d-fold when it is normalized", name, GROWTH_MAX);
    }
    return rc == KIT_OK ? rc : kit_fail(err, rc, "no memory to tokenize %zu bytes", text.len);
}

static struct text_truncation limits(const struct text_tokenizer *t, const struct text_options *o)
{
    struct text_truncation ret = t->parts.truncation;
    ret.max_tokens = o->max_tokens != 0 ? o->max_tokens : ret.max_tokens;
    ret.how = o->truncate != TEXT_TRUNCATE_DEFAULT ? o->truncate : ret.how;
    ret.side = o->side != TEXT_SIDE_DEFAULT ? o->side : ret.side;
    return ret;
}

/* Truncates, and puts the special tokens in. text: the text and its pair. */
static enum kit_status finish(const struct text_tokenizer *t, struct text_scratch *s, const kit_str text[2],
                              bool has_pair, const struct text_options *o, struct text_encoding *ret,
                              struct kit_err *err)
{
    struct text_truncation limit = limits(t, o);
    uint32_t special = o->add_special ? text_template_special(&t->parts.template, has_pair) : 0;
    size_t count[2] = {s->tokens[0].count, s->tokens[1].count};
    size_t keep[2];
    struct text_token_range part[2];
    enum kit_status rc = text_truncation_apply(&limit, special, count, has_pair, keep, err);
    if (rc != KIT_OK) {
        return rc;
    }
    for (int i = 0; i < 2; i++) {
        size_t skip = limit.side == TEXT_SIDE_LEFT ? count[i] - keep[i] : 0;
        struct text_token *first = s->tokens[i].at == NULL ? NULL : s->tokens[i].at + skip;
        if (t->parts.template.trim_offsets) {
            text_trim_spans(&t->parts, text[i], first, keep[i]);
        }
        part[i] = (struct text_token_range){first, keep[i]};
    }
    rc = text_template_write(&t->parts.template, part, has_pair, o->add_special, &s->out);
    if (rc != KIT_OK) {
        return kit_fail(err, rc, "no memory for %zu tokens", keep[0] + keep[1]);
    }
    *ret = s->out.all;
    ret->dropped[0] = (uint32_t)(count[0] - keep[0]);
    ret->dropped[1] = (uint32_t)(count[1] - keep[1]);
    return KIT_OK;
}

enum kit_status text_tokenizer_encode(const struct text_tokenizer *t, struct text_scratch *s, kit_str text,
                                      const kit_str *pair, const struct text_options *options,
                                      struct text_encoding *ret, struct kit_err *err)
{
    size_t max = options->input_bytes_max == 0 ? TEXT_INPUT_BYTES_DEFAULT : options->input_bytes_max;
    assert(max <= TEXT_INPUT_BYTES_MAX);
    enum kit_status rc = check_text(text, "text", max, err);
    if (rc == KIT_OK && pair != NULL) {
        rc = check_text(*pair, "pair", max, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    text_scratch_trim(s, text.len + (pair != NULL ? pair->len : 0));
    text_tokens_clear(&s->tokens[0]);
    text_tokens_clear(&s->tokens[1]);
    rc = encode_text(t, s, text, 0, err);
    if (rc == KIT_OK && pair != NULL) {
        rc = encode_text(t, s, *pair, 1, err);
    }
    const kit_str texts[2] = {text, pair != NULL ? *pair : (kit_str){0}};
    return rc == KIT_OK ? finish(t, s, texts, pair != NULL, options, ret, err) : rc;
}

/* --- ids and pieces --- */

kit_str text_tokenizer_piece(const struct text_tokenizer *t, uint32_t id)
{
    const struct text_added_token *added = text_added_by_id(t->parts.added, id);
    return added != NULL ? added->content : text_vocab_piece(t->parts.model->vocab, id);
}

bool text_tokenizer_find(const struct text_tokenizer *t, kit_str piece, uint32_t *ret)
{
    return text_parts_find(&t->parts, piece, ret);
}

bool text_tokenizer_is_special(const struct text_tokenizer *t, uint32_t id)
{
    const struct text_added_token *added = text_added_by_id(t->parts.added, id);
    return added != NULL && added->special;
}

enum kit_status text_tokenizer_decode(const struct text_tokenizer *t, const int32_t *ids, size_t count,
                                      bool skip_special, struct kit_buf *out)
{
    struct text_decoding d = {.decoder = &t->parts.decoder, .out = out};
    for (size_t i = 0; i < count; i++) {
        uint32_t id = (uint32_t)ids[i]; /* a negative one is no id either */
        const struct text_added_token *added = text_added_by_id(t->parts.added, id);
        kit_str piece = added != NULL ? added->pattern : text_vocab_piece(t->parts.model->vocab, id);
        if (piece.ptr != NULL && !(skip_special && added != NULL && added->special)) {
            text_decoding_put(&d, piece);
        }
    }
    text_decoding_end(&d);
    return out->failed;
}

uint32_t text_tokenizer_vocab_size(const struct text_tokenizer *t)
{
    return t->parts.id_end;
}

bool text_tokenizer_mask_id(const struct text_tokenizer *t, uint32_t *ret)
{
    if (t->parts.has_mask) {
        *ret = t->parts.mask_id;
    }
    return t->parts.has_mask;
}

uint32_t text_tokenizer_max_tokens(const struct text_tokenizer *t)
{
    return t->parts.truncation.max_tokens;
}

uint32_t text_tokenizer_pad_id(const struct text_tokenizer *t)
{
    return t->parts.pad_id;
}

uint32_t text_tokenizer_special_count(const struct text_tokenizer *t, bool has_pair)
{
    return text_template_special(&t->parts.template, has_pair);
}
