#include "http/metrics.h"

#define METRIC KIT_METRIC_DEFINE
#include "http/metric.def"
#undef METRIC

void http_metrics_register(void)
{
    static struct kit_metric *const table[] = {
#define METRIC KIT_METRIC_POINTER
#include "http/metric.def"
#undef METRIC
    };
    kit_metric_register(table, KIT_COUNT(table));
}
