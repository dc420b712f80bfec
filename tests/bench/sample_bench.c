/* Choosing a token from a row of logits, on one thread, beside code that sorts the whole row.
 *
 *     sample_bench [VOCAB [ROUNDS]]        prints {"case": {"median_us": …, "least_us": …}, …}
 *
 * "peaked" is like what a language model gives: most of the probability on some tens of tokens; "flat" is a wide
 * normal distribution, whose nucleus holds thousands. The row is fresh in each round; copying it is not counted. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "sample/random.h"
#include "sample/sample.h"

#define ROUNDS_MAX 10000u

struct bench {
    uint32_t vocab, rounds;
    float *peaked, *flat, *row;
    uint64_t *mask; /* every second token */
    uint64_t ns[ROUNDS_MAX];
    bool begun;
};

static float normal(struct sample_random *r)
{
    double sum = -6;
    for (int i = 0; i < 12; i++) {
        sum += sample_random_unit(r);
    }
    return (float)sum;
}

static void fill(struct bench *b)
{
    struct sample_random random = {1};
    for (uint32_t i = 0; i < b->vocab; i++) {
        b->flat[i] = normal(&random);
        b->peaked[i] = 2 * b->flat[i] - 6;
        b->mask[i / 64] = 0x5555555555555555u;
    }
    for (uint32_t i = 0; i < 100; i++) {
        b->peaked[sample_random_bits(&random) % b->vocab] = 20 - 4 * logf((float)(i + 1));
    }
}

static int compare_ns(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void print(struct bench *b, const char *name)
{
    qsort(b->ns, b->rounds, sizeof(*b->ns), compare_ns);
    printf("%s\"%s\": {\"median_us\": %.1f, \"least_us\": %.1f}", b->begun ? ",\n " : "{", name,
           (double)b->ns[b->rounds / 2] / 1e3, (double)b->ns[0] / 1e3);
    b->begun = true;
}

static void run(struct bench *b, const char *name, const float *from, const struct sample_options *o,
                const uint64_t *mask)
{
    struct sample *s = NULL;
    struct sample_choice choice;
    struct kit_err err;
    if (sample_new(o, b->vocab, 4096, &s, &err) != KIT_OK) {
        fprintf(stderr, "sample_bench: %s\n", err.msg);
        exit(1);
    }
    for (uint32_t i = 0; i < b->rounds; i++) {
        memcpy(b->row, from, b->vocab * sizeof(*from));
        uint64_t started_ns = kit_clock_ns();
        if (sample_next(s, b->row, mask, &choice, &err) != KIT_OK) {
            fprintf(stderr, "sample_bench: %s\n", err.msg);
            exit(1);
        }
        sample_accept(s, choice.token);
        b->ns[i] = kit_clock_ns() - started_ns;
    }
    sample_free(s);
    print(b, name);
}

/* --- the same, straightforwardly --- */

struct pair {
    float x;
    int32_t id;
};

static int compare_pairs(const void *a, const void *b)
{
    const struct pair *x = a;
    const struct pair *y = b;
    return x->x != y->x ? (x->x > y->x ? -1 : 1) : (x->id < y->id ? -1 : 1);
}

static int32_t sorted_choice(struct pair *pairs, const float *row, uint32_t n, float top_p, double u)
{
    double sum = 0;
    double before = 0;
    for (uint32_t i = 0; i < n; i++) {
        pairs[i] = (struct pair){row[i], (int32_t)i};
    }
    qsort(pairs, n, sizeof(*pairs), compare_pairs);
    float top = pairs[0].x;
    for (uint32_t i = 0; i < n; i++) {
        pairs[i].x = expf(pairs[i].x - top);
        sum += (double)pairs[i].x;
    }
    uint32_t at = 0;
    for (; at + 1 < n && before <= u * (double)top_p * sum; at++) {
        before += (double)pairs[at].x;
    }
    return pairs[at].id;
}

static void run_sorted(struct bench *b, const char *name, const float *from, float top_p)
{
    struct pair *pairs = kit_alloc_array(b->vocab, sizeof(*pairs));
    int32_t keep = 0;
    uint32_t rounds = b->rounds;
    b->rounds = KIT_MIN(rounds, 20);
    for (uint32_t i = 0; pairs != NULL && i < b->rounds; i++) {
        uint64_t started_ns = kit_clock_ns();
        keep += sorted_choice(pairs, from, b->vocab, top_p, 0.5);
        b->ns[i] = kit_clock_ns() - started_ns;
    }
    print(b, name);
    b->rounds = rounds;
    kit_alloc_free(pairs);
    fprintf(stderr, "%s", keep == 42 ? " " : "");
}

static struct sample_options options(float temperature, uint32_t top_k, float top_p)
{
    struct sample_options o;
    sample_options_init(&o);
    o.temperature = temperature;
    o.top_k = top_k;
    o.top_p = top_p;
    return o;
}

static void run_all(struct bench *b)
{
    struct sample_options o = options(0, 0, 1);
    run(b, "greedy", b->peaked, &o, NULL);
    run(b, "greedy, every second token masked", b->peaked, &o, b->mask);
    o = options(0.8f, 40, 0.95f);
    run(b, "top-k 40, top-p 0.95", b->peaked, &o, NULL);
    run(b, "top-k 40, top-p 0.95, flat", b->flat, &o, NULL);
    o.repetition = 1.1f;
    o.penalty_last_n = 64;
    run(b, "top-k 40, top-p 0.95, penalties over 64", b->peaked, &o, NULL);
    o.penalty_last_n = 0;
    run(b, "top-k 40, top-p 0.95, penalties over all", b->flat, &o, NULL);
    o = options(0.8f, 40, 0.95f);
    o.logprobs = true;
    o.logprobs_top = 20;
    run(b, "top-k 40, top-p 0.95, logprobs of 20", b->peaked, &o, NULL);
    o = options(0.8f, 0, 0.95f);
    run(b, "top-p 0.95", b->peaked, &o, NULL);
    run(b, "top-p 0.95, flat", b->flat, &o, NULL);
    o = options(0.8f, 0, 1);
    run(b, "temperature", b->peaked, &o, NULL);
    o.min_p = 0.05f;
    run(b, "min-p 0.05", b->peaked, &o, NULL);
    run(b, "min-p 0.05, flat", b->flat, &o, NULL);
    o = options(0.8f, 0, 1);
    o.typical_p = 0.9f;
    run(b, "typical 0.9", b->peaked, &o, NULL);
    run_sorted(b, "sorted whole, top-p 0.95", b->peaked, 0.95f);
    printf("}\n");
}

int main(int argc, char **argv)
{
    static struct bench b;
    b.vocab = argc > 1 ? (uint32_t)atoi(argv[1]) : 262144;
    b.rounds = argc > 2 ? (uint32_t)atoi(argv[2]) : 1000;
    b.rounds = KIT_MAX(1, KIT_MIN(b.rounds, ROUNDS_MAX));
    b.peaked = kit_alloc_array(b.vocab, sizeof(float));
    b.flat = kit_alloc_array(b.vocab, sizeof(float));
    b.row = kit_alloc_aligned(64, b.vocab * sizeof(float));
    b.mask = kit_alloc_array(b.vocab / 64 + 1, sizeof(uint64_t));
    if (b.peaked == NULL || b.flat == NULL || b.row == NULL || b.mask == NULL) {
        fprintf(stderr, "sample_bench: out of memory\n");
        return 1;
    }
    fill(&b);
    run_all(&b);
    kit_alloc_free(b.peaked);
    kit_alloc_free(b.flat);
    kit_alloc_free(b.row);
    kit_alloc_free(b.mask);
    return 0;
}
