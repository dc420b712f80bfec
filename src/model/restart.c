#include "model/restart.h"

#include <stdio.h>

#include "model/converge.h"
#include "model/metrics.h"

#define WAIT_MAX_NS (60 * KIT_NS_PER_S)
#define DOUBLINGS_MAX 6 /* 2^6 s is beyond the longest wait */

uint64_t model_restart_wait_ns(uint32_t n)
{
    return KIT_MIN(KIT_NS_PER_S << KIT_MIN(n, DOUBLINGS_MAX), WAIT_MAX_NS);
}

void model_restart_lost(struct model_entry *e, const char *reason)
{
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    c->inside++;
    if (!e->lost) { /* the first reason stays: cool reads it */
        e->lost = true;
        kit_str_to_c(kit_str_c(reason), e->why, sizeof(e->why));
    }
    model_converge_soon(e);
    model_events_flush(&c->events);
    c->inside--;
    kit_cond_broadcast(&c->changed);
    kit_mutex_unlock(&c->lock);
}

/* Failed, with a restart planned or given up. */
static void plan(struct model_entry *e, const char *why)
{
    char text[KIT_ERR_MSG_BYTES];
    if (e->restarts_in_row >= e->catalog->options.restart_max) {
        e->wanted = e->restarting = false;
        snprintf(text, sizeof(text),
                 "lost, and %u restarts in a row did not help; load it again to try once more: %.160s",
                 e->restarts_in_row, why);
    } else {
        uint64_t wait_ns = model_restart_wait_ns(e->restarts_in_row++);
        e->restart_at_ns = kit_clock_ns() + wait_ns;
        snprintf(text, sizeof(text), "lost, starts again in %u s: %.180s", (unsigned)(wait_ns / KIT_NS_PER_S), why);
    }
    model_entry_fail(e, KIT_LOAD_FAILED, text);
}

void model_restart_after_loss(struct model_entry *e)
{
    if (kit_clock_ns() - e->ready_ns >= MODEL_RESTART_CALM_NS) {
        e->restarts_in_row = 0;
    }
    plan(e, e->why);
}

void model_restart_after_failed_load(struct model_entry *e, const char *why)
{
    if (e->restarting) {
        plan(e, why);
    } else {
        e->wanted = false;
        model_entry_fail(e, KIT_LOAD_FAILED, why);
    }
}

void model_restart_reset(struct model_entry *e)
{
    e->restarts_in_row = 0;
    e->restart_at_ns = 0;
    e->restarting = false;
}

void model_restart_check(struct model_entry *e, uint64_t now_ns)
{
    if (e->restart_at_ns == 0 || now_ns < e->restart_at_ns) {
        return;
    }
    e->restart_at_ns = 0;
    e->restarting = true;
    e->info.restarts++;
    METRIC_ADD(model_restarts_total, 1);
}
