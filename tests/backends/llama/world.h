/* tests/backends/llama/world.h - GGUF models through the plug-in, in this process and in a cell.
 *
 * The test program is its own cell: main() begins with LLAMA_CELL(argc, argv). Thread: one. */
#ifndef LLAMA_WORLD_H
#define LLAMA_WORLD_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "kit/log.h"
#include "plug/cell.h"
#include "plug/engine.h"
#include "support/temp.h"
#include "support/test.h"

#define LLAMA_CELL(argc, argv)                                                                                         \
    if (plug_cell_wanted(argc, argv)) {                                                                                \
        return plug_cell_main(argc, argv);                                                                             \
    }                                                                                                                  \
    kit_log_setup(&(struct kit_log_options){.level = KIT_LOG_OFF, .fd = 2})

#define LLAMA_CORES 2
#define LLAMA_KV_TOKENS 2048
#define LLAMA_STEP_TOKENS 1024

static inline struct plug_engine *llama_world_engine(void)
{
    struct plug_options options = {.folder = TEST_BUILD "/lib/aether",
                                   .cell_exe = "/proc/self/exe",
                                   .cores_max = LLAMA_CORES,
                                   .backends_max = 8,
                                   .cell_shared_bytes_max = (uint64_t)256 << 20};
    struct plug_engine *e = NULL;
    struct kit_err err = {0};
    if (plug_engine_new(&options, &e, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return e;
}

static inline enum kit_status llama_world_try(struct plug_engine *e, const char *folder, const char *options,
                                              enum plug_isolation where, struct plug_model **ret, struct kit_err *err)
{
    struct plug_model_options o = {.folder = folder, .options = options, .isolation = where};
    enum kit_status rc = plug_engine_choose(e, folder, "llama", &o.backend, err);
    return rc == KIT_OK ? plug_model_open(e, &o, ret, err) : rc;
}

static inline struct plug_model *llama_world_model(struct plug_engine *e, const char *folder, const char *options,
                                                   enum plug_isolation where)
{
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    if (llama_world_try(e, folder, options, where, &m, &err) != KIT_OK) {
        fail_msg("%s: %s", folder, err.msg);
    }
    return m;
}

static inline struct plug_instance *llama_world_instance(struct plug_model *m, uint32_t mode)
{
    struct acb_instance_open options = {.size = sizeof(options),
                                        .mode = mode,
                                        .cores_max = LLAMA_CORES,
                                        .sequences_max = mode == ACB_MODE_GENERATE ? 20 : 0,
                                        .call_tokens_max = LLAMA_STEP_TOKENS};
    options.kv_bytes_max = LLAMA_KV_TOKENS * plug_model_info(m)->kv_bytes_per_token;
    struct plug_instance *i = NULL;
    struct kit_err err = {0};
    if (plug_instance_open(m, &options, &i, &err) != KIT_OK) {
        fail_msg("instance: %s", err.msg);
    }
    return i;
}

/* Feeds tokens to a sequence, wants the logits of the last. */
static inline enum kit_status llama_world_feed(struct plug_instance *i, uint32_t cores, uint32_t seq,
                                               const int32_t *ids, uint32_t n, float **logits, struct kit_err *err)
{
    static uint32_t seqs[LLAMA_STEP_TOKENS], pos[LLAMA_STEP_TOKENS];
    static uint8_t want[LLAMA_STEP_TOKENS];
    uint32_t from = plug_instance_seq_length(i, seq);
    for (uint32_t k = 0; k < n; k++) {
        seqs[k] = seq;
        pos[k] = from + k;
        want[k] = k + 1 == n;
    }
    struct acb_step step = {
        .size = sizeof(step), .cores = cores, .n = n, .token = ids, .seq = seqs, .pos = pos, .want = want};
    return plug_instance_step(i, &step, logits, err);
}

static inline int32_t llama_world_best(const float *logits, uint32_t vocab)
{
    int32_t best = 0;
    for (uint32_t id = 1; id < vocab; id++) {
        best = logits[id] > logits[best] ? (int32_t)id : best;
    }
    return best;
}

#endif
