#include "sched/inner.h"

#define RETRY_AFTER_MS_UNKNOWN 1000u /* before anything was measured */
#define RETRY_AFTER_MS_MAX 60000u

/* How long it takes until so many of the waiting tokens are gone. */
static uint32_t estimate_ms(const struct sched_core *c, uint64_t tokens)
{
    if (c->speed <= 0) {
        return RETRY_AFTER_MS_UNKNOWN;
    }
    double ms = 1000.0 * (double)tokens / (c->speed * c->options.instances);
    return ms >= RETRY_AFTER_MS_MAX ? RETRY_AFTER_MS_MAX : (uint32_t)ms + 1;
}

static enum kit_status refuse_full(const struct sched_core *c, uint64_t surplus, uint32_t *retry_after_ms,
                                   struct kit_err *err)
{
    uint32_t ms = estimate_ms(c, surplus);
    if (retry_after_ms != NULL) {
        *retry_after_ms = ms;
    }
    return kit_fail(err, KIT_FULL, "%u requests with %llu tokens wait, the limits are %u and %llu; try again in %u ms",
                    sched_queue_jobs(c->queue), (unsigned long long)sched_queue_tokens(c->queue),
                    c->options.queue_jobs_max, (unsigned long long)c->options.queue_tokens_max, ms);
}

enum kit_status sched_admit(const struct sched_core *c, uint64_t tokens, uint32_t *retry_after_ms, struct kit_err *err)
{
    uint64_t limit = c->options.queue_tokens_max;
    uint64_t waiting = sched_queue_tokens(c->queue);
    uint32_t jobs = sched_queue_jobs(c->queue);
    if (c->closed) {
        return kit_fail(err, KIT_UNAVAILABLE, "%s", c->why);
    }
    if (tokens > limit) {
        return kit_fail(err, KIT_TOO_LARGE, "the request has %llu tokens and the queue takes %llu; send it in parts",
                        (unsigned long long)tokens, (unsigned long long)limit);
    }
    if (tokens > limit - waiting) {
        return refuse_full(c, tokens - (limit - waiting), retry_after_ms, err);
    }
    return jobs < c->options.queue_jobs_max ? KIT_OK : refuse_full(c, waiting / jobs + 1, retry_after_ms, err);
}
