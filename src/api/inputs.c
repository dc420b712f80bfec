#include "api/inputs.h"

#include <stdio.h>

#include "api/tensors.h"

#define PATH_BYTES KIT_ERR_PARAM_BYTES
#define FORMS                                                                                                          \
    "a string, {\"text\",\"pair\"}, {\"messages\"}, {\"question\",\"context\"}, {\"query\",\"texts\"} or "             \
    "{\"source\",\"texts\"}"
#define ALL_FORMS FORMS ", an array of such, or {\"tensors\"}"

struct reader {
    struct task_request *r;
    const char *name;      /* of the field: "inputs" */
    struct task_inputs in; /* so far */
    uint32_t texts_max;
    uint32_t text; /* the next one's place */
};

/* Where something stands: inputs[item].member[index], each part if there is one. */
struct place {
    uint32_t item;
    const char *member; /* NULL: the input itself */
    bool listed;
    uint32_t index; /* if listed */
};

static const char *path_of(const struct reader *rd, struct place at, char to[PATH_BYTES])
{
    char item[16] = "", index[16] = "";
    if (rd->in.batch) {
        snprintf(item, sizeof(item), "[%u]", at.item);
    }
    if (at.listed) {
        snprintf(index, sizeof(index), "[%u]", at.index);
    }
    snprintf(to, PATH_BYTES, "%s%s%s%.16s%s", rd->name, item, at.member != NULL ? "." : "",
             at.member != NULL ? at.member : "", index);
    return to;
}

static enum kit_status bad(const struct reader *rd, struct place at, const char *must, kit_json got,
                           struct kit_err *err)
{
    char path[PATH_BYTES], what[KIT_JSON_WHAT_BYTES];
    path_of(rd, at, path);
    return kit_fail_param(err, KIT_INVALID, path, "'%s' must be %s, but is %s", path, must, kit_json_what(got, what));
}

/* --- what it is --- */

static bool has(kit_json v, const char *key)
{
    return kit_json_type(kit_json_get(v, key)) > KIT_JSON_NULL;
}

static bool shape_of(kit_json v, enum task_shape *ret)
{
    static const enum task_shape by_member[] = {TASK_SHAPE_TENSORS, TASK_SHAPE_CHAT,   TASK_SHAPE_TOKENS,
                                                TASK_SHAPE_ANSWER,  TASK_SHAPE_RERANK, TASK_SHAPE_SIMILARITY,
                                                TASK_SHAPE_PAIR};
    if (kit_json_type(v) == KIT_JSON_STRING) {
        *ret = TASK_SHAPE_TEXT;
        return true;
    }
    for (size_t i = 0; i < KIT_COUNT(by_member); i++) {
        const struct task_shape_fields *f = task_shape_fields(by_member[i]);
        if (has(v, f->first) || (f->second != NULL && !f->list && has(v, f->second))) {
            *ret = by_member[i] == TASK_SHAPE_PAIR && !has(v, f->second) ? TASK_SHAPE_TEXT : by_member[i];
            return true;
        }
    }
    return false;
}

static enum kit_status check_members(const struct reader *rd, uint32_t item, enum task_shape shape, kit_json v,
                                     struct kit_err *err)
{
    const struct task_shape_fields *f = task_shape_fields(shape == TASK_SHAPE_TEXT ? TASK_SHAPE_PAIR : shape);
    char name[KIT_ERR_PARAM_BYTES], path[PATH_BYTES];
    for (struct kit_json_iter i = kit_json_iter(v); kit_json_next(&i);) {
        if (kit_str_eq(i.key, kit_str_c(f->first)) || (f->second != NULL && kit_str_eq(i.key, kit_str_c(f->second)))) {
            continue;
        }
        path_of(rd, (struct place){.item = item, .member = kit_str_to_c(i.key, name, sizeof(name))}, path);
        return kit_fail_param(err, KIT_INVALID, path, "'%s' is unknown beside '%s'", path, f->first);
    }
    return KIT_OK;
}

/* A batch has one shape; texts may stand among pairs. */
static enum kit_status join_shape(struct reader *rd, uint32_t item, enum task_shape shape, struct kit_err *err)
{
    char path[PATH_BYTES];
    bool texts = rd->in.shape <= TASK_SHAPE_PAIR && shape <= TASK_SHAPE_PAIR;
    path_of(rd, (struct place){.item = item}, path);
    if (rd->in.batch && shape == TASK_SHAPE_TENSORS) {
        return kit_fail_param(err, KIT_INVALID, path,
                              "'%s' has tensors, which are no part of an array: send them alone", path);
    }
    if (item > 0 && !texts && shape != rd->in.shape) {
        return kit_fail_param(err, KIT_INVALID, path,
                              "'%s' is of another kind than '%s[0]': send it in a question of its own", path, rd->name);
    }
    rd->in.shape = item == 0 ? shape : KIT_MAX(rd->in.shape, shape);
    return KIT_OK;
}

static enum kit_status count_texts(struct reader *rd, uint32_t item, enum task_shape shape, kit_json v,
                                   struct kit_err *err)
{
    const struct task_shape_fields *f = task_shape_fields(shape);
    size_t texts = 1;
    if (f->list) {
        kit_json list = kit_json_get(v, f->second);
        size_t count = kit_json_count(list);
        if (kit_json_type(list) != KIT_JSON_ARRAY || count == 0) {
            struct place at = {.item = item, .member = f->second};
            return kit_json_type(list) != KIT_JSON_ARRAY ? bad(rd, at, "an array of strings", list, err)
                                                         : bad(rd, at, "an array of at least one string", list, err);
        }
        texts = shape == TASK_SHAPE_SIMILARITY ? count + 1 : count;
    }
    if (rd->in.text_count + texts > rd->texts_max) {
        return kit_fail_param(err, KIT_TOO_LARGE, rd->name,
                              "'%s' has more than %u texts, the most of one question (serve.texts_max): send the "
                              "rest in another",
                              rd->name, rd->texts_max);
    }
    rd->in.text_count += (uint32_t)texts;
    return KIT_OK;
}

/* Finds the shape of an input and counts its texts. */
static enum kit_status look_at(struct reader *rd, uint32_t item, kit_json v, struct kit_err *err)
{
    enum task_shape shape;
    if (!shape_of(v, &shape)) {
        return bad(rd, (struct place){.item = item}, rd->in.batch ? FORMS : ALL_FORMS, v, err);
    }
    enum kit_status rc = check_members(rd, item, shape, v, err);
    if (rc == KIT_OK) {
        rc = join_shape(rd, item, shape, err);
    }
    return rc == KIT_OK && shape != TASK_SHAPE_TENSORS ? count_texts(rd, item, shape, v, err) : rc;
}

/* --- its texts --- */

static enum kit_status keep(struct reader *rd, struct place at, kit_json v, kit_str *to, struct kit_err *err)
{
    if (kit_json_type(v) != KIT_JSON_STRING) {
        return bad(rd, at, "a string", v, err);
    }
    if (kit_arena_str(&rd->r->arena, kit_json_str(v, (kit_str){0}), to) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the inputs");
    }
    return KIT_OK;
}

static enum kit_status keep_chat(struct reader *rd, struct place at, kit_json messages, kit_str *to,
                                 struct kit_err *err)
{
    if (kit_json_type(messages) != KIT_JSON_ARRAY || kit_json_count(messages) == 0) {
        return bad(rd, at, "an array of at least one {\"role\",\"content\"}", messages, err);
    }
    return kit_json_text(messages, &rd->r->arena, to) == KIT_OK
               ? KIT_OK
               : kit_fail(err, KIT_NOMEM, "out of memory for the messages");
}

static enum kit_status keep_tokens(struct reader *rd, struct place at, kit_json list, kit_str *to, struct kit_err *err)
{
    size_t count = kit_json_count(list);
    int32_t *ids = kit_arena_zero(&rd->r->arena, KIT_MAX(count, (size_t)1), sizeof(*ids));
    if (ids == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %zu tokens", count);
    }
    bool good = kit_json_type(list) == KIT_JSON_ARRAY && count > 0;
    for (struct kit_json_iter i = kit_json_iter(list); good && kit_json_next(&i);) {
        int64_t id = kit_json_i64(i.value, -1);
        good = id >= 0 && id <= INT32_MAX;
        ids[i.index] = (int32_t)id;
    }
    *to = (kit_str){.ptr = (const char *)ids, .len = count * sizeof(*ids)};
    return good ? KIT_OK : bad(rd, at, "an array of at least one token id", list, err);
}

/* {query, texts}: the query, once for each text; {source, texts}: the source, then the texts. */
static enum kit_status take_list(struct reader *rd, uint32_t item, kit_json v, struct kit_err *err)
{
    const struct task_shape_fields *f = task_shape_fields(rd->in.shape);
    struct place at = {.item = item, .member = f->first};
    struct task_inputs *in = &rd->in;
    kit_str first;
    enum kit_status rc = keep(rd, at, kit_json_get(v, f->first), &first, err);
    if (rc == KIT_OK && in->pairs == NULL) {
        in->texts[rd->text++] = first;
    }
    at = (struct place){.item = item, .member = f->second, .listed = true};
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(v, f->second)); rc == KIT_OK && kit_json_next(&i);) {
        at.index = (uint32_t)i.index;
        rc = keep(rd, at, i.value, in->pairs != NULL ? &in->pairs[rd->text] : &in->texts[rd->text], err);
        if (in->pairs != NULL) {
            in->texts[rd->text] = first;
        }
        rd->text++;
    }
    return rc;
}

static enum kit_status take_text(struct reader *rd, uint32_t item, kit_json v, struct kit_err *err)
{
    const struct task_shape_fields *f = task_shape_fields(rd->in.shape);
    struct place at = {.item = item};
    if (kit_json_type(v) == KIT_JSON_STRING) {
        return keep(rd, at, v, &rd->in.texts[rd->text++], err);
    }
    at.member = f->first;
    kit_json first = kit_json_get(v, f->first);
    if (rd->in.shape == TASK_SHAPE_CHAT) {
        return keep_chat(rd, at, first, &rd->in.texts[rd->text++], err);
    }
    if (rd->in.shape == TASK_SHAPE_TOKENS) {
        return keep_tokens(rd, at, first, &rd->in.texts[rd->text++], err);
    }
    enum kit_status rc = keep(rd, at, first, &rd->in.texts[rd->text], err);
    if (rc == KIT_OK && f->second != NULL && (!f->optional || has(v, f->second))) {
        at.member = f->second;
        rc = keep(rd, at, kit_json_get(v, f->second), &rd->in.pairs[rd->text], err);
    }
    rd->text++;
    return rc;
}

static enum kit_status take(struct reader *rd, uint32_t item, kit_json v, struct kit_err *err)
{
    if (!task_shape_fields(rd->in.shape)->list) {
        return take_text(rd, item, v, err);
    }
    rd->in.firsts[item] = rd->text;
    enum kit_status rc = take_list(rd, item, v, err);
    rd->in.firsts[item + 1] = rd->text;
    return rc;
}

static enum kit_status make_room(struct reader *rd, struct kit_err *err)
{
    struct kit_arena *arena = &rd->r->arena;
    struct task_inputs *in = &rd->in;
    bool pairs = task_shape_fields(in->shape)->second != NULL && in->shape != TASK_SHAPE_SIMILARITY;
    bool lists = task_shape_fields(in->shape)->list;
    in->texts = kit_arena_zero(arena, in->text_count, sizeof(*in->texts));
    in->pairs = pairs ? kit_arena_zero(arena, in->text_count, sizeof(*in->pairs)) : NULL;
    in->firsts = lists ? kit_arena_zero(arena, (size_t)in->item_count + 1, sizeof(*in->firsts)) : NULL;
    bool made = in->texts != NULL && (in->pairs != NULL || !pairs) && (in->firsts != NULL || !lists);
    return made ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for %u texts", in->text_count);
}

/* --- one, or an array --- */

static enum kit_status read_one(struct reader *rd, kit_json v, struct kit_err *err)
{
    rd->in.item_count = 1;
    enum kit_status rc = look_at(rd, 0, v, err);
    if (rc == KIT_OK && rd->in.shape == TASK_SHAPE_TENSORS) {
        return api_tensors_parse(kit_json_get(v, "tensors"), &rd->r->arena, &rd->in.tensors, err);
    }
    if (rc == KIT_OK) {
        rc = make_room(rd, err);
    }
    return rc == KIT_OK ? take(rd, 0, v, err) : rc;
}

static enum kit_status check_count(const struct reader *rd, size_t count, struct kit_err *err)
{
    if (count == 0) {
        return kit_fail_param(err, KIT_INVALID, rd->name, "'%s' is empty: give at least one input", rd->name);
    }
    return count <= rd->texts_max
               ? KIT_OK
               : kit_fail_param(err, KIT_TOO_LARGE, rd->name,
                                "'%s' has %zu inputs, but may have %u (serve.texts_max): send the rest in another "
                                "question",
                                rd->name, count, rd->texts_max);
}

static enum kit_status read_batch(struct reader *rd, kit_json array, struct kit_err *err)
{
    size_t count = kit_json_count(array);
    rd->in.batch = true;
    enum kit_status rc = check_count(rd, count, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rd->in.item_count = (uint32_t)count;
    for (struct kit_json_iter i = kit_json_iter(array); rc == KIT_OK && kit_json_next(&i);) {
        rc = look_at(rd, (uint32_t)i.index, i.value, err);
    }
    if (rc == KIT_OK) {
        rc = make_room(rd, err);
    }
    for (struct kit_json_iter i = kit_json_iter(array); rc == KIT_OK && kit_json_next(&i);) {
        rc = take(rd, (uint32_t)i.index, i.value, err);
    }
    return rc;
}

/* --- */

enum kit_status api_inputs_parse(struct task_request *r, const char *name, kit_json inputs, uint32_t texts_max,
                                 struct kit_err *err)
{
    struct reader rd = {.r = r, .name = name, .texts_max = texts_max};
    enum kit_status rc =
        kit_json_type(inputs) == KIT_JSON_ARRAY ? read_batch(&rd, inputs, err) : read_one(&rd, inputs, err);
    if (rc == KIT_OK) {
        r->inputs = rd.in;
    }
    return rc;
}

/* Arrays of one shape whose items are not objects around what is read. */
static enum kit_status read_plain(struct reader *rd, enum task_shape shape, kit_json v, bool many, struct kit_err *err)
{
    size_t count = many ? kit_json_count(v) : 1;
    enum kit_status rc = check_count(rd, count, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rd->in = (struct task_inputs){
        .shape = shape, .batch = many, .item_count = (uint32_t)count, .text_count = (uint32_t)count};
    rc = make_room(rd, err);
    struct kit_json_iter i = kit_json_iter(v);
    for (uint32_t k = 0; rc == KIT_OK && k < count; k++) {
        kit_json one = many && kit_json_next(&i) ? i.value : v;
        struct place at = {.item = k};
        rc = shape == TASK_SHAPE_CHAT ? keep_chat(rd, at, one, &rd->in.texts[k], err)
                                      : keep_tokens(rd, at, one, &rd->in.texts[k], err);
    }
    return rc;
}

enum kit_status api_inputs_chat(struct task_request *r, const char *name, kit_json messages, struct kit_err *err)
{
    struct reader rd = {.r = r, .name = name, .texts_max = 1};
    enum kit_status rc = read_plain(&rd, TASK_SHAPE_CHAT, messages, false, err);
    if (rc == KIT_OK) {
        r->inputs = rd.in;
    }
    return rc;
}

/* What the first of an array is tells what all are. */
static enum kit_json_type type_of_first(kit_json v)
{
    struct kit_json_iter i = kit_json_iter(v);
    return kit_json_type(v) == KIT_JSON_ARRAY && kit_json_next(&i) ? kit_json_type(i.value) : KIT_JSON_NONE;
}

enum kit_status api_inputs_tokens(struct task_request *r, const char *name, kit_json v, uint32_t texts_max,
                                  struct kit_err *err)
{
    struct reader rd = {.r = r, .name = name, .texts_max = texts_max};
    enum kit_status rc = read_plain(&rd, TASK_SHAPE_TOKENS, v, type_of_first(v) == KIT_JSON_ARRAY, err);
    if (rc == KIT_OK) {
        r->inputs = rd.in;
    }
    return rc;
}

enum kit_status api_inputs_texts_or_tokens(struct task_request *r, const char *name, kit_json v, uint32_t texts_max,
                                           struct kit_err *err)
{
    enum kit_json_type first = type_of_first(v);
    bool tokens = first == KIT_JSON_NUMBER || first == KIT_JSON_ARRAY;
    return tokens ? api_inputs_tokens(r, name, v, texts_max, err) : api_inputs_parse(r, name, v, texts_max, err);
}

enum kit_status api_inputs_list(struct task_request *r, enum task_shape shape, const struct api_named *first,
                                const struct api_named *list, uint32_t texts_max, struct kit_err *err)
{
    struct reader rd = {.r = r, .name = first->name, .texts_max = texts_max};
    size_t count = kit_json_count(list->value);
    if (kit_json_type(list->value) != KIT_JSON_ARRAY || count == 0 || count > texts_max) {
        return kit_fail_param(err, count > texts_max ? KIT_TOO_LARGE : KIT_INVALID, list->name,
                              "'%s' must be an array of 1 to %u strings (serve.texts_max)", list->name, texts_max);
    }
    rd.in = (struct task_inputs){
        .shape = shape, .item_count = 1, .text_count = (uint32_t)count + (shape == TASK_SHAPE_SIMILARITY)};
    struct place nowhere = {0};
    kit_str text = {0};
    enum kit_status rc = make_room(&rd, err);
    rc = rc == KIT_OK ? keep(&rd, nowhere, first->value, &text, err) : rc;
    if (rc == KIT_OK && rd.in.pairs == NULL) {
        rd.in.texts[rd.text++] = text;
    }
    rd.name = list->name;
    for (struct kit_json_iter i = kit_json_iter(list->value); rc == KIT_OK && kit_json_next(&i); rd.text++) {
        struct place at = {.listed = true, .index = (uint32_t)i.index};
        rc = keep(&rd, at, i.value, rd.in.pairs != NULL ? &rd.in.pairs[rd.text] : &rd.in.texts[rd.text], err);
        if (rd.in.pairs != NULL) {
            rd.in.texts[rd.text] = text;
        }
    }
    if (rc == KIT_OK) {
        rd.in.firsts[1] = rd.in.text_count;
        r->inputs = rd.in;
    }
    return rc;
}

enum kit_status api_inputs_pairs(struct task_request *r, const char *name, kit_json v, uint32_t texts_max,
                                 struct kit_err *err)
{
    struct reader rd = {.r = r, .name = name, .texts_max = texts_max};
    bool many = type_of_first(v) == KIT_JSON_ARRAY;
    size_t count = many ? kit_json_count(v) : 1;
    if (count > texts_max) {
        return kit_fail_param(err, KIT_TOO_LARGE, name, "'%s' has %zu inputs, but at most %u are taken", name, count,
                              texts_max);
    }
    rd.in = (struct task_inputs){
        .shape = TASK_SHAPE_PAIR, .batch = many, .item_count = (uint32_t)count, .text_count = (uint32_t)count};
    enum kit_status rc = make_room(&rd, err);
    struct kit_json_iter i = kit_json_iter(v);
    for (uint32_t k = 0; rc == KIT_OK && k < count; k++) {
        kit_json one = many && kit_json_next(&i) ? i.value : v, part[2] = {one, {0}};
        struct place at = {.item = k};
        struct kit_json_iter p = kit_json_iter(one);
        bool list = kit_json_type(one) == KIT_JSON_ARRAY;
        if (list && (kit_json_count(one) == 0 || kit_json_count(one) > 2)) {
            return bad(&rd, at, "a string, or an array of one or two", one, err);
        }
        for (uint32_t n = 0; list && kit_json_next(&p); n++) {
            part[n] = p.value;
        }
        rc = keep(&rd, at, part[0], &rd.in.texts[k], err);
        if (rc == KIT_OK && part[1].v != NULL) {
            rc = keep(&rd, at, part[1], &rd.in.pairs[k], err);
        }
    }
    if (rc == KIT_OK) {
        r->inputs = rd.in;
    }
    return rc;
}
