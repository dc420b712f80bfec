#include "model/unload.h"

#include "kit/log.h"
#include "model/box.h"
#include "model/restart.h"

void model_unload_cool(struct model_entry *e)
{
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    struct model_box *b = e->box;
    bool lost = e->lost; /* set once, and why with it */
    kit_mutex_unlock(&c->lock);
    c->observer->cool(c->observer_ctx, &b->loaded, lost, lost ? e->why : "the model is being unloaded");
    kit_mutex_lock(&c->lock);
    e->cooled = true;
    e->cooled_as_lost = lost;
    kit_mutex_unlock(&c->lock);
}

void model_unload_close(struct model_entry *e)
{
    struct model_catalog *c = e->catalog;
    kit_mutex_lock(&c->lock);
    struct model_box *b = e->box;
    e->box = NULL;
    kit_mutex_unlock(&c->lock);
    model_box_close(b);
    LOG_INFO("model.unloaded", "model=%s", e->info.id);
    kit_mutex_lock(&c->lock);
    if (e->cooled_as_lost && e->wanted) {
        model_restart_after_loss(e);
    } else {
        model_entry_set_state(e, MODEL_AVAILABLE);
    }
    e->cooled = e->lost = false;
    model_catalog_unlock(c);
}
