/* src/plug/engine.h - the host side of the plug-in ABI: finds back ends, opens models and instances, calls them.
 *
 * A model runs in this process or in a cell, a worker process behind the same table of functions; callers cannot tell
 * the difference, except that a cell can be lost without harm. What a back end or a cell answers is checked before it is
 * believed. Thread: engines and models: any, one open or close of a model at a time; instances: their own thread.
 * Memory: handles are owned by whoever opened them and closed in the order instance, model, engine. */
#ifndef PLUG_ENGINE_H
#define PLUG_ENGINE_H

#include "aether/backend.h"
#include "kit/ledger.h"
#include "kit/str.h"

struct plug_engine; /* all back ends, the lent cores */
struct plug_model;
struct plug_instance;

#define PLUG_BACKENDS_MAX 64

struct plug_options {
    const char *folder;             /* plug-ins: <folder>/<name>.so; copied */
    const char *cell_exe;           /* program that runs `cell_exe --cell FD …` and calls plug_cell_main; copied */
    uint32_t cores_max;             /* 0: what affinity and cgroup allow, read again while running */
    uint32_t backends_max;          /* 1 … PLUG_BACKENDS_MAX */
    uint64_t cell_shared_bytes_max; /* shared memory of one instance in a cell; a call that needs more is NOMEM */
    uint32_t cell_call_ms_max;      /* a call into a cell that takes longer ends the cell; 0: no limit */
};

/* Scans the folder; a file that is no plug-in or of another ABI is logged and left out. Starts the worker threads of
 * parallel_for on first use. Errors: NOT_FOUND, IO (the folder), NOMEM. Thread: the main thread. */
KIT_MUST_CHECK enum kit_status plug_engine_new(const struct plug_options *options, struct plug_engine **ret,
                                               struct kit_err *err);
void plug_engine_free(struct plug_engine *e); /* no model is open; NULL is fine */

/* The index-th back end in order of names, NULL behind the last. Borrowed from the engine. Its table has our size: what
 * an older plug-in lacks is NULL. */
const struct acb_plugin *plug_engine_backend(const struct plug_engine *e, uint32_t index);
/* The back end that probes highest for a model's folder (all 0: UNSUPPORTED, the message lists what was asked), or the
 * named one (NOT_FOUND); name may be NULL or "". Blocks on disk. */
KIT_MUST_CHECK enum kit_status plug_engine_choose(const struct plug_engine *e, const char *folder, const char *name,
                                                  const struct acb_plugin **ret, struct kit_err *err);

/* Cores. One budget for all models; see acb_host::cores_acquire. A lease is taken around each infer by the scheduler. */
uint32_t plug_cores_acquire(struct plug_engine *e, uint32_t min, uint32_t max);
void plug_cores_release(struct plug_engine *e, uint32_t n);
uint32_t plug_cores_total(const struct plug_engine *e);
/* Calls fn(arg, i, worker) once for each i in [0, n) on at most `cores` threads, which the caller has on lease: as
 * acb_host::parallel_for. */
void plug_cores_run(struct plug_engine *e, uint32_t cores, uint32_t n,
                    void (*fn)(void *arg, uint32_t i, uint32_t worker), void *arg);

enum plug_isolation { PLUG_IN_PROCESS, PLUG_IN_CELL };

struct plug_model_options {
    const struct acb_plugin *backend; /* from plug_engine_choose */
    const char *folder;
    const char *options; /* JSON object of back-end options; NULL: "{}" */
    enum plug_isolation isolation;
    void *ctx; /* given to the two functions */
    /* Bytes done of bytes total, done never falls; false: stop loading (plug_model_open answers CANCELLED). Called on the
     * thread of plug_model_open; from a cell at least every 50 ms. NULL: nobody asks. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    /* The cell died on its own, or the engine in this process said that the model is lost (reason is borrowed). At most
     * once. Of a cell: from a thread of ours, perhaps before plug_model_open has returned OK; plug_model_close waits for
     * it. In this process: from inside the plug_instance_open or plug_instance_infer that heard it, at its end and
     * without a lock, so that no instance can be closed meanwhile. The model must then be closed, but later and by
     * somebody else: here nothing may wait for that thread. Calls on a lost model fail with UNAVAILABLE. NULL: nobody
     * asks. */
    void (*lost)(void *ctx, const char *reason);
};

/* Errors: INVALID (an option, named), LOAD_FAILED (broken files, named), UNSUPPORTED, CANCELLED, NOMEM, UNAVAILABLE (the
 * cell did not start, or died while loading). Blocks. */
KIT_MUST_CHECK enum kit_status plug_model_open(struct plug_engine *e, const struct plug_model_options *options,
                                               struct plug_model **ret, struct kit_err *err);
void plug_model_close(struct plug_model *m); /* NULL is fine; may block while a cell ends (2 s at most) */
/* Sums the estimate of a model that is not open, by kind; device "cpu" only for now. Always in this process. A back end
 * that does not estimate gives 0. */
KIT_MUST_CHECK enum kit_status plug_model_estimate(struct plug_engine *e, const struct plug_model_options *options,
                                                   uint64_t ret[KIT_LEDGER_KIND_COUNT], struct kit_err *err);
/* {NULL}: unknown; borrowed from the model. A cell knows the keys that acb_plugin::meta lists, and no others. */
kit_str plug_model_meta(const struct plug_model *m, const char *key);
const struct acb_model_info *plug_model_info(const struct plug_model *m); /* checked; borrowed from the model */
/* Bytes in use by the model and all its instances, by kind, with the weakest source of each. */
void plug_model_bytes(struct plug_model *m, uint64_t bytes[KIT_LEDGER_KIND_COUNT],
                      enum kit_ledger_source source[KIT_LEDGER_KIND_COUNT]);
bool plug_model_in_cell(const struct plug_model *m);
int64_t plug_model_pid(const struct plug_model *m); /* of the cell; 0: in this process */

/* An instance with its scratch, for the thread that calls it from then on. Errors: INVALID, FULL, NOMEM as the back end says;
 * UNAVAILABLE: the model is lost. Blocks. */
KIT_MUST_CHECK enum kit_status plug_instance_open(struct plug_model *m, const struct acb_instance_open *options,
                                                  struct plug_instance **ret, struct kit_err *err);
void plug_instance_close(struct plug_instance *i); /* nothing runs in it; NULL is fine */

/* Outputs of one call. Zero it before the first use; plug_outputs_done frees what it holds. */
#define PLUG_OUTPUTS_MAX 16
#define PLUG_INPUTS_MAX 64
struct plug_outputs {
    struct acb_tensor *tensor[PLUG_OUTPUTS_MAX]; /* [count], owned; in the order of wants */
    uint32_t count;
};
void plug_outputs_done(struct plug_outputs *o);

/* One run; infer.call is filled by this function. infer.cancelled: the caller's flag of this call, or NULL. ret is
 * untouched on failure. Errors: INVALID (message names the tensor), UNSUPPORTED, FULL, CANCELLED, NOMEM, INTERNAL (the
 * engine failed, or answered what cannot be), UNAVAILABLE (the model is lost: close it). Thread: the instance's own;
 * blocks. */
KIT_MUST_CHECK enum kit_status plug_instance_infer(struct plug_instance *i, const struct acb_infer *infer,
                                                   struct plug_outputs *ret, struct kit_err *err);
/* Ends the running call soon: with CANCELLED, or OK when it was faster. A caller that brings a flag sets it first
 * (atomically): then a call that has not begun is cancelled as well, and a later one with another flag is left alone. One
 * without a flag: whatever runs now. Any thread, while the instance is open. */
void plug_instance_cancel(struct plug_instance *i);
/* Gives back memory that is not needed at rest. Thread: the instance's own. */
void plug_instance_shrink(struct plug_instance *i);

/* --- generation: an instance opened with ACB_MODE_GENERATE --- */

/* One step; see acb_plugin::step. step.cancelled: the caller's flag of this step, or NULL. *ret_logits: [wanted][vocab_size],
 * row-major, not normalised, NULL when none was wanted; valid until the next call on this instance, and the caller may
 * write into it. Of a cell these floats are the cell's word: they may be NaN and may change under a hostile one, so each is
 * read once. Errors: INVALID (a token, sequence or position that cannot be), FULL (no KV room: nothing was done),
 * CANCELLED (part may be done, see seq_length), NOMEM, INTERNAL, UNAVAILABLE (the model is lost). Thread: the instance's
 * own; blocks. */
KIT_MUST_CHECK enum kit_status plug_instance_step(struct plug_instance *i, const struct acb_step *step,
                                                  float **ret_logits, struct kit_err *err);
/* Tokens that a sequence holds; 0 as well when the model is lost. Thread of all seq_: the instance's own; they block for
 * as long as a message to a cell takes. */
uint32_t plug_instance_seq_length(struct plug_instance *i, uint32_t seq);
/* dst becomes a copy of the first `length` tokens of src. Errors: INVALID, UNSUPPORTED (see acb_model_info.step_flags),
 * FULL, UNAVAILABLE. */
KIT_MUST_CHECK enum kit_status plug_instance_seq_copy(struct plug_instance *i, uint32_t src, uint32_t dst,
                                                      uint32_t length, struct kit_err *err);
/* Keeps the first `length` tokens. Errors: INVALID, UNSUPPORTED (the engine cannot cut there), UNAVAILABLE. */
KIT_MUST_CHECK enum kit_status plug_instance_seq_trim(struct plug_instance *i, uint32_t seq, uint32_t length,
                                                      struct kit_err *err);
void plug_instance_seq_end(struct plug_instance *i, uint32_t seq); /* it holds no token any more */

/* --- a vocabulary that comes with the weights (GGUF). Thread: any --- */

#define PLUG_VOCAB_MAX ((uint32_t)1 << 22)                   /* tokens */
#define PLUG_VOCAB_BYTES_MAX ((uint64_t)64 * 1024 * 1024)    /* of all tokens */
#define PLUG_TOKENIZE_BYTES_MAX ((uint64_t)64 * 1024 * 1024) /* of one text */

bool plug_model_has_vocab(const struct plug_model *m);
/* flags: ACB_TOKENIZE_…; text need not be UTF-8. *count in: room of ids, out: tokens; FULL when the room was too small (count
 * says how many, ids are undefined). Errors: UNSUPPORTED (no vocabulary), TOO_LARGE, NOMEM, INTERNAL, UNAVAILABLE. Blocks
 * (a cell is asked, one question at a time): not on a loop. */
KIT_MUST_CHECK enum kit_status plug_model_tokenize(struct plug_model *m, kit_str text, uint32_t flags, int32_t *ids,
                                                   uint64_t *count, struct kit_err *err);
/* Bytes of one token, special tokens written out; {NULL} for ids out of range. Borrowed from the model; from a table that
 * was read while it was opened, so that this never blocks. */
kit_str plug_model_token(const struct plug_model *m, int32_t id);
uint32_t plug_model_token_flags(const struct plug_model *m, int32_t id); /* ACB_TOKEN_…; 0 for ids out of range */

/* An adapter (LoRA) for acb_step.adapter, of any instance of this model; owned until plug_model_adapter_close, when no step
 * uses it. path: absolute. scale: 1 is as trained. Errors: LOAD_FAILED (the file), UNSUPPORTED, FULL, NOMEM, UNAVAILABLE.
 * Blocks. */
KIT_MUST_CHECK enum kit_status plug_model_adapter_open(struct plug_model *m, const char *path, float scale, void **ret,
                                                       struct kit_err *err);
void plug_model_adapter_close(struct plug_model *m, void *adapter); /* NULL is fine; before plug_model_close */

#endif
