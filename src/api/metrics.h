/* src/api/metrics.h - the api's metrics, stated in api/metric.def. Thread: any. */
#ifndef API_METRICS_H
#define API_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "api/metric.def"
#undef METRIC

void api_metrics_register(void); /* once, before threads start */

#endif
