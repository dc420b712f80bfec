/* src/heimnetz/bench.h - measures a server that speaks OpenAI's API: many chats at once, each streamed, from one thread.
 *
 * A closed loop (so many under way at a time) or an open one (so many a second at random moments, whatever is under way; times
 * count from the moment that was due). Thread: main. Memory: bounded by what is under way. */
#ifndef HEIMNETZ_BENCH_H
#define HEIMNETZ_BENCH_H

#include "heimnetz/spread.h"
#include "kit/str.h"

#define BENCH_RUNNING_MAX 1024 /* under way at a time */
#define BENCH_FAULTS_MAX 8     /* different ones that are told apart */
#define BENCH_FAULT_BYTES 200

struct heimnetz_bench_plan {
    const char *url; /* "http://host:port", without "/v1" */
    const char *key; /* bearer token; NULL: none */
    const char *model;
    uint32_t concurrency;   /* 1 … BENCH_RUNNING_MAX */
    double rate;            /* a second; 0: the closed loop */
    uint64_t requests;      /* in all, 1 … */
    uint32_t prompt_tokens; /* about: words of English that are one token nearly everywhere; no two prompts are alike */
    kit_str prompt;         /* instead, for all; empty: none */
    uint64_t max_tokens;    /* 1 … */
    uint32_t timeout_ms;    /* of one request */
};

struct heimnetz_bench_fault {
    char text[BENCH_FAULT_BYTES];
    uint64_t count;
};

struct heimnetz_bench_result {
    uint64_t done, failed, unanswered;             /* of the failed: nothing answered at all */
    uint64_t prompt_tokens, cached_tokens, tokens; /* of those done, as the server says; else a token a piece */
    struct heimnetz_spread first, between,
        whole; /* milliseconds: to the first piece, from piece to piece, to the end */
    struct heimnetz_bench_fault faults[BENCH_FAULTS_MAX]; /* [fault_count]; the last one stands for all others, too */
    uint32_t fault_count;
    uint32_t running_max; /* under way at a time */
    uint64_t wall_ns, own_cpu_ns;
    bool interrupted; /* ended by `go_on`; what was under way is not counted */
};

/* go_on: asked often; how many have ended; false ends it. NOMEM; what single requests fail with is in *ret. */
KIT_MUST_CHECK enum kit_status heimnetz_bench_run(const struct heimnetz_bench_plan *plan,
                                                  bool (*go_on)(void *ctx, uint64_t ended), void *ctx,
                                                  struct heimnetz_bench_result *ret, struct kit_err *err);

#endif
