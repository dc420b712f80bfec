#include "api/outputs.h"

#include "api/tensors.h"
#include "task/rows.h"

/* The hits of an item. */
static const struct task_hit *hits_of(const struct task_request *r, uint32_t item, uint32_t *count)
{
    uint32_t row = task_rows_first(r, item);
    *count = r->hits.counts[row];
    return task_hits_of(&r->hits, row);
}

static void write_vector(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    kit_json_put_f32s(w, r->vectors + (size_t)item * r->dimensions, r->dimensions);
}

static void write_scores(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    uint32_t count;
    const struct task_hit *hits = hits_of(r, item, &count);
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < count; i++) {
        kit_json_put_f32(w, hits[i].score);
    }
    kit_json_close(w, ']');
}

static void write_tensors(struct kit_json_writer *w, const struct task_request *r, uint32_t item)
{
    (void)item;
    api_tensors_write(w, r->outputs.tensor, r->outputs.count);
}

static const struct {
    void (*write)(struct kit_json_writer *w, const struct task_request *r, uint32_t item);
    bool list; /* one input gives a list of entries, which is the whole of "outputs" when it came alone */
} looks[TASK_KIND_COUNT] = {
    [TASK_EMBED] = {write_vector, false},
    [TASK_SIMILARITY] = {write_scores, true},
    [TASK_RAW] = {write_tensors, true},
};

void api_outputs_write_item(struct kit_json_writer *w, const struct task_request *r, uint32_t index)
{
    looks[r->kind].write(w, r, index);
}

void api_outputs_write(struct kit_json_writer *w, const struct task_request *r)
{
    if (!r->inputs.batch && looks[r->kind].list) {
        api_outputs_write_item(w, r, 0);
        return;
    }
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < r->inputs.item_count; i++) {
        api_outputs_write_item(w, r, i);
    }
    kit_json_close(w, ']');
}
