#include <inttypes.h>

#include "instance.h"

static llama_memory_t memory_of(const struct llama_plug_instance *i)
{
    return llama_get_memory(i->llama);
}

/* --- a step --- */

/* What llama.cpp would refuse, or abort on, with a name. */
static enum kit_status check(const struct llama_plug_instance *i, const struct acb_step *step, struct kit_err *err)
{
    uint32_t rows = 0;
    if (step->n > llama_n_batch(i->llama)) {
        return kit_fail(err, KIT_FULL, "a step of %" PRIu32 " tokens: the KV holds %" PRIu32, step->n,
                        llama_n_ctx(i->llama));
    }
    for (uint32_t k = 0; k < step->n; k++) {
        rows += step->want[k] != 0;
    }
    return rows <= i->sequences_max
               ? KIT_OK
               : kit_fail(err, KIT_INVALID, "logits of %" PRIu32 " tokens: at most %" PRIu32 " can be had of one step",
                          rows, i->sequences_max);
}

/* False: a position is not the next one of its sequence; `length` is then as it was. */
static bool place(struct llama_plug_instance *i, const struct acb_step *step, uint32_t *bad)
{
    uint32_t k = 0;
    while (k < step->n && step->pos[k] == i->length[step->seq[k]]) {
        i->length[step->seq[k]]++;
        i->pos[k] = (llama_pos)step->pos[k];
        i->seq[k] = (llama_seq_id)step->seq[k];
        k++;
    }
    *bad = k;
    return k == step->n;
}

/* Takes back what place has counted, or what a step that ended early has not done. */
static void look_again(struct llama_plug_instance *i, const struct acb_step *step, uint32_t n)
{
    for (uint32_t k = 0; k < n; k++) {
        llama_pos last = llama_memory_seq_pos_max(memory_of(i), (llama_seq_id)step->seq[k]);
        i->length[step->seq[k]] = (uint32_t)(last + 1);
    }
}

enum kit_status llama_plug_step(struct llama_plug_instance *i, const struct acb_step *step, const float **logits,
                                struct kit_err *err)
{
    uint32_t bad = 0;
    enum kit_status rc = check(i, step, err);
    rc = rc == KIT_OK ? llama_plug_adapter_use(i, step->adapter, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    if (!place(i, step, &bad)) {
        rc = kit_fail(err, KIT_INVALID,
                      "token %" PRIu32 ": position %" PRIu32 " is not the next one of sequence %" PRIu32, bad,
                      step->pos[bad], step->seq[bad]);
        look_again(i, step, bad);
        return rc;
    }
    rc = llama_plug_instance_run(i, step->token, step->want, step->n, step->cores, step->cancelled, err);
    if (rc != KIT_OK) {
        look_again(i, step, step->n);
        return rc;
    }
    *logits = llama_get_logits(i->llama);
    return KIT_OK;
}

/* --- sequences --- */

static bool has(const struct llama_plug_instance *i, uint32_t seq)
{
    return seq < i->sequences_max;
}

uint32_t llama_plug_seq_length(void *instance, uint32_t seq)
{
    const struct llama_plug_instance *i = instance;
    return has(i, seq) ? i->length[seq] : 0;
}

void llama_plug_seq_end(void *instance, uint32_t seq)
{
    struct llama_plug_instance *i = instance;
    if (has(i, seq)) {
        (void)llama_memory_seq_rm(memory_of(i), (llama_seq_id)seq, -1, -1);
        i->length[seq] = 0;
    }
}

int32_t llama_plug_seq_trim(void *instance, uint32_t seq, uint32_t length)
{
    struct llama_plug_instance *i = instance;
    if (!has(i, seq) || length > i->length[seq]) {
        return ACB_INVALID;
    }
    if (length == 0) {
        llama_plug_seq_end(i, seq);
        return ACB_OK;
    }
    if (length < i->length[seq] && !llama_memory_seq_rm(memory_of(i), (llama_seq_id)seq, (llama_pos)length, -1)) {
        return ACB_UNSUPPORTED;
    }
    i->length[seq] = length;
    return ACB_OK;
}

int32_t llama_plug_seq_copy(void *instance, uint32_t src, uint32_t dst, uint32_t length)
{
    struct llama_plug_instance *i = instance;
    if (!has(i, src) || !has(i, dst) || length > i->length[src]) {
        return ACB_INVALID;
    }
    if (src == dst) {
        return llama_plug_seq_trim(i, src, length);
    }
    struct acb_model_info info = {.size = sizeof(info)};
    llama_plug_model_describe(i->model, &info);
    if (length < i->length[src] && (info.step_flags & ACB_STEP_FORK) == 0) {
        return ACB_UNSUPPORTED;
    }
    llama_plug_seq_end(i, dst);
    if (length > 0) {
        llama_memory_seq_cp(memory_of(i), (llama_seq_id)src, (llama_seq_id)dst, 0, (llama_pos)length);
    }
    i->length[dst] = length;
    return ACB_OK;
}

int32_t llama_plug_seq_save(void *instance, uint32_t seq, void *data, uint64_t *bytes)
{
    struct llama_plug_instance *i = instance;
    if (!has(i, seq)) {
        return ACB_INVALID;
    }
    uint64_t needed = llama_state_seq_get_size(i->llama, (llama_seq_id)seq);
    if (data != NULL && *bytes < needed) {
        return ACB_FULL;
    }
    *bytes = data == NULL ? needed : llama_state_seq_get_data(i->llama, data, *bytes, (llama_seq_id)seq);
    return *bytes > 0 ? ACB_OK : ACB_FAILED;
}

int32_t llama_plug_seq_load(void *instance, uint32_t seq, const void *data, uint64_t bytes)
{
    struct llama_plug_instance *i = instance;
    if (!has(i, seq)) {
        return ACB_INVALID;
    }
    llama_plug_seq_end(i, seq);
    size_t read = llama_state_seq_set_data(i->llama, data, bytes, (llama_seq_id)seq);
    i->length[seq] = (uint32_t)(llama_memory_seq_pos_max(memory_of(i), (llama_seq_id)seq) + 1);
    return read > 0 ? ACB_OK : ACB_FAILED;
}
