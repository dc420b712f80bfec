/* src/plug/cell_call.h - the parent's side of an instance in a cell: its part of plug_cell_table.
 *
 * A call: the inputs are written into memory that the cell can only read, one packet goes out, one comes back, and the
 * outputs are copied out of the cell's memory and checked. Thread: as the ABI says of each call. */
#ifndef PLUG_CELL_CALL_H
#define PLUG_CELL_CALL_H

#include "plug/cell_proxy.h"

int32_t plug_cell_instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err);
void plug_cell_instance_close(void *instance);
void plug_cell_instance_shrink(void *instance);
int32_t plug_cell_infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs,
                        struct acb_err *err);
void plug_cell_cancel(void *instance);
/* What the cell says, and the shared memory. */
void plug_cell_instance_bytes(void *instance, struct plug_cell_rows *ret);

/* Ends the waiting of every call of a cell that is gone. Under the cell's lock. */
void plug_cell_hang_up(struct plug_cell_instance *first);

#endif
