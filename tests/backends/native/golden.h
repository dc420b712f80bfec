/* tests/backends/native/golden.h - a model under test, and the rows and vectors that another implementation gave for it.
 *
 * Thread: main. Memory: from kit/alloc.h, freed by golden_free. */
#ifndef NATIVE_TEST_GOLDEN_H
#define NATIVE_TEST_GOLDEN_H

#include "small_host.h"
#include "support/test.h"

struct golden {
    uint32_t rows, tokens, hidden;
    int32_t *ids, *types; /* [tokens]; types only where has_types */
    bool has_types;
    uint64_t *row_offsets; /* [rows + 1] */
    float *values;         /* as the file says */
    uint64_t floats;
};

/* jsonl: {"ids": […], "types": […]?} a line; f32: float32 values. Fails the test when a file is broken. */
struct golden golden_read(const char *jsonl, const char *f32, uint32_t hidden);
void golden_free(struct golden *g);
/* float32 values of another file; kit_alloc_free. */
float *golden_read_floats(const char *f32, uint64_t *ret_count);

/* Folder of a model for tests that is fetched, or NULL after a visible line: then the test is skipped. */
const char *golden_model_folder(const char *id);

/* A loaded model with one instance. */
struct engine {
    const struct acb_plugin *plugin;
    void *model, *instance;
    char error[ACB_ERR_BYTES];
};
/* Sets AETHER_ISA (NULL: unset). Answers the status of model_open or instance_open. */
int32_t engine_open(struct engine *e, const char *folder, const char *isa, uint32_t cores, uint64_t call_tokens_max);
void engine_close(struct engine *e);
bool engine_has_isa(const char *isa);

/* One call over the rows [from, to) of g, ragged. Answers the status. */
int32_t engine_run(struct engine *e, const struct golden *g, uint32_t from, uint32_t to, uint32_t cores,
                   const char *output, struct acb_tensor **ret);
/* All rows of g, and of the output only `places` [count]. */
int32_t engine_run_places(struct engine *e, const struct golden *g, uint32_t cores, const char *output,
                          const uint64_t *places, uint64_t count, struct acb_tensor **ret);
int32_t engine_infer(struct engine *e, const struct acb_infer *infer, struct acb_tensor **ret);

double golden_max_diff(const float *a, const float *b, uint64_t n);
double golden_cosine(const float *a, const float *b, uint32_t n);

#endif
