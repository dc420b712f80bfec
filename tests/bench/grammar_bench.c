/* Grammars in numbers: what compiling, the second use, the tree of a vocabulary and a mask take.
 *
 *     grammar_bench [TOKENS]     without it 262,144
 * Times are the thread's own, without waiting. Masks are timed over walks of random tokens: first with nothing kept, then
 * again with what the first walks have left, then over other walks. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "grammar/cache.h"
#include "grammar/synthetic.h"
#include "kit/alloc.h"
#include "kit/clock.h"

#define WALKS 40
#define STEPS 200
#define TIMES_MAX (WALKS * STEPS)

static const struct {
    const char *name, *json;
} schemas[] = {
    {"any", "{}"},
    {"person",
     "{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},\"age\":{\"type\":\"integer\",\"minimum\":0,"
     "\"maximum\":130},\"email\":{\"type\":\"string\",\"format\":\"email\"},\"tags\":{\"type\":\"array\",\"items\":"
     "{\"type\":\"string\"},\"maxItems\":5},\"address\":{\"type\":\"object\",\"properties\":{\"street\":{\"type\":"
     "\"string\"},"
     "\"zip\":{\"type\":\"string\",\"pattern\":\"^[0-9]{5}$\"}},\"required\":[\"street\",\"zip\"],"
     "\"additionalProperties\":false}},\"required\":[\"name\",\"age\",\"tags\",\"address\"],\"additionalProperties\":"
     "false}"},
    {"tree",
     "{\"type\":\"object\",\"properties\":{\"value\":{\"type\":\"number\"},\"children\":{\"type\":\"array\",\"items\":"
     "{\"$ref\":\"#\"}}},\"required\":[\"value\",\"children\"],\"additionalProperties\":false}"},
    {"short strings", "{\"type\":\"array\",\"items\":{\"type\":\"string\",\"minLength\":10,\"maxLength\":200}}"},
    {"many", NULL}, /* forty properties, made below */
};

static struct synthetic vocab;
static uint64_t random_state = 1;
static double times[TIMES_MAX];

static uint32_t draw(uint32_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((random_state >> 33) % below);
}

/* Of this thread alone: what others take of the machine does not count. */
static uint64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * KIT_NS_PER_S + (uint64_t)t.tv_nsec;
}

static double us_since(uint64_t start_ns)
{
    return (double)(cpu_ns() - start_ns) / 1e3;
}

static kit_str token(void *ctx, int32_t id)
{
    return grammar_vocab_token(((const struct synthetic *)ctx)->vocab, id);
}

static void bench_vocab(void)
{
    struct grammar_vocab *v = NULL;
    uint64_t start = cpu_ns();
    if (grammar_vocab_new(vocab.count, token, &vocab, NULL, 0, &v, NULL) != KIT_OK) {
        abort();
    }
    printf("vocabulary of %u tokens: %.0f ms, %.1f MiB\n", vocab.count, us_since(start) / 1e3,
           (double)grammar_vocab_bytes(v) / (double)KIT_MIB);
    grammar_vocab_unref(v);
}

static char *many_properties(void)
{
    struct kit_buf b;
    kit_buf_init(&b, KIT_MIB);
    kit_buf_printf(&b, "{\"type\":\"object\",\"properties\":{");
    for (int i = 0; i < 40; i++) {
        kit_buf_printf(
            &b, "%s\"property_%d\":{\"type\":[\"string\",\"integer\",\"null\"],\"description\":\"the %dth of them\"}",
            i > 0 ? "," : "", i, i);
    }
    kit_buf_printf(&b, "},\"required\":[\"property_3\"],\"additionalProperties\":false}");
    return kit_buf_take(&b, NULL);
}

static enum kit_status make(void *ctx, struct grammar **ret, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct schema *schema = NULL;
    enum kit_status rc = kit_json_parse(kit_str_c(ctx), 100, &doc, err);
    rc = rc == KIT_OK ? schema_parse(kit_json_root(doc), NULL, &schema, err) : rc;
    rc = rc == KIT_OK ? grammar_from_schema(schema, NULL, ret, err) : rc;
    schema_free(schema);
    kit_json_free(doc);
    return rc;
}

static int32_t pick(const uint64_t *bits, uint32_t allowed)
{
    uint32_t n = draw(allowed);
    for (uint32_t word = 0;; word++) {
        uint32_t here = (uint32_t)__builtin_popcountll(bits[word]);
        uint64_t rest = bits[word];
        if (n >= here) {
            n -= here;
            continue;
        }
        while (n-- > 0) {
            rest &= rest - 1;
        }
        return (int32_t)(word * 64 + (uint32_t)__builtin_ctzll(rest));
    }
}

static uint32_t walks(struct grammar_masks *m, uint64_t *bits, double *accept_us)
{
    uint32_t count = 0;
    *accept_us = 0;
    for (uint32_t i = 0; i < WALKS; i++) {
        struct grammar_state *s = NULL;
        if (grammar_state_new(m, &s, NULL) != KIT_OK) {
            abort();
        }
        for (uint32_t step = 0; step < STEPS && !grammar_state_ended(s); step++) {
            uint32_t allowed = 0;
            uint64_t start = cpu_ns();
            if (grammar_state_mask(s, bits, &allowed, NULL) != KIT_OK || allowed == 0) {
                abort();
            }
            times[count++] = us_since(start);
            int32_t token = pick(bits, allowed);
            start = cpu_ns();
            if (grammar_state_accept(s, token, NULL) != KIT_OK) {
                abort();
            }
            *accept_us += us_since(start);
        }
        grammar_state_free(s);
    }
    *accept_us /= count;
    return count;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static void report(const char *name, const char *when, uint32_t count, double accept_us)
{
    double sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += times[i];
    }
    qsort(times, count, sizeof(times[0]), by_value);
    printf("%-14s %-6s %6u masks: p50 %8.1f us, p99 %8.1f us, mean %8.1f us; accept %5.1f us\n", name, when, count,
           times[count / 2], times[count * 99 / 100], sum / count, accept_us);
}

static void bench(const char *name, const char *json, uint64_t *bits)
{
    struct grammar_cache *cache = NULL;
    struct grammar_masks *m = NULL;
    struct grammar_masks *again = NULL;
    char *source = (char *)(uintptr_t)json;
    double accept_us;
    if (grammar_cache_new(vocab.vocab, 8, GRAMMAR_CACHE_BYTES, &cache, NULL) != KIT_OK) {
        abort();
    }
    uint64_t start = cpu_ns();
    if (grammar_cache_get(cache, kit_str_c(json), make, source, &m, NULL) != KIT_OK) {
        abort();
    }
    double first_us = us_since(start);
    start = cpu_ns();
    for (int i = 0; i < 1000; i++) {
        if (grammar_cache_get(cache, kit_str_c(json), make, source, &again, NULL) != KIT_OK) {
            abort();
        }
        grammar_masks_unref(again);
    }
    double second_us = us_since(start) / 1000;
    printf("%-14s compiled in %.0f us, again %.2f us (%.2f %%)\n", name, first_us, second_us,
           100 * second_us / first_us);
    random_state = 7;
    uint32_t count = walks(m, bits, &accept_us);
    report(name, "first", count, accept_us);
    random_state = 7;
    count = walks(m, bits, &accept_us);
    report(name, "again", count, accept_us);
    random_state = 99;
    count = walks(m, bits, &accept_us);
    report(name, "others", count, accept_us);
    printf("%-14s %.1f MiB held\n", name, (double)grammar_masks_bytes(m) / (double)KIT_MIB);
    grammar_masks_unref(m);
    grammar_cache_free(cache);
}

int main(int argc, char **argv)
{
    uint32_t tokens = argc > 1 ? (uint32_t)atoi(argv[1]) : 262144;
    synthetic_make(&vocab, tokens, 3);
    bench_vocab();
    uint64_t *bits = kit_alloc_zero(grammar_vocab_words(vocab.vocab), sizeof(*bits));
    char *many = many_properties();
    for (size_t i = 0; i < KIT_COUNT(schemas); i++) {
        bench(schemas[i].name, schemas[i].json == NULL ? many : schemas[i].json, bits);
    }
    kit_alloc_free(many);
    kit_alloc_free(bits);
    synthetic_done(&vocab);
    return 0;
}
