#include "sched/metrics.h"

#include "kit/clock.h"

#define METRIC KIT_METRIC_DEFINE
#include "sched/metric.def"
#undef METRIC

#define METRIC KIT_METRIC_POINTER
static struct kit_metric *const table[] = {
#include "sched/metric.def"
};
#undef METRIC

void sched_metrics_register(void)
{
    kit_metric_register(table, KIT_COUNT(table));
}

void sched_request_metrics_open(struct sched_request_metrics *m, kit_str model_id)
{
    static const char *const results[] = {"ok", "failed", "cancelled", "timeout", "unavailable", "refused"};
    m->queue_jobs = METRIC_SERIES(sched_queue_jobs, model_id);
    m->queue_tokens = METRIC_SERIES(sched_queue_tokens, model_id);
    m->wait_seconds = METRIC_SERIES(sched_wait_seconds, model_id);
    for (size_t i = 0; i < SCHED_RESULT_COUNT; i++) {
        m->ended[i] = METRIC_SERIES(sched_jobs_total, model_id, kit_str_c(results[i]));
    }
}

static enum sched_result result_of(enum kit_status status)
{
    switch (status) {
    case KIT_OK:
        return SCHED_RESULT_OK;
    case KIT_CANCELLED:
        return SCHED_RESULT_CANCELLED;
    case KIT_TIMEOUT:
        return SCHED_RESULT_TIMEOUT;
    case KIT_UNAVAILABLE:
        return SCHED_RESULT_UNAVAILABLE;
    default:
        return SCHED_RESULT_FAILED;
    }
}

void sched_request_metrics_ended(const struct sched_request_metrics *m, enum kit_status failed, uint64_t submitted_ns,
                                 uint64_t started_ns)
{
    kit_metric_series_add(m->ended[result_of(failed)], 1);
    if (started_ns != 0) {
        kit_metric_series_observe(m->wait_seconds, sched_seconds(started_ns - submitted_ns));
    }
}

void sched_request_metrics_refused(const struct sched_request_metrics *m)
{
    kit_metric_series_add(m->ended[SCHED_RESULT_REFUSED], 1);
}

double sched_seconds(uint64_t ns)
{
    return (double)ns / (double)KIT_NS_PER_S;
}
