/* The steps and sequences of cell_call.h. */
#include <string.h>

#include "plug/cell_call.h"
#include "plug/status.h"

/* Where the parts of a step lie in input memory. */
struct plan {
    uint64_t token, seq, pos, want, end;
};

static struct plan plan_of(uint64_t n)
{
    struct plan p = {.token = sizeof(struct plug_cell_wire_inputs)};
    p.seq = p.token + n * sizeof(int32_t);
    p.pos = p.seq + n * sizeof(uint32_t);
    p.want = p.pos + n * sizeof(uint32_t);
    p.end = p.want + n;
    return p;
}

static void put(unsigned char *base, const struct acb_step *step)
{
    struct plan p = plan_of(step->n);
    memcpy(base + p.token, step->token, p.seq - p.token);
    memcpy(base + p.seq, step->seq, p.pos - p.seq);
    memcpy(base + p.pos, step->pos, p.want - p.pos);
    memcpy(base + p.want, step->want, p.end - p.want);
}

static uint32_t wanted(const struct acb_step *step)
{
    uint32_t rows = 0;
    for (uint32_t k = 0; k < step->n; k++) {
        rows += step->want[k] != 0;
    }
    return rows;
}

/* The floats stay in the cell's memory: whoever reads them knows that they are its word. False: they are not there. */
static bool take_logits(struct plug_cell_instance *i, uint32_t rows, const struct plug_cell_wire *head,
                        const float **logits)
{
    if (head->count != rows) {
        return false;
    }
    plug_cell_link_drop(i, 1);
    uint64_t bytes = (uint64_t)rows * i->cell->info.vocab_size * sizeof(float);
    bool there = rows == 0 || (i->out_count > 0 && plug_cell_memory_holds(&i->out[0], 0, bytes));
    *logits = there && rows > 0 ? (const void *)i->out[0].at : NULL;
    return there;
}

int32_t plug_cell_step(void *instance, const struct acb_step *step, const float **logits, struct acb_err *err)
{
    struct plug_cell_instance *i = instance;
    int32_t rc = plug_cell_link_room(i, plan_of(step->n).end, err);
    if (rc != ACB_OK) {
        return rc;
    }
    put(i->in.at, step);
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_STEP, .b = step->cores, .count = step->n};
    head.status = plug_cell_adapter_number(step->adapter);
    plug_cell_link_begin(i, step->cancelled);
    rc = plug_cell_link_ask(i, &head, err);
    if (rc == ACB_OK && !take_logits(i, wanted(step), &head, logits)) {
        rc = plug_cell_link_gone(i, PLUG_CELL_WIRE_GARBAGE, err);
    }
    plug_cell_link_end(i);
    return rc;
}

/* --- sequences --- */

static int32_t ask_seq(struct plug_cell_instance *i, enum plug_cell_wire_seq what, uint32_t seq, uint64_t b,
                       uint32_t *length)
{
    struct acb_err err = {.size = sizeof(err)};
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_SEQ, .status = what, .count = seq, .b = b};
    plug_cell_link_begin(i, NULL);
    int32_t rc = plug_cell_link_ask(i, &head, &err);
    plug_cell_link_end(i);
    if (rc == ACB_OK && length != NULL) {
        *length = (uint32_t)head.b;
    }
    return rc;
}

uint32_t plug_cell_seq_length(void *instance, uint32_t seq)
{
    uint32_t length = 0;
    (void)ask_seq(instance, PLUG_CELL_WIRE_SEQ_LENGTH, seq, 0, &length);
    return length;
}

int32_t plug_cell_seq_copy(void *instance, uint32_t src, uint32_t dst, uint32_t length)
{
    return ask_seq(instance, PLUG_CELL_WIRE_SEQ_COPY, src, ((uint64_t)dst << 32) + length, NULL);
}

int32_t plug_cell_seq_trim(void *instance, uint32_t seq, uint32_t length)
{
    return ask_seq(instance, PLUG_CELL_WIRE_SEQ_TRIM, seq, length, NULL);
}

/* Nothing can go wrong there, and packets keep their order: nobody waits. */
void plug_cell_seq_end(void *instance, uint32_t seq)
{
    struct plug_cell_instance *i = instance;
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_SEQ, .status = PLUG_CELL_WIRE_SEQ_END, .count = seq};
    (void)plug_cell_wire_send(i->socket, &head, NULL, -1, true);
}
