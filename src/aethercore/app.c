#include "aethercore/app.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aethercore/access.h"
#include "aethercore/inner.h"
#include "aethercore/metrics.h"
#include "aethercore/notify.h"
#include "aethercore/paths.h"
#include "api/openai_responses.h"
#include "kit/alloc.h"
#include "kit/file.h"
#include "kit/log.h"

#define LEDGER_ACCOUNTS_MAX 65536
#define TICK_MS 250
#define ADDRESS_BYTES 320         /* a host has at most 255 */
#define TRIM_BYTES (16 * KIT_MIB) /* freed since the most */
#define INLINE_BYTES_MAX (32 * KIT_KIB)
#define LOAD_WAIT_MAX_MS 600000
#define EVENTS_MAX 512
#define CELL_SHARED_BYTES_MAX (1 * KIT_GIB)

/* --- making --- */

static enum kit_status choose_models_folder(struct aethercore_app *a, struct kit_err *err)
{
    const char *folder = kit_config_str(a->config, "models.folder");
    if (folder[0] == '\0') {
        enum kit_status rc = aethercore_paths_models(a->models_folder, err);
        return rc == KIT_OK ? kit_file_make_folder(a->models_folder, err) : rc;
    }
    kit_str_to_c(kit_str_c(folder), a->models_folder, sizeof(a->models_folder));
    if (!kit_file_exists(a->models_folder)) {
        return kit_fail(err, KIT_INVALID, "the models folder '%s' is not there", a->models_folder);
    }
    return KIT_OK;
}

static enum kit_status make_engine(struct aethercore_app *a, struct kit_err *err)
{
    char exe[AETHERCORE_PATH_BYTES], plugins[AETHERCORE_PATH_BYTES];
    const char *wish = kit_config_str(a->config, "plugins.folder");
    enum kit_status rc = aethercore_paths_exe(exe, err);
    if (rc == KIT_OK && wish[0] != '\0') {
        kit_str_to_c(kit_str_c(wish), plugins, sizeof(plugins));
    } else if (rc == KIT_OK) {
        rc = aethercore_paths_plugins(plugins, err);
    }
    struct plug_options options = {
        .folder = plugins,
        .cell_exe = exe,
        .cores_max = (uint32_t)kit_config_int(a->config, "compute.cores"),
        .backends_max = 64,
        .cell_shared_bytes_max = CELL_SHARED_BYTES_MAX,
        .cell_call_ms_max = (uint32_t)kit_config_int(a->config, "compute.call_timeout"),
    };
    return rc == KIT_OK ? plug_engine_new(&options, &a->engine, err) : rc;
}

static enum kit_status make_tasks(struct aethercore_app *a, struct kit_err *err)
{
    const struct kit_config *c = a->config;
    struct task_options options = {
        .autoload = kit_config_bool(c, "models.autoload"),
        .waiting_max = (uint32_t)kit_config_int(c, "queue.load_waiting_max"),
        .text_bytes_max = (uint64_t)kit_config_int(c, "serve.text_bytes_max"),
        .inline_bytes_max = INLINE_BYTES_MAX,
        .instances_max = (uint32_t)kit_config_int(c, "compute.instances_max"),
        .batch_tokens_max = (uint64_t)kit_config_int(c, "batch.tokens_max"),
        .batch_rows_max = (uint32_t)kit_config_int(c, "batch.rows_max"),
        .queue_tokens_max = (uint64_t)kit_config_int(c, "queue.tokens_max"),
        .queue_jobs_max = (uint32_t)kit_config_int(c, "queue.requests_max"),
        .sequences_max = (uint32_t)kit_config_int(c, "generate.sequences_max"),
        .kv_bytes_max = (uint64_t)kit_config_int(c, "generate.kv_bytes_max"),
    };
    return task_service_new(&options, a->engine, a->work, &a->tasks, err);
}

/* More models than the catalog takes are no reason not to serve those that fit. */
static enum kit_status scan_models(struct aethercore_app *a, struct kit_err *err)
{
    enum kit_status rc = model_catalog_scan(a->catalog, err);
    if (rc != KIT_FULL) {
        return rc;
    }
    LOG_WARN("model.scan", "why=%s", LOG_QUOTE(err->msg));
    return KIT_OK;
}

static enum kit_status make_catalog(struct aethercore_app *a, struct kit_err *err)
{
    const struct kit_config *c = a->config;
    char hf_cache[AETHERCORE_PATH_BYTES];
    enum kit_status rc = aethercore_paths_hf_cache(kit_config_str(c, "models.hf_cache"), hf_cache, err);
    struct model_options options = {
        .folder = a->models_folder,
        .hf_cache = hf_cache,
        .models_max = (uint32_t)kit_config_int(c, "models.max"),
        .events_max = EVENTS_MAX,
        .isolation = kit_config_int(c, "models.isolation") == 1 ? PLUG_IN_CELL : PLUG_IN_PROCESS,
        .restart_max = (uint32_t)kit_config_int(c, "models.restarts_max"),
        .loads_max = (uint32_t)kit_config_int(c, "models.loads_max"),
        .hub = &a->hub.options,
        .pulls_max = (uint32_t)kit_config_int(c, "hub.pulls_max"),
    };
    if (rc == KIT_OK) {
        rc = aethercore_hub_read(c, &a->hub, err);
        options.autopull = a->hub.autopull;
    }
    if (rc == KIT_OK) {
        rc = model_catalog_new(&options, a->engine, a->ledger, task_service_observer(), a->tasks, &a->catalog, err);
    }
    return rc == KIT_OK ? scan_models(a, err) : rc;
}

static enum kit_status make_remote(struct aethercore_app *a, struct kit_err *err)
{
    return aethercore_remote_new(a->config, a->catalog, &a->remote, err);
}

static enum kit_status make_store(struct aethercore_app *a, struct kit_err *err)
{
    const char *folder = kit_config_str(a->config, "store.folder");
    char path[AETHERCORE_PATH_BYTES];
    struct store_options options = STORE_OPTIONS_DEFAULT;
    enum kit_status rc = KIT_OK;
    options.migrations = api_responses_migrations;
    options.migration_count = api_responses_migration_count;
    if (folder[0] != '\0') {
        options.path = path;
        rc = kit_file_make_folder(folder, err);
        rc =
            rc == KIT_OK ? kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_lit("aethercore.db"), err) : rc;
    }
    return rc == KIT_OK ? store_open(&options, &a->store, err) : rc;
}

static enum kit_status make_api(struct aethercore_app *a, struct kit_err *err)
{
    const struct kit_config *c = a->config;
    a->api = (struct api){
        .options = {.program = "aethercore",
                    .version = HEIMNETZ_VERSION,
                    .inline_bytes_max = INLINE_BYTES_MAX,
                    .trees_bytes_max = (uint64_t)kit_config_int(c, "http.bodies_bytes_max"),
                    .texts_max = (uint32_t)kit_config_int(c, "serve.texts_max"),
                    .requests_max = (uint32_t)kit_config_int(c, "serve.requests_max"),
                    .stream_requests_max = (uint32_t)kit_config_int(c, "serve.stream_requests_max"),
                    .stream_message_bytes_max = (uint64_t)kit_config_int(c, "serve.stream_message_bytes_max"),
                    .bodies_bytes_max = (uint64_t)kit_config_int(c, "http.bodies_bytes_max"),
                    .timeout_max_ms = (uint32_t)kit_config_int(c, "serve.timeout_max"),
                    .load_wait_max_ms = LOAD_WAIT_MAX_MS,
                    .responses_keep_ms = (uint64_t)kit_config_int(c, "responses.keep"),
                    .responses_max = (uint32_t)kit_config_int(c, "responses.max"),
                    .responses_bytes_max = (uint64_t)kit_config_int(c, "responses.bytes_max")},
        .tasks = a->tasks,
        .catalog = a->catalog,
        .ledger = a->ledger,
        .work = a->work,
        .store = a->store,
        .trees = &a->trees,
        .bodies = &a->bodies,
    };
    return api_init(&a->api, err);
}

/* --- what the first loop does besides --- */

static void stop_asked(void *ctx, int number)
{
    struct aethercore_app *a = ctx;
    (void)number;
    if (kit_flag_raise(&a->api.draining)) {
        LOG_WARN("server.stop", "how=now");
        aethercore_loops_end(a); /* asked twice: do not wait */
        return;
    }
    LOG_INFO("server.drain", "requests=%u", http_server_counts(a->loops[0].server).requests);
    aethercore_notify("STOPPING=1");
    aethercore_loops_drain(a);
}

static void scan_on_pool(struct loop_work_job *job)
{
    struct aethercore_app *a = KIT_CONTAINER(job, struct aethercore_app, scan);
    struct kit_err err = {0};
    if (model_catalog_scan(a->catalog, &err) != KIT_OK) {
        LOG_DEBUG("model.scan", "why=%s", LOG_QUOTE(err.msg)); /* the start has warned already */
    }
    kit_flag_set(&a->scanning, false);
}

static void scan_soon(struct aethercore_app *a)
{
    a->scanned_ns = kit_clock_ns();
    if (kit_flag_raise(&a->scanning)) {
        return; /* one is on: its job is the pool's */
    }
    a->scan.run = scan_on_pool;
    if (loop_work_submit(a->work, &a->scan) != KIT_OK) {
        kit_flag_set(&a->scanning, false); /* the next tick tries again */
    }
}

static void reload_asked(void *ctx, int number)
{
    (void)number;
    aethercore_reload(ctx);
    scan_soon(ctx);
}

/* A crowd has left: what it needed goes back to the system, which the allocator would not do by itself. */
static void give_back_memory(struct aethercore_app *a)
{
    uint64_t bytes = kit_alloc_bytes();
    a->high_bytes = KIT_MAX(a->high_bytes, bytes);
    if (a->high_bytes - bytes > TRIM_BYTES) {
        kit_alloc_trim();
        a->high_bytes = bytes;
    }
}

static void tick(void *ctx)
{
    struct aethercore_app *a = ctx;
    uint64_t now_ns = kit_clock_ns(), every_ms = (uint64_t)kit_config_int(a->config, "models.scan");
    model_catalog_tick(a->catalog, now_ns);
    give_back_memory(a);
    if (every_ms > 0 && now_ns - a->scanned_ns >= every_ms * KIT_NS_PER_MS) {
        scan_soon(a);
    }
}

static enum kit_status make_extras(struct aethercore_app *a, struct kit_err *err)
{
    struct aethercore_loop *first = &a->loops[0];
    enum kit_status rc = task_service_start(a->tasks, a->catalog, a->remote, first->loop, err);
    if (rc == KIT_OK) {
        rc = loop_signal_new(first->loop, SIGTERM, false, stop_asked, a, &first->terminate, err);
    }
    if (rc == KIT_OK) {
        rc = loop_signal_new(first->loop, SIGINT, false, stop_asked, a, &first->interrupt, err);
    }
    if (rc == KIT_OK) {
        rc = loop_signal_new(first->loop, SIGHUP, false, reload_asked, a, &first->hangup, err);
    }
    if (rc == KIT_OK) {
        rc = loop_timer_new(first->loop, tick, a, &first->tick);
    }
    if (rc == KIT_OK) {
        loop_timer_start(first->tick, TICK_MS, TICK_MS);
    }
    return rc;
}

static void load_wanted(struct aethercore_app *a)
{
    kit_str rest = kit_str_c(kit_config_str(a->config, "models.load")), id;
    while (kit_str_cut(&rest, ',', &id)) {
        struct kit_err err = {0};
        if (model_load(a->catalog, kit_str_trim(id), NULL, &err) != KIT_OK) {
            LOG_ERROR("model.load", "model=%s why=%s", LOG_QUOTE_STR(id), LOG_QUOTE(err.msg));
        }
    }
}

/* --- life --- */

enum kit_status aethercore_app_start(struct aethercore_app *a, const struct aethercore_source *source,
                                     const struct kit_config *config, struct kit_err *err)
{
    a->source = *source;
    a->config = config;
    aethercore_metrics_register();
    enum kit_status rc = aethercore_access_rules(config, getenv("HEIMNETZ_API_KEY"), &a->rules, err);
    if (rc == KIT_OK) {
        rc = choose_models_folder(a, err);
    }
    if (rc == KIT_OK) {
        rc = kit_ledger_new((uint64_t)kit_config_int(config, "models.memory"), LEDGER_ACCOUNTS_MAX, &a->ledger);
    }
    if (rc == KIT_OK) {
        rc = loop_work_new((uint32_t)kit_config_int(config, "work.threads"),
                           (uint32_t)kit_config_int(config, "work.waiting_max"), &a->work, err);
    }
    enum kit_status (*const steps[])(struct aethercore_app *, struct kit_err *) = {
        make_engine, make_tasks, make_catalog, make_remote, make_store, make_api, aethercore_loops_make, make_extras};
    for (size_t i = 0; rc == KIT_OK && i < KIT_COUNT(steps); i++) {
        rc = steps[i](a, err);
    }
    if (rc == KIT_OK) {
        load_wanted(a);
        rc = aethercore_loops_start(a, err);
    }
    return rc;
}

void aethercore_app_run(struct aethercore_app *a)
{
    const char *host = kit_config_str(a->config, "server.host");
    bool v6 = strchr(host, ':') != NULL;
    char address[ADDRESS_BYTES], ready[2 * ADDRESS_BYTES];
    snprintf(address, sizeof(address), "http://%s%s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "", a->port);
    snprintf(ready, sizeof(ready), "READY=1\nX_HEIMNETZ_ADDRESS=%s", address); /* `heimnetz up` listens, too */
    kit_flag_set(&a->api.ready, true);
    LOG_INFO("server.ready", "address=%s models=%s access=%s version=%s", address, LOG_QUOTE(a->models_folder),
             guard_rules_have_key(a->rules) ? "key" : "open", HEIMNETZ_VERSION);
    aethercore_notify(ready);
    loop_run(a->loops[0].loop);
    LOG_INFO("server.stopped", "uptime_s=%llu",
             (unsigned long long)((kit_clock_ns() - a->api.started_ns) / KIT_NS_PER_S));
}

/* Servers and channels of all loops, and the threads: nobody can ask anything after this. */
static void end_loops(struct aethercore_app *a)
{
    struct aethercore_loop *first = &a->loops[0];
    if (a->loop_count == 0 || first->loop == NULL) {
        return;
    }
    aethercore_loops_join(a);
    loop_signal_close(first->terminate);
    loop_signal_close(first->interrupt);
    loop_signal_close(first->hangup);
    loop_timer_close(first->tick);
    aethercore_loops_close_first(a);
}

void aethercore_app_stop(struct aethercore_app *a)
{
    end_loops(a);
    if (a->work != NULL) {
        loop_work_drain(a->work); /* long questions that were under way: they are queued, wait or fail now */
    }
    if (a->tasks != NULL) {
        task_service_stop(a->tasks);
    }
    remote_free(a->remote); /* what is on its way to other servers ends */
    model_catalog_free(a->catalog);
    loop_work_free(a->work); /* long answers of the last batches */
    aethercore_loops_free(a);
    store_close(a->store); /* what it answers now is dropped */
    task_service_free(a->tasks);
    plug_engine_free(a->engine);
    kit_ledger_free(a->ledger);
    api_done(&a->api);
    guard_rules_unref(a->rules);
    aethercore_reload_done(a);
}
