#include "kit/sync.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>

#include "kit/clock.h"
#include "kit/str.h"

/* What these calls can answer otherwise is misuse, a bug of ours. */
static void must(int error)
{
    assert(error == 0);
    (void)error;
}

void kit_mutex_init(struct kit_mutex *m)
{
    must(pthread_mutex_init(&m->os, NULL));
}

void kit_mutex_done(struct kit_mutex *m)
{
    must(pthread_mutex_destroy(&m->os));
}

void kit_mutex_lock(struct kit_mutex *m)
{
    must(pthread_mutex_lock(&m->os));
}

void kit_mutex_unlock(struct kit_mutex *m)
{
    must(pthread_mutex_unlock(&m->os));
}

void kit_cond_init(struct kit_cond *c)
{
    pthread_condattr_t attributes;
    must(pthread_condattr_init(&attributes));
    must(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    must(pthread_cond_init(&c->os, &attributes));
    must(pthread_condattr_destroy(&attributes));
}

void kit_cond_done(struct kit_cond *c)
{
    must(pthread_cond_destroy(&c->os));
}

void kit_cond_wait(struct kit_cond *c, struct kit_mutex *m)
{
    must(pthread_cond_wait(&c->os, &m->os));
}

bool kit_cond_wait_until(struct kit_cond *c, struct kit_mutex *m, uint64_t deadline_ns)
{
    if (deadline_ns == KIT_NEVER_NS) {
        kit_cond_wait(c, m);
        return true;
    }
    struct timespec until = {.tv_sec = (time_t)(deadline_ns / KIT_NS_PER_S),
                             .tv_nsec = (long)(deadline_ns % KIT_NS_PER_S)};
    int error = pthread_cond_timedwait(&c->os, &m->os, &until);
    must(error == ETIMEDOUT ? 0 : error);
    return error == 0;
}

void kit_cond_signal(struct kit_cond *c)
{
    must(pthread_cond_signal(&c->os));
}

void kit_cond_broadcast(struct kit_cond *c)
{
    must(pthread_cond_broadcast(&c->os));
}

static void *thread_main(void *arg)
{
    const struct kit_thread *t = arg; /* not to be touched once `run` has begun: it may end what holds it */
    pthread_setname_np(pthread_self(), t->name);
    t->run(t->arg);
    return NULL;
}

/* Everything but what the processor itself raises: a blocked SIGBUS would end the process instead of reaching the
 * handler of kit/map. */
static void fill_blocked(sigset_t *set)
{
    static const int raised[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigfillset(set);
    for (size_t i = 0; i < KIT_COUNT(raised); i++) {
        sigdelset(set, raised[i]);
    }
}

enum kit_status kit_thread_start(struct kit_thread *t, const char *name, void (*run)(void *arg), void *arg,
                                 struct kit_err *err)
{
    sigset_t blocked, before;
    t->run = run;
    t->arg = arg;
    kit_str_to_c(kit_str_c(name), t->name, sizeof(t->name));
    fill_blocked(&blocked);
    must(pthread_sigmask(SIG_SETMASK, &blocked, &before));
    int error = pthread_create(&t->os, NULL, thread_main, t);
    must(pthread_sigmask(SIG_SETMASK, &before, NULL));
    if (error != 0) {
        return kit_fail(err, KIT_NOMEM, "thread '%s' cannot be started: %s", name, strerror(error));
    }
    t->started = true;
    return KIT_OK;
}

void kit_thread_give_way(void)
{
#if defined(__linux__) /* there it is said of a thread; elsewhere of the whole process */
    (void)setpriority(PRIO_PROCESS, 0, 10);
#endif
}

void kit_thread_join(struct kit_thread *t)
{
    if (t->started) {
        must(pthread_join(t->os, NULL));
        t->started = false;
    }
}

void kit_once(struct kit_once *once, void (*run)(void))
{
    pthread_once(&once->os, run);
}
