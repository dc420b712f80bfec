/* Load, prefill and decode of a GGUF: llama.cpp alone, through the plug-in in this process, through a cell; in turns.
 *
 *     bench_llama FOLDER FILE [CORES] */
#include "world.h"

#include "direct.h"
#include "kit/clock.h"

#define PROMPT 256
#define DECODE 32
#define ROUNDS 5

static int32_t prompt[PROMPT];

static double ms_since(uint64_t start_ns)
{
    return (double)(kit_clock_ns() - start_ns) / 1e6;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *all)
{
    qsort(all, ROUNDS, sizeof(*all), by_size);
    return all[ROUNDS / 2];
}

static void run_direct(struct direct *d, double *prefill, double *decode)
{
    uint64_t start = kit_clock_ns();
    int32_t next = llama_world_best(direct_prefill(d, prompt, PROMPT), direct_vocab(d));
    *prefill = ms_since(start);
    start = kit_clock_ns();
    for (int k = 0; k < DECODE; k++) {
        next = llama_world_best(direct_feed(d, next), direct_vocab(d));
    }
    *decode = ms_since(start);
}

static void run_plug(struct plug_model *m, struct plug_instance *i, uint32_t cores, double *prefill, double *decode)
{
    uint32_t vocab = plug_model_info(m)->vocab_size;
    float *logits = NULL;
    uint64_t start = kit_clock_ns();
    assert_int_equal(llama_world_feed(i, cores, 0, prompt, PROMPT, &logits, NULL), KIT_OK);
    int32_t next = llama_world_best(logits, vocab);
    *prefill = ms_since(start);
    start = kit_clock_ns();
    for (int k = 0; k < DECODE; k++) {
        assert_int_equal(llama_world_feed(i, cores, 0, &next, 1, &logits, NULL), KIT_OK);
        next = llama_world_best(logits, vocab);
    }
    *decode = ms_since(start);
    plug_instance_seq_end(i, 0);
}

static void row(const char *what, double load, double *prefill, double *decode)
{
    (void)printf("%-12s load %7.1f ms   prefill %7.1f tokens/s   decode %6.1f tokens/s\n", what, load,
                 PROMPT * 1e3 / median(prefill), DECODE * 1e3 / median(decode));
}

int main(int argc, char **argv)
{
    LLAMA_CELL(argc, argv);
    if (argc < 3) {
        return 2;
    }
    uint32_t cores = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : LLAMA_CORES;
    double load[3], prefill[3][ROUNDS], decode[3][ROUNDS];
    uint64_t start = kit_clock_ns();
    struct direct *d = direct_open(argv[2], LLAMA_KV_TOKENS, cores);
    load[0] = ms_since(start);
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m[2];
    struct plug_instance *i[2];
    for (int w = 0; w < 2; w++) {
        start = kit_clock_ns();
        m[w] = llama_world_model(e, argv[1], "{}", w == 0 ? PLUG_IN_PROCESS : PLUG_IN_CELL);
        i[w] = llama_world_instance(m[w], ACB_MODE_GENERATE);
        load[w + 1] = ms_since(start);
    }
    for (int k = 0; k < PROMPT; k++) {
        prompt[k] = 1000 + k * 37;
    }
    for (int r = 0; r < ROUNDS; r++) {
        run_direct(d, &prefill[0][r], &decode[0][r]);
        run_plug(m[0], i[0], cores, &prefill[1][r], &decode[1][r]);
        run_plug(m[1], i[1], cores, &prefill[2][r], &decode[2][r]);
    }
    (void)printf("%u cores, median of %d\n", cores, ROUNDS);
    row("llama.cpp", load[0], prefill[0], decode[0]);
    row("in process", load[1], prefill[1], decode[1]);
    row("in a cell", load[2], prefill[2], decode[2]);
    for (int w = 0; w < 2; w++) {
        plug_instance_close(i[w]);
        plug_model_close(m[w]);
    }
    plug_engine_free(e);
    direct_close(d);
    return 0;
}
