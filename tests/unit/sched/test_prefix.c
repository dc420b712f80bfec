/* The tree of beginnings against a naive model that compares all texts with all. */
#include "support/test.h"

#include "sched/prefix.h"

#define ENTRIES 24
#define LENGTH_MAX 40
#define STEPS 5000

struct text {
    bool there, busy;
    const void *adapter;
    int32_t tokens[LENGTH_MAX];
    uint64_t cells[LENGTH_MAX]; /* of the engine: where each token is; a copy has those of its source */
    uint32_t length, ready;
    uint64_t used;
};

struct rig {
    struct sched_prefix *tree;
    struct text texts[ENTRIES];
    uint64_t random, clock, cells;
};

static uint64_t chance(struct rig *r, uint64_t n)
{
    uint64_t z = r->random += UINT64_C(0x9E3779B97F4A7C15); /* splitmix64 */
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (z ^ (z >> 31)) % n;
}

static struct sched_prefix_text text_of(const struct text *t)
{
    uint32_t head = t->length / 3;
    return (struct sched_prefix_text){.adapter = t->adapter,
                                      .head = t->tokens,
                                      .head_count = head,
                                      .tail = t->tokens + head,
                                      .tail_count = t->length - head};
}

static struct sched_prefix_text text_c(const char *tokens, int32_t *room)
{
    uint32_t n = (uint32_t)strlen(tokens);
    for (uint32_t i = 0; i < n; i++) {
        room[i] = tokens[i];
    }
    return (struct sched_prefix_text){.head = room, .head_count = n};
}

static uint32_t common(const struct text *a, const struct text *b)
{
    uint32_t k = 0;
    while (a->adapter == b->adapter && k < a->length && k < b->length && a->tokens[k] == b->tokens[k]) {
        k++;
    }
    return k;
}

/* Few tokens, and long texts made of short ones, so that beginnings are often shared. */
static void make_text(struct rig *r, struct text *t)
{
    static const int adapters[2];
    const struct text *other = &r->texts[chance(r, ENTRIES)];
    uint32_t keep = other->there ? (uint32_t)chance(r, other->length + 1) : 0;
    struct text made = {.adapter = keep > 0 ? other->adapter : &adapters[chance(r, 2)]};
    memcpy(made.tokens, other->tokens, keep * sizeof(made.tokens[0]));
    uint32_t length = keep + (uint32_t)chance(r, 9);
    made.length = KIT_MIN(length, LENGTH_MAX);
    for (uint32_t i = keep; i < made.length; i++) {
        made.tokens[i] = (int32_t)chance(r, 2);
    }
    *t = made;
}

static void take_cells(struct rig *r, struct text *t, uint32_t from)
{
    for (uint32_t i = from; i < t->length; i++) {
        t->cells[i] = ++r->cells;
    }
}

/* Cells that are taken; `idle`: by none that is busy. */
static uint64_t naive_tokens(const struct rig *r, bool idle)
{
    static uint8_t seen[STEPS * LENGTH_MAX];
    uint64_t sum = 0;
    memset(seen, 0, r->cells + 1);
    for (int busy = 1; busy >= 0; busy--) {
        for (uint32_t i = 0; i < ENTRIES; i++) {
            const struct text *t = &r->texts[i];
            for (uint32_t k = 0; t->there && t->busy == busy && k < t->length; k++) {
                sum += seen[t->cells[k]] == 0 && !(idle && busy);
                seen[t->cells[k]] = 1;
            }
        }
    }
    return sum;
}

static void add(struct rig *r, uint32_t e)
{
    struct text *t = &r->texts[e];
    uint32_t source = (uint32_t)chance(r, ENTRIES);
    make_text(r, t);
    t->busy = chance(r, 2);
    uint32_t most = r->texts[source].there ? common(t, &r->texts[source]) : 0;
    uint32_t shared = (uint32_t)chance(r, most + 1);
    struct sched_prefix_text text = text_of(t);
    assert_ok(sched_prefix_add(r->tree, e, &text, t->busy, shared > 0 ? source : SCHED_PREFIX_NONE, shared));
    memcpy(t->cells, r->texts[source].cells, shared * sizeof(t->cells[0]));
    take_cells(r, t, shared);
    t->there = true;
    t->ready = (uint32_t)chance(r, t->length + 1);
    t->used = ++r->clock;
    sched_prefix_set_ready(r->tree, e, t->ready);
}

static void cut(struct rig *r, uint32_t e)
{
    struct text *t = &r->texts[e];
    t->length = (uint32_t)chance(r, t->length + 1);
    t->ready = KIT_MIN(t->ready, t->length);
    assert_ok(sched_prefix_cut(r->tree, e, t->length));
}

static void extend(struct rig *r, uint32_t e)
{
    struct text *t = &r->texts[e];
    uint32_t from = t->length;
    uint32_t length = from + (uint32_t)chance(r, 9);
    t->length = KIT_MIN(length, LENGTH_MAX);
    for (uint32_t i = from; i < t->length; i++) {
        t->tokens[i] = (int32_t)chance(r, 2);
    }
    take_cells(r, t, from);
    struct sched_prefix_text text = text_of(t);
    assert_ok(sched_prefix_extend(r->tree, e, &text));
}

static void change(struct rig *r, uint32_t e)
{
    struct text *t = &r->texts[e];
    uint64_t what = chance(r, 6);
    if (!t->there) {
        add(r, e);
    } else if (what == 0) {
        sched_prefix_remove(r->tree, e);
        t->there = false;
    } else if (what == 1) {
        t->busy = !t->busy;
        t->used = ++r->clock;
        sched_prefix_set_busy(r->tree, e, t->busy);
    } else if (what == 2) {
        t->used = ++r->clock;
        sched_prefix_touch(r->tree, e);
    } else if (what == 3) {
        cut(r, e);
    } else if (what == 4) {
        extend(r, e);
    }
}

static void check_find(struct rig *r, bool whole)
{
    struct text t;
    make_text(r, &t);
    uint32_t most = (uint32_t)chance(r, t.length + 1), ready = 0, coming = 0;
    struct sched_prefix_text text = text_of(&t);
    struct sched_prefix_match m = sched_prefix_find(r->tree, &text, most, whole);
    t.length = most;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const struct text *o = &r->texts[i];
        uint32_t k = o->there ? common(&t, o) : 0;
        coming = KIT_MAX(coming, k);
        ready = !whole || (!o->busy && k == o->length) ? KIT_MAX(ready, KIT_MIN(k, o->ready)) : ready;
    }
    assert_int_equal(m.ready, ready);
    assert_int_equal(m.coming, coming);
    assert_int_equal(m.source == SCHED_PREFIX_NONE, ready == 0);
    assert_int_equal(m.awaited == SCHED_PREFIX_NONE, coming == 0);
    assert_true(ready == 0 || KIT_MIN(common(&t, &r->texts[m.source]), r->texts[m.source].ready) == ready);
    assert_true(coming == 0 || common(&t, &r->texts[m.awaited]) == coming);
}

static void check_oldest(const struct rig *r)
{
    uint32_t oldest = SCHED_PREFIX_NONE;
    for (uint32_t i = 0; i < ENTRIES; i++) {
        const struct text *t = &r->texts[i];
        if (t->there && !t->busy && (oldest == SCHED_PREFIX_NONE || t->used < r->texts[oldest].used)) {
            oldest = i;
        }
    }
    assert_int_equal(sched_prefix_oldest(r->tree, SCHED_PREFIX_NONE), oldest);
}

TEST(prefix_agrees_with_a_comparison_of_all_texts_with_all)
{
    for (uint64_t seed = 1; seed <= 10; seed++) {
        struct rig r = {.random = seed};
        assert_ok(sched_prefix_new(ENTRIES, &r.tree));
        for (uint32_t step = 0; step < STEPS; step++) {
            change(&r, (uint32_t)chance(&r, ENTRIES));
            check_find(&r, chance(&r, 2));
            check_oldest(&r);
            assert_int_equal(sched_prefix_tokens(r.tree), naive_tokens(&r, false));
            assert_int_equal(sched_prefix_idle(r.tree), naive_tokens(&r, true));
        }
        sched_prefix_free(r.tree);
    }
}

TEST(prefix_names_an_entry_that_is_the_beginning_of_another)
{
    struct sched_prefix *p;
    int32_t room[16];
    assert_ok(sched_prefix_new(4, &p));
    struct sched_prefix_text text = text_c("abc", room);
    assert_ok(sched_prefix_add(p, 0, &text, false, SCHED_PREFIX_NONE, 0));
    assert_int_equal(sched_prefix_covered(p, 0), SCHED_PREFIX_NONE);
    text = text_c("abcde", room);
    assert_ok(sched_prefix_add(p, 1, &text, false, 0, 3));
    assert_int_equal(sched_prefix_covered(p, 1), 0);
    assert_int_equal(sched_prefix_covered(p, 0), SCHED_PREFIX_NONE);
    text = text_c("abxy", room);
    assert_ok(sched_prefix_add(p, 2, &text, false, 0, 2));
    assert_int_equal(sched_prefix_covered(p, 2), SCHED_PREFIX_NONE);
    sched_prefix_free(p);
}

TEST(prefix_books_what_was_computed_twice_twice)
{
    struct sched_prefix *p;
    int32_t room[16];
    assert_ok(sched_prefix_new(4, &p));
    struct sched_prefix_text text = text_c("abcde", room);
    assert_ok(sched_prefix_add(p, 0, &text, true, SCHED_PREFIX_NONE, 0));
    assert_ok(sched_prefix_add(p, 1, &text, true, 0, 2));
    assert_int_equal(sched_prefix_tokens(p), 8);
    sched_prefix_remove(p, 0);
    assert_int_equal(sched_prefix_tokens(p), 5);
    sched_prefix_free(p);
}

TEST(prefix_prefers_a_source_that_nobody_works_on)
{
    struct sched_prefix *p;
    int32_t room[16];
    struct sched_prefix_text text = text_c("abc", room);
    assert_ok(sched_prefix_new(4, &p));
    assert_ok(sched_prefix_add(p, 1, &text, true, SCHED_PREFIX_NONE, 0));
    assert_ok(sched_prefix_add(p, 3, &text, false, 1, 3));
    sched_prefix_set_ready(p, 1, 3);
    sched_prefix_set_ready(p, 3, 3);
    assert_int_equal(sched_prefix_find(p, &text, 3, false).source, 3);
    sched_prefix_set_ready(p, 3, 2);
    assert_int_equal(sched_prefix_find(p, &text, 3, false).source, 1);
    sched_prefix_free(p);
}

TEST(prefix_without_memory_is_as_it_was)
{
    TEST_ALLOC_SWEEP(k) {
        struct sched_prefix *p;
        int32_t room[16];
        if (sched_prefix_new(4, &p) != KIT_OK) {
            continue;
        }
        struct sched_prefix_text text = text_c("abcdef", room);
        bool first = sched_prefix_add(p, 0, &text, false, SCHED_PREFIX_NONE, 0) == KIT_OK;
        uint64_t before = sched_prefix_tokens(p);
        assert_int_equal(before, first ? 6 : 0);
        text = text_c("abcxyz", room);
        bool second = sched_prefix_add(p, 1, &text, false, first ? 0 : SCHED_PREFIX_NONE, first ? 3 : 0) == KIT_OK;
        assert_int_equal(sched_prefix_tokens(p), before + (second ? (first ? 3 : 6) : 0));
        if (first && sched_prefix_cut(p, 0, 2) == KIT_OK) {
            assert_int_equal(sched_prefix_length(p, 0), 2);
        }
        text = text_c("abcxyz!", room);
        if (second && sched_prefix_extend(p, 1, &text) == KIT_OK) {
            assert_int_equal(sched_prefix_length(p, 1), 7);
            sched_prefix_remove(p, 1);
            assert_int_equal(sched_prefix_tokens(p), first ? sched_prefix_length(p, 0) : 0);
        }
        sched_prefix_free(p);
    }
}

int main(void)
{
    return TEST_RUN(TEST_OF(prefix_agrees_with_a_comparison_of_all_texts_with_all),
                    TEST_OF(prefix_names_an_entry_that_is_the_beginning_of_another),
                    TEST_OF(prefix_books_what_was_computed_twice_twice),
                    TEST_OF(prefix_prefers_a_source_that_nobody_works_on), TEST_OF(prefix_without_memory_is_as_it_was));
}
