#include "api/metrics.h"

#define METRIC KIT_METRIC_DEFINE
#include "api/metric.def"
#undef METRIC

#define METRIC KIT_METRIC_POINTER
static struct kit_metric *const table[] = {
#include "api/metric.def"
};
#undef METRIC

void api_metrics_register(void)
{
    kit_metric_register(table, KIT_COUNT(table));
}
