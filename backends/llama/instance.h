/* backends/llama/instance.h - a context of llama.cpp with its KV, its threads and one batch.
 *
 * Threads are ggml's own: as many as a call may come with, asleep between calls. KV is one store for all sequences, so
 * that a copied beginning takes no room. Thread: the instance's own. Memory: owned by whoever opened it. */
#ifndef LLAMA_INSTANCE_H
#define LLAMA_INSTANCE_H

#include "ggml-cpu.h"
#include "model.h"

struct llama_plug_instance {
    const struct llama_plug_model *model;
    struct llama_context *llama;
    struct ggml_threadpool *threads;
    const uint32_t *cancelled; /* flag of the running call, or NULL */
    uint32_t tokens_max;       /* of one batch */
    uint32_t sequences_max;
    uint64_t kv_bytes, scratch_bytes;
    uint64_t adapter; /* number of the adapter that is set; 0: none */
    uint32_t *length; /* [sequences_max], tokens of each sequence */
    /* One batch, [tokens_max]. */
    llama_pos *pos;
    int32_t *seq_count;
    llama_seq_id *seq;
    llama_seq_id **seq_at;
};

/* Errors: INVALID (mode, counts), UNSUPPORTED (the model is for something else), NOMEM. */
KIT_MUST_CHECK enum kit_status llama_plug_instance_open(const struct llama_plug_model *m,
                                                        const struct acb_instance_open *open,
                                                        struct llama_plug_instance **ret, struct kit_err *err);
void llama_plug_instance_close(struct llama_plug_instance *i);

/* Runs the first n tokens of the batch; wanted [n], NULL: as llama.cpp does without. Errors: FULL (no KV room, nothing was
 * done), CANCELLED, INTERNAL. */
KIT_MUST_CHECK enum kit_status llama_plug_instance_run(struct llama_plug_instance *i, const int32_t *token,
                                                       const uint8_t *wanted, uint32_t n, uint32_t cores,
                                                       const uint32_t *cancelled, struct kit_err *err);

/* step.c, as struct acb_plugin says. */
KIT_MUST_CHECK enum kit_status llama_plug_step(struct llama_plug_instance *i, const struct acb_step *step,
                                               const float **logits, struct kit_err *err);
uint32_t llama_plug_seq_length(void *instance, uint32_t seq);
int32_t llama_plug_seq_copy(void *instance, uint32_t src, uint32_t dst, uint32_t length);
int32_t llama_plug_seq_trim(void *instance, uint32_t seq, uint32_t length);
void llama_plug_seq_end(void *instance, uint32_t seq);
int32_t llama_plug_seq_save(void *instance, uint32_t seq, void *data, uint64_t *bytes);
int32_t llama_plug_seq_load(void *instance, uint32_t seq, const void *data, uint64_t bytes);

/* infer.c, as struct acb_plugin says. */
KIT_MUST_CHECK enum kit_status llama_plug_infer(struct llama_plug_instance *i, const struct acb_infer *infer,
                                                struct acb_tensor **outputs, struct kit_err *err);

/* adapter.c */
struct llama_plug_adapter {
    struct llama_adapter_lora *llama;
    float scale;
    uint64_t number; /* never used again */
};
KIT_MUST_CHECK enum kit_status llama_plug_adapter_open(const struct llama_plug_model *m, const char *path, float scale,
                                                       struct llama_plug_adapter **ret, struct kit_err *err);
void llama_plug_adapter_close(struct llama_plug_adapter *a);
/* Makes it (NULL: none) the one of the next steps. INTERNAL: it does not fit. */
KIT_MUST_CHECK enum kit_status llama_plug_adapter_use(struct llama_plug_instance *i, struct llama_plug_adapter *a,
                                                      struct kit_err *err);

#endif
