/* src/aethercore/app.h - the wiring of the model server: everything is made here, in the order of the layers, and ended in
 * the reverse order. Thread: main. Memory: one struct aethercore_app for the process. */
#ifndef AETHERCORE_APP_H
#define AETHERCORE_APP_H

#include "aethercore/hub.h"
#include "aethercore/options.h"
#include "aethercore/remote.h"
#include "api/api.h"
#include "guard/guard.h"
#include "kit/budget.h"
#include "kit/flag.h"
#include "loop/chan.h"
#include "loop/work.h"

struct aethercore_loop; /* a loop, its server, its thread: aethercore/inner.h */

/* Where settings come from, to read them again. Borrowed for ever. */
struct aethercore_source {
    int argc;
    char *const *argv, *const *environment;
};

/* A message from one loop of ours to another. */
struct aethercore_order {
    struct loop_msg msg;
    void (*obey)(struct aethercore_loop *al, struct aethercore_order *o);
    void (*drop)(struct aethercore_order *o); /* nobody obeys any more; NULL: it is part of an aethercore_loop */
};

/* Settings on their way from a file to the first loop. */
struct aethercore_reload {
    struct loop_work_job job;
    bool running, again;    /* one at a time; asked for meanwhile */
    struct loop_chan *chan; /* to the first loop; a reference */
    struct aethercore_order home;
    enum kit_status rc;
    struct kit_err err;
    struct kit_config *config; /* owned */
    struct guard_rules *rules; /* a reference */
};

struct aethercore_app {
    struct aethercore_source source;
    const struct kit_config *config; /* borrowed at first, own_config after a reload; the first loop's thread */
    struct kit_config *own_config;   /* owned */
    struct aethercore_reload reload;
    struct plug_engine *engine;
    struct kit_ledger *ledger;
    struct loop_work *work; /* long texts, long answers */
    struct store_db *store;
    struct task_service *tasks;
    struct aethercore_hub hub;
    struct model_catalog *catalog;
    struct remote *remote; /* NULL: no upstreams */
    struct api api;
    struct guard_rules *rules;     /* of access; a reference */
    struct kit_budget bodies;      /* bytes of requests that all loops hold */
    struct kit_budget trees;       /* bytes of their JSON once it is parsed */
    struct aethercore_loop *loops; /* [loop_count]; the first runs on main's thread */
    uint32_t loop_count;
    uint32_t connections_max; /* of each loop */
    uint32_t loops_open;      /* servers that are not drained yet; main's thread */
    uint16_t port;            /* the bound one */
    char models_folder[4096];
    struct loop_work_job scan; /* looks at the models folder again; one at a time */
    struct kit_flag scanning;
    uint64_t scanned_ns;
    uint64_t high_bytes; /* most that was allocated since memory was last given back */
};

/* Makes everything and starts to listen; says server.ready when connections are accepted. */
KIT_MUST_CHECK enum kit_status aethercore_app_start(struct aethercore_app *a, const struct aethercore_source *source,
                                                    const struct kit_config *config, struct kit_err *err);
/* Serves until SIGTERM or SIGINT, then drains: no new connections, answers under way are finished. SIGHUP reads settings
 * and key again, and looks at the models folder. */
void aethercore_app_run(struct aethercore_app *a);
/* Also after a start that failed. The order of ending, each step making the next one safe: loops (nobody asks any more),
 * work pool drained (no question is half-way), waiting room, models with their lanes (every job is done), work pool, loops'
 * memory. */
void aethercore_app_stop(struct aethercore_app *a);

#endif
