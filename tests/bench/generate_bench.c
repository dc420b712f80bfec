/* tests/bench/generate_bench.c - what the scheduler of generation costs, without an engine.
 *
 *     generate_bench [--json]
 *
 * A round is plan, step and finish; each figure is the median of ROUNDS. Decode: so many texts that are being continued.
 * Prompt: pieces of long ones. Enter: a prompt of 4,000 tokens that comes in while 255 other beginnings are kept. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/clock.h"
#include "sched/batcher.h"

#define ROUNDS 2001
#define PROMPT 4000
#define TEXTS 256

struct bench {
    struct sched_batcher *batcher;
    struct sched_sequence texts[TEXTS];
    int32_t *prompts; /* [TEXTS][PROMPT] */
    uint64_t now, ns[ROUNDS];
    bool json;
};

static void must(enum kit_status rc)
{
    if (rc != KIT_OK) {
        fprintf(stderr, "generate_bench: %s\n", kit_status_text(rc));
        exit(1);
    }
}

static void start(struct bench *b, uint32_t sequences)
{
    const struct sched_batcher_options options = {.sequences_max = sequences,
                                                  .step_tokens_max = 2048,
                                                  .step_ms_target = 50,
                                                  .context_tokens_max = 1 << 20,
                                                  .kv_tokens_max = 1 << 24,
                                                  .prefix_tokens_max = 1 << 24,
                                                  .queue_tokens_max = 1 << 24,
                                                  .queue_jobs_max = 1024,
                                                  .trim = true,
                                                  .fork = true};
    b->now = KIT_NS_PER_MS;
    must(sched_batcher_new(&options, &b->batcher, NULL));
}

static void submit(struct bench *b, uint32_t k, uint32_t prompt, uint32_t answer)
{
    b->texts[k] = (struct sched_sequence){.priority = SCHED_NORMAL,
                                          .deadline_ns = KIT_NEVER_NS,
                                          .principal = k % 7,
                                          .prompt = b->prompts + (size_t)k * PROMPT,
                                          .prompt_count = prompt,
                                          .tokens_max = answer,
                                          .keep_prefix = true};
    must(sched_batcher_submit(b->batcher, &b->texts[k], b->now, NULL, NULL));
}

/* One round; answers what it took, without the time in which an engine would work. 0: nobody computes. */
static uint64_t go(struct bench *b)
{
    struct sched_step step;
    const struct sched_op *ops;
    uint64_t from = kit_clock_ns();
    (void)sched_batcher_plan(b->batcher, b->now, &ops);
    if (!sched_batcher_step(b->batcher, b->now, &step)) {
        return 0;
    }
    for (uint32_t i = 0; i < step.count; i++) {
        step.parts[i].answered = step.parts[i].wants;
        step.parts[i].next = SCHED_NEXT_TOKEN;
        step.parts[i].token = 1;
    }
    b->now += (10 + step.n / 2) * KIT_NS_PER_MS;
    sched_batcher_finish(b->batcher, KIT_OK, NULL, b->now);
    while (sched_batcher_done(b->batcher) != NULL) {
    }
    return kit_clock_ns() - from;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void report(struct bench *b, const char *name, uint32_t rounds)
{
    qsort(b->ns, rounds, sizeof(b->ns[0]), compare);
    const char *format =
        b->json ? "{\"name\": \"%s\", \"microseconds\": %.2f, \"p99\": %.2f}\n" : "%-44s %8.2f us   p99 %8.2f us\n";
    printf(format, name, (double)b->ns[rounds / 2] / 1000, (double)b->ns[rounds * 99 / 100] / 1000);
}

static void end(struct bench *b)
{
    sched_batcher_close(b->batcher, true, "over", b->now);
    while (sched_batcher_done(b->batcher) != NULL) {
    }
    sched_batcher_free(b->batcher);
}

static void decode(struct bench *b, uint32_t sequences, const char *name)
{
    start(b, sequences);
    for (uint32_t k = 0; k < sequences; k++) {
        submit(b, k, 8, 100000);
    }
    for (uint32_t i = 0; i < 200; i++) {
        (void)go(b);
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        b->ns[i] = go(b);
    }
    report(b, name, ROUNDS);
    end(b);
}

static void prefill(struct bench *b)
{
    uint32_t rounds = 0;
    start(b, 64);
    for (uint32_t k = 0; k < 60; k++) {
        submit(b, k, 8, 100000);
    }
    for (uint32_t i = 0; i < 200; i++) {
        (void)go(b);
    }
    for (uint32_t k = 60; k < 64; k++) {
        submit(b, k, PROMPT, 1);
    }
    while (rounds < 200) {
        b->ns[rounds++] = go(b);
    }
    report(b, "a step of 60 texts and pieces of prompts", rounds);
    end(b);
}

static void enter(struct bench *b)
{
    uint32_t rounds = 0;
    start(b, TEXTS);
    for (uint32_t k = 0; k < TEXTS - 1; k++) {
        submit(b, k, PROMPT, 1);
        while (go(b) > 0) {
        }
    }
    for (; rounds < 200; rounds++) {
        submit(b, TEXTS - 1, PROMPT, 1);
        b->ns[rounds] = go(b);
        while (go(b) > 0) {
        }
    }
    report(b, "4,000 tokens enter beside 255 kept beginnings", rounds);
    end(b);
}

int main(int argc, char **argv)
{
    struct bench *b = kit_alloc_zero(1, sizeof(*b));
    if (b == NULL || (b->prompts = kit_alloc_zero((size_t)TEXTS * PROMPT, sizeof(*b->prompts))) == NULL) {
        return 1;
    }
    b->json = argc > 1 && strcmp(argv[1], "--json") == 0;
    for (uint32_t i = 0; i < TEXTS * PROMPT; i++) { /* a beginning that all have, then their own */
        b->prompts[i] = i % PROMPT < 500 ? (int32_t)(i % PROMPT) : (int32_t)(i * 2654435761u >> 14);
    }
    decode(b, 1, "a step of 1 text");
    decode(b, 16, "a step of 16 texts");
    decode(b, 64, "a step of 64 texts");
    decode(b, 256, "a step of 256 texts");
    prefill(b);
    enter(b);
    kit_alloc_free(b->prompts);
    kit_alloc_free(b);
    return 0;
}
