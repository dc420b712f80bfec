/* src/task/adapters.h - LoRA adapters of a language model: files <model's folder>/adapters/<name>.gguf, opened when a question
 * names one, kept until the model goes.
 *
 * Source: Hu et al. 2021, "LoRA: low-rank adaptation of large language models". Thread: any; the first use of one blocks on
 * disk: not on a loop. Memory: owns what it has opened; handles are borrowed while a question of the model runs. */
#ifndef TASK_ADAPTERS_H
#define TASK_ADAPTERS_H

#include "kit/sync.h"
#include "plug/engine.h"

#define TASK_ADAPTERS_MAX 16 /* open at a time */
#define TASK_ADAPTER_NAME_BYTES 64

struct task_adapters {
    struct kit_mutex lock;
    struct {
        char name[TASK_ADAPTER_NAME_BYTES];
        void *handle;
    } list[TASK_ADAPTERS_MAX];
    uint32_t count;
};

void task_adapters_init(struct task_adapters *a);
void task_adapters_done(struct task_adapters *a, struct plug_model *m); /* no step uses one */
/* folder: the model's. *ret: the handle for sched_sequence.adapter. Errors, param "parameters.adapter": INVALID (the name has
 * other characters than letters, digits, '.', '_' and '-', or begins with '.'), NOT_FOUND (no such file), FULL, LOAD_FAILED,
 * UNSUPPORTED. */
KIT_MUST_CHECK enum kit_status task_adapters_find(struct task_adapters *a, struct plug_model *m, const char *folder,
                                                  kit_str name, void **ret, struct kit_err *err);

#endif
