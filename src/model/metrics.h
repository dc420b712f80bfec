/* src/model/metrics.h - the metrics of this folder, see metric.def. */
#ifndef MODEL_METRICS_H
#define MODEL_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "model/metric.def"
#undef METRIC

void model_metrics_register(void); /* once, before threads start */

#endif
