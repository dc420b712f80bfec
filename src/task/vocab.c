#include "task/vocab.h"

#include <string.h>

#include "kit/alloc.h"

#define PROBE_TOKENS 16

/* --- what stands around a text --- */

static enum kit_status ids_of(struct plug_model *m, kit_str text, uint32_t flags, int32_t *ids, uint64_t *count,
                              struct kit_err *err)
{
    *count = PROBE_TOKENS;
    return plug_model_tokenize(m, text, flags, ids, count, err);
}

static bool ends_twice(const struct task_vocab *v, const struct plug_model *m)
{
    return v->tail_count == 1 && kit_str_eq(plug_model_token(m, v->tail[0]), kit_str_lit("</s>"));
}

enum kit_status task_vocab_learn(struct task_vocab *v, struct plug_model *m, struct kit_err *err)
{
    int32_t bare[PROBE_TOKENS], whole[PROBE_TOKENS];
    uint64_t bare_count = 0, whole_count = 0, at = 0;
    kit_str probe = kit_str_lit("a");
    enum kit_status rc = ids_of(m, probe, 0, bare, &bare_count, err);
    if (rc == KIT_OK) {
        rc = ids_of(m, probe, ACB_TOKENIZE_ADD_SPECIAL, whole, &whole_count, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    while (at + bare_count < whole_count && memcmp(whole + at, bare, bare_count * sizeof(*bare)) != 0) {
        at++;
    }
    uint64_t tail = whole_count - at - bare_count;
    if (bare_count == 0 || at + bare_count > whole_count || at > TASK_VOCAB_AROUND_MAX ||
        tail > TASK_VOCAB_AROUND_MAX) {
        return kit_fail(err, KIT_LOAD_FAILED, "its vocabulary puts more around a text than is known here");
    }
    *v = (struct task_vocab){.head_count = (uint32_t)at, .tail_count = (uint32_t)tail};
    memcpy(v->head, whole, at * sizeof(*whole));
    memcpy(v->tail, whole + at + bare_count, tail * sizeof(*whole));
    v->twice = ends_twice(v, m);
    return KIT_OK;
}

/* --- encoding --- */

struct part {
    int32_t *ids; /* owned */
    uint64_t count;
};

/* At most as many tokens as bytes, and a few; tried with less first. */
static enum kit_status tokenize(struct plug_model *m, kit_str text, struct part *ret, struct kit_err *err)
{
    uint64_t room = text.len / 2 + PROBE_TOKENS;
    enum kit_status rc = KIT_FULL;
    for (int tries = 0; rc == KIT_FULL && tries < 2; tries++) {
        kit_alloc_free(ret->ids);
        ret->ids = kit_alloc_array(room, sizeof(*ret->ids));
        ret->count = room;
        rc = ret->ids != NULL ? plug_model_tokenize(m, text, 0, ret->ids, &ret->count, err)
                              : kit_fail(err, KIT_NOMEM, "out of memory for %llu tokens", (unsigned long long)room);
        room = ret->count;
    }
    return rc;
}

/* Cuts the longer of the two until both fit. */
static uint32_t cut(struct part *a, struct part *b, uint64_t fits)
{
    uint32_t dropped = 0;
    while (a->count + b->count > fits && a->count + b->count > 0) {
        struct part *longer = a->count >= b->count ? a : b;
        longer->count--;
        dropped++;
    }
    return dropped;
}

static void put(struct text_encoding *e, const int32_t *ids, uint64_t count, int32_t type)
{
    for (uint64_t i = 0; i < count; i++) {
        e->ids[e->count] = ids[i];
        e->types[e->count] = type;
        e->count++;
    }
}

static void write(const struct task_vocab *v, const struct part *text, const struct part *pair, struct text_encoding *e)
{
    put(e, v->head, v->head_count, 0);
    put(e, text->ids, text->count, 0);
    put(e, v->tail, v->tail_count, 0);
    if (pair->ids != NULL) {
        put(e, v->tail, v->twice ? v->tail_count : 0, 0);
        put(e, pair->ids, pair->count, 1);
        put(e, v->tail, v->tail_count, 1);
    }
}

static enum kit_status join(const struct task_vocab *v, struct part *text, struct part *pair,
                            const struct task_vocab_options *o, struct text_encoding_room *room, struct kit_err *err)
{
    uint32_t tails = pair->ids == NULL ? 1 : v->twice ? 3 : 2;
    uint64_t around = v->head_count + (uint64_t)tails * v->tail_count;
    uint64_t fits = o->tokens_max > around ? o->tokens_max - around : 0;
    if (!o->truncate && text->count + pair->count > fits) {
        return kit_fail_param(err, KIT_TOO_LARGE, "text", "has %llu tokens, but the model takes %u",
                              (unsigned long long)(text->count + pair->count + around), o->tokens_max);
    }
    uint32_t dropped = cut(text, pair, fits);
    if (text_encoding_room_reserve(room, text->count + pair->count + around) != KIT_OK) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a text's tokens");
    }
    write(v, text, pair, &room->all);
    room->all.dropped[0] = dropped;
    room->all.dropped[1] = 0;
    return KIT_OK;
}

enum kit_status task_vocab_encode(const struct task_vocab *v, struct plug_model *m, kit_str text, const kit_str *pair,
                                  const struct task_vocab_options *options, struct text_encoding_room *room,
                                  struct kit_err *err)
{
    struct part first = {0}, second = {0};
    enum kit_status rc = tokenize(m, text, &first, err);
    if (rc == KIT_OK && pair != NULL) {
        rc = tokenize(m, *pair, &second, err);
    }
    if (rc == KIT_OK) {
        rc = join(v, &first, &second, options, room, err);
    }
    kit_alloc_free(first.ids);
    kit_alloc_free(second.ids);
    return rc;
}
