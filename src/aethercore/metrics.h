/* src/aethercore/metrics.h - which metrics this program shows: those of its folders and of the process. Thread: main. */
#ifndef AETHERCORE_METRICS_H
#define AETHERCORE_METRICS_H

#include "kit/metric.h"

#define METRIC KIT_METRIC_DECLARE
#include "aethercore/metric.def"
#undef METRIC

/* Registers every table; call once, before threads start. */
void aethercore_metrics_register(void);

#endif
