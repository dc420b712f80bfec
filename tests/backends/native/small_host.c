#include "small_host.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "plug/team.h"

#define OUTPUTS_MAX 64

static struct {
    struct plug_team *team;
    uint32_t cores;
    struct acb_tensor *output[OUTPUTS_MAX];
    uint32_t output_count;
    void (*on_tensor)(void *arg);
    void *on_tensor_arg;
} host;

/* --- cores --- */

static void parallel_for(void *ctx, uint32_t cores, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker),
                         void *arg)
{
    (void)ctx;
    plug_team_run(host.team, cores, n, fn, arg);
}

static uint32_t cores_acquire(void *ctx, uint32_t min, uint32_t max)
{
    (void)ctx;
    assert(min <= host.cores);
    return host.cores < max ? host.cores : max;
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
    host.cores = cores;
    enum kit_status rc = plug_team_new(cores - 1, &host.team);
    assert(rc == KIT_OK);
    (void)rc;
    return aether_backend_entry(&table);
}

void test_host_stop(void)
{
    test_host_free_outputs();
    plug_team_free(host.team);
    host.team = NULL;
}
