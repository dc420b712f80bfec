/* src/plug/cell_call.h - the parent's side of the calls of an instance in a cell: its part of plug_cell_table.
 *
 * A call: the inputs are written into memory that the cell can only read, one packet goes out, one comes back, and the
 * outputs are copied out of the cell's memory and checked; only the logits of a step stay where they are. Thread: as the
 * ABI says of each call. */
#ifndef PLUG_CELL_CALL_H
#define PLUG_CELL_CALL_H

#include "plug/cell_link.h"

int32_t plug_cell_infer(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs,
                        struct acb_err *err);

/* cell_step.c */
int32_t plug_cell_step(void *instance, const struct acb_step *step, const float **logits, struct acb_err *err);
uint32_t plug_cell_seq_length(void *instance, uint32_t seq);
int32_t plug_cell_seq_copy(void *instance, uint32_t src, uint32_t dst, uint32_t length);
int32_t plug_cell_seq_trim(void *instance, uint32_t seq, uint32_t length);
void plug_cell_seq_end(void *instance, uint32_t seq);

#endif
