/* tests/unit/sched/engine_model.h - a generating engine as far as a scheduler can tell: sequences of tokens in cells.
 *
 * A copy shares its cells where the engine forks. Everything that a scheduler may not do is an assertion. */
#ifndef TESTS_ENGINE_MODEL_H
#define TESTS_ENGINE_MODEL_H

#include "support/test.h"

#include "sched/batcher.h"

#define ENGINE_SEQUENCES 32
#define ENGINE_LENGTH 4352
#define ENGINE_CELLS 65536

struct engine_sequence {
    uint32_t length;
    int32_t tokens[ENGINE_LENGTH];
    uint32_t cells[ENGINE_LENGTH];
};

struct engine {
    bool fork, trim;
    uint32_t sequences_max;
    uint32_t used; /* cells */
    uint32_t free_count, refs[ENGINE_CELLS], free[ENGINE_CELLS];
    uint64_t computed; /* tokens */
    struct engine_sequence sequences[ENGINE_SEQUENCES];
};

static inline void engine_init(struct engine *e, uint32_t sequences_max, bool fork, bool trim)
{
    memset(e, 0, sizeof(*e));
    e->fork = fork;
    e->trim = trim;
    e->sequences_max = sequences_max;
    for (uint32_t i = 0; i < ENGINE_CELLS; i++) {
        e->free[e->free_count++] = i;
    }
}

static inline void engine_cut(struct engine *e, uint32_t seq, uint32_t length)
{
    struct engine_sequence *s = &e->sequences[seq];
    while (s->length > length) {
        uint32_t cell = s->cells[--s->length];
        if (--e->refs[cell] == 0) {
            e->free[e->free_count++] = cell;
            e->used--;
        }
    }
}

static inline void engine_push(struct engine *e, uint32_t seq, int32_t token)
{
    struct engine_sequence *s = &e->sequences[seq];
    assert_true(s->length < ENGINE_LENGTH && e->free_count > 0);
    uint32_t cell = e->free[--e->free_count];
    e->refs[cell] = 1;
    e->used++;
    s->cells[s->length] = cell;
    s->tokens[s->length++] = token;
}

/* False: the engine cannot do it. */
static inline bool engine_op(struct engine *e, const struct sched_op *op)
{
    struct engine_sequence *s = &e->sequences[op->seq];
    assert_true(op->seq < e->sequences_max);
    if (op->kind == SCHED_OP_END) {
        engine_cut(e, op->seq, 0);
        return true;
    }
    if (op->kind == SCHED_OP_TRIM) {
        if (op->length > s->length || (!e->trim && op->length != s->length)) {
            return false;
        }
        engine_cut(e, op->seq, op->length);
        return true;
    }
    const struct engine_sequence *from = &e->sequences[op->from];
    assert_int_equal(s->length, 0);
    if (from->length < op->length || (!e->trim && from->length != op->length)) {
        return false;
    }
    for (uint32_t i = 0; i < op->length; i++) {
        if (e->fork) {
            s->tokens[i] = from->tokens[i];
            s->cells[i] = from->cells[i];
            e->refs[s->cells[i]]++;
            s->length++;
        } else {
            engine_push(e, op->seq, from->tokens[i]);
        }
    }
    return true;
}

/* Computes the first n tokens of a step. */
static inline void engine_step(struct engine *e, const struct sched_step *step, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        assert_true(step->seq[i] < e->sequences_max);
        assert_int_equal(step->pos[i], e->sequences[step->seq[i]].length);
        engine_push(e, step->seq[i], step->token[i]);
        e->computed++;
    }
}

static inline uint64_t hash_of(const int32_t *tokens, uint32_t count, uint64_t hash)
{
    for (uint32_t i = 0; i < count; i++) {
        hash = (hash ^ (uint64_t)(uint32_t)tokens[i]) * UINT64_C(0x100000001B3);
    }
    return hash;
}

#endif
