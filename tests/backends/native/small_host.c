#include "small_host.h"

#include <assert.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/sync.h"

#define SPINS 20000
#define OUTPUTS_MAX 64

/* What the threads work on. A new turn is announced by `turn`; `left` counts the helpers that are not through. */
static struct {
    struct kit_thread thread[TEST_HOST_CORES_MAX];
    uint32_t helpers;
    struct kit_mutex mutex;
    struct kit_cond wake;
    atomic_uint turn, sleepers, left, next, members;
    atomic_bool quit;
    uint32_t n;
    void (*fn)(void *arg, uint32_t i, uint32_t worker);
    void *arg;
    uint32_t helper_id[TEST_HOST_CORES_MAX];
    struct acb_tensor *output[OUTPUTS_MAX];
    uint32_t output_count;
    void (*on_tensor)(void *arg);
    void *on_tensor_arg;
} host;

static void spin(uint32_t *count)
{
    if (++*count > SPINS) {
        sched_yield();
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* --- threads --- */

static void work(uint32_t worker)
{
    for (;;) {
        uint32_t i = atomic_fetch_add(&host.next, 1);
        if (i >= host.n) {
            return;
        }
        host.fn(host.arg, i, worker);
    }
}

static void wait_for_turn(uint32_t seen)
{
    for (uint32_t spins = 0; spins < SPINS; spins++) {
        if (atomic_load(&host.turn) != seen) {
            return;
        }
        spin(&(uint32_t){0});
    }
    kit_mutex_lock(&host.mutex);
    atomic_fetch_add(&host.sleepers, 1);
    while (atomic_load(&host.turn) == seen) {
        kit_cond_wait(&host.wake, &host.mutex);
    }
    atomic_fetch_sub(&host.sleepers, 1);
    kit_mutex_unlock(&host.mutex);
}

static void helper(void *arg)
{
    const uint32_t worker = *(const uint32_t *)arg;
    uint32_t seen = 0;
    for (;;) {
        wait_for_turn(seen);
        seen = atomic_load(&host.turn);
        if (atomic_load(&host.quit)) {
            return;
        }
        work(worker);
        atomic_fetch_sub(&host.left, 1);
    }
}

static void announce(void)
{
    atomic_fetch_add(&host.turn, 1);
    if (atomic_load(&host.sleepers) > 0) {
        kit_mutex_lock(&host.mutex);
        kit_cond_broadcast(&host.wake);
        kit_mutex_unlock(&host.mutex);
    }
}

/* All helpers take part in each turn, so that none can be left in an old one; the test asks for all cores or for one. */
static void parallel_for(void *ctx, uint32_t cores, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker),
                         void *arg)
{
    (void)ctx;
    if (cores <= host.helpers) {
        for (uint32_t i = 0; i < n; i++) {
            fn(arg, i, 0);
        }
        return;
    }
    host.n = n;
    host.fn = fn;
    host.arg = arg;
    atomic_store(&host.next, 0);
    atomic_store(&host.left, host.helpers);
    announce();
    work(0);
    for (uint32_t spins = 0; atomic_load(&host.left) != 0;) {
        spin(&spins);
    }
}

static uint32_t cores_acquire(void *ctx, uint32_t min, uint32_t max)
{
    (void)ctx;
    uint32_t all = host.helpers + 1;
    assert(min <= all);
    return all < max ? all : max;
}

static void cores_release(void *ctx, uint32_t n)
{
    (void)ctx;
    (void)n;
}

/* --- memory, tensors, words --- */

static void *host_alloc(void *ctx, uint64_t bytes)
{
    (void)ctx;
    return kit_alloc_aligned(64, bytes);
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    kit_alloc_free(p);
}

struct acb_tensor test_host_tensor(const char *name, uint32_t dtype, uint32_t rank, const int64_t *shape, void *data)
{
    uint64_t bytes = dtype == ACB_I64 ? 8 : 4;
    struct acb_tensor t = {.size = sizeof(t), .dtype = dtype, .rank = rank, .name = name, .data = data};
    for (uint32_t i = 0; i < rank; i++) {
        t.shape[i] = shape[i];
        bytes *= (uint64_t)shape[i];
    }
    t.bytes = bytes;
    return t;
}

static int32_t tensor_new(void *ctx, void *call, const char *name, uint32_t dtype, uint32_t rank, const int64_t *shape,
                          struct acb_tensor **ret)
{
    (void)ctx;
    (void)call;
    assert(host.output_count < OUTPUTS_MAX);
    struct acb_tensor *t = kit_alloc(sizeof(*t));
    if (t == NULL) {
        return ACB_NOMEM;
    }
    *t = test_host_tensor(name, dtype, rank, shape, NULL);
    t->data = kit_alloc_aligned(64, t->bytes);
    if (t->data == NULL) {
        kit_alloc_free(t);
        return ACB_NOMEM;
    }
    host.output[host.output_count++] = t;
    if (host.on_tensor != NULL) {
        host.on_tensor(host.on_tensor_arg);
    }
    *ret = t;
    return ACB_OK;
}

void test_host_on_tensor(void (*fn)(void *arg), void *arg)
{
    host.on_tensor = fn;
    host.on_tensor_arg = arg;
}

void test_host_free_outputs(void)
{
    while (host.output_count > 0) {
        struct acb_tensor *t = host.output[--host.output_count];
        kit_alloc_free(t->data);
        kit_alloc_free(t);
    }
}

static void host_log(void *ctx, int32_t level, const char *event, const char *text)
{
    (void)ctx;
    fprintf(stderr, "%d %s %s\n", level, event, text);
}

static void host_count(void *ctx, const char *name, double n)
{
    (void)ctx;
    (void)name;
    (void)n;
}

static const struct acb_host table = {.size = sizeof(table),
                                      .major = ACB_MAJOR,
                                      .minor = ACB_MINOR,
                                      .alloc = host_alloc,
                                      .free = host_free,
                                      .log = host_log,
                                      .count = host_count,
                                      .tensor_new = tensor_new,
                                      .cores_acquire = cores_acquire,
                                      .cores_release = cores_release,
                                      .parallel_for = parallel_for};

const struct acb_host *test_host_table(void)
{
    return &table;
}

const struct acb_plugin *test_host_start(uint32_t cores)
{
    assert(cores >= 1 && cores <= TEST_HOST_CORES_MAX);
    kit_mutex_init(&host.mutex);
    kit_cond_init(&host.wake);
    atomic_store(&host.quit, false);
    atomic_store(&host.turn, 0);
    for (host.helpers = 0; host.helpers < cores - 1; host.helpers++) {
        host.helper_id[host.helpers] = host.helpers + 1;
        enum kit_status rc = kit_thread_start(&host.thread[host.helpers], "helper", helper,
                                              &host.helper_id[host.helpers], NULL);
        assert(rc == KIT_OK);
    }
    return aether_backend_entry(&table);
}

void test_host_stop(void)
{
    atomic_store(&host.quit, true);
    announce();
    for (uint32_t i = 0; i < host.helpers; i++) {
        kit_thread_join(&host.thread[i]);
    }
    host.helpers = 0;
    test_host_free_outputs();
    kit_cond_done(&host.wake);
    kit_mutex_done(&host.mutex);
}
