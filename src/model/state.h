/* src/model/state.h - the states of a model, which change is allowed, and what has to be done next.
 *
 * Two small tables without side effects: everything else in this folder carries out what they say.
 * Thread: any; pure. Memory: none. */
#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include "kit/base.h"

/* available: on disk, not loaded. downloading: the hub client brings its files. draining: takes no new work, ends what runs,
 * gives its memory back. */
#define MODEL_STATES(X)                                                                                                \
    X(AVAILABLE, "available")                                                                                          \
    X(DOWNLOADING, "downloading")                                                                                      \
    X(LOADING, "loading") X(WARMING, "warming") X(READY, "ready") X(DRAINING, "draining") X(FAILED, "failed")

enum model_state {
#define MODEL_STATE_ENUM(name, text) MODEL_##name,
    MODEL_STATES(MODEL_STATE_ENUM)
#undef MODEL_STATE_ENUM
        MODEL_STATE_COUNT
};
const char *model_state_text(enum model_state s); /* "ready"; "unknown" beyond the last; lives for ever */

/* May a model go from one state to the other? Staying is no change: false. */
bool model_state_may(enum model_state from, enum model_state to);

/* What is known of a model beside its state. */
struct model_facts {
    bool wanted; /* somebody wants it loaded */
    bool fetch;  /* somebody wants its files from the hub */
    bool absent; /* it has no files here yet */
    bool due;    /* failed: it may be tried now (no back-off is running) */
    bool lost;   /* its engine or its cell is gone */
    bool cooled; /* draining: nothing runs any more */
    bool alone;  /* nobody but the catalog refers to it */
};

/* The work that leads from what is to what is wanted; each is done on a thread of the catalog's. */
enum model_step {
    MODEL_STEP_NONE,
    MODEL_STEP_PULL,  /* -> downloading -> available or failed */
    MODEL_STEP_LOAD,  /* -> loading … ready */
    MODEL_STEP_COOL,  /* -> draining: end what runs */
    MODEL_STEP_CLOSE, /* draining and cooled: give the memory back -> available or failed */
};
enum model_step model_state_step(enum model_state s, const struct model_facts *f);

#endif
