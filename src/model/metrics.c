#include "model/metrics.h"

#define METRIC KIT_METRIC_DEFINE
#include "model/metric.def"
#undef METRIC

void model_metrics_register(void)
{
    static struct kit_metric *const table[] = {
#define METRIC KIT_METRIC_POINTER
#include "model/metric.def"
#undef METRIC
    };
    kit_metric_register(table, KIT_COUNT(table));
}
