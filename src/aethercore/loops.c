#include "aethercore/inner.h"

#include "aethercore/descriptors.h"
#include "api/error.h"
#include "kit/alloc.h"
#include "kit/log.h"

#define CORES_PER_LOOP 4

/* --- orders between loops --- */

static void drained(void *ctx)
{
    struct aethercore_loop *al = ctx;
    if (loop_chan_send_answer(al->app->loops[0].orders, &al->drained.msg) != KIT_OK) {
        LOG_ERROR("server.drain", "what=\"the first loop has ended before the others\"");
    }
}

static void obey_drain(struct aethercore_loop *al, struct aethercore_order *o)
{
    (void)o;
    http_server_drain(al->server, al->drain_ms, drained, al);
}

static void obey_end(struct aethercore_loop *al, struct aethercore_order *o)
{
    (void)o;
    loop_stop(al->loop);
}

/* On the first loop: one more has drained; when all have, all end. */
static void obey_drained(struct aethercore_loop *first, struct aethercore_order *o)
{
    (void)o;
    if (--first->app->loops_open == 0) {
        aethercore_loops_end(first->app);
    }
}

static void obey(void *ctx, struct loop_msg *m)
{
    struct aethercore_order *o = KIT_CONTAINER(m, struct aethercore_order, msg);
    o->obey(ctx, o);
}

static void drop_order(void *ctx, struct loop_msg *m)
{
    struct aethercore_order *o = KIT_CONTAINER(m, struct aethercore_order, msg);
    (void)ctx;
    if (o->drop != NULL) {
        o->drop(o);
    }
}

/* Main's thread, once for each loop. */
static void end_other_loops(struct aethercore_app *a)
{
    for (uint32_t i = 1; i < a->loop_count; i++) {
        struct aethercore_loop *al = &a->loops[i];
        if (al->thread.started && !al->told_to_end && loop_chan_send_answer(al->orders, &al->end.msg) == KIT_OK) {
            al->told_to_end = true;
        }
    }
}

void aethercore_loops_end(struct aethercore_app *a)
{
    end_other_loops(a);
    loop_stop(a->loops[0].loop);
}

/* --- making --- */

static struct http_options http_options(struct aethercore_loop *al)
{
    struct aethercore_app *a = al->app;
    const struct kit_config *c = a->config;
    struct http_options o = HTTP_OPTIONS_DEFAULT;
    o.connections_max = a->connections_max;
    o.head_bytes_max = (uint32_t)kit_config_int(c, "http.head_bytes_max");
    o.body_bytes_max = (uint64_t)kit_config_int(c, "http.body_bytes_max");
    o.bodies_bytes_max = (uint64_t)kit_config_int(c, "http.bodies_bytes_max");
    o.bodies = &a->bodies;
    struct http_timeouts timeouts = aethercore_reload_timeouts(c);
    o.idle_timeout_ms = timeouts.idle_ms;
    o.head_timeout_ms = timeouts.head_ms;
    o.body_timeout_ms = timeouts.body_ms;
    o.write_timeout_ms = timeouts.write_ms;
    o.compress = kit_config_bool(c, "http.compress");
    o.work = a->work;
    o.admit = guard_admit;
    o.admit_ctx = &al->guard;
    o.fail = api_error_send;
    return o;
}

static enum kit_status make_loop(struct aethercore_app *a, struct aethercore_loop *al, struct kit_err *err)
{
    al->app = a;
    al->drain.obey = obey_drain;
    al->end.obey = obey_end;
    al->drained.obey = obey_drained;
    struct http_options options = http_options(al);
    struct loop_chan_options orders = {.max = 4, .ctx = al, .receive = obey, .drop = drop_order};
    uint16_t port = a->port != 0 ? a->port : (uint16_t)kit_config_int(a->config, "server.port");
    guard_init(&al->guard, guard_rules_ref(a->rules));
    enum kit_status rc = loop_new(&al->loop, err);
    if (rc == KIT_OK) {
        rc = loop_chan_new(al->loop, &orders, &al->orders, err);
    }
    if (rc == KIT_OK) {
        rc = http_server_new(al->loop, a->api.router, &options, &al->server, err);
    }
    if (rc == KIT_OK) {
        rc = api_loop_add(&a->api, al->loop, al->server, err);
    }
    if (rc == KIT_OK) {
        al->api = api_loop_of(&a->api, al->server);
        rc = http_server_listen(al->server, kit_config_str(a->config, "server.host"), port, &a->port, err);
        if (rc != KIT_OK) {
            return kit_fail(err, rc, "%s; --port takes another one (0: any that is free)", err->msg);
        }
    }
    return rc;
}

static uint32_t wanted_loops(const struct aethercore_app *a)
{
    uint32_t wish = (uint32_t)kit_config_int(a->config, "server.loops");
    return wish > 0 ? wish
                    : KIT_MIN(KIT_MAX(plug_cores_total(a->engine) / CORES_PER_LOOP, 1u), (uint32_t)API_LOOPS_MAX);
}

enum kit_status aethercore_loops_make(struct aethercore_app *a, struct kit_err *err)
{
    uint32_t count = wanted_loops(a);
    a->loops = kit_alloc_zero(count, sizeof(*a->loops));
    if (a->loops == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for %u loops", count);
    }
    a->connections_max =
        aethercore_descriptors_connections((uint32_t)kit_config_int(a->config, "http.connections_max"), count);
    enum kit_status rc = KIT_OK;
    while (rc == KIT_OK && a->loop_count < count) {
        rc = make_loop(a, &a->loops[a->loop_count], err);
        a->loop_count++;
    }
    return rc;
}

/* --- running and ending --- */

static void close_loop(struct aethercore_loop *al)
{
    if (al->server != NULL) {
        http_server_free(al->server);
    }
    if (al->api != NULL) {
        api_loop_close(al->api);
    }
    if (al->orders != NULL) {
        loop_chan_close(al->orders);
    }
    guard_done(&al->guard);
    al->server = NULL;
    al->api = NULL;
    al->orders = NULL;
}

static void run_loop(void *arg)
{
    struct aethercore_loop *al = arg;
    loop_run(al->loop);
    close_loop(al);
}

enum kit_status aethercore_loops_start(struct aethercore_app *a, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 1; rc == KIT_OK && i < a->loop_count; i++) {
        rc = kit_thread_start(&a->loops[i].thread, "loop", run_loop, &a->loops[i], err);
    }
    return rc;
}

void aethercore_loops_drain(struct aethercore_app *a)
{
    a->loops_open = a->loop_count;
    for (uint32_t i = 0; i < a->loop_count; i++) {
        a->loops[i].drain_ms = (uint64_t)kit_config_int(a->config, "server.drain");
        if (loop_chan_send(a->loops[i].orders, &a->loops[i].drain.msg) != KIT_OK) {
            LOG_ERROR("server.drain", "what=\"a loop could not be told\"");
        }
    }
}

void aethercore_loops_join(struct aethercore_app *a)
{
    end_other_loops(a); /* a start that failed half-way has not told them yet */
    for (uint32_t i = 1; i < a->loop_count; i++) {
        bool ran = a->loops[i].thread.started;
        kit_thread_join(&a->loops[i].thread);
        if (!ran) {
            close_loop(&a->loops[i]);
        }
    }
}

void aethercore_loops_close_first(struct aethercore_app *a)
{
    close_loop(&a->loops[0]);
}

void aethercore_loops_free(struct aethercore_app *a)
{
    for (uint32_t i = 0; i < a->loop_count; i++) {
        loop_free(a->loops[i].loop);
    }
    kit_alloc_free(a->loops);
}
