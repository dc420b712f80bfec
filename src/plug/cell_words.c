/* The parent's questions to a model in a cell that no instance answers: its vocabulary and its adapters. They have an
 * instance of their own on the wire, so that a long text or file keeps nobody else from the control socket. */
#include <inttypes.h>
#include <string.h>

#include "kit/alloc.h"
#include "plug/cell_link.h"
#include "plug/status.h"

/* --- one question at a time --- */

/* Under `wording`. */
static int32_t get_words(struct plug_cell *c, struct plug_cell_instance **ret, struct acb_err *err)
{
    void *opened = c->words;
    const struct acb_instance_open open = {.size = sizeof(open), .mode = PLUG_CELL_MODE_WORDS, .cores_max = 1};
    int32_t rc = opened != NULL ? ACB_OK : plug_cell_instance_open(c, &open, &opened, err);
    c->words = opened;
    *ret = opened;
    return rc == ACB_FULL ? ACB_NOMEM : rc; /* FULL means something else to who tokenizes */
}

/* Asks with a text in input memory; until answer_done the caller has the cell's output memory for itself. */
static int32_t ask(struct plug_cell *c, const void *text, uint64_t bytes, struct plug_cell_wire *head,
                   struct plug_cell_instance **ret, struct acb_err *err)
{
    kit_mutex_lock(&c->wording);
    struct plug_cell_instance *i = NULL;
    int32_t rc = get_words(c, &i, err);
    if (rc == ACB_OK) {
        rc = plug_cell_link_room(i, sizeof(struct plug_cell_wire_inputs) + bytes, err);
    }
    if (rc == ACB_OK) {
        memcpy(i->in.at + sizeof(struct plug_cell_wire_inputs), text, bytes);
        plug_cell_link_begin(i, NULL);
        rc = plug_cell_link_ask(i, head, err);
        plug_cell_link_drop(i, 1);
        plug_cell_link_end(i);
    }
    *ret = i;
    return rc;
}

/* What was large once need not stay so. */
static void answer_done(struct plug_cell *c)
{
    struct plug_cell_instance *i = c->words;
    if (i != NULL && (i->in.bytes > KIT_MIB || (i->out_count > 0 && i->out[0].bytes > KIT_MIB))) {
        plug_cell_instance_shrink(i);
    }
    kit_mutex_unlock(&c->wording);
}

/* The cell says that so many bytes lie at the start of its output memory. NULL: they cannot. */
static const void *answer_at(const struct plug_cell_instance *i, uint64_t bytes)
{
    bool there = i->out_count > 0 && plug_cell_memory_holds(&i->out[0], 0, bytes);
    return there ? i->out[0].at : NULL;
}

void plug_cell_words_close(struct plug_cell *c)
{
    if (c->words != NULL) {
        plug_cell_instance_close(c->words);
        c->words = NULL;
    }
}

/* --- the vocabulary --- */

/* Copied before it is looked at: the cell may go on writing. */
static int32_t copy_vocab(struct plug_cell_instance *i, uint64_t bytes, uint32_t count, struct plug_vocab **ret,
                          struct acb_err *err)
{
    const void *at = answer_at(i, bytes);
    if (at == NULL) {
        return plug_cell_link_gone(i, PLUG_CELL_WIRE_GARBAGE, err);
    }
    struct plug_vocab *v = kit_alloc_copy(at, bytes);
    if (v == NULL) {
        return plug_status_fail(err, ACB_NOMEM, "no memory for a vocabulary of %" PRIu64 " bytes", bytes);
    }
    if (!plug_vocab_ok(v, bytes, count)) {
        kit_alloc_free(v);
        return plug_cell_link_gone(i, PLUG_CELL_WIRE_GARBAGE, err);
    }
    *ret = v;
    return ACB_OK;
}

enum kit_status plug_cell_read_vocab(void *model, uint32_t count, struct plug_vocab **ret, struct kit_err *err)
{
    struct plug_cell *c = model;
    struct acb_err why = {.size = sizeof(why)};
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_VOCAB, .count = count};
    struct plug_cell_instance *i = NULL;
    int32_t rc = ask(c, "", 0, &head, &i, &why);
    if (rc == ACB_OK) {
        rc = copy_vocab(i, head.b, count, ret, &why);
    }
    answer_done(c);
    return plug_status(PLUG_OPENING, rc, why.text, err);
}

/* Every id is the cell's word. */
static bool copy_ids(const struct plug_cell_instance *i, uint64_t count, int32_t *ids)
{
    const int32_t *at = answer_at(i, count * sizeof(*at));
    if (at == NULL) {
        return count == 0;
    }
    bool sound = true;
    for (uint64_t k = 0; k < count; k++) {
        ids[k] = at[k];
        sound = sound && ids[k] >= 0 && (uint32_t)ids[k] < i->cell->info.vocab_size;
    }
    return sound;
}

int32_t plug_cell_tokenize(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids, uint64_t *count)
{
    struct plug_cell *c = model;
    struct acb_err why = {.size = sizeof(why)};
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_TOKENIZE, .b = bytes, .status = (int32_t)flags};
    head.count = (uint32_t)KIT_MIN(*count, UINT32_MAX);
    struct plug_cell_instance *i = NULL;
    int32_t rc = ask(c, text, bytes, &head, &i, &why);
    bool told = rc == ACB_OK || rc == ACB_FULL;
    if ((rc == ACB_OK && (head.count > *count || !copy_ids(i, head.count, ids))) ||
        (rc == ACB_FULL && head.count <= *count)) {
        rc = plug_cell_link_gone(i, PLUG_CELL_WIRE_GARBAGE, &why);
    } else if (told) {
        *count = head.count;
    }
    answer_done(c);
    return rc;
}

/* --- adapters --- */

struct plug_cell_adapter {
    struct plug_cell *cell;
    int32_t number;
};

int32_t plug_cell_adapter_number(const void *adapter)
{
    const struct plug_cell_adapter *a = adapter;
    return a != NULL ? a->number : 0;
}

int32_t plug_cell_adapter_open(void *model, const char *path, float scale, void **ret, struct acb_err *err)
{
    struct plug_cell *c = model;
    struct plug_cell_adapter *a = kit_alloc_zero(1, sizeof(*a));
    if (a == NULL) {
        return plug_status_fail(err, ACB_NOMEM, "out of memory");
    }
    uint64_t bytes = strlen(path) + 1;
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_ADAPTER_OPEN, .b = bytes};
    memcpy(&head.count, &scale, sizeof(scale));
    struct plug_cell_instance *i = NULL;
    int32_t rc = ask(c, path, bytes, &head, &i, err);
    if (rc == ACB_OK && (head.b == 0 || head.b > PLUG_CELL_ADAPTERS_MAX)) {
        rc = plug_cell_link_gone(i, PLUG_CELL_WIRE_GARBAGE, err);
    }
    answer_done(c);
    if (rc != ACB_OK) {
        kit_alloc_free(a);
        return rc;
    }
    *a = (struct plug_cell_adapter){c, (int32_t)head.b};
    *ret = a;
    return ACB_OK;
}

void plug_cell_adapter_close(void *adapter)
{
    struct plug_cell_adapter *a = adapter;
    struct acb_err why = {.size = sizeof(why)};
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_ADAPTER_CLOSE, .b = (uint64_t)a->number};
    struct plug_cell_instance *i = NULL;
    (void)ask(a->cell, "", 0, &head, &i, &why);
    answer_done(a->cell);
    kit_alloc_free(a);
}
