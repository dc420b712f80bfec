/* src/remote/metrics.h - this folder's metrics; the rows stand in metric.def. */
#ifndef REMOTE_METRICS_H
#define REMOTE_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "remote/metric.def"
#undef METRIC

/* Once, before threads start; see kit_metric_register. */
void remote_metrics_register(void);

#endif
