#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "instance.h"

/* --- the call --- */

static enum kit_status check_rows(const struct llama_plug_instance *i, const struct acb_tensor *ids,
                                  struct kit_err *err)
{
    for (uint64_t row = 0; row < ids->rows; row++) {
        uint64_t n = ids->row_offsets[row + 1] - ids->row_offsets[row];
        if (n == 0 || n > i->tokens_max) {
            return kit_fail(err, KIT_INVALID,
                            "tensor 'input_ids': row %" PRIu64 " has %" PRIu64 " tokens: 1 to %" PRIu32 " are possible",
                            row, n, i->tokens_max);
        }
    }
    int32_t vocab = llama_vocab_n_tokens(i->model->vocab);
    const int32_t *id = ids->data;
    for (int64_t k = 0; k < ids->shape[0]; k++) {
        if (id[k] < 0 || id[k] >= vocab) {
            return kit_fail(err, KIT_INVALID, "tensor 'input_ids': %" PRId32 " is no token, there are %" PRId32, id[k],
                            vocab);
        }
    }
    return KIT_OK;
}

static enum kit_status find_ids(const struct llama_plug_instance *i, const struct acb_infer *infer,
                                const struct acb_tensor **ret, struct kit_err *err)
{
    for (uint32_t k = 0; k < infer->input_count; k++) {
        const struct acb_tensor *t = infer->inputs[k];
        if (strcmp(t->name, "input_ids") != 0) {
            return kit_fail(err, KIT_INVALID, "tensor '%s': there is 'input_ids' only", t->name);
        }
        if (t->dtype != ACB_I32 || t->rank != 1 || t->row_offsets == NULL) {
            return kit_fail(err, KIT_INVALID, "tensor 'input_ids' must be i32 in rows");
        }
        *ret = t;
    }
    return infer->input_count == 1 ? check_rows(i, *ret, err)
                                   : kit_fail(err, KIT_INVALID, "the one input is 'input_ids'");
}

static enum kit_status check_wants(const struct llama_plug_model *m, const struct acb_infer *infer, struct kit_err *err)
{
    for (uint32_t k = 0; k < infer->want_count; k++) {
        if (strcmp(infer->wants[k]->name, m->output.name) != 0 || infer->wants[k]->rows != NULL) {
            return kit_fail(err, KIT_NOT_FOUND, "output '%s' of certain rows or at all: there is '%s', whole",
                            infer->wants[k]->name, m->output.name);
        }
    }
    return KIT_OK;
}

/* --- rows --- */

/* As sentence-transformers do it: length 1. */
static void normalize(float *v, int64_t n)
{
    double sum = 0;
    for (int64_t k = 0; k < n; k++) {
        sum += (double)v[k] * (double)v[k];
    }
    float scale = sum > 0 ? (float)(1.0 / sqrt(sum)) : 0;
    for (int64_t k = 0; k < n; k++) {
        v[k] *= scale;
    }
}

/* Rows [first, until) that fit one pass. */
static uint64_t pass_until(const struct llama_plug_instance *i, const struct acb_tensor *ids, uint64_t first)
{
    uint64_t until = first + 1;
    while (until < ids->rows && until - first < i->sequences_max &&
           ids->row_offsets[until + 1] - ids->row_offsets[first] <= i->tokens_max) {
        until++;
    }
    return until;
}

static enum kit_status run_pass(struct llama_plug_instance *i, const struct acb_infer *infer,
                                const struct acb_tensor *ids, uint64_t first, uint64_t until, struct kit_err *err)
{
    uint64_t start = ids->row_offsets[first];
    llama_memory_t memory = llama_get_memory(i->llama);
    if (memory != NULL) {
        llama_memory_clear(memory, false);
    }
    for (uint64_t row = first; row < until; row++) {
        for (uint64_t at = ids->row_offsets[row]; at < ids->row_offsets[row + 1]; at++) {
            i->seq[at - start] = (llama_seq_id)(row - first);
            i->pos[at - start] = (llama_pos)(at - ids->row_offsets[row]);
        }
    }
    uint32_t n = (uint32_t)(ids->row_offsets[until] - start);
    return llama_plug_instance_run(i, (const int32_t *)ids->data + start, NULL, n, infer->cores, infer->cancelled, err);
}

static enum kit_status take_rows(struct llama_plug_instance *i, uint64_t count, float *to, struct kit_err *err)
{
    int64_t width = i->model->output.shape[1];
    for (uint64_t row = 0; row < count; row++, to += width) {
        const float *from = llama_get_embeddings_seq(i->llama, (llama_seq_id)row);
        if (from == NULL) {
            return kit_fail(err, KIT_INTERNAL, "llama.cpp gives no vector of row %" PRIu64, row);
        }
        memcpy(to, from, (size_t)width * sizeof(*to));
        if (i->model->task == LLAMA_PLUG_EMBED) {
            normalize(to, width);
        }
    }
    return KIT_OK;
}

static enum kit_status run_rows(struct llama_plug_instance *i, const struct acb_infer *infer,
                                const struct acb_tensor *ids, float *to, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint64_t first = 0, until; rc == KIT_OK && first < ids->rows; first = until) {
        until = pass_until(i, ids, first);
        rc = run_pass(i, infer, ids, first, until, err);
        rc = rc == KIT_OK ? take_rows(i, until - first, to + first * (uint64_t)i->model->output.shape[1], err) : rc;
    }
    return rc;
}

enum kit_status llama_plug_infer(struct llama_plug_instance *i, const struct acb_infer *infer,
                                 struct acb_tensor **outputs, struct kit_err *err)
{
    const struct acb_host *host = llama_plug_host();
    const struct acb_tensor *ids = NULL;
    struct acb_tensor *out = NULL;
    enum kit_status rc = find_ids(i, infer, &ids, err);
    rc = rc == KIT_OK ? check_wants(i->model, infer, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    const int64_t shape[] = {(int64_t)ids->rows, i->model->output.shape[1]};
    if (host->tensor_new(host->ctx, infer->call, i->model->output.name, ACB_F32, 2, shape, &out) != ACB_OK) {
        return kit_fail(err, KIT_NOMEM, "no room for %" PRIu64 " rows of output", ids->rows);
    }
    if (infer->want_count > 0) {
        outputs[0] = out;
    }
    return run_rows(i, infer, ids, out->data, err);
}
