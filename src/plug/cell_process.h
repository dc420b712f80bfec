/* src/plug/cell_process.h - one worker process: started, watched, reaped.
 *
 * A thread of its own starts the process (the kernel ends a cell together with the thread that started it, see
 * PR_SET_PDEATHSIG in prctl(2)), reads its control socket, and reaps it, whatever happens: there is never a zombie.
 * Thread: any. Memory: owned by whoever started it. */
#ifndef PLUG_CELL_PROCESS_H
#define PLUG_CELL_PROCESS_H

#include "plug/cell_wire.h"
#include "kit/status.h"

#define PLUG_CELL_REASON_BYTES 160

struct plug_cell_process;

struct plug_cell_process_options {
    const char *exe;     /* copied */
    const char *backend; /* shown by ps; borrowed until stop */
    void *ctx;
    /* A packet of the control socket; payload has a NUL behind it. False: it makes no sense; the process is ended. On
     * the watching thread. */
    bool (*packet)(void *ctx, const struct plug_cell_wire *head, const char *payload);
    /* It is gone and reaped; reason is borrowed. asked: plug_cell_process_stop had begun before. Once, on the watching thread. */
    void (*died)(void *ctx, const char *reason, bool asked);
};

/* OK: `died` will be called, even if the process cannot be started. NOMEM: no thread or descriptors. */
KIT_MUST_CHECK enum kit_status plug_cell_process_start(const struct plug_cell_process_options *options,
                                                       struct plug_cell_process **ret, struct kit_err *err);
/* Sends on the control socket; see plug_cell_wire_send. */
bool plug_cell_process_send(struct plug_cell_process *p, const struct plug_cell_wire *head, const void *payload, int fd,
                            bool wait);
/* Ends it at once, if it still runs; the first reason is kept. NULL: its own way of dying tells. */
void plug_cell_process_end(struct plug_cell_process *p, const char *reason);
/* Waits until it is reaped, at most ms; copies the reason ("" when it still runs). */
void plug_cell_process_reason(struct plug_cell_process *p, uint32_t ms, char reason[PLUG_CELL_REASON_BYTES]);
/* Asks it to go, ends it when it has not gone after 2 s, frees. `died` has returned then. NULL is fine. */
void plug_cell_process_stop(struct plug_cell_process *p);
int64_t plug_cell_process_pid(struct plug_cell_process *p); /* 0: not started or reaped */

#endif
