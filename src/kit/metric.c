#include "kit/metric.h"

#include <assert.h>
#include <math.h>
#include <stdatomic.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/num.h"
#include "kit/sync.h"
#include "kit/utf8.h"

#define TABLES_MAX 64
#define COLLECTORS_MAX 16
#define VALUE_BYTES_MAX 128 /* of a label's value; longer ones are cut */
#define CACHE_LINE 64

const double kit_metric_seconds[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                     0.5,    1,     2.5,    5,     10,   30,    60,   0};
const double kit_metric_tokens[] = {1,   2,    4,    8,    16,   32,    64,    128,   256,
                                    512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 0};

struct kit_metric_series {
    struct kit_metric_series *next;        /* made before; set once */
    const double *bounds;                  /* borrowed; NULL when it is no histogram */
    uint64_t hash;                         /* of the label values */
    kit_str values[KIT_METRIC_LABELS_MAX]; /* owned: one block with this struct */
    size_t value_count;
    size_t bound_count;
    _Atomic uint64_t value; /* a double's bits: the figure, or a histogram's sum */
    _Atomic uint64_t buckets[];
};

struct table {
    struct kit_metric *const *metrics;
    size_t count;
};

static struct table tables[TABLES_MAX];
static size_t table_count;

static struct {
    void (*collect)(void *ctx);
    void *ctx;
} collectors[COLLECTORS_MAX];
static size_t collector_count;

static struct kit_mutex birth = {PTHREAD_MUTEX_INITIALIZER}; /* held while a series is made */

/* Takes what is counted while there is no memory for a series. It is never shown. */
static struct kit_metric_series lost;

/* --- values --- */

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof(bits));
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof(x));
    return x;
}

void kit_metric_series_add(struct kit_metric_series *s, double n)
{
    uint64_t old = atomic_load_explicit(&s->value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&s->value, &old, bits_of(double_of(old) + n), memory_order_relaxed,
                                                  memory_order_relaxed)) {
    }
}

void kit_metric_series_set(struct kit_metric_series *s, double n)
{
    atomic_store_explicit(&s->value, bits_of(n), memory_order_relaxed);
}

void kit_metric_series_observe(struct kit_metric_series *s, double x)
{
    if (isnan(x) || s->bounds == NULL) {
        return;
    }
    size_t i = 0;
    while (i < s->bound_count && x > s->bounds[i]) {
        i++;
    }
    atomic_fetch_add_explicit(&s->buckets[i], 1, memory_order_relaxed);
    kit_metric_series_add(s, x);
}

/* --- series --- */

static size_t count_labels(const struct kit_metric *m)
{
    size_t count = 0;
    kit_str rest = kit_str_c(m->labels), label;
    while (kit_str_cut(&rest, ',', &label)) {
        count++;
    }
    return count;
}

static size_t count_bounds(const struct kit_metric *m)
{
    size_t count = 0;
    while (m->kind == KIT_METRIC_HISTOGRAM && count < KIT_METRIC_BOUNDS_MAX && m->bounds[count] != 0) {
        count++;
    }
    return count;
}

static kit_str cut_value(kit_str value)
{
    return kit_str_sub(value, 0, VALUE_BYTES_MAX);
}

static uint64_t hash_values(const kit_str *values, size_t count)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < count; i++) {
        hash = hash * UINT64_C(0x9E3779B97F4A7C15) + kit_str_hash(cut_value(values[i]));
    }
    return hash;
}

static bool same_values(const struct kit_metric_series *s, const kit_str *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!kit_str_eq(s->values[i], cut_value(values[i]))) {
            return false;
        }
    }
    return true;
}

/* *ret_count: series that are there. */
static struct kit_metric_series *find(const struct kit_metric *m, const kit_str *values, size_t count, uint64_t hash,
                                      size_t *ret_count)
{
    *ret_count = 0;
    struct kit_metric_series *s = atomic_load_explicit(&m->series, memory_order_acquire);
    for (; s != NULL; s = s->next, (*ret_count)++) {
        if (s->hash == hash && same_values(s, values, count)) {
            return s;
        }
    }
    return NULL;
}

static struct kit_metric_series *make(const struct kit_metric *m, const kit_str *values, size_t count, uint64_t hash)
{
    size_t bounds = count_bounds(m);
    size_t head = sizeof(struct kit_metric_series) + (bounds + 1) * sizeof(_Atomic uint64_t);
    size_t text = 0;
    for (size_t i = 0; i < count; i++) {
        text += cut_value(values[i]).len;
    }
    struct kit_metric_series *s = kit_alloc_aligned(CACHE_LINE, head + text);
    if (s == NULL) {
        return NULL;
    }
    memset(s, 0, head + text);
    s->hash = hash;
    s->value_count = count;
    s->bound_count = bounds;
    s->bounds = m->kind == KIT_METRIC_HISTOGRAM ? m->bounds : NULL;
    char *to = (char *)s + head;
    for (size_t i = 0; i < count; i++) {
        s->values[i] = (kit_str){.ptr = to, .len = cut_value(values[i]).len};
        if (values[i].len > 0) {
            memcpy(to, values[i].ptr, s->values[i].len);
        }
        to += s->values[i].len;
    }
    return s;
}

/* Finds it after all, or makes it; the last free place is for "other". The mutex is held. */
static struct kit_metric_series *find_or_make(struct kit_metric *m, const kit_str *values, size_t count, uint64_t hash)
{
    kit_str other[KIT_METRIC_LABELS_MAX];
    size_t there;
    struct kit_metric_series *s = find(m, values, count, hash, &there);
    if (s == NULL && count > 0 && there >= KIT_METRIC_SERIES_MAX - 1) {
        for (size_t i = 0; i < count; i++) {
            other[i] = kit_str_lit("other");
        }
        values = other;
        hash = hash_values(values, count);
        s = find(m, values, count, hash, &there);
    }
    if (s == NULL) {
        s = make(m, values, count, hash);
        if (s == NULL) {
            return &lost;
        }
        s->next = atomic_load_explicit(&m->series, memory_order_relaxed);
        atomic_store_explicit(&m->series, s, memory_order_release);
    }
    return s;
}

static struct kit_metric_series *series_slowly(struct kit_metric *m, const kit_str *values, size_t count)
{
    assert(count <= KIT_METRIC_LABELS_MAX && count == count_labels(m));
    size_t there;
    uint64_t hash = hash_values(values, count);
    struct kit_metric_series *s = find(m, values, count, hash, &there);
    if (s == NULL) {
        kit_mutex_lock(&birth);
        s = find_or_make(m, values, count, hash);
        kit_mutex_unlock(&birth);
    }
    return s;
}

struct kit_metric_series *kit_metric_series(struct kit_metric *m, const kit_str *values, size_t count)
{
    struct kit_metric_series *s = atomic_load_explicit(&m->series, memory_order_acquire);
    return count == 0 && s != NULL && s->value_count == 0 ? s : series_slowly(m, values, count);
}

/* --- tables --- */

/* Metrics without labels are shown from the start, as zero. */
void kit_metric_register(struct kit_metric *const *metrics, size_t count)
{
    for (size_t i = 0; i < table_count; i++) {
        if (tables[i].metrics == metrics) {
            return;
        }
    }
    assert(table_count < TABLES_MAX);
    tables[table_count++] = (struct table){metrics, count};
    for (size_t i = 0; i < count; i++) {
        if (metrics[i]->labels[0] == '\0') {
            kit_metric_series(metrics[i], NULL, 0);
        }
    }
}

void kit_metric_collector(void (*collect)(void *ctx), void *ctx)
{
    assert(collector_count < COLLECTORS_MAX);
    collectors[collector_count].collect = collect;
    collectors[collector_count].ctx = ctx;
    collector_count++;
}

/* --- the text format --- */

static void put_number(struct kit_buf *out, double x)
{
    char text[KIT_NUM_BYTES];
    if (isfinite(x)) {
        kit_buf_add(out, (kit_str){.ptr = text, .len = kit_num_f64(x, text)});
    } else {
        kit_buf_add(out, isnan(x) ? kit_str_lit("NaN") : x > 0 ? kit_str_lit("+Inf") : kit_str_lit("-Inf"));
    }
}

/* Backslash and newline are escaped, in label values the quote too; a byte that is not UTF-8 becomes U+FFFD. */
static void put_escaped(struct kit_buf *out, kit_str s, bool quote)
{
    for (size_t at = 0; at < s.len;) {
        char c = s.ptr[at];
        size_t len = kit_utf8_at(s, at);
        if (c == '\\' || c == '\n' || (quote && c == '"')) {
            kit_buf_add(out, (kit_str){(char[]){'\\', c == '\n' ? 'n' : c}, 2});
        } else if (len == 0) {
            kit_buf_add(out, kit_str_lit("\xEF\xBF\xBD"));
        } else {
            kit_buf_add(out, kit_str_sub(s, at, len));
        }
        at += KIT_MAX(len, 1);
    }
}

static void put_label(struct kit_buf *out, kit_str name, kit_str value, bool first)
{
    kit_buf_add_char(out, first ? '{' : ',');
    kit_buf_add(out, name);
    kit_buf_add(out, kit_str_lit("=\""));
    put_escaped(out, value, true);
    kit_buf_add_char(out, '"');
}

/* {method="GET",le="0.5"}; le: empty when it is no bucket. */
static void put_labels(struct kit_buf *out, const struct kit_metric *m, const struct kit_metric_series *s, kit_str le)
{
    kit_str rest = kit_str_c(m->labels), label;
    bool first = true;
    for (size_t i = 0; i < s->value_count && kit_str_cut(&rest, ',', &label); i++) {
        put_label(out, label, s->values[i], first);
        first = false;
    }
    if (le.len > 0) {
        put_label(out, kit_str_lit("le"), le, first);
        first = false;
    }
    if (!first) {
        kit_buf_add_char(out, '}');
    }
}

static void put_sample(struct kit_buf *out, const char *prefix, const struct kit_metric *m,
                       const struct kit_metric_series *s, const char *suffix, kit_str le, double x)
{
    kit_buf_printf(out, "%s%s%s", prefix, m->name, suffix);
    put_labels(out, m, s, le);
    kit_buf_add_char(out, ' ');
    put_number(out, x);
    kit_buf_add_char(out, '\n');
}

static void put_histogram(struct kit_buf *out, const char *prefix, const struct kit_metric *m,
                          const struct kit_metric_series *s)
{
    uint64_t sum = 0;
    for (size_t i = 0; i <= s->bound_count; i++) {
        char text[KIT_NUM_BYTES];
        kit_str le = kit_str_lit("+Inf");
        if (i < s->bound_count) {
            le = (kit_str){.ptr = text, .len = kit_num_f64(s->bounds[i], text)};
        }
        sum += atomic_load_explicit(&s->buckets[i], memory_order_relaxed);
        put_sample(out, prefix, m, s, "_bucket", le, (double)sum);
    }
    double total = double_of(atomic_load_explicit(&s->value, memory_order_relaxed));
    put_sample(out, prefix, m, s, "_sum", (kit_str){0}, total);
    put_sample(out, prefix, m, s, "_count", (kit_str){0}, (double)sum);
}

static void put_metric(struct kit_buf *out, const char *prefix, const struct kit_metric *m)
{
    static const char *const kinds[] = {"counter", "gauge", "histogram"};
    const struct kit_metric_series *list[KIT_METRIC_SERIES_MAX];
    size_t count = 0;
    kit_buf_printf(out, "# HELP %s%s ", prefix, m->name);
    put_escaped(out, kit_str_c(m->help), false);
    kit_buf_printf(out, "\n# TYPE %s%s %s\n", prefix, m->name, kinds[m->kind]);
    const struct kit_metric_series *s = atomic_load_explicit(&m->series, memory_order_acquire);
    for (; s != NULL && count < KIT_COUNT(list); s = s->next) {
        list[count++] = s;
    }
    while (count > 0) { /* the oldest first, so that lines keep their order */
        s = list[--count];
        if (m->kind == KIT_METRIC_HISTOGRAM) {
            put_histogram(out, prefix, m, s);
        } else {
            double x = double_of(atomic_load_explicit(&s->value, memory_order_relaxed));
            put_sample(out, prefix, m, s, "", (kit_str){0}, x);
        }
    }
}

enum kit_status kit_metric_render(struct kit_buf *out, const char *prefix)
{
    for (size_t i = 0; i < collector_count; i++) {
        collectors[i].collect(collectors[i].ctx);
    }
    for (size_t i = 0; i < table_count; i++) {
        for (size_t k = 0; k < tables[i].count; k++) {
            put_metric(out, prefix, tables[i].metrics[k]);
        }
    }
    return out->failed;
}
