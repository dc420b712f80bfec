/* src/model/entry.h - an entry of the catalog and the catalog itself. For src/model/ only.
 *
 * Thread: under the catalog's lock, unless said. Memory: the catalog owns its entries; an entry with a job or a box
 * (box.h) stays where it is. */
#ifndef MODEL_ENTRY_H
#define MODEL_ENTRY_H

#include "kit/sync.h"
#include "loop/work.h"
#include "model/catalog.h"
#include "model/events.h"
#include "model/scan.h"

struct model_box;

/* A wish for files from the hub. */
struct model_fetch {
    char revision[HUB_REVISION_BYTES];
    char file[HUB_FILE_BYTES]; /* "": the model's own weights */
};

struct model_entry {
    struct model_catalog *catalog; /* borrowed */
    struct loop_work_job job;
    bool busy;              /* the job is queued or runs; it alone moves the state on then */
    bool running;           /* it runs */
    enum model_step step;   /* what the job is to do */
    struct model_info info; /* as shown, but for wanted, bytes and source */
    struct model_box *box;  /* owned; NULL unless loading … draining */
    bool wanted;
    struct model_fetch *fetch;   /* owned; what somebody wants from the hub; NULL: nothing */
    uint32_t fetches;            /* counts those wishes: a pull ends when its own is not the last any more */
    bool vanished;               /* its folder is gone: it leaves when it is unloaded */
    bool lost;                   /* its engine or its cell is gone, see why; set once a load */
    bool cooled, cooled_as_lost; /* draining: cool has returned, and what it was told */
    char why[KIT_ERR_MSG_BYTES];
    uint64_t progress_ns; /* kit_clock_ns of the last event of progress; 0: none yet */
    uint64_t progress_done;
    uint64_t pull_failed_ns; /* kit_clock_ns of the last pull that did */
    uint64_t ready_ns;       /* kit_clock_ns when it became ready */
    uint64_t restart_at_ns;  /* kit_clock_ns of the next restart; 0: none waits */
    uint32_t restarts_in_row;
    bool restarting; /* the load that is on is a restart */
};

struct model_catalog {
    char *folder;                 /* owned */
    char *hf_cache;               /* owned; "": none */
    struct model_options options; /* its folder, hf_cache: the same */
    struct loop_work *loads;      /* owned: options.loads_max threads for loading */
    struct loop_work *pulls;      /* owned: options.pulls_max threads for downloads */
    struct loop_work *work;       /* owned: for all that must not wait behind a load */
    struct plug_engine *engine;   /* borrowed, like the next two */
    struct kit_ledger *ledger;
    const struct model_observer *observer;
    void *observer_ctx;
    struct kit_mutex scanning; /* one scan at a time; taken before `lock` */
    struct kit_mutex lock;     /* over all that follows and the entries */
    struct kit_cond changed;   /* a job has ended, a reference was given back */
    struct model_events events;
    struct model_entry **entries; /* [count] of [models_max], in order of ids; owned */
    uint32_t count;
    bool ending;     /* model_catalog_free is on: nothing is wanted any more */
    uint32_t inside; /* threads of others that are inside the catalog: jobs, lost */
    struct loop_work_job book_job;
    bool booking;
    uint64_t booked_ns;
};

/* Wakes the listeners, then unlocks. Every change is made between kit_mutex_lock and this. */
void model_catalog_unlock(struct model_catalog *c);

/* NULL: no such entry. */
struct model_entry *model_entry_find(struct model_catalog *c, kit_str id);
/* The first entry whose id is greater than `id`, NULL behind the last. */
struct model_entry *model_entry_after(struct model_catalog *c, const char *id);
/* MODEL_NOT_FOUND offers the nearest id. */
KIT_MUST_CHECK enum kit_status model_entry_get(struct model_catalog *c, kit_str id, struct model_entry **ret,
                                               struct kit_err *err);

/* Puts a new entry, available, behind the last: model_entry_sort makes the order good again. FULL, NOMEM. */
KIT_MUST_CHECK enum kit_status model_entry_add(struct model_catalog *c, const struct model_found *f);
/* The same for a model of which nothing is here; it is told when it goes on. It stands where it belongs at once. */
KIT_MUST_CHECK enum kit_status model_entry_add_absent(struct model_catalog *c, const char *id,
                                                      struct model_entry **ret);
/* One of another server's, not told yet: it is for the caller to say its state. It stands where it belongs at once. */
KIT_MUST_CHECK enum kit_status model_entry_add_remote(struct model_catalog *c, kit_str id, const char *upstream,
                                                      struct model_entry **ret);
/* Notes where its files lie and of which format they are; a model with a box keeps what it was opened from. */
void model_entry_place(struct model_entry *e, const struct model_found *f);
void model_entry_set_place(struct model_entry *e, const struct model_found *f); /* by the entry's own job */
/* The folder of its files. INVALID: longer than buf; NOMEM. */
KIT_MUST_CHECK enum kit_status model_entry_folder(const struct model_entry *e, char *buf, size_t size,
                                                  struct kit_err *err);
void model_entry_sort(struct model_catalog *c);
void model_entry_remove(struct model_entry *e); /* tells an event and frees it */
void model_entry_free(struct model_entry *e);
/* CONFLICT: it is another server's, which alone says what becomes of it. */
enum kit_status model_entry_fail_remote(const struct model_entry *e, struct kit_err *err);
static inline bool model_entry_is_remote(const struct model_entry *e)
{
    return e->info.origin == MODEL_SOURCE_REMOTE;
}
/* The id nearest to this one among the others; "" when none is near. */
void model_entry_nearest(struct model_catalog *c, kit_str id, char ret[MODEL_ID_BYTES_MAX + 1]);

/* What model_info_get answers. */
void model_entry_show(const struct model_entry *e, struct model_info *ret);
/* What an event tells of it now; seq is left alone. */
void model_entry_tell(const struct model_entry *e, struct model_event *ret);
/* Goes to another state (model_state_may) and tells the event. model_entry_fail: to failed, with a reason. */
void model_entry_set_state(struct model_entry *e, enum model_state state);
void model_entry_fail(struct model_entry *e, enum kit_status code, const char *error);
/* A word of progress; tells an event when one is due. */
void model_entry_progress(struct model_entry *e, uint64_t done, uint64_t total);

#endif
