/* src/loop/metrics.h - this folder's metrics; the rows stand in metric.def. */
#ifndef LOOP_METRICS_H
#define LOOP_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "loop/metric.def"
#undef METRIC

/* Once, before threads start; see kit_metric_register. */
void loop_metrics_register(void);

#endif
