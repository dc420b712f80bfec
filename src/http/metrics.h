/* src/http/metrics.h - this folder's metrics; the rows stand in metric.def. */
#ifndef HTTP_METRICS_H
#define HTTP_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "http/metric.def"
#undef METRIC

/* Once, before threads start; see kit_metric_register. */
void http_metrics_register(void);

#endif
