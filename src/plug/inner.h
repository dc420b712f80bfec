/* src/plug/inner.h - what engine.c, model.c and instance.c share of engine.h's structs. For src/plug/ only. */
#ifndef PLUG_INNER_H
#define PLUG_INNER_H

#include <stdatomic.h>

#include "kit/sync.h"
#include "plug/backend.h"
#include "plug/engine.h"
#include "plug/tensor.h"
#include "plug/vocab.h"

struct plug_engine {
    struct plug_services services;
    char *folder;   /* owned */
    char *cell_exe; /* owned */
    uint64_t cell_shared_bytes_max;
    uint32_t cell_call_ms_max;
    uint32_t backends_max;
    uint32_t count;
    struct plug_backend *backends[]; /* [backends_max], owned; count in use, in order of names */
};

struct plug_model {
    struct plug_engine *engine;
    const struct acb_plugin *table; /* of the back end, or of the cell that stands for it; all calls go through it */
    void *handle;                   /* the table's */
    struct acb_model_info info;     /* checked; its arrays are the handle's */
    struct plug_vocab *vocab;       /* owned; NULL: it brings none */
    bool in_cell;
    _Atomic bool lost, told; /* no call any more; on_lost has been called */
    void *ctx;
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void (*on_lost)(void *ctx, const char *reason);
    uint64_t done;         /* progress so far */
    struct kit_mutex lock; /* of instances */
    struct plug_instance *instances;
};

struct plug_instance {
    struct plug_model *model;
    struct plug_instance *next; /* the model's list */
    void *handle;
    bool generates;
    uint32_t sequences_max;
    uint64_t call_tokens_max;
    struct kit_mutex lock;   /* of running */
    const uint32_t *running; /* flag of the running call, or NULL */
    uint32_t own_cancelled;  /* the flag when the caller brings none; atomic */
};

/* The model takes no call any more, and whoever asked is told, once. reason: copied. Any thread, without a lock. */
void plug_model_lose(struct plug_model *m, const char *reason);

/* The engine has answered: is the model lost with it? why: its line, or NULL. */
void plug_model_note(struct plug_model *m, int32_t code, const char *why);

/* A call of an instance: which flag cancels it (theirs, or our own when they bring none), begun (false: cancelled before),
 * ended. */
const uint32_t *plug_instance_flag(struct plug_instance *i, const uint32_t *theirs);
bool plug_instance_begin(struct plug_instance *i, const uint32_t *flag);
void plug_instance_end(struct plug_instance *i);

/* The back end that a table from plug_engine_choose belongs to. */
static inline const struct plug_backend *plug_backend_of(const struct acb_plugin *table)
{
    return KIT_CONTAINER((void *)(uintptr_t)table, struct plug_backend, table);
}

#endif
