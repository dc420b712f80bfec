/* src/plug/cell_serve.h - one instance inside a cell: its thread, its calls, its shared memory.
 *
 * Thread: serve_start and stop on the child's main thread, cancel and bytes too; the calls run on the instance's own.
 * Memory: owned by the child. */
#ifndef PLUG_CELL_SERVE_H
#define PLUG_CELL_SERVE_H

#include "kit/sync.h"
#include "plug/cell_answer.h"

struct plug_cell_serve;

/* Takes the socket; the rest is borrowed. Opens the instance on the new thread, tells the parent, serves its calls until the
 * socket ends. NULL: no memory; the parent has been told. */
struct plug_cell_serve *plug_cell_serve_start(const struct acb_plugin *table, void *model,
                                              struct plug_cell_adapters *adapters, uint64_t number, int socket,
                                              const struct acb_instance_open *open);
uint64_t plug_cell_serve_number(const struct plug_cell_serve *s);
bool plug_cell_serve_over(struct plug_cell_serve *s); /* its thread has nothing left to do */
void plug_cell_serve_free(struct plug_cell_serve *s); /* waits for its thread */

/* Does something only while that call runs. */
void plug_cell_serve_cancel(struct plug_cell_serve *s, uint64_t call);
/* acb_plugin::bytes of the instance; ACB_FAILED when it is not open. */
int32_t plug_cell_serve_bytes(struct plug_cell_serve *s, struct acb_bytes *const *rows, uint32_t *count);

#endif
