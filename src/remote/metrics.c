#include "remote/metrics.h"

#define METRIC KIT_METRIC_DEFINE
#include "remote/metric.def"
#undef METRIC

void remote_metrics_register(void)
{
    static struct kit_metric *const table[] = {
#define METRIC KIT_METRIC_POINTER
#include "remote/metric.def"
#undef METRIC
    };
    kit_metric_register(table, KIT_COUNT(table));
}
