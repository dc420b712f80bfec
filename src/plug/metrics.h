/* src/plug/metrics.h - this folder's metrics; the rows stand in metric.def. */
#ifndef PLUG_METRICS_H
#define PLUG_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "plug/metric.def"
#undef METRIC

/* Once, before threads start; see kit_metric_register. */
void plug_metrics_register(void);

#endif
