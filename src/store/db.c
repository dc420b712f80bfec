#include "store/db.h"

#include <stdio.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/log.h"
#include "kit/sync.h"
#include "store/inner.h"

#define TOGETHER_MAX 128 /* transactions of one commit */

/* What waits. Loops put in and threads that block on the disk take out, so it is a lock and no channel. */
struct lane {
    struct kit_mutex lock; /* guards what follows */
    struct kit_cond wake;
    struct store_tx *first, *last;
    uint32_t waiting;
    bool ending;
};

struct worker {
    struct kit_thread thread;
    struct lane *lane;
    struct store_conn *conn; /* owned */
    uint32_t together;       /* takes so many at a time */
};

struct store_db {
    struct store_options options;
    char *path; /* owned; options.path */
    struct lane writes, reads;
    struct worker workers[1 + STORE_READERS_MAX]; /* the first writes */
    uint32_t worker_count;
};

const struct store_options *store_db_options(const struct store_db *db)
{
    return &db->options;
}

/* --- lanes --- */

static void init_lane(struct lane *l)
{
    kit_mutex_init(&l->lock);
    kit_cond_init(&l->wake);
}

static void done_lane(struct lane *l)
{
    kit_mutex_done(&l->lock);
    kit_cond_done(&l->wake);
}

static bool put(struct lane *l, struct store_tx *tx, uint32_t max)
{
    kit_mutex_lock(&l->lock);
    bool room = l->waiting < max;
    if (room) {
        tx->next = NULL;
        if (l->first == NULL) {
            l->first = tx;
        } else {
            l->last->next = tx;
        }
        l->last = tx;
        l->waiting++;
        kit_cond_signal(&l->wake);
    }
    kit_mutex_unlock(&l->lock);
    return room;
}

/* The first `count`, as a list of their own. The lock is held. */
static struct store_tx *cut(struct lane *l, uint32_t count)
{
    struct store_tx *first = l->first, *last = first;
    uint32_t taken = first != NULL;
    while (last != NULL && taken < count && last->next != NULL) {
        last = last->next;
        taken++;
    }
    if (last != NULL) {
        l->first = last->next;
        last->next = NULL;
    }
    l->waiting -= taken;
    return first;
}

/* NULL: the database closes, and nothing waits. */
static struct store_tx *take(struct lane *l, uint32_t count)
{
    kit_mutex_lock(&l->lock);
    while (l->first == NULL && !l->ending) {
        kit_cond_wait(&l->wake, &l->lock);
    }
    struct store_tx *first = cut(l, count);
    kit_mutex_unlock(&l->lock);
    return first;
}

static void end_lane(struct lane *l)
{
    kit_mutex_lock(&l->lock);
    l->ending = true;
    kit_cond_broadcast(&l->wake);
    kit_mutex_unlock(&l->lock);
}

/* --- threads --- */

static void carry_out(struct worker *w, struct store_tx *first)
{
    if (first->kind == STORE_READ && first->next == NULL) {
        store_conn_read(w->conn, first);
    } else {
        store_conn_write(w->conn, first);
    }
}

static void work(void *arg)
{
    struct worker *w = arg;
    for (struct store_tx *first; (first = take(w->lane, w->together)) != NULL;) {
        carry_out(w, first);
        while (first != NULL) {
            struct store_tx *next = first->next;
            store_tx_go_home(first);
            first = next;
        }
    }
}

static enum kit_status add_worker(struct store_db *db, struct lane *lane, uint32_t together, struct kit_err *err)
{
    struct worker *w = &db->workers[db->worker_count];
    enum kit_status rc = store_conn_new(&db->options, &w->conn, err);
    if (rc == KIT_OK && db->worker_count == 0) {
        rc = store_conn_migrate(w->conn, err);
    }
    w->lane = lane;
    w->together = together;
    db->worker_count++;
    return rc;
}

static enum kit_status add_workers(struct store_db *db, struct kit_err *err)
{
    uint32_t readers = db->path != NULL ? db->options.readers : 0;
    enum kit_status rc = add_worker(db, &db->writes, TOGETHER_MAX, err);
    for (uint32_t i = 0; rc == KIT_OK && i < readers; i++) {
        rc = add_worker(db, &db->reads, 1, err);
    }
    for (uint32_t i = 0; rc == KIT_OK && i < db->worker_count; i++) {
        char name[KIT_THREAD_NAME_BYTES];
        snprintf(name, sizeof(name), "store-%u", (unsigned)(uint8_t)i);
        rc = kit_thread_start(&db->workers[i].thread, name, work, &db->workers[i], err);
    }
    return rc;
}

/* --- life --- */

static enum kit_status check_options(const struct store_options *o, struct kit_err *err)
{
    if (o->readers < 1 || o->readers > STORE_READERS_MAX) {
        return kit_fail(err, KIT_INVALID, "a database takes 1 to %d readers, not %u", STORE_READERS_MAX, o->readers);
    }
    return KIT_OK;
}

enum kit_status store_open(const struct store_options *options, struct store_db **ret, struct kit_err *err)
{
    enum kit_status rc = check_options(options, err);
    if (rc != KIT_OK) {
        return rc;
    }
    struct store_db *db = kit_alloc_zero(1, sizeof(*db));
    if (db == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a database");
    }
    db->options = *options;
    init_lane(&db->writes);
    init_lane(&db->reads);
    if (options->path != NULL) {
        db->path = kit_alloc_copy(options->path, strlen(options->path));
        db->options.path = db->path;
        rc = db->path != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for a database");
    }
    if (rc == KIT_OK) {
        rc = add_workers(db, err);
    }
    if (rc != KIT_OK) {
        store_close(db);
        return rc;
    }
    LOG_INFO("store.open", "place=%s", LOG_QUOTE(db->path != NULL ? db->path : "memory"));
    *ret = db;
    return KIT_OK;
}

void store_close(struct store_db *db)
{
    if (db == NULL) {
        return;
    }
    end_lane(&db->writes);
    end_lane(&db->reads);
    for (uint32_t i = 0; i < db->worker_count; i++) {
        kit_thread_join(&db->workers[i].thread);
    }
    for (uint32_t i = db->worker_count; i-- > 0;) {
        store_conn_free(db->workers[i].conn); /* who made the file last: it puts the log into it */
    }
    done_lane(&db->writes);
    done_lane(&db->reads);
    kit_alloc_free(db->path);
    kit_alloc_free(db);
}

/* --- asking --- */

enum kit_status store_submit(struct store_tx *tx, struct kit_err *err)
{
    struct store_db *db = tx->db;
    struct lane *lane = tx->kind == STORE_READ && db->path != NULL ? &db->reads : &db->writes;
    if (tx->too_much != KIT_OK) {
        return kit_fail(err, tx->too_much, "a transaction has %s",
                        tx->too_much == KIT_NOMEM ? "no memory" : "more statements or bytes than are taken at once");
    }
    store_tx_ref(tx);
    if (!put(lane, tx, db->options.waiting_max)) {
        store_tx_unref(tx);
        return kit_fail(err, KIT_FULL, "%u transactions wait for the database: try again later",
                        db->options.waiting_max);
    }
    return KIT_OK;
}
