#include "plug/team.h"

#include <assert.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/sync.h"
#include "plug/now.h"

/* How it works. A job lives on its caller's stack; workers draw indices from its counter until none is left. Each helper
 * has one word: a generation and a state.
 *
 *     IDLE --caller--> CLAIMED --caller--> OFFERED --helper--> RUNNING --helper--> IDLE
 *                                             `------caller took it back------------^
 *
 * A caller that runs out of indices takes back what no helper has picked up yet, so that it never waits for a thread to
 * wake, and waits for those that run. The generation grows with each claim: a caller cannot take back the offer that
 * another one made to the same helper meanwhile. A helper's last touch of a job is its decrement of `running`. */

#define SPIN_NS 40000u
#define SPIN_STEPS 64u            /* looks between two readings of the clock */
#define CALLER_SLEEPS 0x80000000u /* in job.running */

enum { IDLE, CLAIMED, OFFERED, RUNNING, QUIT, STATE_MASK = 7, GENERATION = 8 };

struct job {
    void (*fn)(void *arg, uint32_t i, uint32_t worker);
    void *arg;
    uint32_t n;
    _Atomic uint32_t next;
    _Atomic uint32_t running; /* helpers that were offered this job and have not left it */
};

struct helper {
    _Alignas(64) _Atomic uint32_t word; /* generation | state; what the helper sleeps on */
    _Atomic uint32_t asleep;
    struct job *job; /* written by the caller while CLAIMED */
    uint32_t worker;
    struct kit_thread thread;
};

struct plug_team {
    struct kit_mutex starting;
    _Atomic uint32_t started;
    uint32_t max;
    struct helper helpers[];
};

static void futex_wait(_Atomic uint32_t *word, uint32_t seen)
{
    (void)syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

/* The address only: the word may be gone already, and then a stranger wakes and looks again. */
static void futex_wake(_Atomic uint32_t *word)
{
    (void)syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* True when (*word & mask) is `wanted` before the patience is over. */
static bool spin_until(_Atomic uint32_t *word, uint32_t mask, uint32_t wanted)
{
    uint64_t end = 0;
    for (uint32_t i = 1;; i++) {
        if ((atomic_load_explicit(word, memory_order_acquire) & mask) == wanted) {
            return true;
        }
        relax();
        if (i % SPIN_STEPS == 0) {
            uint64_t now = plug_now_ns();
            end = end == 0 ? now + SPIN_NS : end;
            if (now >= end) {
                return false;
            }
        }
    }
}

static void draw(struct job *j, uint32_t worker)
{
    for (;;) {
        uint32_t i = atomic_fetch_add_explicit(&j->next, 1, memory_order_relaxed);
        if (i >= j->n) {
            return;
        }
        j->fn(j->arg, i, worker);
    }
}

/* --- a helper --- */

/* Says that it sleeps, looks once more, sleeps. Whoever offers writes the word first and reads `asleep` after. */
static void sleep_on(struct helper *h, uint32_t seen)
{
    atomic_store(&h->asleep, 1);
    if (atomic_load(&h->word) == seen) {
        futex_wait(&h->word, seen);
    }
    atomic_store(&h->asleep, 0);
}

/* The word with OFFERED or QUIT in it. */
static uint32_t wait_for_offer(struct helper *h)
{
    for (;;) {
        if (!spin_until(&h->word, STATE_MASK, OFFERED)) {
            uint32_t seen = atomic_load(&h->word);
            if ((seen & STATE_MASK) == IDLE || (seen & STATE_MASK) == CLAIMED) {
                sleep_on(h, seen);
            }
        }
        uint32_t word = atomic_load(&h->word);
        if ((word & STATE_MASK) == OFFERED || (word & STATE_MASK) == QUIT) {
            return word;
        }
    }
}

static void leave(struct job *j)
{
    if (atomic_fetch_sub(&j->running, 1) == (CALLER_SLEEPS | 1)) {
        futex_wake(&j->running);
    }
}

static void help(void *arg)
{
    struct helper *h = arg;
    for (;;) {
        uint32_t word = wait_for_offer(h);
        if ((word & STATE_MASK) == QUIT) {
            return;
        }
        uint32_t generation = word & ~(uint32_t)STATE_MASK;
        if (!atomic_compare_exchange_strong(&h->word, &word, generation | RUNNING)) {
            continue; /* taken back */
        }
        struct job *j = h->job;
        draw(j, h->worker);
        atomic_store(&h->word, generation | IDLE);
        leave(j);
    }
}

/* --- a caller --- */

/* True: the helper is ours; *word is its word, CLAIMED. */
static bool claim(struct helper *h, uint32_t *word)
{
    uint32_t seen = atomic_load_explicit(&h->word, memory_order_relaxed);
    *word = ((seen & ~(uint32_t)STATE_MASK) + GENERATION) | CLAIMED;
    return (seen & STATE_MASK) == IDLE && atomic_compare_exchange_strong(&h->word, &seen, *word);
}

static uint32_t offer(struct helper *h, struct job *j, uint32_t worker, uint32_t word)
{
    h->job = j;
    h->worker = worker;
    atomic_fetch_add(&j->running, 1);
    word += OFFERED - CLAIMED;
    atomic_store(&h->word, word);
    if (atomic_load(&h->asleep) != 0) {
        futex_wake(&h->word);
    }
    return word;
}

/* One more thread; false when there may be no more. */
static bool start_helper(struct plug_team *t)
{
    bool ok = false;
    kit_mutex_lock(&t->starting);
    uint32_t n = atomic_load(&t->started);
    if (n < t->max && kit_thread_start(&t->helpers[n].thread, "plug-team", help, &t->helpers[n], NULL) == KIT_OK) {
        atomic_store(&t->started, n + 1);
        ok = true;
    }
    kit_mutex_unlock(&t->starting);
    return ok;
}

struct offers {
    uint32_t count;
    uint8_t helper[PLUG_TEAM_HELPERS_MAX];
    uint32_t word[PLUG_TEAM_HELPERS_MAX];
};

static void offer_to_idle(struct plug_team *t, struct job *j, uint32_t wanted, struct offers *made)
{
    for (uint32_t i = 0; made->count < wanted; i++) {
        if (i == atomic_load(&t->started) && !start_helper(t)) {
            return;
        }
        uint32_t word;
        if (claim(&t->helpers[i], &word)) {
            made->helper[made->count] = (uint8_t)i;
            made->word[made->count] = offer(&t->helpers[i], j, made->count + 1, word);
            made->count++;
        }
    }
}

static void take_back(struct plug_team *t, struct job *j, const struct offers *made)
{
    for (uint32_t k = 0; k < made->count; k++) {
        uint32_t word = made->word[k];
        if (atomic_compare_exchange_strong(&t->helpers[made->helper[k]].word, &word,
                                           (word & ~(uint32_t)STATE_MASK) | IDLE)) {
            atomic_fetch_sub(&j->running, 1);
        }
    }
}

static void join(struct job *j)
{
    if (spin_until(&j->running, UINT32_MAX, 0)) {
        return;
    }
    uint32_t seen = atomic_fetch_or(&j->running, CALLER_SLEEPS) | CALLER_SLEEPS;
    while (seen != CALLER_SLEEPS) {
        futex_wait(&j->running, seen);
        seen = atomic_load(&j->running);
    }
}

void plug_team_run(struct plug_team *t, uint32_t cores, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker),
                   void *arg)
{
    struct job j = {.fn = fn, .arg = arg, .n = n};
    struct offers made;
    made.count = 0;
    uint32_t workers = KIT_MIN(KIT_MAX(cores, 1), n);
    if (workers > 1) {
        offer_to_idle(t, &j, KIT_MIN(workers - 1, PLUG_TEAM_HELPERS_MAX), &made);
    }
    draw(&j, 0);
    take_back(t, &j, &made);
    if (made.count > 0) {
        join(&j);
    }
}

/* --- life --- */

enum kit_status plug_team_new(uint32_t helpers_max, struct plug_team **ret)
{
    assert(helpers_max <= PLUG_TEAM_HELPERS_MAX);
    size_t bytes = sizeof(struct plug_team) + helpers_max * sizeof(struct helper);
    struct plug_team *t = kit_alloc_aligned(64, bytes);
    if (t == NULL) {
        return KIT_NOMEM;
    }
    kit_mutex_init(&t->starting);
    t->max = helpers_max;
    atomic_init(&t->started, 0);
    for (uint32_t i = 0; i < helpers_max; i++) {
        t->helpers[i] = (struct helper){0};
    }
    *ret = t;
    return KIT_OK;
}

void plug_team_free(struct plug_team *t)
{
    if (t == NULL) {
        return;
    }
    for (uint32_t i = 0; i < atomic_load(&t->started); i++) {
        struct helper *h = &t->helpers[i];
        assert((atomic_load(&h->word) & STATE_MASK) == IDLE);
        atomic_store(&h->word, QUIT);
        futex_wake(&h->word);
        kit_thread_join(&h->thread);
    }
    kit_mutex_done(&t->starting);
    kit_alloc_free(t);
}

uint32_t plug_team_started(const struct plug_team *t)
{
    return atomic_load(&t->started);
}
