/* src/plug/cell_answer.h - what a cell does when it is asked for a step, about a sequence, or about its model's words.
 *
 * Thread: the instance's own. Memory: all is borrowed. */
#ifndef PLUG_CELL_ANSWER_H
#define PLUG_CELL_ANSWER_H

#include "kit/sync.h"
#include "plug/cell_room.h"
#include "plug/cell_wire.h"

struct plug_cell_adapters {
    struct kit_mutex lock;
    void *adapter[PLUG_CELL_ADAPTERS_MAX]; /* the back end's; the parent calls them 1 … */
};
void plug_cell_adapters_close(struct plug_cell_adapters *a, const struct acb_plugin *table); /* all that are open */

struct plug_cell_asked {
    const struct acb_plugin *table;
    void *model;
    void *handle; /* the back end's instance, or NULL */
    struct plug_cell_adapters *adapters;
    const struct plug_cell_wire *head;
    const unsigned char *in; /* input memory; may be NULL */
    struct plug_cell_room *room;
};

/* Each fills *answer as cell_wire.h says of the question; ACB_UNSUPPORTED when the back end has no such function. */
int32_t plug_cell_answer_step(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err);
int32_t plug_cell_answer_seq(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err);
int32_t plug_cell_answer_words(const struct plug_cell_asked *q, struct plug_cell_wire *answer, struct acb_err *err);

#endif
