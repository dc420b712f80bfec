/* backends/llama/host.h - the host's table of functions, and llama.cpp's log into the host's.
 *
 * Thread: llama_plug_host_set once, the rest any. Memory: borrowed. */
#ifndef LLAMA_HOST_H
#define LLAMA_HOST_H

#include "aether/backend.h"
#include "kit/status.h"

void llama_plug_host_set(const struct acb_host *host); /* borrowed for the life of the plug-in */
const struct acb_host *llama_plug_host(void);

/* 64-byte aligned, cleared; owned; NULL: out of memory. */
KIT_MUST_CHECK void *llama_plug_alloc(uint64_t count, uint64_t bytes);
void llama_plug_free(void *p); /* NULL is fine */

/* From now on what llama.cpp logs goes to the host: its warnings and errors as they are, the rest as debug. */
void llama_plug_log_start(void);
/* Until it is called with false, warnings and errors are debug lines: a step that was called off says much about it. */
void llama_plug_log_calm(bool calm);
/* Forgets the last error; gives the first error since then on any thread, "" when there was none. For messages only. */
void llama_plug_log_forget(void);
void llama_plug_log_first(char *buf, size_t room);

#endif
