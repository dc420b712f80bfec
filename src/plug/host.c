#include "plug/host.h"

#include <math.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/log.h"
#include "plug/metrics.h"
#include "plug/status.h"
#include "plug/tensor.h"

#define EVENT_BYTES 64
#define TEXT_BYTES 2048

/* --- log and count --- */

#define WORD "abcdefghijklmnopqrstuvwxyz0123456789_"

static bool made_of(const char *text, const char *letters)
{
    size_t len = text != NULL ? strnlen(text, EVENT_BYTES + 1) : 0;
    return len > 0 && len <= EVENT_BYTES && strspn(text, letters) == len;
}

void plug_host_log(void *ctx, const char *backend, int32_t level, const char *event, const char *text)
{
    (void)ctx;
    char clean[TEXT_BYTES];
    enum kit_log_level at = level <= ACB_LOG_DEBUG  ? KIT_LOG_DEBUG
                            : level == ACB_LOG_INFO ? KIT_LOG_INFO
                            : level == ACB_LOG_WARN ? KIT_LOG_WARN
                                                    : KIT_LOG_ERROR;
    const char *name = made_of(event, WORD ".") ? event : "backend.says";
    (void)plug_status_clean(text != NULL ? text : "", TEXT_BYTES, clean, sizeof(clean));
    KIT_LOG_AT(at, name, "backend=%s%s%s", backend, clean[0] != 0 ? " " : "", clean);
}

void plug_host_count(void *ctx, const char *backend, const char *name, double n)
{
    (void)ctx;
    if (!made_of(name, WORD) || !isfinite(n) || n < 0) {
        return;
    }
    METRIC_ADD_WITH(backend_events_total, n, kit_str_c(backend), kit_str_c(name));
}

/* --- the table --- */

static void *host_alloc(void *ctx, uint64_t bytes)
{
    (void)ctx;
    return bytes > SIZE_MAX / 2 ? NULL : kit_alloc_aligned(64, KIT_MAX((size_t)bytes, 1));
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    kit_alloc_free(p);
}

static void host_log(void *ctx, int32_t level, const char *event, const char *text)
{
    const struct plug_host *h = ctx;
    h->services->log(h->services->ctx, h->backend, level, event, text);
}

static void host_count(void *ctx, const char *name, double n)
{
    const struct plug_host *h = ctx;
    h->services->count(h->services->ctx, h->backend, name, n);
}

static int32_t host_tensor_like(void *ctx, void *call, const struct acb_tensor *like, struct acb_tensor **ret)
{
    (void)ctx;
    return call == NULL ? ACB_INVALID : plug_tensor_call_tensor(call, like, ret);
}

static int32_t host_tensor_new(void *ctx, void *call, const char *name, uint32_t dtype, uint32_t rank,
                               const int64_t *shape, struct acb_tensor **ret)
{
    struct acb_tensor like = {.size = sizeof(like), .dtype = dtype, .rank = rank, .name = name};
    if (rank > ACB_RANK_MAX || dtype == ACB_STRING) {
        return ACB_INVALID;
    }
    for (uint32_t d = 0; d < rank; d++) {
        like.shape[d] = shape[d];
    }
    return host_tensor_like(ctx, call, &like, ret);
}

static uint32_t host_cores_acquire(void *ctx, uint32_t min, uint32_t max)
{
    const struct plug_host *h = ctx;
    return plug_cores_take(h->services->cores, KIT_MIN(min, max), max);
}

static void host_cores_release(void *ctx, uint32_t n)
{
    const struct plug_host *h = ctx;
    plug_cores_give(h->services->cores, n);
}

static void host_parallel_for(void *ctx, uint32_t cores, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker),
                              void *arg)
{
    const struct plug_host *h = ctx;
    plug_team_run(h->services->team, KIT_MIN(cores, PLUG_TEAM_HELPERS_MAX + 1), n, fn, arg);
}

void plug_host_init(struct plug_host *h, const struct plug_services *services, const char *backend)
{
    h->services = services;
    h->backend = backend;
    h->table = (struct acb_host){
        .size = sizeof(h->table),
        .major = ACB_MAJOR,
        .minor = ACB_MINOR,
        .ctx = h,
        .alloc = host_alloc,
        .free = host_free,
        .log = host_log,
        .count = host_count,
        .tensor_new = host_tensor_new,
        .cores_acquire = host_cores_acquire,
        .cores_release = host_cores_release,
        .parallel_for = host_parallel_for,
        .tensor_like = host_tensor_like,
    };
}
