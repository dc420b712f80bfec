/* src/model/catalog.h - which models there are, in what state, and who changed it.
 *
 * The catalog reads a folder of models and Hugging Face's cache, loads and unloads on threads of its own, counts bytes in the
 * ledger and tells events. It executes; it decides nothing: whoever wants a model loaded or gone says so, and that wish is
 * kept: each entry is brought from the state that it has to the one that is wanted, whatever happens in between. States:
 * available -> loading -> warming -> ready -> draining -> available, downloading before that where the files come from the
 * hub (hub/), and failed with a reason (state.h).
 * Thread: any; one lock inside, never held while loading. Callbacks say their thread. Memory: owned by the program. */
#ifndef MODEL_CATALOG_H
#define MODEL_CATALOG_H

#include "hub/hub.h"
#include "kit/clock.h"
#include "kit/ledger.h"
#include "model/id.h"
#include "model/source.h"
#include "model/state.h"
#include "plug/engine.h"

#define MODEL_TASKS_BYTES 128

/* --- a loaded model: shared, counted references --- */

/* What a ready model is for the layers above: the open engine model and what they attached to it. Immutable after
 * warming. It is closed when it is drained and the last reference but the catalog's is gone. */
struct model_loaded {
    char id[MODEL_ID_BYTES_MAX + 1];
    uint32_t version;         /* 1 … */
    char *folder;             /* owned */
    struct plug_model *model; /* owned */
    /* What can be asked of it, its default first, commas between: the back end's word, in whose place the observer may
     * put its own while it warms. */
    char tasks[MODEL_TASKS_BYTES];
    void *attached; /* the observer's: set by warm, freed by forget; readable while a reference is held */
    uint32_t refs;  /* under the catalog's lock; the catalog holds one */
};
/* Never blocks: the closing (observer.forget, plug_model_close) is left to the catalog's threads. The state stays draining until
 * it is done, so that available means: the memory is back. */
void model_loaded_unref(struct model_loaded *m);
/* Books what the model and its instances hold now. It is booked after loading, after warming and every two seconds
 * (model_catalog_tick); call this where a figure must be right at once. Blocks as plug_model_bytes does. */
void model_loaded_book(struct model_loaded *m);

/* Told by the catalog, implemented above (task/). A thread of the catalog's, without the lock. */
struct model_observer {
    /* State warming: tokenizer, instances, first run. An error makes the load fail with it; no reference may be left
     * behind then. */
    enum kit_status (*warm)(void *ctx, struct model_loaded *m, struct kit_err *err);
    /* State draining: take no new work, let the running work end, close all instances. Blocks until done; requests whose
     * answer is still on its way may keep their references. failed: the model is lost; what waits gets `why`. */
    void (*cool)(void *ctx, struct model_loaded *m, bool failed, const char *why);
    /* Nobody refers to the model any more and it closes next: free `attached`. Called once for each warm, whether it
     * succeeded or not. */
    void (*forget)(void *ctx, struct model_loaded *m);
};

#define MODEL_LOADS_MAX 2 /* loads at a time when the options do not say */
#define MODEL_PULLS_MAX 2 /* pulls likewise */
/* A pull that failed is shown for so long, though there is nothing of it here. */
#define MODEL_PULL_SHOWN_NS (300 * KIT_NS_PER_S)

struct model_options {
    const char *folder;   /* models; copied */
    const char *hf_cache; /* Hugging Face's cache, read in place; NULL or "": none; need not be there; copied */
    uint32_t models_max;  /* catalog entries, 1 … */
    uint32_t events_max;  /* kept for listeners that lag, 1 …; some 400 bytes each */
    uint32_t loads_max;   /* loads at a time, 1 … 64; 0: MODEL_LOADS_MAX; unloads never wait for them */
    enum plug_isolation isolation; /* where a back end has no wish of its own */
    const struct hub_options *hub; /* where pulls go; NULL: there are none; borrowed */
    uint32_t pulls_max;            /* at a time, 1 … 64; 0: MODEL_PULLS_MAX */
    bool autopull;                 /* model_load of a model that is not here pulls it first */
    uint32_t restart_max;          /* restarts of a lost model in a row before it stays failed: restart.h */
};

struct model_catalog;

/* engine, ledger: borrowed, outlive the catalog. observer: borrowed for ever. Takes threads of its own, started when they
 * are needed: loads_max for loading, pulls_max for pulling, four for the rest. INVALID: no folder, loads_max, pulls_max.
 * NOMEM. The catalog is empty until model_catalog_scan. */
KIT_MUST_CHECK enum kit_status model_catalog_new(const struct model_options *options, struct plug_engine *engine,
                                                 struct kit_ledger *ledger, const struct model_observer *observer,
                                                 void *observer_ctx, struct model_catalog **ret, struct kit_err *err);
/* Unloads everything (blocks, also for references that others hold), then frees. Listeners are closed before. NULL is
 * fine. */
void model_catalog_free(struct model_catalog *c);

/* Reads the folder and the cache again: new models appear, vanished ones that are not loaded go, loaded ones stay until
 * unloaded; where both have an id the folder's counts. What is a model: scan.h, hf_cache.h. Blocks on disk; one at a
 * time. Errors: NOT_FOUND, IO (the folder cannot be read: nothing changed), NOMEM, FULL (more than models_max: as many as
 * fit are in, nothing was taken out). */
KIT_MUST_CHECK enum kit_status model_catalog_scan(struct model_catalog *c, struct kit_err *err);

/* What waits for time to pass: restarts after a back-off, steps for which no thread could be started, figures of the ledger.
 * The program calls it every 250 ms or so; now_ns: kit_clock_ns. Any thread; never blocks. */
void model_catalog_tick(struct model_catalog *c, uint64_t now_ns);

/* --- desired state --- */

/* It is wanted: starts loading unless it is ready or on its way; returns at once. While draining the wish is kept: it
 * loads again after. While a lost model waits for its restart nothing changes (unload first to try at once). A failed one
 * is tried again. One that is not here is pulled first where options.autopull says so: "org/name" always, a name without
 * '/' when no model that is here has a name near it. MODEL_NOT_FOUND (message offers the nearest id, or how to pull);
 * NOMEM: no thread could be started, nothing changed. `*state` out: after the call; may be NULL. */
KIT_MUST_CHECK enum kit_status model_load(struct model_catalog *c, kit_str id, enum model_state *state,
                                          struct kit_err *err);
/* Its files are wanted from the hub, at a revision; it is not loaded for that. Returns at once: while they come it is
 * downloading, then available; a second wish for the same joins the first. Where it was pulled before and the hub has
 * another commit now, the new files take the place of the old. What lies in the models folder and did not come from the
 * hub is left alone and counts as here. file: see hub_plan_read. CONFLICT: it is loaded, or being fetched at another
 * revision, or here at none that is known, and a revision or file was asked for; UNAVAILABLE: no hub is configured; FULL:
 * models_max; NOMEM. `*state` out: after the call, whose changes tell events. */
KIT_MUST_CHECK enum kit_status model_pull(struct model_catalog *c, const struct hub_name *name, kit_str file,
                                          enum model_state *state, struct kit_err *err);
/* It is not wanted: starts unloading; cancels a pull, which keeps what it has for the next one, and a load in progress,
 * which ends at its next word of progress (one that is in line for a thread: at once); takes a failed one back to
 * available. OK also when it was not loaded. Returns at once. MODEL_NOT_FOUND; CONFLICT: it is another server's. */
KIT_MUST_CHECK enum kit_status model_unload(struct model_catalog *c, kit_str id, struct kit_err *err);

/* Takes a model out of the models folder, its files too. Blocks on disk: not on a loop. MODEL_NOT_FOUND; DENIED: it lies in
 * Hugging Face's cache, or the folder may not be written; CONFLICT: it is loaded or on its way: unload it before; IO. */
KIT_MUST_CHECK enum kit_status model_remove(struct model_catalog *c, kit_str id, struct kit_err *err);
/* Puts what makes a model into the models folder under another id as well, by hard links: the two share their bytes on the
 * disk until one of them is removed. Where it was pulled from is not copied. Blocks on disk. Errors: MODEL_NOT_FOUND;
 * INVALID, CONFLICT, param "destination": no id, or a model is there, or would lie inside another; UNSUPPORTED: the files
 * lie on another file system; DENIED, NO_SPACE, IO; those of model_catalog_scan. */
KIT_MUST_CHECK enum kit_status model_copy(struct model_catalog *c, kit_str from, kit_str to, struct kit_err *err);

/* A ready model, referenced for the caller. MODEL_NOT_FOUND; UNAVAILABLE when it is not ready (message says its state and
 * what to do; *state says it to the caller, LOADING also between a download and its load), also while it waits for a
 * restart; LOAD_FAILED with the reason when it failed for good, MODEL_NOT_FOUND with it when that was a pull and nothing is
 * here; CONFLICT when it is another server's (remote.h). state, err may be NULL. */
KIT_MUST_CHECK enum kit_status model_acquire(struct model_catalog *c, kit_str id, enum model_state *state,
                                             struct model_loaded **ret, struct kit_err *err);
/* For acquire without an id: the only ready model. INVALID, param "model": none or several are ready. */
KIT_MUST_CHECK enum kit_status model_acquire_only(struct model_catalog *c, struct model_loaded **ret,
                                                  struct kit_err *err);

/* --- looking --- */

struct model_info {
    char id[MODEL_ID_BYTES_MAX + 1];
    char format[16];               /* "safetensors", "gguf", "onnx", "torchscript", "custom" */
    char backend[32];              /* "" until one was chosen */
    char tasks[MODEL_TASKS_BYTES]; /* "embed,fill-mask"; "" until loaded once */
    char device[16];
    char error[KIT_ERR_MSG_BYTES]; /* state failed */
    enum model_source origin;
    char commit[MODEL_COMMIT_BYTES]; /* of the hub's repository; "": unknown */
    enum model_state state;
    enum kit_status code; /* state failed: LOAD_FAILED, or why a pull failed */
    bool absent;          /* nothing of it is here but perhaps a part: it is downloading, or that failed */
    bool wanted;          /* it is to be ready: see model_event */
    enum plug_isolation isolation;
    uint32_t version;
    uint64_t done_bytes, total_bytes; /* of the load or download that is on; 0, 0 otherwise */
    uint64_t bytes[KIT_LEDGER_KIND_COUNT];
    enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT];
    uint64_t hidden_size, context_tokens; /* 0: unknown */
    bool chat_template;                   /* it says how a conversation is written; false until loaded once */
    uint64_t since_ns;                    /* kit_clock_wall_ns of the last change of state */
    uint32_t restarts;                    /* since the program started */
};
/* MODEL_NOT_FOUND (offers the nearest id). */
KIT_MUST_CHECK enum kit_status model_info_get(struct model_catalog *c, kit_str id, struct model_info *ret,
                                              struct kit_err *err);
/* Calls fn for each entry in order of ids, without the lock; what comes or goes meanwhile may be left out. OK always. */
KIT_MUST_CHECK enum kit_status model_info_each(struct model_catalog *c,
                                               void (*fn)(void *ctx, const struct model_info *info), void *ctx);

/* --- events --- */

/* One change: state or progress. seq rises by one each, from 1. */
struct model_event {
    uint64_t seq;
    uint64_t wall_ns;
    char id[MODEL_ID_BYTES_MAX + 1];
    enum model_state state;
    /* The last word of load and unload when it was told: available or draining, and wanted, goes on to loading by itself;
     * failed and wanted waits for a restart; not wanted stays away. */
    bool wanted;
    uint64_t done_bytes,
        total_bytes;               /* progress: at most every 50 ms, the first and the last word always; done rises */
    char error[KIT_ERR_MSG_BYTES]; /* state failed */
    enum kit_status code;          /* the same: see model_info */
    bool absent;                   /* see model_info */
    bool gone;                     /* its folder vanished: the catalog does not have it any more */
};
struct model_listener;
/* `wake` is called (any thread, never under the lock, must not block: send a message) when events behind the last read
 * one are there; then read them with model_events_read until it answers false, which arms it again. id empty: all models;
 * one that is unknown tells nothing until it appears. Read once right away: that gives the current state of the model(s)
 * as events, with the seq of the last event so far. NOMEM, FULL (1,024 listeners). */
KIT_MUST_CHECK enum kit_status model_events_listen(struct model_catalog *c, kit_str id, void (*wake)(void *ctx),
                                                   void *ctx, struct model_listener **ret);
/* A listener that lagged behind events_max gets the current states anew; what is missing among them is gone. Never blocks
 * long; any thread, one at a time for one listener. */
bool model_events_read(struct model_listener *l, struct model_event *ret);
/* After it returned wake is not called any more: it waits for one that is running, so not from inside wake. NULL is
 * fine. */
void model_events_close(struct model_listener *l);

#endif
