#include "plug/cell_answer.h"

#include <string.h>

#include "kit/alloc.h"
#include "plug/status.h"
#include "plug/vocab.h"

static int32_t cannot(struct acb_err *err, const char *what)
{
    return plug_status_fail(err, ACB_UNSUPPORTED, "this back end has no %s", what);
}

static const unsigned char *text_of(const struct plug_cell_asked *q)
{
    return q->in + sizeof(struct plug_cell_wire_inputs);
}

/* --- steps --- */

static void *adapter_of(struct plug_cell_adapters *a, int32_t number)
{
    kit_mutex_lock(&a->lock);
    void *adapter = number > 0 && number <= PLUG_CELL_ADAPTERS_MAX ? a->adapter[number - 1] : NULL;
    kit_mutex_unlock(&a->lock);
    return adapter;
}

/* The step does not look at its adapter any more: whoever closes it next, on another thread, comes after this. */
static void let_go(struct plug_cell_adapters *a)
{
    kit_mutex_lock(&a->lock);
    kit_mutex_unlock(&a->lock);
}

static struct acb_step see_step(const struct plug_cell_asked *q)
{
    uint64_t n = q->head->count;
    const struct plug_cell_wire_inputs *shared = (const void *)q->in;
    const int32_t *token = (const void *)(shared + 1);
    return (struct acb_step){
        .size = sizeof(struct acb_step),
        .cores = (uint32_t)q->head->b,
        .n = (uint32_t)n,
        .token = token,
        .seq = (const void *)(token + n),
        .pos = (const void *)(token + 2 * n),
        .want = (const void *)(token + 3 * n),
        .adapter = adapter_of(q->adapters, q->head->status),
        .cancelled = &shared->cancelled,
    };
}

static uint32_t wanted(const struct acb_step *step)
{
    uint32_t rows = 0;
    for (uint32_t k = 0; k < step->n; k++) {
        rows += step->want[k] != 0;
    }
    return rows;
}

static uint64_t row_bytes(const struct plug_cell_asked *q)
{
    struct acb_model_info info = {.size = sizeof(info)};
    return q->table->describe(q->model, &info) == ACB_OK ? info.vocab_size * sizeof(float) : 0;
}

int32_t plug_cell_answer_step(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err)
{
    if (q->table->step == NULL || q->handle == NULL || q->in == NULL) {
        return cannot(err, "step");
    }
    struct acb_step step = see_step(q);
    uint32_t rows = wanted(&step);
    const float *logits = NULL;
    int32_t rc = q->table->step(q->handle, &step, &logits, err);
    let_go(q->adapters);
    if (rc != ACB_OK || rows == 0) {
        return rc;
    }
    uint64_t bytes = rows * row_bytes(q);
    void *to = plug_cell_room_get(q->room, bytes);
    if (to == NULL) {
        return plug_status_fail(err, ACB_NOMEM, "no shared memory for the logits of %u tokens", rows);
    }
    memcpy(to, logits, bytes);
    answer->count = rows;
    return ACB_OK;
}

/* --- sequences --- */

int32_t plug_cell_answer_seq(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err)
{
    const struct acb_plugin *t = q->table;
    uint32_t seq = q->head->count;
    uint32_t length = (uint32_t)q->head->b;
    uint32_t dst = (uint32_t)(q->head->b >> 32);
    if (t->step == NULL || q->handle == NULL) {
        return cannot(err, "sequences");
    }
    switch (q->head->status) {
    case PLUG_CELL_WIRE_SEQ_LENGTH:
        answer->b = t->seq_length != NULL ? t->seq_length(q->handle, seq) : 0;
        return ACB_OK;
    case PLUG_CELL_WIRE_SEQ_COPY:
        return t->seq_copy != NULL ? t->seq_copy(q->handle, seq, dst, length) : cannot(err, "seq_copy");
    case PLUG_CELL_WIRE_SEQ_TRIM:
        return t->seq_trim != NULL ? t->seq_trim(q->handle, seq, length) : cannot(err, "seq_trim");
    default:
        if (t->seq_end != NULL) {
            t->seq_end(q->handle, seq);
        }
        return ACB_OK;
    }
}

/* --- words --- */

static int32_t answer_vocab(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err)
{
    struct plug_vocab *v = NULL;
    struct kit_err why = {0};
    if (q->table->detokenize == NULL) {
        return cannot(err, "vocabulary");
    }
    if (plug_vocab_read(q->table, q->model, q->head->count, &v, &answer->b, &why) != KIT_OK) {
        return plug_status_fail(err, ACB_FAILED, "%s", why.msg);
    }
    void *to = plug_cell_room_get(q->room, answer->b);
    if (to != NULL) {
        memcpy(to, v, answer->b);
    }
    kit_alloc_free(v);
    return to != NULL ? ACB_OK : plug_status_fail(err, ACB_NOMEM, "no shared memory for the vocabulary");
}

static int32_t answer_tokenize(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err)
{
    uint64_t count = q->head->count;
    int32_t *ids = plug_cell_room_get(q->room, KIT_MAX(count, 1) * sizeof(*ids));
    if (q->table->tokenize == NULL || ids == NULL) {
        return ids == NULL ? plug_status_fail(err, ACB_NOMEM, "no shared memory for %u tokens", q->head->count)
                           : cannot(err, "vocabulary");
    }
    int32_t rc =
        q->table->tokenize(q->model, (const char *)text_of(q), q->head->b, (uint32_t)q->head->status, ids, &count);
    answer->count = (uint32_t)count;
    return rc;
}

static int32_t answer_adapter_open(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err)
{
    struct plug_cell_adapters *a = q->adapters;
    uint32_t free = 0;
    while (free < PLUG_CELL_ADAPTERS_MAX && a->adapter[free] != NULL) { /* only this thread writes them */
        free++;
    }
    if (q->table->adapter_open == NULL || free == PLUG_CELL_ADAPTERS_MAX) {
        return q->table->adapter_open == NULL
                   ? cannot(err, "adapters")
                   : plug_status_fail(err, ACB_FULL, "at most %d adapters may be open at once", PLUG_CELL_ADAPTERS_MAX);
    }
    float scale;
    void *adapter = NULL;
    memcpy(&scale, &q->head->count, sizeof(scale));
    int32_t rc = q->table->adapter_open(q->model, (const char *)text_of(q), scale, &adapter, err);
    kit_mutex_lock(&a->lock);
    a->adapter[free] = rc == ACB_OK ? adapter : NULL;
    kit_mutex_unlock(&a->lock);
    answer->b = free + 1;
    return rc;
}

static void close_adapter(struct plug_cell_adapters *a, const struct acb_plugin *table, uint32_t index)
{
    kit_mutex_lock(&a->lock);
    void *adapter = a->adapter[index];
    a->adapter[index] = NULL;
    kit_mutex_unlock(&a->lock);
    if (adapter != NULL) {
        table->adapter_close(adapter);
    }
}

void plug_cell_adapters_close(struct plug_cell_adapters *a, const struct acb_plugin *table)
{
    for (uint32_t i = 0; i < PLUG_CELL_ADAPTERS_MAX; i++) {
        close_adapter(a, table, i);
    }
}

int32_t plug_cell_answer_words(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err)
{
    switch (q->head->type) {
    case PLUG_CELL_WIRE_VOCAB:
        return answer_vocab(q, answer, err);
    case PLUG_CELL_WIRE_TOKENIZE:
        return answer_tokenize(q, answer, err);
    case PLUG_CELL_WIRE_ADAPTER_OPEN:
        return answer_adapter_open(q, answer, err);
    case PLUG_CELL_WIRE_ADAPTER_CLOSE:
        close_adapter(q->adapters, q->table, (uint32_t)(q->head->b - 1) % PLUG_CELL_ADAPTERS_MAX);
        return ACB_OK;
    default:
        return cannot(err, "such question");
    }
}
