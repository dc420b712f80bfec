/* The half of engine.h that is about generation: steps, sequences, the vocabulary, adapters. */
#include <inttypes.h>

#include "kit/alloc.h"
#include "plug/cell_proxy.h"
#include "plug/inner.h"
#include "plug/status.h"

static enum kit_status lost(struct kit_err *err)
{
    return kit_fail(err, KIT_UNAVAILABLE, "the model is lost");
}

/* What an ABI function without a text of its own answered. */
static enum kit_status judge(struct plug_model *m, int32_t code, struct kit_err *err)
{
    plug_model_note(m, code, NULL);
    return plug_status(PLUG_CALLING, code, NULL, err);
}

/* --- steps --- */

static enum kit_status check_step(const struct plug_instance *i, const struct acb_step *step, struct kit_err *err)
{
    if (step->n == 0 || step->n > i->call_tokens_max) {
        return kit_fail(err, KIT_INVALID, "a step of %" PRIu32 " tokens: 1 to %" PRIu64 " are possible", step->n,
                        i->call_tokens_max);
    }
    for (uint32_t k = 0; k < step->n; k++) {
        if (step->token[k] < 0 || (uint32_t)step->token[k] >= i->model->info.vocab_size) {
            return kit_fail(err, KIT_INVALID, "token %" PRId32 ": the vocabulary has %" PRIu32, step->token[k],
                            i->model->info.vocab_size);
        }
        if (step->seq[k] >= i->sequences_max) {
            return kit_fail(err, KIT_INVALID, "sequence %" PRIu32 ": there are %" PRIu32, step->seq[k],
                            i->sequences_max);
        }
    }
    return KIT_OK;
}

static bool wants_any(const struct acb_step *step)
{
    uint32_t k = 0;
    while (k < step->n && step->want[k] == 0) {
        k++;
    }
    return k < step->n;
}

static enum kit_status run(struct plug_instance *i, const struct acb_step *step, float **ret_logits,
                           struct kit_err *err)
{
    struct acb_err why = {.size = sizeof(why)};
    const float *logits = NULL;
    int32_t code = i->model->table->step(i->handle, step, &logits, &why);
    enum kit_status rc = plug_status(PLUG_CALLING, code, why.text, err);
    bool wanted = wants_any(step);
    if (rc == KIT_OK && wanted && logits == NULL) {
        rc = kit_fail(err, KIT_INTERNAL, "the back end's answer is wrong: no logits");
    }
    if (rc == KIT_OK) {
        *ret_logits = wanted ? (float *)(uintptr_t)logits : NULL;
    }
    plug_model_note(i->model, code, why.text);
    return rc;
}

enum kit_status plug_instance_step(struct plug_instance *i, const struct acb_step *step, float **ret_logits,
                                   struct kit_err *err)
{
    if (atomic_load(&i->model->lost)) {
        return lost(err);
    }
    if (!i->generates) {
        return kit_fail(err, KIT_UNSUPPORTED, "this instance was not opened to generate");
    }
    enum kit_status rc = check_step(i, step, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct acb_step mine = *step;
    mine.size = sizeof(mine);
    mine.cancelled = plug_instance_flag(i, step->cancelled);
    if (!plug_instance_begin(i, mine.cancelled)) {
        return kit_fail(err, KIT_CANCELLED, "cancelled before it began");
    }
    rc = run(i, &mine, ret_logits, err);
    plug_instance_end(i);
    return rc;
}

/* --- sequences --- */

static bool usable(const struct plug_instance *i, uint32_t seq)
{
    return i->generates && seq < i->sequences_max && !atomic_load(&i->model->lost);
}

static enum kit_status why_unusable(const struct plug_instance *i, uint32_t seq, struct kit_err *err)
{
    return atomic_load(&i->model->lost)
               ? lost(err)
               : kit_fail(err, KIT_INVALID, "sequence %" PRIu32 ": there are %" PRIu32, seq, i->sequences_max);
}

uint32_t plug_instance_seq_length(struct plug_instance *i, uint32_t seq)
{
    const struct acb_plugin *t = i->model->table;
    return usable(i, seq) && t->seq_length != NULL ? t->seq_length(i->handle, seq) : 0;
}

enum kit_status plug_instance_seq_copy(struct plug_instance *i, uint32_t src, uint32_t dst, uint32_t length,
                                       struct kit_err *err)
{
    const struct acb_plugin *t = i->model->table;
    if (!usable(i, src) || !usable(i, dst)) {
        return why_unusable(i, KIT_MAX(src, dst), err);
    }
    return judge(i->model, t->seq_copy != NULL ? t->seq_copy(i->handle, src, dst, length) : ACB_UNSUPPORTED, err);
}

enum kit_status plug_instance_seq_trim(struct plug_instance *i, uint32_t seq, uint32_t length, struct kit_err *err)
{
    const struct acb_plugin *t = i->model->table;
    if (!usable(i, seq)) {
        return why_unusable(i, seq, err);
    }
    return judge(i->model, t->seq_trim != NULL ? t->seq_trim(i->handle, seq, length) : ACB_UNSUPPORTED, err);
}

void plug_instance_seq_end(struct plug_instance *i, uint32_t seq)
{
    const struct acb_plugin *t = i->model->table;
    if (usable(i, seq) && t->seq_end != NULL) {
        t->seq_end(i->handle, seq);
    }
}

/* --- the vocabulary --- */

bool plug_model_has_vocab(const struct plug_model *m)
{
    return m->vocab != NULL;
}

enum kit_status plug_model_tokenize(struct plug_model *m, kit_str text, uint32_t flags, int32_t *ids, uint64_t *count,
                                    struct kit_err *err)
{
    if (atomic_load(&m->lost)) {
        return lost(err);
    }
    if (m->vocab == NULL) {
        return kit_fail(err, KIT_UNSUPPORTED, "this model brings no vocabulary");
    }
    if (text.len > PLUG_TOKENIZE_BYTES_MAX) {
        return kit_fail(err, KIT_TOO_LARGE, "a text of %zu bytes, at most %" PRIu64 " are possible", text.len,
                        PLUG_TOKENIZE_BYTES_MAX);
    }
    const char *at = text.ptr != NULL ? text.ptr : "";
    return judge(m, m->table->tokenize(m->handle, at, text.len, flags, ids, count), err);
}

kit_str plug_model_token(const struct plug_model *m, int32_t id)
{
    return m->vocab != NULL ? plug_vocab_token(m->vocab, id) : (kit_str){0};
}

uint32_t plug_model_token_flags(const struct plug_model *m, int32_t id)
{
    return m->vocab != NULL ? plug_vocab_flags(m->vocab, id) : 0;
}

/* --- adapters --- */

enum kit_status plug_model_adapter_open(struct plug_model *m, const char *path, float scale, void **ret,
                                        struct kit_err *err)
{
    struct acb_err why = {.size = sizeof(why)};
    if (atomic_load(&m->lost)) {
        return lost(err);
    }
    int32_t code =
        m->table->adapter_open != NULL ? m->table->adapter_open(m->handle, path, scale, ret, &why) : ACB_UNSUPPORTED;
    plug_model_note(m, code, why.text);
    return plug_status(PLUG_OPENING, code, why.text, err);
}

void plug_model_adapter_close(struct plug_model *m, void *adapter)
{
    if (adapter != NULL) {
        m->table->adapter_close(adapter);
    }
}
