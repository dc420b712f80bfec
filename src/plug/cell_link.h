/* src/plug/cell_link.h - the parent's side of an instance in a cell: its socket, its shared memory, one question at a time.
 * For src/plug/ only.
 *
 * Thread: as the ABI says of each call; cancel and bytes from any. Memory: as the ABI says. */
#ifndef PLUG_CELL_LINK_H
#define PLUG_CELL_LINK_H

#include "plug/cell_memory.h"
#include "plug/cell_proxy.h"

#define PLUG_CELL_PIECES_MAX 16 /* of output memory in one call */

struct plug_cell_instance {
    struct plug_cell *cell;
    struct plug_cell_instance *next; /* the cell's list, under its lock */
    uint64_t number;
    int socket;
    struct plug_cell_memory out[PLUG_CELL_PIECES_MAX]; /* the cell writes here; the last one stays for the next call */
    uint32_t out_count;
    struct plug_cell_rows last; /* its last answer to plug_cell_ask_bytes */
    char payload[PLUG_CELL_WIRE_BYTES_MAX + 1];

    struct kit_mutex lock;      /* of what cancel needs */
    struct plug_cell_memory in; /* its descriptor is kept until the cell has got it */
    uint64_t call;              /* number of the last call */
    uint64_t shared;            /* bytes of in and out, for others to read */
    bool running;
};

/* These are the table's. mode PLUG_CELL_MODE_WORDS: no instance of the back end, but a place for questions to the model. */
int32_t plug_cell_instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err);
void plug_cell_instance_close(void *instance);
void plug_cell_instance_shrink(void *instance);
void plug_cell_cancel(void *instance);
/* What the cell says, and the shared memory. */
void plug_cell_instance_bytes(void *instance, struct plug_cell_rows *ret);

/* A call is: room for its inputs; the inputs written to in.at, behind struct plug_cell_wire_inputs; begin; ask; what came
 * is taken; drop and end. */
int32_t plug_cell_link_room(struct plug_cell_instance *i, uint64_t bytes, struct acb_err *err);
void plug_cell_link_begin(struct plug_cell_instance *i, const uint32_t *cancelled); /* NULL: nobody cancels */
/* Sends *head and waits for its RESULT, which replaces it; gives the cell output memory meanwhile. ACB_OK: the cell did
 * it. Else what the cell said, or ACB_FATAL. */
int32_t plug_cell_link_ask(struct plug_cell_instance *i, struct plug_cell_wire *head, struct acb_err *err);
void plug_cell_link_drop(struct plug_cell_instance *i, uint32_t keep); /* all output memory but the newest pieces */
void plug_cell_link_end(struct plug_cell_instance *i);
/* The cell did not answer as it should: ends it, waits for the reason. ACB_FATAL. */
int32_t plug_cell_link_gone(struct plug_cell_instance *i, enum plug_cell_wire_got got, struct acb_err *err);

/* Ends the waiting of every call of a cell that is gone. Under the cell's lock. */
void plug_cell_hang_up(struct plug_cell_instance *first);

#endif
