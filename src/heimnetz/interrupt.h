/* src/heimnetz/interrupt.h - Ctrl-C as a wish instead of the end: whoever waits asks whether it was said.
 *
 * A system call that waits comes back with EINTR. Thread: main; heimnetz_interrupt_said any. Memory: none. */
#ifndef HEIMNETZ_INTERRUPT_H
#define HEIMNETZ_INTERRUPT_H

#include <stdbool.h>

/* From here on SIGINT is noted; what was noted before is forgotten. */
void heimnetz_interrupt_watch(void);
void heimnetz_interrupt_unwatch(void); /* as it was before */
bool heimnetz_interrupt_said(void);
void heimnetz_interrupt_forget(void);

#endif
