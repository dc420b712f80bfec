#include "grammar/masks.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "grammar/cache.h"
#include "grammar/synthetic.h"
#include "support/test.h"

static struct synthetic vocab;

static int set_up(void **state)
{
    (void)state;
    synthetic_make(&vocab, 3000, 7);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    synthetic_done(&vocab);
    return 0;
}

static struct grammar *compile(const char *json)
{
    struct kit_json_doc *doc = NULL;
    struct schema *schema = NULL;
    struct grammar *g = NULL;
    struct kit_err err = {0};
    assert_ok(kit_json_parse(kit_str_c(json), 50, &doc, NULL));
    assert_ok(schema_parse(kit_json_root(doc), NULL, &schema, &err));
    if (grammar_from_schema(schema, NULL, &g, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    schema_free(schema);
    kit_json_free(doc);
    return g;
}

static bool is_set(const uint64_t *bits, uint32_t id)
{
    return (bits[id / 64] >> id % 64 & 1) != 0;
}

/* Whether the bytes of a token go on from a text, tried from its beginning. */
static bool goes_on(struct grammar_masks *m, kit_str text, kit_str token)
{
    struct grammar_state *s = NULL;
    assert_ok(grammar_state_new(m, &s, NULL));
    assert_ok(grammar_state_accept_bytes(s, text, NULL));
    bool good = token.len > 0 && grammar_state_accept_bytes(s, token, NULL) == KIT_OK;
    grammar_state_free(s);
    return good;
}

static void check_mask(struct grammar_masks *m, struct grammar_state *s, kit_str text, uint64_t *bits)
{
    uint32_t allowed = 0;
    uint32_t found = 0;
    assert_ok(grammar_state_mask(s, bits, &allowed, NULL));
    for (uint32_t id = 0; id < vocab.count; id++) {
        bool wanted = id == SYNTHETIC_END ? grammar_state_complete(s)
                                          : goes_on(m, text, grammar_vocab_token(vocab.vocab, (int32_t)id));
        if (wanted != is_set(bits, id)) {
            fail_msg("token %u (%.*s) must %sbe allowed behind %.*s", id,
                     KIT_STR_ARG(grammar_vocab_token(vocab.vocab, (int32_t)id)), wanted ? "" : "not ",
                     KIT_STR_ARG(text));
        }
        found += wanted;
    }
    assert_int_equal(found, allowed);
    assert_true(allowed > 0);
}

/* A walk of random tokens; each mask is compared with all tokens tried one by one. */
static void walk(struct grammar_masks *m, uint32_t steps)
{
    struct grammar_state *s = NULL;
    struct kit_buf text;
    uint64_t *bits = kit_alloc_zero(grammar_vocab_words(vocab.vocab), sizeof(*bits));
    kit_buf_init(&text, KIT_MIB);
    assert_ok(grammar_state_new(m, &s, NULL));
    for (uint32_t i = 0; i < steps && !grammar_state_ended(s); i++) {
        check_mask(m, s, kit_buf_str(&text), bits);
        uint32_t id = (uint32_t)rand() % vocab.count;
        while (!is_set(bits, id)) {
            id = (id + 1) % vocab.count;
        }
        assert_ok(grammar_state_accept(s, (int32_t)id, NULL));
        kit_buf_add(&text, grammar_vocab_token(vocab.vocab, (int32_t)id));
    }
    grammar_state_free(s);
    kit_buf_done(&text);
    kit_alloc_free(bits);
}

static const char *const schemas[] = {
    "{}",
    "{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"},\"b\":{\"type\":\"string\",\"maxLength\":6},"
    "\"c\":{\"type\":\"array\",\"items\":{\"type\":\"number\"},\"maxItems\":4}},\"required\":[\"a\",\"b\"]}",
    "{\"type\":\"object\",\"properties\":{\"v\":{\"type\":\"integer\",\"maximum\":300},\"n\":{\"anyOf\":[{\"$ref\":\"#"
    "\"},"
    "{\"type\":\"null\"}]}},\"required\":[\"n\"],\"additionalProperties\":{\"enum\":[\"red\",\"green\",\"rain\"]}}",
    "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"pattern\":\"^[a-t]{1,3}( [e-o]+)*$\"}}",
    "{\"anyOf\":[{\"type\":\"string\",\"minLength\":3},{\"type\":\"string\",\"pattern\":\"^[^a]*$\"},{\"const\":"
    "\"a\\\"\"}]}"};

TEST(masks_are_what_trying_each_token_gives)
{
    unsigned seed = (unsigned)time(NULL);
    printf("seed %u\n", seed);
    srand(seed);
    for (size_t i = 0; i < KIT_COUNT(schemas); i++) {
        struct grammar *g = compile(schemas[i]);
        struct grammar_masks *m = NULL;
        assert_ok(grammar_masks_new(g, vocab.vocab, 4 * KIT_MIB, &m, NULL));
        walk(m, 10);
        walk(m, 10);
        grammar_masks_unref(m);
        grammar_unref(g);
    }
}

TEST(masks_without_room_are_worked_out_again)
{
    struct grammar *g = compile(schemas[1]);
    struct grammar_masks *m = NULL;
    assert_ok(grammar_masks_new(g, vocab.vocab, 1, &m, NULL));
    walk(m, 12);
    assert_true(grammar_masks_bytes(m) < 2 * KIT_MIB);
    grammar_masks_unref(m);
    grammar_unref(g);
}

TEST(masks_so_deep_that_calls_reach_their_limit_are_right)
{
    struct grammar *g = compile("{}");
    struct grammar_masks *m = NULL;
    struct grammar_state *s = NULL;
    char deep[300];
    uint64_t *bits = kit_alloc_zero(grammar_vocab_words(vocab.vocab), sizeof(*bits));
    assert_ok(grammar_masks_new(g, vocab.vocab, KIT_MIB, &m, NULL));
    assert_ok(grammar_state_new(m, &s, NULL));
    memset(deep, '[', sizeof(deep));
    size_t len = 0;
    while (grammar_state_accept_bytes(s, kit_str_lit("["), NULL) == KIT_OK) {
        len++;
    }
    assert_true(len > 60 && len < sizeof(deep));
    check_mask(m, s, (kit_str){deep, len}, bits);
    grammar_state_free(s);
    assert_ok(grammar_state_new(m, &s, NULL));
    assert_ok(grammar_state_accept_bytes(s, (kit_str){deep, len - 3}, NULL));
    check_mask(m, s, (kit_str){deep, len - 3}, bits);
    grammar_state_free(s);
    grammar_masks_unref(m);
    grammar_unref(g);
    kit_alloc_free(bits);
}

TEST(masks_let_a_text_end_only_when_it_is_complete_and_then_nothing_follows)
{
    struct grammar *g = compile("{\"type\":\"boolean\"}");
    struct grammar_masks *m = NULL;
    struct grammar_state *s = NULL;
    uint64_t *bits = kit_alloc_zero(grammar_vocab_words(vocab.vocab), sizeof(*bits));
    uint32_t allowed = 0;
    assert_ok(grammar_masks_new(g, vocab.vocab, KIT_MIB, &m, NULL));
    assert_ok(grammar_state_new(m, &s, NULL));
    assert_int_equal(grammar_state_accept(s, SYNTHETIC_END, NULL), KIT_INVALID);
    assert_int_equal(grammar_state_accept(s, SYNTHETIC_CONTROL, NULL), KIT_INVALID);
    assert_int_equal(grammar_state_accept(s, 'x', NULL), KIT_INVALID);
    assert_int_equal(grammar_state_accept(s, -1, NULL), KIT_INVALID);
    assert_ok(grammar_state_accept_bytes(s, kit_str_lit("true"), NULL));
    assert_ok(grammar_state_mask(s, bits, &allowed, NULL));
    assert_true(allowed == 1 && is_set(bits, SYNTHETIC_END));
    assert_ok(grammar_state_accept(s, SYNTHETIC_END, NULL));
    assert_true(grammar_state_ended(s));
    assert_int_equal(grammar_state_accept(s, 't', NULL), KIT_INVALID);
    grammar_state_free(s);
    grammar_masks_unref(m);
    grammar_unref(g);
    kit_alloc_free(bits);
}

TEST(masks_force_what_has_no_choice)
{
    struct grammar *g =
        compile("{\"type\":\"object\",\"properties\":{\"name\":{\"enum\":[\"x1\",\"x2\"]}},\"required\":[\"name\"],"
                "\"additionalProperties\":false}");
    struct grammar_masks *m = NULL;
    struct grammar_state *s = NULL;
    char forced[64];
    assert_ok(grammar_masks_new(g, NULL, 0, &m, NULL));
    assert_ok(grammar_state_new(m, &s, NULL));
    size_t len = grammar_state_forced(s, forced, sizeof(forced));
    assert_str(((kit_str){forced, len}), "{\"name\":\"x");
    assert_ok(grammar_state_accept_bytes(s, (kit_str){forced, len}, NULL));
    assert_int_equal(grammar_state_forced(s, forced, sizeof(forced)), 0);
    assert_ok(grammar_state_accept_bytes(s, kit_str_lit("2"), NULL));
    len = grammar_state_forced(s, forced, sizeof(forced));
    assert_str(((kit_str){forced, len}), "\"}");
    grammar_state_free(s);
    grammar_masks_unref(m);
    grammar_unref(g);
}

/* --- the cache --- */

static uint32_t made;

static enum kit_status make(void *ctx, struct grammar **ret, struct kit_err *err)
{
    (void)err;
    made++;
    *ret = compile(ctx);
    return KIT_OK;
}

static enum kit_status make_nothing(void *ctx, struct grammar **ret, struct kit_err *err)
{
    (void)ctx;
    (void)ret;
    return kit_fail(err, KIT_UNPROCESSABLE, "no");
}

static char one[] = "{\"type\":\"null\"}";
static char two[] = "{\"type\":\"boolean\"}";

static struct grammar_masks *get(struct grammar_cache *c, char *json)
{
    struct grammar_masks *m = NULL;
    assert_ok(grammar_cache_get(c, kit_str_c(json), make, json, &m, NULL));
    return m;
}

TEST(cache_compiles_once_and_forgets_what_was_used_least)
{
    struct grammar_cache *c = NULL;
    assert_ok(grammar_cache_new(vocab.vocab, 1, 64 * KIT_MIB, &c, NULL));
    made = 0;
    struct grammar_masks *a = get(c, one);
    struct grammar_masks *b = get(c, one);
    assert_ptr_equal(a, b);
    assert_int_equal(made, 1);
    struct grammar_masks *other = get(c, two);
    assert_int_equal(grammar_cache_counts(c).entries, 1);
    struct grammar_masks *again = get(c, one);
    assert_int_equal(made, 3);
    assert_ptr_not_equal(again, a);
    assert_int_equal(grammar_cache_counts(c).hits, 1);
    grammar_masks_unref(a);
    grammar_masks_unref(b);
    grammar_masks_unref(other);
    grammar_masks_unref(again);
    grammar_cache_free(c);
}

TEST(cache_keeps_no_failure)
{
    struct grammar_cache *c = NULL;
    struct grammar_masks *m = NULL;
    assert_ok(grammar_cache_new(NULL, 4, 64 * KIT_MIB, &c, NULL));
    assert_int_equal(grammar_cache_get(c, kit_str_c(one), make_nothing, NULL, &m, NULL), KIT_UNPROCESSABLE);
    assert_int_equal(grammar_cache_counts(c).entries, 0);
    grammar_masks_unref(get(c, one));
    assert_int_equal(grammar_cache_counts(c).entries, 1);
    grammar_cache_free(c);
}

TEST(vocab_refuses_ends_that_are_no_tokens)
{
    struct grammar_vocab *v = NULL;
    int32_t end = 5;
    assert_int_equal(grammar_vocab_new(5, NULL, NULL, &end, 1, &v, NULL), KIT_INVALID);
    assert_int_equal(grammar_vocab_new(0, NULL, NULL, NULL, 0, &v, NULL), KIT_TOO_LARGE);
    assert_true(grammar_vocab_is_end(vocab.vocab, SYNTHETIC_END));
    assert_int_equal(grammar_vocab_token(vocab.vocab, SYNTHETIC_CONTROL).len, 0);
    assert_int_equal(grammar_vocab_words(vocab.vocab), (3000 + 63) / 64);
}

static kit_str token(void *ctx, int32_t id)
{
    (void)ctx;
    return grammar_vocab_token(vocab.vocab, id);
}

static enum kit_status write_one(struct grammar *g, struct grammar_vocab **v, struct grammar_masks **m,
                                 struct grammar_state **s)
{
    int32_t end = SYNTHETIC_END;
    uint64_t bits[8];
    enum kit_status rc = grammar_vocab_new(400, token, NULL, &end, 1, v, NULL);
    rc = rc == KIT_OK ? grammar_masks_new(g, *v, KIT_MIB, m, NULL) : rc;
    rc = rc == KIT_OK ? grammar_state_new(*m, s, NULL) : rc;
    for (const char *c = "{\"a\":[\"x"; *c != '\0' && rc == KIT_OK; c++) {
        rc = grammar_state_mask(*s, bits, NULL, NULL);
        assert_true(rc != KIT_OK || is_set(bits, (uint8_t)*c));
        rc = rc == KIT_OK ? grammar_state_accept(*s, *c, NULL) : rc;
    }
    return rc;
}

TEST(masks_survive_each_failed_alloc)
{
    struct grammar *g = compile("{}");
    TEST_ALLOC_SWEEP(n) {
        struct grammar_vocab *v = NULL;
        struct grammar_masks *m = NULL;
        struct grammar_state *s = NULL;
        enum kit_status rc = write_one(g, &v, &m, &s);
        assert_true(rc == KIT_OK || rc == KIT_NOMEM);
        grammar_state_free(s);
        grammar_masks_unref(m);
        grammar_vocab_unref(v);
    }
    grammar_unref(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {TEST_OF(masks_are_what_trying_each_token_gives),
                                       TEST_OF(masks_without_room_are_worked_out_again),
                                       TEST_OF(masks_so_deep_that_calls_reach_their_limit_are_right),
                                       TEST_OF(masks_let_a_text_end_only_when_it_is_complete_and_then_nothing_follows),
                                       TEST_OF(masks_force_what_has_no_choice),
                                       TEST_OF(cache_compiles_once_and_forgets_what_was_used_least),
                                       TEST_OF(cache_keeps_no_failure),
                                       TEST_OF(vocab_refuses_ends_that_are_no_tokens),
                                       TEST_OF(masks_survive_each_failed_alloc)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
