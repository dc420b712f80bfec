/* src/kit/metric.h - counters, gauges and histograms, rendered in Prometheus' text format 0.0.4.
 *
 * A folder states its metrics in <folder>/metric.def, one row each:
 *     METRIC(COUNTER, http_requests_total, "method,code", KIT_METRIC_NO_BOUNDS, "Requests answered")
 * <folder>/metrics.h declares them (KIT_METRIC_DECLARE), <folder>/metrics.c defines them and the table that the
 * program registers. Names carry no program prefix: it is put before them when rendering ("aethercore_").
 * Units are seconds and bytes. Thread: any; updates are relaxed atomics. Memory: series live as long as the process,
 * at most KIT_METRIC_SERIES_MAX a metric; what comes beyond is counted under the label value "other". */
#ifndef KIT_METRIC_H
#define KIT_METRIC_H

#include "kit/buf.h"

#define KIT_METRIC_SERIES_MAX 256
#define KIT_METRIC_LABELS_MAX 4
#define KIT_METRIC_BOUNDS_MAX 20

enum kit_metric_kind { KIT_METRIC_COUNTER, KIT_METRIC_GAUGE, KIT_METRIC_HISTOGRAM };

struct kit_metric_series;

struct kit_metric {
    enum kit_metric_kind kind;
    const char *name;     /* "http_requests_total" */
    const char *labels;   /* "method,code", or "" */
    const double *bounds; /* upper bounds of a histogram's buckets, rising, without +Inf; else NULL */
    const char *help;
    struct kit_metric_series *_Atomic series; /* linked list; the metric's own */
};

extern const double kit_metric_seconds[]; /* 0.0005 … 60; ends with 0 */
extern const double kit_metric_tokens[];  /* 1 … 65,536; ends with 0 */
#define KIT_METRIC_NO_BOUNDS NULL

/* The table of a folder; registered once, before threads start. Borrowed for ever. */
void kit_metric_register(struct kit_metric *const *metrics, size_t count);

/* The series with these label values, one for each label of the metric. Keep it where it is hot. Never NULL. */
struct kit_metric_series *kit_metric_series(struct kit_metric *m, const kit_str *values, size_t count);
/* A counter or gauge goes up (a gauge also down) by n; a gauge is n; a histogram has seen x (NaN: it has not). */
void kit_metric_series_add(struct kit_metric_series *s, double n);
void kit_metric_series_set(struct kit_metric_series *s, double n);
void kit_metric_series_observe(struct kit_metric_series *s, double x);

#define METRIC_ADD(name, n) kit_metric_series_add(kit_metric_series(&kit_metric_##name, NULL, 0), (n))
#define METRIC_SET(name, n) kit_metric_series_set(kit_metric_series(&kit_metric_##name, NULL, 0), (n))
#define METRIC_OBSERVE(name, x) kit_metric_series_observe(kit_metric_series(&kit_metric_##name, NULL, 0), (x))
/* With label values: METRIC_ADD_WITH(http_requests_total, 1, method, code), each a kit_str. */
#define METRIC_ADD_WITH(name, n, ...) kit_metric_series_add(METRIC_SERIES(name, __VA_ARGS__), (n))
#define METRIC_SET_WITH(name, n, ...) kit_metric_series_set(METRIC_SERIES(name, __VA_ARGS__), (n))
#define METRIC_OBSERVE_WITH(name, x, ...) kit_metric_series_observe(METRIC_SERIES(name, __VA_ARGS__), (x))
#define METRIC_SERIES(name, ...)                                                                                       \
    kit_metric_series(&kit_metric_##name, (const kit_str[]){__VA_ARGS__},                                              \
                      sizeof((const kit_str[]){__VA_ARGS__}) / sizeof(kit_str))

/* In metrics.h:  #define METRIC KIT_METRIC_DECLARE   #include "http/metric.def"   #undef METRIC
 * In metrics.c:  the same with KIT_METRIC_DEFINE, and once more with KIT_METRIC_POINTER inside a table. */
#define KIT_METRIC_DECLARE(kind, name, labels, bounds, help) extern struct kit_metric kit_metric_##name;
#define KIT_METRIC_DEFINE(kind_, name_, labels_, bounds_, help_)                                                       \
    struct kit_metric kit_metric_##name_ = {KIT_METRIC_##kind_, #name_, labels_, bounds_, help_, NULL};
#define KIT_METRIC_POINTER(kind, name, labels, bounds, help) &kit_metric_##name,

/* Called before each rendering, to set gauges that are read rather than kept. At most 16. Borrowed for ever. */
void kit_metric_collector(void (*collect)(void *ctx), void *ctx);

/* Appends every registered metric, names prefixed ("aethercore_"). */
enum kit_status kit_metric_render(struct kit_buf *out, const char *prefix);

#endif
