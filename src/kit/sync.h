/* src/kit/sync.h - mutex, condition, thread. Only kit and loop use them freely; other folders exchange messages
 * (loop/chan.h) and use these where a comment says why. Atomics are C11's <stdatomic.h>, in kit, loop, plug and
 * sched only. Memory: a struct belongs to whoever holds it. */
#ifndef KIT_SYNC_H
#define KIT_SYNC_H

#include <pthread.h>

#include "kit/status.h"

struct kit_mutex {
    pthread_mutex_t os;
};

struct kit_cond {
    pthread_cond_t os; /* on the monotonic clock */
};

#define KIT_THREAD_NAME_BYTES 16 /* with its ending NUL: what Linux shows */
struct kit_thread {
    pthread_t os;
    void (*run)(void *arg);
    void *arg;
    char name[KIT_THREAD_NAME_BYTES];
    bool started;
};

/* None of these fails: what the system could answer is misuse (assert). */
void kit_mutex_init(struct kit_mutex *m);
void kit_mutex_done(struct kit_mutex *m);
void kit_mutex_lock(struct kit_mutex *m);
void kit_mutex_unlock(struct kit_mutex *m);

void kit_cond_init(struct kit_cond *c);
void kit_cond_done(struct kit_cond *c);
void kit_cond_wait(struct kit_cond *c, struct kit_mutex *m);
/* False when `deadline_ns` (kit_clock_ns, real clock) came first. KIT_NEVER_NS waits for ever. */
bool kit_cond_wait_until(struct kit_cond *c, struct kit_mutex *m, uint64_t deadline_ns);
void kit_cond_signal(struct kit_cond *c);
void kit_cond_broadcast(struct kit_cond *c);

/* t: stays where it is until the thread has begun. name: shown by ps and gdb, cut after 15 bytes. All signals are blocked in
 * the new thread but those that the processor raises (SIGBUS, SIGSEGV, …): kit/map lives by them. NOMEM: the system gives no
 * thread. */
KIT_MUST_CHECK enum kit_status kit_thread_start(struct kit_thread *t, const char *name, void (*run)(void *arg),
                                                void *arg, struct kit_err *err);
/* The calling thread has, from now on and for good, a lower priority (nice 10) than those that serve: for work that nobody
 * waits for. */
void kit_thread_give_way(void);
void kit_thread_join(struct kit_thread *t); /* does nothing when it was never started */

/* Runs `run` the first time that this once is seen; other callers wait until it has ended. */
struct kit_once {
    pthread_once_t os;
};
#define KIT_ONCE                                                                                                       \
    {                                                                                                                  \
        PTHREAD_ONCE_INIT                                                                                              \
    }
void kit_once(struct kit_once *once, void (*run)(void));

#endif
