#include "aethercore/metrics.h"

#include "api/metrics.h"
#include "http/metrics.h"
#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/cpu.h"
#include "kit/metric.h"
#include "loop/metrics.h"
#include "model/metrics.h"
#include "plug/metrics.h"
#include "remote/metrics.h"
#include "sched/metrics.h"

#define METRIC KIT_METRIC_DEFINE
#include "aethercore/metric.def"
#undef METRIC

static struct kit_metric *const process_metrics[] = {
#define METRIC KIT_METRIC_POINTER
#include "aethercore/metric.def"
#undef METRIC
};

static void collect(void *ctx)
{
    (void)ctx;
    METRIC_SET(process_resident_bytes, (double)kit_cpu_rss_bytes());
    METRIC_SET(process_allocated_bytes, (double)kit_alloc_bytes());
}

void aethercore_metrics_register(void)
{
    kit_metric_register(process_metrics, KIT_COUNT(process_metrics));
    kit_metric_collector(collect, NULL);
    METRIC_SET(process_start_time_seconds, (double)(kit_clock_wall_ns() / KIT_NS_PER_S));
    METRIC_SET_WITH(build_info, 1, kit_str_lit(HEIMNETZ_VERSION));
    loop_metrics_register();
    http_metrics_register();
    plug_metrics_register();
    model_metrics_register();
    remote_metrics_register();
    sched_metrics_register();
    api_metrics_register();
}
