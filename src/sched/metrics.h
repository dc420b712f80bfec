/* src/sched/metrics.h - the scheduler's metrics, stated in sched/metric.def. Thread: any. */
#ifndef SCHED_METRICS_H
#define SCHED_METRICS_H

#include "kit/metric.h"
#include "kit/status.h"

#define METRIC KIT_METRIC_DECLARE
#include "sched/metric.def"
#undef METRIC

void sched_metrics_register(void); /* once, before threads start */

/* How a request ended, as the label `result` of sched_jobs_total. */
enum sched_result {
    SCHED_RESULT_OK,
    SCHED_RESULT_FAILED,
    SCHED_RESULT_CANCELLED,
    SCHED_RESULT_TIMEOUT,
    SCHED_RESULT_UNAVAILABLE,
    SCHED_RESULT_REFUSED,
    SCHED_RESULT_COUNT
};

/* What a lane and a generator tell of the requests of one model. */
struct sched_request_metrics {
    struct kit_metric_series *queue_jobs, *queue_tokens, *wait_seconds, *ended[SCHED_RESULT_COUNT];
};

void sched_request_metrics_open(struct sched_request_metrics *m, kit_str model_id);
/* started_ns 0: it never was. */
void sched_request_metrics_ended(const struct sched_request_metrics *m, enum kit_status failed, uint64_t submitted_ns,
                                 uint64_t started_ns);
void sched_request_metrics_refused(const struct sched_request_metrics *m);
double sched_seconds(uint64_t ns);

#endif
