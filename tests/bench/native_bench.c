/* tests/bench/native_bench.c - how fast the native engine is, beside what the machine can do in the same run.
 *
 *     native_bench [--json] [--model FOLDER] [--isa NAME] [--cores N] [--rounds N] [--cpu-time] [--only TEXT]
 *
 * Prints the FMA peak of one core, GFLOP/s of the matrix product for the shapes of all-MiniLM-L6-v2, the time to load it,
 * and three loads: W1, 512 rows of 8 to 64 tokens (calls of 32 rows, and one call); W2, 128 rows of 200 to 256; W3, one row of
 * 16. Each figure is the median of the rounds. Token ids are random: the time does not depend on them.
 * With --cpu-time it is the process' CPU time that counts: of use on a busy machine, with one core. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aether/backend.h"
#include "gemm.h"
#include "host.h"
#include "kit/alloc.h"
#include "kit/buf.h"
#include "kit/json.h"
#include "small_host.h"

#define ROUNDS_MAX 101
#define RESULTS_MAX 64
#define HIDDEN 384
#define MODEL_FLOP 21233664.0 /* of a token, without attention */
#define ATTENTION_FLOP 9216.0 /* of a token, for each token of its row */

struct result {
    char name[64];
    const char *unit;
    double value, gflops;
};

struct bench {
    const char *folder, *isa;
    const char *only; /* loads whose name holds this; NULL: all */
    uint32_t cores, rounds;
    bool json, cpu_time;
    const struct native_kernels *kernels;
    const struct acb_plugin *plugin;
    void *model, *instance;
    struct result result[RESULTS_MAX];
    uint32_t results;
};

static double seconds(const struct bench *b)
{
    struct timespec t;
    clock_gettime(b->cpu_time ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* Median time of run(arg) over the rounds, after one that does not count. */
static double median_of(const struct bench *b, void (*run)(void *arg), void *arg)
{
    double took[ROUNDS_MAX];
    run(arg);
    for (uint32_t i = 0; i < b->rounds; i++) {
        double from = seconds(b);
        run(arg);
        took[i] = seconds(b) - from;
    }
    qsort(took, b->rounds, sizeof(took[0]), by_value);
    return took[b->rounds / 2];
}

static void add(struct bench *b, const char *name, double value, const char *unit, double gflops)
{
    struct result *r = &b->result[b->results++];
    snprintf(r->name, sizeof(r->name), "%s", name);
    r->value = value;
    r->unit = unit;
    r->gflops = gflops;
}

/* --- the machine's peak --- */

#define PEAK_STEPS 2000000
#define PEAK_SUMS 12 /* with two constants they fit 16 registers */
#define PEAK(name, target_name, width)                                                                                 \
    typedef float name##_v __attribute__((vector_size(4 * (width))));                                                  \
    __attribute__((target(target_name), noinline)) static void name(void *arg)                                         \
    {                                                                                                                  \
        name##_v sum[PEAK_SUMS], by = {0}, plus = {0};                                                                 \
        for (int i = 0; i < PEAK_SUMS; i++) {                                                                          \
            sum[i] = by + (float)i;                                                                                    \
        }                                                                                                              \
        by = by + *(const float *)arg;                                                                                 \
        plus = plus + *(const float *)arg;                                                                             \
        for (int k = 0; k < PEAK_STEPS; k++) {                                                                         \
            _Pragma("GCC unroll 16") for (int i = 0; i < PEAK_SUMS; i++)                                               \
            {                                                                                                          \
                sum[i] = sum[i] * by + plus;                                                                           \
            }                                                                                                          \
        }                                                                                                              \
        for (int i = 1; i < PEAK_SUMS; i++) {                                                                          \
            sum[0] += sum[i];                                                                                          \
        }                                                                                                              \
        *(volatile float *)arg = sum[0][0] > 1e30f ? 0.25f : 0.5f;                                                     \
    }
#if defined(__x86_64__)
PEAK(peak_avx512, "avx512f,fma", 16)
PEAK(peak_avx2, "avx2,fma", 8)
PEAK(peak_scalar, "sse2", 4)
#endif

static void measure_peak(struct bench *b)
{
#if defined(__x86_64__)
    float seed = 0.5f;
    double width = 4;
    void (*run)(void *) = peak_scalar;
    if (strcmp(b->kernels->isa, "avx512") == 0) {
        run = peak_avx512;
        width = 16;
    } else if (strcmp(b->kernels->isa, "avx2") == 0) {
        run = peak_avx2;
        width = 8;
    }
    double peak = 2.0 * width * PEAK_STEPS * PEAK_SUMS / median_of(b, run, &seed) / 1e9;
    add(b, "fma peak, 1 core", peak, "GFLOP/s", peak);
#else
    (void)b;
#endif
}

/* --- matrix products --- */

struct product {
    struct native_gemm g;
    uint32_t times;
};

static void run_product(void *arg)
{
    const struct product *p = arg;
    for (uint32_t i = 0; i < p->times; i++) {
        native_gemm_panels(&p->g, 0, p->g.b->panel_count);
    }
}

static float *filled(size_t n)
{
    float *x = kit_alloc_aligned(64, n * sizeof(float));
    for (size_t i = 0; x != NULL && i < n; i++) {
        x[i] = (float)(i % 17) * 0.01f;
    }
    return x;
}

static void measure_product(struct bench *b, uint32_t rows, uint32_t depth, uint32_t columns, enum native_act act)
{
    char name[64];
    struct native_matrix m = {.depth = depth, .columns = columns, .panel_count = NATIVE_PANELS(columns)};
    float *panels = filled((size_t)m.panel_count * NATIVE_PANEL * depth);
    float *a = filled((size_t)rows * NATIVE_STRIDE(depth));
    float *c = filled((size_t)rows * NATIVE_STRIDE(columns));
    double flop = 2.0 * rows * depth * columns;
    m.panels = panels;
    struct product p = {.g = {.kernels = b->kernels,
                              .b = &m,
                              .a = a,
                              .c = c,
                              .a_stride = NATIVE_STRIDE(depth),
                              .c_stride = NATIVE_STRIDE(columns),
                              .rows = rows,
                              .act = act},
                        .times = (uint32_t)(2e9 / flop) + 1};
    double took = median_of(b, run_product, &p) / p.times;
    snprintf(name, sizeof(name), "gemm %ux%ux%u%s", rows, depth, columns, act != NATIVE_ACT_NONE ? " gelu" : "");
    add(b, name, flop / took / 1e9, "GFLOP/s", flop / took / 1e9);
    kit_alloc_free(c);
    kit_alloc_free(a);
    kit_alloc_free(panels);
}

/* --- calls --- */

struct workload {
    struct bench *b;
    uint32_t rows, rows_a_call;
    uint64_t offset[513];
    int32_t *ids;
    double flop;
};

static uint32_t next_random(uint32_t *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

static void make_load(struct workload *w, struct bench *b, uint32_t rows, uint32_t low, uint32_t high,
                      uint32_t rows_a_call)
{
    uint32_t random = 7;
    *w = (struct workload){.b = b, .rows = rows, .rows_a_call = rows_a_call};
    for (uint32_t i = 0; i < rows; i++) {
        uint32_t n = low + next_random(&random) % (high - low + 1);
        w->offset[i + 1] = w->offset[i] + n;
        w->flop += n * (MODEL_FLOP + ATTENTION_FLOP * n);
    }
    w->ids = kit_alloc_array(w->offset[rows], sizeof(w->ids[0]));
    for (uint64_t i = 0; i < w->offset[rows]; i++) {
        w->ids[i] = (int32_t)(1000 + next_random(&random) % 28000);
    }
}

static void call(const struct workload *w, uint32_t from, uint32_t to)
{
    uint64_t offsets[513];
    struct acb_tensor *out = NULL;
    struct acb_err err = {.size = sizeof(err)};
    for (uint32_t i = from; i <= to; i++) {
        offsets[i - from] = w->offset[i] - w->offset[from];
    }
    int64_t tokens = (int64_t)offsets[to - from];
    struct acb_tensor ids = test_host_tensor("input_ids", ACB_I32, 1, &tokens, w->ids + w->offset[from]);
    struct acb_want want = {.size = sizeof(want), .name = "pooled"};
    ids.row_offsets = offsets;
    ids.rows = to - from;
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = w->b->cores,
                              .input_count = 1,
                              .want_count = 1,
                              .inputs = (const struct acb_tensor *const[]){&ids},
                              .wants = (const struct acb_want *const[]){&want}};
    if (w->b->plugin->infer(w->b->instance, &infer, &out, &err) != ACB_OK) {
        fprintf(stderr, "infer: %s\n", err.text);
        exit(1);
    }
    test_host_free_outputs();
}

static void run_load(void *arg)
{
    const struct workload *w = arg;
    for (uint32_t from = 0; from < w->rows; from += w->rows_a_call) {
        call(w, from, KIT_MIN(from + w->rows_a_call, w->rows));
    }
}

static void measure_load(struct bench *b, const char *name, uint32_t rows, uint32_t low, uint32_t high,
                         uint32_t rows_a_call)
{
    static struct workload w;
    char text[64];
    if (b->only != NULL && strstr(name, b->only) == NULL) {
        return;
    }
    make_load(&w, b, rows, low, high, rows_a_call);
    double took = median_of(b, run_load, &w);
    double gflops = w.flop / took / 1e9;
    snprintf(text, sizeof(text), "%s texts/s", name);
    add(b, text, rows / took, "texts/s", gflops);
    snprintf(text, sizeof(text), "%s tokens/s", name);
    add(b, text, (double)w.offset[rows] / took, "tokens/s", gflops);
    if (rows == 1) {
        snprintf(text, sizeof(text), "%s time", name);
        add(b, text, took * 1e3, "ms", gflops);
    }
    kit_alloc_free(w.ids);
}

/* --- loading --- */

static void open_model(void *arg)
{
    struct bench *b = arg;
    struct acb_err err = {.size = sizeof(err)};
    struct acb_model_open open = {.size = sizeof(open), .folder = b->folder, .options = "{}", .cores_max = b->cores};
    b->plugin->model_close(b->model);
    b->model = NULL;
    if (b->plugin->model_open(&open, &b->model, &err) != ACB_OK) {
        fprintf(stderr, "%s: %s\n", b->folder, err.text);
        exit(1);
    }
}

static void measure_model(struct bench *b)
{
    struct acb_err err = {.size = sizeof(err)};
    struct acb_instance_open limits = {.size = sizeof(limits), .cores_max = b->cores};
    add(b, "model_open, warm", median_of(b, open_model, b) * 1e3, "ms", 0);
    if (b->plugin->instance_open(b->model, &limits, &b->instance, &err) != ACB_OK) {
        fprintf(stderr, "instance: %s\n", err.text);
        exit(1);
    }
    measure_load(b, "W1 (512 rows of 8-64), 32 a call,", 512, 8, 64, 32);
    measure_load(b, "W1 (512 rows of 8-64), one call,", 512, 8, 64, 512);
    measure_load(b, "W2 (128 rows of 200-256), 32 a call,", 128, 200, 256, 32);
    measure_load(b, "W3 (1 row of 16)", 1, 16, 16, 1);
    measure_load(b, "1 row of 64", 1, 64, 64, 1);
    measure_load(b, "1 row of 256", 1, 256, 256, 1);
    measure_load(b, "1 row of 512", 1, 512, 512, 1);
    measure_load(b, "4 rows of 8-64", 4, 8, 64, 4);
    measure_load(b, "8 rows of 8-64", 8, 8, 64, 8);
    b->plugin->instance_close(b->instance);
    b->plugin->model_close(b->model);
}

/* --- answers --- */

static void print_table(const struct bench *b)
{
    printf("isa %s, %u cores, %u rounds, medians\n", b->kernels->isa, b->cores, b->rounds);
    for (uint32_t i = 0; i < b->results; i++) {
        const struct result *r = &b->result[i];
        printf("%-50s %10.1f %-9s %8.1f GFLOP/s\n", r->name, r->value, r->unit, r->gflops);
    }
}

static void print_json(const struct bench *b)
{
    struct kit_buf out;
    struct kit_json_writer w;
    kit_buf_init(&out, KIT_MIB);
    kit_json_writer_init(&w, &out);
    kit_json_open(&w, '{');
    kit_json_key(&w, "isa");
    kit_json_put_c(&w, b->kernels->isa);
    kit_json_key(&w, "cores");
    kit_json_put_u64(&w, b->cores);
    kit_json_key(&w, "results");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < b->results; i++) {
        kit_json_open(&w, '{');
        kit_json_key(&w, "name");
        kit_json_put_c(&w, b->result[i].name);
        kit_json_key(&w, "value");
        kit_json_put_f64(&w, b->result[i].value);
        kit_json_key(&w, "unit");
        kit_json_put_c(&w, b->result[i].unit);
        kit_json_key(&w, "gflops");
        kit_json_put_f64(&w, b->result[i].gflops);
        kit_json_close(&w, '}');
    }
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    printf("%.*s\n", KIT_STR_ARG(kit_buf_str(&out)));
    kit_buf_done(&out);
}

static void measure_products(struct bench *b)
{
    static const uint32_t rows[] = {256, 128, 64, 32, 16, 8, 1};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        measure_product(b, rows[i], HIDDEN, 3 * HIDDEN, NATIVE_ACT_NONE);
    }
    measure_product(b, 256, HIDDEN, HIDDEN, NATIVE_ACT_NONE);
    measure_product(b, 256, HIDDEN, 4 * HIDDEN, NATIVE_ACT_GELU);
    measure_product(b, 256, 4 * HIDDEN, HIDDEN, NATIVE_ACT_NONE);
}

static void read_arguments(struct bench *b, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if (strcmp(argv[i], "--json") == 0) {
            b->json = true;
            continue;
        }
        if (strcmp(argv[i], "--cpu-time") == 0) {
            b->cpu_time = true;
            continue;
        }
        if (strcmp(argv[i], "--model") == 0) {
            b->folder = value;
        } else if (strcmp(argv[i], "--only") == 0) {
            b->only = value;
        } else if (strcmp(argv[i], "--isa") == 0) {
            b->isa = value;
        } else if (strcmp(argv[i], "--cores") == 0) {
            b->cores = (uint32_t)KIT_MAX(KIT_MIN(atoi(value), (int)TEST_HOST_CORES_MAX), 1);
        } else if (strcmp(argv[i], "--rounds") == 0) {
            b->rounds = (uint32_t)KIT_MAX(KIT_MIN(atoi(value), ROUNDS_MAX), 1);
        } else {
            fprintf(stderr,
                    "usage: native_bench [--json] [--model FOLDER] [--isa NAME] [--cores N] [--rounds N] [--cpu-time] "
                    "[--only TEXT]\n");
            exit(2);
        }
        i++;
    }
}

int main(int argc, char **argv)
{
    struct kit_err err;
    static struct bench b = {.folder = TEST_MODELS "/all-MiniLM-L6-v2", .cores = 2, .rounds = 5};
    read_arguments(&b, argc, argv);
    if (b.isa != NULL) {
        setenv("AETHER_ISA", b.isa, 1);
    }
    if (native_kernels_choose(&b.kernels, &err) != KIT_OK) {
        fprintf(stderr, "%s\n", err.msg);
        return 1;
    }
    b.plugin = test_host_start(b.cores);
    if (b.only == NULL) {
        measure_peak(&b);
        measure_products(&b);
    }
    measure_model(&b);
    if (b.json) {
        print_json(&b);
    } else {
        print_table(&b);
    }
    test_host_stop();
    return 0;
}
