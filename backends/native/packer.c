#include "packer.h"

#include <time.h>

#include "host.h"
#include "kit/sync.h"

#define STEP_BYTES (KIT_MIB)
#define PAUSE_NS (2 * 1000 * 1000)
#define TOLD_PARTS 32 /* the threads wait with each such part of the bytes until the caller has told of it */

/* Shared by the threads and the caller, who has the lock; everything but `packing` is guarded by it. */
struct packer {
    const struct native_packing *packing;
    struct kit_mutex lock;
    struct kit_cond changed; /* done has risen, or a thread has ended */
    struct kit_cond heard;   /* told has risen, or stop */
    uint32_t matrix, panel;  /* the next step */
    uint32_t running;
    bool stop;
    uint64_t done, told, part;
    const struct native_tensor *not_finite, *cut; /* why it was stopped */
};

struct packer_thread {
    struct packer *packer;
    float *scratch;
    struct kit_thread thread;
};

/* Some panels of a matrix. */
struct step {
    const struct native_pack *matrix;
    uint32_t from, to;
};

/* Waits when it is too far ahead: so that progress is told evenly, however the threads are scheduled. */
static bool take_step(struct packer *p, struct step *ret)
{
    while (!p->stop && p->done > p->told && p->done - p->told >= p->part) {
        kit_cond_wait(&p->heard, &p->lock);
    }
    if (p->stop || p->matrix == p->packing->count) {
        return false;
    }
    const struct native_pack *m = &p->packing->matrix[p->matrix];
    size_t panel_bytes = (size_t)m->depth * NATIVE_PANEL * sizeof(float);
    uint32_t panels = native_pack_panels(m);
    *ret = (struct step){.matrix = m, .from = p->panel};
    ret->to = (uint32_t)KIT_MIN(p->panel + KIT_MAX(STEP_BYTES / panel_bytes, 1), panels);
    p->panel = ret->to;
    if (p->panel == panels) {
        p->matrix++;
        p->panel = 0;
    }
    return true;
}

/* Pauses while all cores are at work for others. */
static void give_way(void)
{
    const struct acb_host *host = native_host();
    uint32_t free = host->cores_acquire(host->ctx, 0, 1);
    if (free > 0) {
        host->cores_release(host->ctx, free);
    } else {
        nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
    }
}

static const struct native_tensor *find_cut(const struct native_pack *m)
{
    for (uint32_t i = 0; i < m->source_count; i++) {
        if (kit_map_broken(m->source[i]->map)) {
            return m->source[i];
        }
    }
    return NULL;
}

/* Without the lock. */
static void run_step(struct packer_thread *t, const struct step *s)
{
    struct packer *p = t->packer;
    const struct native_tensor *not_finite = native_pack_run(s->matrix, s->from, s->to, t->scratch);
    const struct native_tensor *cut = find_cut(s->matrix);
    uint64_t bytes = native_pack_forget(s->matrix, s->from, s->to);
    kit_mutex_lock(&p->lock);
    p->done += bytes;
    p->cut = cut != NULL ? cut : p->cut;
    p->not_finite = not_finite != NULL ? not_finite : p->not_finite;
    p->stop = p->stop || cut != NULL || not_finite != NULL;
    kit_cond_signal(&p->changed);
    kit_mutex_unlock(&p->lock);
}

static void thread_main(void *arg)
{
    struct packer_thread *t = arg;
    struct packer *p = t->packer;
    struct step step;
    kit_thread_give_way();
    kit_mutex_lock(&p->lock);
    while (take_step(p, &step)) {
        kit_mutex_unlock(&p->lock);
        run_step(t, &step);
        give_way();
        kit_mutex_lock(&p->lock);
    }
    p->running--;
    kit_cond_signal(&p->changed);
    kit_mutex_unlock(&p->lock);
}

/* Tells what is done, until all threads have ended. */
static enum kit_status follow(struct packer *p)
{
    enum kit_status rc = KIT_OK;
    kit_mutex_lock(&p->lock);
    while (p->running > 0 || p->done > p->told) {
        if (p->done == p->told) {
            kit_cond_wait(&p->changed, &p->lock);
            continue;
        }
        uint64_t done = p->done;
        kit_mutex_unlock(&p->lock);
        rc = rc == KIT_OK ? p->packing->told(p->packing->ctx, done) : rc;
        kit_mutex_lock(&p->lock);
        p->told = done;
        p->stop = p->stop || rc != KIT_OK;
        kit_cond_broadcast(&p->heard);
    }
    kit_mutex_unlock(&p->lock);
    return rc;
}

static enum kit_status start(struct packer *p, struct packer_thread *threads, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; i < p->packing->threads && rc == KIT_OK; i++) {
        threads[i].packer = p;
        kit_mutex_lock(&p->lock);
        p->running++;
        kit_mutex_unlock(&p->lock);
        rc = kit_thread_start(&threads[i].thread, "native-load", thread_main, &threads[i], err);
        if (rc != KIT_OK) {
            kit_mutex_lock(&p->lock);
            p->running--;
            p->stop = true;
            kit_mutex_unlock(&p->lock);
        }
    }
    return rc;
}

static enum kit_status ended(const struct packer *p, enum kit_status rc, struct kit_err *err)
{
    if (p->cut != NULL) {
        return kit_fail(err, KIT_UNAVAILABLE, "the file was cut while it was loaded (tensor '%.*s')",
                        KIT_STR_ARG(kit_str_sub(p->cut->name, 0, 96)));
    }
    if (p->not_finite != NULL) {
        return native_pack_refuse(p->not_finite, err);
    }
    return rc;
}

static uint32_t longest_depth(const struct native_packing *p)
{
    uint32_t depth = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        depth = KIT_MAX(depth, p->matrix[i].depth);
    }
    return depth;
}

static uint64_t bytes_of(const struct native_packing *p)
{
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < p->count; i++) {
        for (uint32_t s = 0; s < p->matrix[i].source_count; s++) {
            bytes += p->matrix[i].source[s]->bytes;
        }
    }
    return bytes;
}

enum kit_status native_packer_run(const struct native_packing *packing, struct kit_err *err)
{
    struct packer p = {.packing = packing, .part = bytes_of(packing) / TOLD_PARTS};
    struct packer_thread threads[NATIVE_PACKER_THREADS_MAX] = {0};
    const size_t each = (size_t)NATIVE_PANEL * longest_depth(packing);
    float *scratch = native_host_alloc(packing->threads * each * sizeof(float));
    if (scratch == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory to pack weights");
    }
    for (uint32_t i = 0; i < packing->threads; i++) {
        threads[i].scratch = scratch + i * each;
    }
    kit_mutex_init(&p.lock);
    kit_cond_init(&p.changed);
    kit_cond_init(&p.heard);
    enum kit_status started = start(&p, threads, err);
    enum kit_status rc = follow(&p);
    for (uint32_t i = 0; i < packing->threads; i++) {
        kit_thread_join(&threads[i].thread);
    }
    kit_cond_done(&p.heard);
    kit_cond_done(&p.changed);
    kit_mutex_done(&p.lock);
    native_host_free(scratch);
    return started != KIT_OK ? started : ended(&p, rc, err);
}
