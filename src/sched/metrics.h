/* src/sched/metrics.h - the scheduler's metrics, stated in sched/metric.def. Thread: any. */
#ifndef SCHED_METRICS_H
#define SCHED_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "sched/metric.def"
#undef METRIC

void sched_metrics_register(void); /* once, before threads start */

#endif
