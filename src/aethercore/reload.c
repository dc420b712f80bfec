#include "aethercore/inner.h"

#include <stdlib.h>

#include "aethercore/access.h"
#include "aethercore/metrics.h"
#include "kit/alloc.h"
#include "kit/log.h"

/* What one loop takes over. */
struct settings {
    struct aethercore_order order; /* first */
    struct guard_rules *rules;
    struct http_timeouts timeouts;
};

struct http_timeouts aethercore_reload_timeouts(const struct kit_config *c)
{
    return (struct http_timeouts){
        .idle_ms = (uint32_t)kit_config_int(c, "http.idle_timeout"),
        .head_ms = (uint32_t)kit_config_int(c, "http.head_timeout"),
        .body_ms = (uint32_t)kit_config_int(c, "http.body_timeout"),
        .write_ms = (uint32_t)kit_config_int(c, "http.write_timeout"),
    };
}

/* --- to each loop --- */

static void drop_settings(struct aethercore_order *o)
{
    struct settings *s = KIT_CONTAINER(o, struct settings, order);
    guard_rules_unref(s->rules);
    kit_alloc_free(s);
}

static void take_settings(struct aethercore_loop *al, struct aethercore_order *o)
{
    struct settings *s = KIT_CONTAINER(o, struct settings, order);
    guard_set(&al->guard, guard_rules_ref(s->rules));
    http_server_set_timeouts(al->server, &s->timeouts);
    drop_settings(o);
}

/* All or none, so that no two loops serve by different rules for long. */
static enum kit_status make_settings(const struct aethercore_app *a, struct settings **made)
{
    for (uint32_t i = 0; i < a->loop_count; i++) {
        made[i] = kit_alloc_zero(1, sizeof(*made[i]));
        if (made[i] == NULL) {
            return KIT_NOMEM;
        }
        made[i]->order = (struct aethercore_order){.obey = take_settings, .drop = drop_settings};
        made[i]->rules = guard_rules_ref(a->rules);
        made[i]->timeouts = aethercore_reload_timeouts(a->config);
    }
    return KIT_OK;
}

static void send_settings(struct aethercore_app *a)
{
    struct settings *made[API_LOOPS_MAX] = {0};
    enum kit_status rc = make_settings(a, made);
    for (uint32_t i = 0; i < a->loop_count; i++) {
        if (made[i] != NULL &&
            (rc != KIT_OK || loop_chan_send_answer(a->loops[i].orders, &made[i]->order.msg) != KIT_OK)) {
            drop_settings(&made[i]->order);
        }
    }
    if (rc != KIT_OK) {
        LOG_ERROR("config.reload", "why=\"out of memory\"");
    }
}

/* --- on the first loop --- */

static void note_change(void *ctx, const struct kit_config_row *row)
{
    ++*(unsigned *)ctx;
    if (!row->reloadable) {
        LOG_WARN("config.reload", "key=%s what=\"changed, but takes a restart\"", row->key);
    }
}

static void drop_snapshot(struct aethercore_order *o)
{
    struct aethercore_reload *r = KIT_CONTAINER(o, struct aethercore_reload, home);
    guard_rules_unref(r->rules);
    kit_config_free(r->config);
    r->rules = NULL;
    r->config = NULL;
}

static void take_snapshot(struct aethercore_app *a, struct aethercore_reload *r)
{
    unsigned changed = 0;
    kit_config_compare(a->config, r->config, note_change, &changed);
    kit_config_free(a->own_config);
    guard_rules_unref(a->rules);
    a->config = a->own_config = r->config;
    a->rules = r->rules;
    r->config = NULL;
    r->rules = NULL;
    kit_log_set_level((enum kit_log_level)kit_config_int(a->config, "log.level"));
    send_settings(a);
    LOG_INFO("config.reloaded", "changed=%u access=%s", changed, guard_rules_have_key(a->rules) ? "key" : "open");
}

static void come_home(struct aethercore_loop *al, struct aethercore_order *o)
{
    struct aethercore_app *a = al->app;
    struct aethercore_reload *r = &a->reload;
    if (kit_flag_get(&a->api.draining)) {
        drop_snapshot(o); /* the other loops end, or have ended: nothing may be sent to them */
        return;
    }
    if (r->rc == KIT_OK) {
        take_snapshot(a, r);
    } else {
        LOG_ERROR("config.reload", "why=%s what=\"the settings stay as they were\"", LOG_QUOTE(r->err.msg));
    }
    METRIC_ADD_WITH(config_reloads_total, 1, r->rc == KIT_OK ? kit_str_lit("ok") : kit_str_lit("failed"));
    drop_snapshot(o);
    r->running = false;
    if (r->again) {
        r->again = false;
        aethercore_reload(a);
    }
}

/* --- on the work pool --- */

static void read_again(struct loop_work_job *job)
{
    struct aethercore_reload *r = KIT_CONTAINER(job, struct aethercore_reload, job);
    const struct aethercore_app *a = KIT_CONTAINER(r, struct aethercore_app, reload);
    enum aethercore_wish wish;
    r->rc = aethercore_options_read(a->source.argc, a->source.argv, a->source.environment, &wish, &r->config, &r->err);
    if (r->rc == KIT_OK) {
        r->rc = aethercore_access_rules(r->config, getenv("HEIMNETZ_API_KEY"), &r->rules, &r->err);
    }
    if (loop_chan_send_answer(r->chan, &r->home.msg) != KIT_OK) {
        drop_snapshot(&r->home); /* the server ends */
    }
}

void aethercore_reload(struct aethercore_app *a)
{
    struct aethercore_reload *r = &a->reload;
    if (r->running) {
        r->again = true; /* the file may have been read before it was changed */
        return;
    }
    r->job.run = read_again;
    r->home = (struct aethercore_order){.obey = come_home, .drop = drop_snapshot};
    if (r->chan == NULL) {
        r->chan = loop_chan_ref(a->loops[0].orders);
    }
    r->running = loop_work_submit(a->work, &r->job) == KIT_OK;
    if (!r->running) {
        LOG_ERROR("config.reload", "why=\"the work pool is full: ask again\"");
    }
}

void aethercore_reload_done(struct aethercore_app *a)
{
    loop_chan_unref(a->reload.chan);
    kit_config_free(a->own_config);
}
