/* src/heimnetz/process.h - processes of this machine as /proc shows them: whether one still is who it was, who holds a port,
 * and how to start one that outlives us. Linux. Thread: main. Memory: the caller's buffers. */
#ifndef HEIMNETZ_PROCESS_H
#define HEIMNETZ_PROCESS_H

#include <sys/types.h>

#include "heimnetz/places.h"

/* What names a process for good: its number is given out again, but not with the same start. */
struct heimnetz_process {
    pid_t pid;
    uint64_t started; /* clock ticks since the machine started (proc(5), stat, field 22) */
    char exe[PLACES_BYTES];
};

/* NOT_FOUND: no such process, or it has ended and waits to be collected. exe is "" where it may not be read. */
KIT_MUST_CHECK enum kit_status heimnetz_process_read(pid_t pid, struct heimnetz_process *ret, struct kit_err *err);
/* Is the process still there, and the same? A program file that was replaced since does not count as another. */
bool heimnetz_process_lives(const struct heimnetz_process *p);
/* Milliseconds since it started. */
uint64_t heimnetz_process_age_ms(const struct heimnetz_process *p);
/* Waits until it has ended, at most timeout_ms; false: it has not. */
bool heimnetz_process_wait_end(const struct heimnetz_process *p, uint32_t timeout_ms);

/* Who listens on a TCP port of this machine. *pid 0: somebody whom we may not see (another user's). name: of the program.
 * NOT_FOUND: nobody listens. */
#define PROCESS_NAME_BYTES 64
KIT_MUST_CHECK enum kit_status heimnetz_process_of_port(uint16_t port, pid_t *pid, char name[PROCESS_NAME_BYTES],
                                                        struct kit_err *err);

/* Starts a program in a session of its own: input from /dev/null, both outputs appended to log, no other open file, no
 * blocked or ignored signal, working directory "/". argv[0] is the program's path. environment: NULL-ended. NOT_FOUND, IO. */
KIT_MUST_CHECK enum kit_status heimnetz_process_start(char *const *argv, char *const *environment, const char *log,
                                                      pid_t *ret, struct kit_err *err);

#endif
