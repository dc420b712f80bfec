#include "model/converge.h"

#include "model/load.h"
#include "model/box.h"
#include "model/pull.h"
#include "model/unload.h"

static enum model_step next_step(const struct model_entry *e)
{
    if (model_entry_is_remote(e)) {
        return MODEL_STEP_NONE; /* it is what its upstream is */
    }
    const struct model_facts facts = {
        .wanted = e->wanted,
        .fetch = e->fetch != NULL,
        .absent = e->info.absent,
        .due = e->restart_at_ns == 0,
        .lost = e->lost,
        .cooled = e->cooled,
        .alone = e->box != NULL && e->box->loaded.refs == 1,
    };
    return model_state_step(e->info.state, &facts);
}

/* Loads are long and pulls are longer: whatever gives memory back, or books it, has threads of its own. */
static struct loop_work *pool_for(const struct model_entry *e, enum model_step step)
{
    return step == MODEL_STEP_LOAD ? e->catalog->loads : step == MODEL_STEP_PULL ? e->catalog->pulls : e->catalog->work;
}

/* What shows outside that a step is on its way. */
static void begin(struct model_entry *e, enum model_step step)
{
    e->step = step;
    if (step == MODEL_STEP_PULL) {
        model_entry_set_state(e, MODEL_DOWNLOADING);
    } else if (step == MODEL_STEP_LOAD) {
        model_entry_set_state(e, MODEL_LOADING);
    } else if (step == MODEL_STEP_COOL && e->info.state == MODEL_READY) {
        model_entry_set_state(e, MODEL_DRAINING);
    }
}

static void do_step(struct model_entry *e, enum model_step step)
{
    switch (step) {
    case MODEL_STEP_PULL:
        model_pull_run(e);
        break;
    case MODEL_STEP_LOAD:
        model_load_run(e);
        break;
    case MODEL_STEP_COOL:
        model_unload_cool(e);
        break;
    case MODEL_STEP_CLOSE:
        model_unload_close(e);
        break;
    case MODEL_STEP_NONE:
        break;
    }
}

/* Until nothing is to be done, or nothing on this pool. here: NULL for any step. */
static void do_steps(struct model_entry *e, const struct loop_work *here)
{
    while (e->step != MODEL_STEP_NONE) {
        enum model_step step = e->step;
        model_catalog_unlock(e->catalog);
        do_step(e, step);
        kit_mutex_lock(&e->catalog->lock);
        step = next_step(e);
        begin(e, here == NULL || here == pool_for(e, step) ? step : MODEL_STEP_NONE);
    }
}

/* The next step may be another pool's. The last line under the lock is the last that touches the catalog:
 * model_catalog_free waits for `inside`. */
static void finish(struct model_entry *e)
{
    struct model_catalog *c = e->catalog;
    e->busy = e->running = false;
    if (e->vanished && e->info.state == MODEL_AVAILABLE && !e->wanted) {
        model_entry_remove(e);
    } else {
        model_converge_soon(e);
    }
    model_events_flush(&c->events);
    c->inside--;
    kit_cond_broadcast(&c->changed);
}

static void run(struct loop_work_job *job)
{
    struct model_entry *e = KIT_CONTAINER(job, struct model_entry, job);
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    e->running = true;
    do_steps(e, pool_for(e, e->step));
    finish(e);
    kit_mutex_unlock(&c->lock);
}

enum kit_status model_converge(struct model_entry *e)
{
    enum model_step step = next_step(e);
    if (step == MODEL_STEP_COOL && e->info.state == MODEL_READY) {
        model_entry_set_state(e, MODEL_DRAINING);
    }
    if (e->busy && !e->running && e->step == MODEL_STEP_NONE) {
        begin(e, step); /* it was called off, and its job waits still */
    }
    if (e->busy || step == MODEL_STEP_NONE) {
        return KIT_OK;
    }
    e->job = (struct loop_work_job){.run = run};
    enum kit_status rc = loop_work_submit(pool_for(e, step), &e->job);
    if (rc == KIT_OK) {
        e->busy = true;
        e->catalog->inside++;
        begin(e, step);
    }
    return rc;
}

void model_converge_call_off(struct model_entry *e)
{
    bool pull = e->step == MODEL_STEP_PULL && e->fetch == NULL;
    bool load = e->step == MODEL_STEP_LOAD && !e->wanted;
    if (e->busy && !e->running && (pull || load)) {
        e->step = MODEL_STEP_NONE;
        model_entry_set_state(e, MODEL_AVAILABLE);
    }
}

void model_converge_soon(struct model_entry *e)
{
    enum kit_status rc = model_converge(e);
    (void)rc; /* full: see model_catalog_tick */
}

bool model_converge_here(struct model_entry *e)
{
    enum model_step step = next_step(e);
    if (e->busy || step == MODEL_STEP_NONE) {
        return false;
    }
    e->busy = e->running = true;
    e->catalog->inside++;
    begin(e, step);
    do_steps(e, NULL);
    finish(e);
    return true;
}

bool model_converge_at_rest(const struct model_entry *e)
{
    return !e->busy && e->box == NULL && next_step(e) == MODEL_STEP_NONE;
}
