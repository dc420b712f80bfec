#include "model/book.h"

#include <string.h>

#include "model/box.h"

/* The next ready model behind `id`, referenced, and its id put there; NULL: none. */
static struct model_loaded *next_ready(struct model_catalog *c, char id[MODEL_ID_BYTES_MAX + 1])
{
    struct model_loaded *m = NULL;
    kit_mutex_lock(&c->lock);
    for (struct model_entry *e; m == NULL && (e = model_entry_after(c, id)) != NULL;) {
        memcpy(id, e->info.id, sizeof(e->info.id));
        if (e->info.state == MODEL_READY && e->box != NULL) {
            m = &e->box->loaded;
            m->refs++;
        }
    }
    kit_mutex_unlock(&c->lock);
    return m;
}

static void book_all(struct loop_work_job *job)
{
    struct model_catalog *c = KIT_CONTAINER(job, struct model_catalog, book_job);
    char id[MODEL_ID_BYTES_MAX + 1] = "";
    for (struct model_loaded *m; (m = next_ready(c, id)) != NULL;) {
        model_loaded_book(m);
        model_loaded_unref(m);
    }
    kit_mutex_lock(&c->lock);
    c->booking = false;
    c->inside--;
    kit_cond_broadcast(&c->changed);
    kit_mutex_unlock(&c->lock);
}

void model_book_soon(struct model_catalog *c, uint64_t now_ns)
{
    if (c->booking || now_ns - c->booked_ns < MODEL_BOOK_EVERY_NS) {
        return;
    }
    c->book_job = (struct loop_work_job){.run = book_all};
    if (loop_work_submit(c->work, &c->book_job) == KIT_OK) {
        c->booked_ns = now_ns;
        c->booking = true;
        c->inside++;
    }
}
