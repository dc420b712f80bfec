#include "text/template.h"

#include <string.h>

#define PIECES_MAX 64 /* of one form */
#define IDS_MAX 64    /* of one special token */
#define TYPE_MAX 1023u

/* What reading needs beside the node. */
struct reader {
    struct kit_arena *arena;
    struct text_node specials; /* TemplateProcessing: the member "special_tokens" */
    uint32_t id_end;
    bool placed; /* a template was read */
    struct kit_err *err;
};

static enum kit_status read_id(const struct reader *r, const struct text_node *node, int32_t *ret)
{
    uint32_t id;
    enum kit_status rc = text_node_u32(node, r->id_end - 1, &id, r->err);
    if (rc == KIT_OK) {
        *ret = (int32_t)id;
    }
    return rc;
}

static enum kit_status read_ids(const struct reader *r, const struct text_node *list, struct text_template_piece *piece)
{
    enum kit_status rc = text_node_need(list, KIT_JSON_ARRAY, r->err);
    size_t count = kit_json_count(list->value);
    if (rc == KIT_OK && count > IDS_MAX) {
        rc = text_node_fail(list, KIT_TOO_LARGE, r->err, "more than %d ids", IDS_MAX);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    int32_t *ids = kit_arena_get(r->arena, count * sizeof(*ids) + 1);
    if (ids == NULL) {
        return text_node_fail(list, KIT_NOMEM, r->err, "no memory");
    }
    struct kit_json_iter iter = kit_json_iter(list->value);
    for (struct text_node item; rc == KIT_OK && text_node_next(list, &iter, &item);) {
        rc = read_id(r, &item, &ids[item.index]);
    }
    piece->ids = ids;
    piece->id_count = (uint32_t)count;
    return rc;
}

static enum kit_status read_type(const struct reader *r, const struct text_node *node, int32_t *ret)
{
    uint32_t type;
    enum kit_status rc = text_node_u32_or(node, "type_id", TYPE_MAX, 0, &type, r->err);
    if (rc == KIT_OK) {
        *ret = (int32_t)type;
    }
    return rc;
}

/* {"SpecialToken": {"id": "[CLS]", "type_id": 0}}; the ids stand in special_tokens["[CLS]"].ids. */
static enum kit_status read_special(const struct reader *r, const struct text_node *node,
                                    struct text_template_piece *piece)
{
    struct text_node name = text_node_get(node, "id");
    kit_str text;
    enum kit_status rc = text_node_str(&name, &text, r->err);
    if (rc != KIT_OK) {
        return rc;
    }
    piece->part = TEXT_PART_SPECIAL;
    struct kit_json_iter iter = kit_json_iter(r->specials.value);
    for (struct text_node item; text_node_next(&r->specials, &iter, &item);) {
        if (kit_str_eq(item.key, text)) {
            struct text_node ids = text_node_get(&item, "ids");
            rc = read_type(r, node, &piece->type);
            return rc == KIT_OK ? read_ids(r, &ids, piece) : rc;
        }
    }
    return text_node_fail(&name, KIT_PARSE, r->err, "'%.*s' is not among the special_tokens",
                          KIT_STR_ARG(kit_str_sub(text, 0, 40)));
}

/* {"Sequence": {"id": "A", "type_id": 0}} */
static enum kit_status read_sequence(const struct reader *r, const struct text_node *node, bool has_pair,
                                     struct text_template_piece *piece)
{
    static const char *const names[] = {"A", "B", NULL};
    struct text_node id = text_node_get(node, "id");
    uint32_t which = 0;
    enum kit_status rc = text_node_need(&id, KIT_JSON_STRING, r->err);
    if (rc == KIT_OK) {
        rc = text_node_word_or(node, "id", names, 0, &which, r->err);
    }
    if (rc == KIT_OK && which == TEXT_PART_PAIR && !has_pair) {
        rc = text_node_fail(&id, KIT_PARSE, r->err, "'B' has no place in the template of a single text");
    }
    piece->part = (enum text_part)which;
    return rc == KIT_OK ? read_type(r, node, &piece->type) : rc;
}

static enum kit_status read_piece(const struct reader *r, const struct text_node *node, bool has_pair,
                                  struct text_template_piece *piece)
{
    enum kit_status rc = text_node_need(node, KIT_JSON_OBJECT, r->err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct text_node special = text_node_get(node, "SpecialToken");
    struct text_node sequence = text_node_get(node, "Sequence");
    if (!text_node_is_null(&special)) {
        return read_special(r, &special, piece);
    }
    if (!text_node_is_null(&sequence)) {
        return read_sequence(r, &sequence, has_pair, piece);
    }
    return text_node_fail(node, KIT_PARSE, r->err, "must hold SpecialToken or Sequence");
}

static enum kit_status reserve(struct kit_arena *arena, size_t count, bool has_pair, struct text_template *t,
                               struct kit_err *err)
{
    struct text_template_piece *piece = kit_arena_zero(arena, count + 1, sizeof(*piece));
    if (piece == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a template");
    }
    t->form[has_pair].piece = piece;
    t->form[has_pair].count = 0;
    t->form[has_pair].special = 0;
    return KIT_OK;
}

static void add(struct text_template *t, bool has_pair, struct text_template_piece piece)
{
    t->form[has_pair].piece[t->form[has_pair].count++] = piece;
    t->form[has_pair].special += piece.id_count;
}

static enum kit_status read_form(const struct reader *r, const struct text_node *list, bool has_pair,
                                 struct text_template *t)
{
    enum kit_status rc = text_node_need(list, KIT_JSON_ARRAY, r->err);
    size_t count = kit_json_count(list->value);
    if (rc == KIT_OK && count > PIECES_MAX) {
        rc = text_node_fail(list, KIT_TOO_LARGE, r->err, "more than %d pieces", PIECES_MAX);
    }
    if (rc == KIT_OK) {
        rc = reserve(r->arena, count, has_pair, t, r->err);
    }
    struct kit_json_iter iter = kit_json_iter(list->value);
    for (struct text_node item; rc == KIT_OK && text_node_next(list, &iter, &item);) {
        struct text_template_piece piece = {0};
        rc = read_piece(r, &item, has_pair, &piece);
        if (rc == KIT_OK) {
            add(t, has_pair, piece);
        }
    }
    return rc;
}

static enum kit_status parse_template(struct reader *r, const struct text_node *node, struct text_template *ret)
{
    struct text_node single = text_node_get(node, "single");
    struct text_node pair = text_node_get(node, "pair");
    r->specials = text_node_get(node, "special_tokens");
    enum kit_status rc = read_form(r, &single, false, ret);
    return rc == KIT_OK ? read_form(r, &pair, true, ret) : rc;
}

/* --- fixed templates --- */

enum slot { CLS, SEP, TEXT, PAIR };

/* One form of a template: where what stands, and its type. */
struct fixed {
    uint32_t count;
    struct {
        enum slot slot;
        int32_t type;
    } at[6];
};

static const struct fixed plain[2] = {{1, {{TEXT, 0}}}, {2, {{TEXT, 0}, {PAIR, 1}}}};
static const struct fixed bert[2] = {{3, {{CLS, 0}, {TEXT, 0}, {SEP, 0}}},
                                     {5, {{CLS, 0}, {TEXT, 0}, {SEP, 0}, {PAIR, 1}, {SEP, 1}}}};

static const struct fixed roberta[2] = {{3, {{CLS, 0}, {TEXT, 0}, {SEP, 0}}},
                                        {6, {{CLS, 0}, {TEXT, 0}, {SEP, 0}, {SEP, 0}, {PAIR, 0}, {SEP, 0}}}};

/* ids: of CLS and SEP, in the arena. */
static struct text_template_piece piece_of(enum slot slot, int32_t type, const int32_t *ids)
{
    switch (slot) {
    case TEXT:
        return (struct text_template_piece){.part = TEXT_PART_TEXT, .type = type};
    case PAIR:
        return (struct text_template_piece){.part = TEXT_PART_PAIR, .type = type};
    default:
        return (struct text_template_piece){.part = TEXT_PART_SPECIAL, .type = type, .id_count = 1, .ids = &ids[slot]};
    }
}

static enum kit_status make(const struct fixed form[2], const int32_t id[2], struct kit_arena *arena,
                            struct text_template *ret, struct kit_err *err)
{
    int32_t *ids = kit_arena_get(arena, 2 * sizeof(*ids));
    if (ids == NULL) {
        return kit_fail(err, KIT_NOMEM, "no memory for a template");
    }
    memcpy(ids, id, 2 * sizeof(*ids));
    for (int has_pair = 0; has_pair < 2; has_pair++) {
        const struct fixed *f = &form[has_pair];
        enum kit_status rc = reserve(arena, f->count, has_pair, ret, err);
        if (rc != KIT_OK) {
            return rc;
        }
        for (uint32_t i = 0; i < f->count; i++) {
            add(ret, has_pair, piece_of(f->at[i].slot, f->at[i].type, ids));
        }
    }
    return KIT_OK;
}

enum kit_status text_template_bert(int32_t cls, int32_t sep, struct kit_arena *arena, struct text_template *ret,
                                   struct kit_err *err)
{
    return make(bert, (const int32_t[]){[CLS] = cls, [SEP] = sep}, arena, ret, err);
}

enum kit_status text_template_roberta(int32_t cls, int32_t sep, struct kit_arena *arena, struct text_template *ret,
                                      struct kit_err *err)
{
    return make(roberta, (const int32_t[]){[CLS] = cls, [SEP] = sep}, arena, ret, err);
}

/* ["[SEP]", 102] */
static enum kit_status read_named(const struct reader *r, const struct text_node *node, const char *key, int32_t *ret)
{
    struct text_node pair = text_node_get(node, key);
    enum kit_status rc = text_node_need(&pair, KIT_JSON_ARRAY, r->err);
    if (rc == KIT_OK && kit_json_count(pair.value) != 2) {
        rc = text_node_fail(&pair, KIT_PARSE, r->err, "must be [token, id]");
    }
    if (rc != KIT_OK) {
        return rc;
    }
    struct kit_json_iter iter = kit_json_iter(pair.value);
    struct text_node item;
    (void)text_node_next(&pair, &iter, &item);
    (void)text_node_next(&pair, &iter, &item);
    return read_id(r, &item, ret);
}

static enum kit_status parse_fixed(struct reader *r, const struct text_node *node, const struct fixed form[2],
                                   struct text_template *ret)
{
    int32_t id[2];
    enum kit_status rc = read_named(r, node, "cls", &id[CLS]);
    if (rc == KIT_OK) {
        rc = read_named(r, node, "sep", &id[SEP]);
    }
    return rc == KIT_OK ? make(form, id, r->arena, ret, r->err) : rc;
}

static enum kit_status parse_bert(struct reader *r, const struct text_node *node, struct text_template *ret)
{
    return parse_fixed(r, node, bert, ret);
}

static enum kit_status parse_trim(struct reader *r, const struct text_node *node, struct text_template *ret)
{
    enum kit_status rc = text_node_bool_or(node, "trim_offsets", true, &ret->trim_offsets, r->err);
    return rc == KIT_OK ? text_node_bool_or(node, "add_prefix_space", true, &ret->space_added, r->err) : rc;
}

static enum kit_status parse_roberta(struct reader *r, const struct text_node *node, struct text_template *ret)
{
    enum kit_status rc = parse_trim(r, node, ret);
    return rc == KIT_OK ? parse_fixed(r, node, roberta, ret) : rc;
}

/* --- the table --- */

static const struct {
    const char *type;
    bool places; /* it says where the tokens go, which only one may do */
    enum kit_status (*parse)(struct reader *r, const struct text_node *node, struct text_template *ret);
} kinds[] = {
    {"TemplateProcessing", true, parse_template},
    {"BertProcessing", true, parse_bert},
    {"RobertaProcessing", true, parse_roberta},
    {"ByteLevel", false, parse_trim},
};

static enum kit_status parse_one(struct reader *r, const struct text_node *node, kit_str type,
                                 struct text_template *ret)
{
    for (size_t i = 0; i < KIT_COUNT(kinds); i++) {
        if (!kit_str_eq(type, kit_str_c(kinds[i].type))) {
            continue;
        }
        if (kinds[i].places && r->placed) {
            return text_node_fail(node, KIT_UNSUPPORTED, r->err, "a second template is not supported");
        }
        r->placed = r->placed || kinds[i].places;
        return kinds[i].parse(r, node, ret);
    }
    return text_node_unknown_type(node, type, r->err);
}

/* Sequences may hold sequences, as deep as the JSON may be. */
static enum kit_status parse_any(struct reader *r, const struct text_node *node, struct text_template *ret)
{
    kit_str type;
    enum kit_status rc = text_node_type(node, &type, r->err);
    if (rc != KIT_OK || !kit_str_eq(type, kit_str_lit("Sequence"))) {
        return rc != KIT_OK ? rc : parse_one(r, node, type, ret);
    }
    struct text_node list = text_node_get(node, "processors");
    rc = text_node_need(&list, KIT_JSON_ARRAY, r->err);
    struct kit_json_iter iter = kit_json_iter(list.value);
    for (struct text_node item; rc == KIT_OK && text_node_next(&list, &iter, &item);) {
        rc = parse_any(r, &item, ret);
    }
    return rc;
}

enum kit_status text_template_parse(const struct text_node *node, struct kit_arena *arena, uint32_t id_end,
                                    struct text_template *ret, struct kit_err *err)
{
    struct reader r = {.arena = arena, .id_end = id_end, .err = err};
    enum kit_status rc = make(plain, (const int32_t[2]){0}, arena, ret, err);
    return rc == KIT_OK && !text_node_is_null(node) ? parse_any(&r, node, ret) : rc;
}

uint32_t text_template_special(const struct text_template *t, bool has_pair)
{
    return t->form[has_pair].special;
}

/* --- writing --- */

static void write_special(const struct text_template_piece *p, struct text_encoding *out)
{
    for (uint32_t i = 0; i < p->id_count; i++) {
        uint32_t at = out->count++;
        out->ids[at] = p->ids[i];
        out->types[at] = p->type;
        out->parts[at] = TEXT_PART_SPECIAL;
        out->spans[at] = (struct text_span){0, 0};
        out->words[at] = TEXT_NO_WORD;
    }
}

static void write_part(const struct text_template_piece *p, struct text_token_range part, struct text_encoding *out)
{
    for (size_t i = 0; i < part.count; i++) {
        uint32_t at = out->count++;
        out->ids[at] = part.at[i].id;
        out->types[at] = p->type;
        out->parts[at] = (uint8_t)p->part;
        out->spans[at] = part.at[i].span;
        out->words[at] = part.at[i].word;
    }
}

static size_t tokens_of(const struct text_template_piece *p, const struct text_token_range part[2], bool add_special)
{
    if (p->part == TEXT_PART_SPECIAL) {
        return add_special ? p->id_count : 0;
    }
    return part[p->part].count;
}

enum kit_status text_template_write(const struct text_template *t, const struct text_token_range part[2], bool has_pair,
                                    bool add_special, struct text_encoding_room *out)
{
    const struct text_template_piece *piece = t->form[has_pair].piece;
    uint32_t count = t->form[has_pair].count;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++) {
        total += tokens_of(&piece[i], part, add_special);
    }
    enum kit_status rc = text_encoding_room_reserve(out, total);
    for (uint32_t i = 0; rc == KIT_OK && i < count; i++) {
        if (piece[i].part != TEXT_PART_SPECIAL) {
            write_part(&piece[i], part[piece[i].part], &out->all);
        } else if (add_special) {
            write_special(&piece[i], &out->all);
        }
    }
    return rc;
}
