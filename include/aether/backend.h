/* include/aether/backend.h - the plug-in ABI of AetherCore, version 0.1. The one public header.
 *
 * A back end is an executor: named tensors in, named tensors out (`infer`), and, if it can, a generative interface
 * (`step`). It knows nothing of sockets, tokenizer files, JSON or tasks. It is a shared object with exactly one exported
 * symbol, aether_backend_entry, which trades the host's table of functions for its own.
 *
 * Rules that hold for every call
 *   - Structs start with `size`, the sizeof of whoever filled them; fields are only ever appended. Read a pointer only
 *     when ACB_HAS, a number only when ACB_FITS says that it is there. In a struct that is handed over to be filled, size
 *     is the room: write no field beyond it. Arrays of structs are passed as arrays of pointers for that reason.
 *   - Fixed-width types only. No C++ exception, longjmp, abort or exit leaves a back end; one that may abort is run in
 *     a cell (a worker process) behind this same table.
 *   - Who allocates frees. Strings are UTF-8, NUL-ended, never NULL unless said. Four words say who owns what:
 *     borrowed, owned, copied, shared.
 *   - Functions that can fail return an acb status: ACB_OK or one of the codes below, and put one line for a person into
 *     *err (field, limit, remedy; with the tensor's or file's name). On failure results are untouched. err is never NULL.
 *   - Lifetimes nest: plug-in > model > instance > call. The host closes from the inside out.
 *   - entry, probe and estimate run in the host's own process even when the models run in cells: they are cheap, start no
 *     thread, and take any bytes without harm. A large library is loaded by the first model_open (dlopen), not linked.
 *
 * It stays 0.x until llama.cpp, ONNX Runtime and libtorch run on it, and freezes as 1.0 then (docs/adr/0001). While
 * major is 0 the minor must be equal; from 1.0 on a plug-in of a lower minor loads into a newer host and the reverse. */
#ifndef AETHER_BACKEND_H
#define AETHER_BACKEND_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ACB_MAJOR 0
#define ACB_MINOR 1

/* True when *p was built with `member`. */
#define ACB_FITS(p, member) ((p)->size >= offsetof(__typeof__(*(p)), member) + sizeof((p)->member))
/* The same, and the pointer is not NULL. */
#define ACB_HAS(p, member) (ACB_FITS(p, member) && (p)->member != NULL)

/* --- status --- */

#define ACB_OK 0
#define ACB_INVALID 1     /* the call's arguments are wrong: name, shape, dtype, range */
#define ACB_CORRUPT 2     /* a model file is broken or contradicts itself */
#define ACB_UNSUPPORTED 3 /* well formed, but this back end cannot do it */
#define ACB_NOT_FOUND 4   /* no such file, tensor, output */
#define ACB_NOMEM 5
#define ACB_FULL 6      /* a limit is reached (no KV page left): nothing was done, try again later */
#define ACB_CANCELLED 7 /* cancel() or the progress callback said stop: part may be done */
#define ACB_IO 8        /* reading a file failed */
#define ACB_FAILED 9    /* the engine failed; the instance is still good */
#define ACB_FATAL 10    /* the model is lost (a mapped file was cut, a device or a cell died); close everything */

#define ACB_ERR_BYTES 240
struct acb_err {
    uint32_t size;
    uint32_t reserved;
    char text[ACB_ERR_BYTES]; /* NUL-ended; "" when there is nothing to say */
};

/* --- tensors --- */

/* Little-endian, row-major, dense. ACB_STRING: for each element a u32 length and that many bytes. */
#define ACB_BOOL 1 /* one byte, 0 or 1 */
#define ACB_U8 2
#define ACB_I8 3
#define ACB_U16 4
#define ACB_I16 5
#define ACB_U32 6
#define ACB_I32 7
#define ACB_U64 8
#define ACB_I64 9
#define ACB_F16 10
#define ACB_BF16 11
#define ACB_F32 12
#define ACB_F64 13
#define ACB_STRING 14

#define ACB_RANK_MAX 8
#define ACB_ALIGN 64       /* of every tensor's data, in bytes */
#define ACB_NAME_BYTES 256 /* a tensor's name with its ending NUL */

/* A tensor, dense or ragged. Ragged: n rows of different length lie behind each other in the first dimension, without
 * padding; row i is [row_offsets[i], row_offsets[i+1]) of it; row_offsets[0] = 0 and row_offsets[n] = shape[0].
 * Who made it says who owns it: inputs are borrowed for the call; outputs come from host->tensor_new or tensor_like, and
 * the back end writes into their data only. */
struct acb_tensor {
    uint32_t size;
    uint32_t dtype;
    uint32_t rank;   /* 0 … ACB_RANK_MAX; 0 is a scalar */
    uint32_t device; /* index into the host's devices; 0 = host memory */
    const char *name;
    int64_t shape[ACB_RANK_MAX]; /* [rank], each >= 0 */
    void *data;                  /* aligned to ACB_ALIGN; an input of 0 bytes may be NULL */
    uint64_t bytes;
    const uint64_t *row_offsets; /* [rows + 1], or NULL: dense */
    uint64_t rows;               /* 0 when dense */
};

/* --- the host's side --- */

#define ACB_LOG_DEBUG 0
#define ACB_LOG_INFO 1
#define ACB_LOG_WARN 2
#define ACB_LOG_ERROR 3

/* Given once, at entry; valid for the life of the plug-in. Every function takes `ctx` first and may be called from any
 * thread. */
struct acb_host {
    uint32_t size;
    uint16_t major, minor;
    void *ctx;

    /* Memory that the host counts: alloc answers NULL when there is none (64-byte aligned); free takes NULL. */
    void *(*alloc)(void *ctx, uint64_t bytes);
    void (*free)(void *ctx, void *p);

    /* One line of the structured log; text is "key=value …", may be "". */
    void (*log)(void *ctx, int32_t level, const char *event, const char *text);
    /* Adds n >= 0 to the counter <program>_backend_events_total{backend="…",name="<name>"}; name [a-z0-9_]. */
    void (*count)(void *ctx, const char *name, double n);

    /* An output tensor of the call that is running, dense, uninitialised; owned by the host, which frees it when the
     * answer is used. `call` is the value that came with the call (struct acb_infer::call); the name is copied. Strings
     * and ragged tensors: tensor_like. Thread: the call's. ACB_NOMEM, ACB_INVALID, ACB_FULL (the call's limit). */
    int32_t (*tensor_new)(void *ctx, void *call, const char *name, uint32_t dtype, uint32_t rank, const int64_t *shape,
                          struct acb_tensor **ret);

    /* The machine's cores are lent, never taken. infer and step are called with a lease already held (`cores` in the
     * call); work outside of them (packing weights while loading) takes its own, or keeps to threads of low priority:
     * answers min <= n <= max, waits while fewer than min are free; min 0 never waits. Each acquire has its release. */
    uint32_t (*cores_acquire)(void *ctx, uint32_t min, uint32_t max);
    void (*cores_release)(void *ctx, uint32_t n);
    /* Calls fn(arg, i, worker) for i in [0, n), in any order, on at most `cores` threads (the caller is one of them), and
     * returns when all are done. worker is in [0, cores): no two calls with the same worker run at once. Cheap
     * (microseconds) when the threads are warm. Not reentrant from inside fn. */
    void (*parallel_for)(void *ctx, uint32_t cores, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker),
                         void *arg);

    /* Like tensor_new, with name, dtype, rank, shape and row_offsets copied from *like (its data is not read). bytes
     * counts for ACB_STRING only, where the shape does not tell it. */
    int32_t (*tensor_like)(void *ctx, void *call, const struct acb_tensor *like, struct acb_tensor **ret);
};

/* --- what a back end says of itself --- */

/* One setting of models.<id>.options; the host checks type and range before it passes them on as JSON. */
struct acb_option {
    uint32_t size;
    uint32_t type; /* ACB_BOOL, ACB_I64, ACB_F64 or ACB_STRING */
    const char *key;
    const char *initial; /* the default, as text */
    const char *help;
    double min, max; /* for numbers */
};

#define ACB_PORT_RAGGED 1u   /* takes or gives row_offsets; without it the host pads to [rows, longest] */
#define ACB_PORT_OPTIONAL 2u /* an input that may be left out */

#define ACB_DTYPE_ANY 0u
#define ACB_RANK_ANY UINT32_MAX
/* The name of a port that stands for any number of tensors under any names. As an output: names that the back end gives,
 * the inputs' own unless its summary says otherwise. */
#define ACB_PORT_ANY "*"

/* An input or output of a model. shape [rank]: -1 = any; for a ragged port the first dimension is the sum of the rows'
 * lengths, for a dense one of the same kind it stands for [rows, length]. A model that does not know its ports, such as
 * a script, says ACB_DTYPE_ANY, ACB_RANK_ANY and, in place of names, ACB_PORT_ANY. */
struct acb_port {
    uint32_t size;
    uint32_t dtype;
    uint32_t rank;
    uint32_t flags;
    const char *name;
    int64_t shape[ACB_RANK_MAX];
};

/* What a model takes, gives and can; filled by describe. Pointers are borrowed from the model. */
struct acb_model_info {
    uint32_t size;
    uint32_t input_count, output_count;   /* 0 … ACB_PORTS_MAX */
    uint32_t step_flags;                  /* ACB_STEP_…; 0: no generation */
    const struct acb_port *const *inputs; /* [input_count] */
    /* [output_count]. Well known: last_hidden_state (ragged), pooled (dense), and logits: dense [-1, labels] for classify and
     * rerank; ragged for token-classify [-1, labels], answer [-1, 2] (start, end) and fill-mask [-1, vocabulary]. */
    const struct acb_port *const *outputs;
    uint64_t row_tokens_max;     /* longest row; 0 = no limit */
    uint64_t call_tokens_max;    /* most tokens of one call; 0 = no limit */
    uint64_t kv_bytes_per_token; /* generation only */
    uint32_t sequences_max;      /* generation only */
    uint32_t vocab_size;         /* 0 when it has none */
};

#define ACB_PORTS_MAX 256
#define ACB_STEP_TRIM 1u /* seq_trim may cut anywhere */
#define ACB_STEP_FORK 2u /* seq_copy is cheap */
#define ACB_STEP_SAVE 4u /* seq_save, seq_load */

#define ACB_BYTES_WEIGHTS 0
#define ACB_BYTES_KV 1
#define ACB_BYTES_CACHE 2 /* scratch, packed copies, arenas */

#define ACB_SOURCE_ESTIMATED 0
#define ACB_SOURCE_MAPPED 1
#define ACB_SOURCE_COUNTED 2
#define ACB_SOURCE_TOLD 3

struct acb_bytes {
    uint32_t size;
    uint32_t device; /* as in acb_tensor */
    uint32_t kind;   /* ACB_BYTES_… */
    uint32_t source; /* ACB_SOURCE_… */
    uint64_t bytes;
};
#define ACB_BYTES_ROWS_MAX 16

struct acb_model_open {
    uint32_t size;
    uint32_t device;     /* where to put it */
    const char *folder;  /* absolute path of the model's folder, or of its one file */
    const char *options; /* JSON object: the model's options, checked; "{}" when none */
    void *progress_ctx;
    /* Called now and then while loading (at least every 50 ms of work), from the loading thread. done and total are
     * bytes, done never falls. Non-zero: stop, return ACB_CANCELLED soon. */
    int32_t (*progress)(void *progress_ctx, uint64_t done, uint64_t total);
    uint32_t cores_max; /* most cores that a call will ever come with: for engines whose threads belong to the model */
    uint32_t reserved;
};

#define ACB_MODE_INFER 0
#define ACB_MODE_GENERATE 1

struct acb_instance_open {
    uint32_t size;
    uint32_t mode;            /* ACB_MODE_… */
    uint32_t cores_max;       /* most cores that a call will ever come with, >= 1 */
    uint32_t sequences_max;   /* generation: most sequences at a time */
    uint64_t call_tokens_max; /* most tokens that a call will ever come with */
    uint64_t kv_bytes_max;    /* generation: bytes of KV that it may hold */
};

/* --- calls --- */

/* One wanted output, by the name of an output port. rows [row_count]: for last_hidden_state and logits only these places
 * of the first dimension are given, in this order; NULL: all of it. */
struct acb_want {
    uint32_t size;
    uint32_t reserved;
    const char *name;
    const uint64_t *rows;
    uint64_t row_count;
};

struct acb_infer {
    uint32_t size;
    uint32_t cores; /* lent for this call, >= 1; more must not be used */
    uint32_t input_count;
    uint32_t want_count;                    /* 0: every output that the model has, as tensor_new made them */
    const struct acb_tensor *const *inputs; /* [input_count], borrowed; no two of one name */
    const struct acb_want *const *wants;    /* [want_count], borrowed; no two of one name */
    void *call;                             /* for host->tensor_new */
    const uint32_t *cancelled;              /* becomes 1 when the call should end: see cancel */
};

struct acb_step {
    uint32_t size;
    uint32_t cores;
    uint32_t n; /* tokens of this step, over all sequences; >= 1 */
    uint32_t reserved;
    const int32_t *token;      /* [n], 0 <= id < vocab_size */
    const uint32_t *seq;       /* [n], < sequences_max; tokens of one sequence stand in order */
    const uint32_t *pos;       /* [n], from 0; the next one of its sequence */
    const uint8_t *want;       /* [n], 1 where logits are wanted */
    void *adapter;             /* from adapter_open, or NULL; one a step */
    const uint32_t *cancelled; /* as in acb_infer */
};

/* --- the plug-in's side --- */

/* Required: probe, model_open, model_close, describe, instance_open, instance_close, and infer or step. All others may be
 * NULL or beyond `size`; the host asks by ACB_HAS. Thread of each call as stated: "loader" is
 * any thread, one call a model at a time; "own" is the thread that the instance lives on, one caller at a time. */
struct acb_plugin {
    uint32_t size;
    uint16_t major, minor;
    const char *name; /* "native": [a-z0-9_], equal to the file's name */
    const char *version;
    const char *summary;                     /* one line for people */
    const struct acb_option *const *options; /* [option_count], or NULL */
    uint32_t option_count;
    uint32_t flags; /* ACB_PLUGIN_… */

    /* How well this back end can run what lies in `folder`: 0 not at all … 100 made for it. Looks at names and small
     * headers only; must take any bytes without harm. Thread: any; may block on disk. */
    int32_t (*probe)(const char *folder);

    /* Bytes that the model will take, before it is loaded. ret [ACB_BYTES_ROWS_MAX], each with its size set by the host;
     * *count out. Reads names and headers only. Thread: loader. */
    int32_t (*estimate)(const struct acb_model_open *open, struct acb_bytes *const *ret, uint32_t *count,
                        struct acb_err *err);

    /* Immutable weights, shared by all instances. Checks every file that it reads: a broken one is ACB_CORRUPT with the
     * tensor's name, never a crash. *ret owned by the caller until model_close. Thread: loader; may block. */
    int32_t (*model_open)(const struct acb_model_open *open, void **ret, struct acb_err *err);
    void (*model_close)(void *model); /* after its instances; NULL is fine */

    /* A fact about the model as text, or NULL. Keys: architecture, tasks ("embed,fill-mask", the first is the default),
     * precision, isa, context_tokens, hidden_size, pooling (mean, cls, max, none), normalize (0, 1), labels (JSON array, by
     * index), problem_type (single_label_classification, multi_label_classification, regression), chat_template, bos_token,
     * eos_token, name, license. Borrowed from the model. Thread: any. */
    const char *(*meta)(void *model, const char *key);
    int32_t (*describe)(void *model, struct acb_model_info *ret);

    /* The truth after loading, of a model (instance NULL) or of one instance. Thread: any. */
    int32_t (*bytes)(void *model, void *instance, struct acb_bytes *const *ret, uint32_t *count);

    /* Scratch, KV and mode; cheap beside model_open. Thread: own. */
    int32_t (*instance_open)(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err);
    void (*instance_close)(void *instance);
    /* Gives back memory that is not needed at rest. Thread: own. */
    void (*instance_shrink)(void *instance);

    /* Runs the model once. outputs [want_count], each from host->tensor_new, in the order of wants (want_count 0: not
     * touched); on failure whatever was made is the host's to free. The host has checked that the inputs are sound: known
     * dtype, bytes that fit shape and dtype, strings that fill their bytes, row_offsets that rise from 0 to shape[0].
     * Whether names, dtypes, shapes and values suit the model is checked by the back end: ACB_INVALID names the tensor;
     * ACB_NOT_FOUND a wanted output that is none. Thread: own; may block. */
    int32_t (*infer)(void *instance, const struct acb_infer *infer, struct acb_tensor **outputs, struct acb_err *err);

    /* The running infer or step should end soon with ACB_CANCELLED; without a running call it does nothing. The host sets
     * *cancelled of that call first, so that none is missed: a back end polls the flag (atomic read, relaxed), or, where
     * its engine has a stop of its own that cancel() pulls, resets that on entry and then looks at the flag once. After
     * ACB_CANCELLED an instance takes the next call. NULL: the flag is enough, or nothing can stop a call (then only a
     * cell can be ended). Thread: any. */
    void (*cancel)(void *instance);

    /* Optional, with ACB_MODE_GENERATE. One step over n tokens of any number of sequences (chunked prefill and decode
     * alike). *logits gets [wanted][vocab_size] float32, row-major, not normalised, in the order of want, borrowed until
     * the next call on this instance; the host may write into it. The host has checked n, token and seq, not pos. ACB_FULL:
     * no KV page left, nothing was done. ACB_CANCELLED: part may be done, see seq_length. Thread: own. Source: Vaswani et
     * al. 2017, arXiv 1706.03762, section 3. */
    int32_t (*step)(void *instance, const struct acb_step *step, const float **logits, struct acb_err *err);
    /* Tokens that a sequence holds now. */
    uint32_t (*seq_length)(void *instance, uint32_t seq);
    /* The seq_ functions, adapters and the vocabulary: an unknown seq or id is ACB_INVALID. Thread of seq_: own. */
    /* dst becomes a copy of the first `length` tokens of src. ACB_UNSUPPORTED, ACB_FULL. */
    int32_t (*seq_copy)(void *instance, uint32_t src, uint32_t dst, uint32_t length);
    /* Keeps the first `length` tokens. ACB_UNSUPPORTED when the engine cannot cut there. */
    int32_t (*seq_trim)(void *instance, uint32_t seq, uint32_t length);
    void (*seq_end)(void *instance, uint32_t seq);
    /* State as bytes: with data NULL *bytes gets the room that is needed. */
    int32_t (*seq_save)(void *instance, uint32_t seq, void *data, uint64_t *bytes);
    int32_t (*seq_load)(void *instance, uint32_t seq, const void *data, uint64_t bytes);

    /* Optional: a vocabulary that comes with the weights (GGUF). tokenize: text [bytes] need not be UTF-8; flags
     * ACB_TOKENIZE_…; *count in: room of ids, out: tokens; ACB_FULL when the room was too small (count says how many).
     * detokenize gives the bytes of one token, "" for special ones unless ACB_TOKENIZE_SPECIAL. Thread: any. */
    int32_t (*tokenize)(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids, uint64_t *count);
    int32_t (*detokenize)(void *model, int32_t id, uint32_t flags, char *text, uint64_t *bytes);
    uint32_t (*token_flags)(void *model, int32_t id); /* ACB_TOKEN_… */

    /* Optional: an adapter (LoRA) for step; scale 1.0 is as trained. Thread: loader. */
    int32_t (*adapter_open)(void *model, const char *path, float scale, void **ret, struct acb_err *err);
    void (*adapter_close)(void *adapter);

    /* Optional: before the plug-in is unloaded, when all models are closed: ends threads and environments of the engine.
     * Thread: the host's main thread, once. */
    void (*stop)(void);
};

#define ACB_PLUGIN_CELL 1u /* may abort, leak or keep memory: runs in a cell unless told otherwise */

#define ACB_TOKENIZE_ADD_SPECIAL 1u   /* add what the model expects at both ends */
#define ACB_TOKENIZE_PARSE_SPECIAL 2u /* text may name special tokens; without it they stay text */
#define ACB_TOKENIZE_SPECIAL 4u       /* detokenize: show special tokens */

#define ACB_TOKEN_SPECIAL 1u
#define ACB_TOKEN_END 2u /* ends a generation */
#define ACB_TOKEN_BYTE 4u

/* The one exported symbol. host: borrowed for the life of the plug-in. NULL: this host is not for me (the host logs the
 * versions of both). Thread: the host's main thread, once. */
#if defined(__GNUC__)
__attribute__((visibility("default")))
#endif
const struct acb_plugin *
aether_backend_entry(const struct acb_host *host);

/* Layout, pinned for 64-bit little-endian machines: a change here is a change of the ABI. */
#if defined(__cplusplus)
#define ACB_PIN(condition) static_assert(condition, "ABI layout")
#else
#define ACB_PIN(condition) _Static_assert(condition, "ABI layout")
#endif
ACB_PIN(sizeof(void *) == 8);
ACB_PIN(sizeof(struct acb_err) == 248);
ACB_PIN(offsetof(struct acb_tensor, shape) == 24 && sizeof(struct acb_tensor) == 120);
ACB_PIN(offsetof(struct acb_host, alloc) == 16 && sizeof(struct acb_host) == 88);
ACB_PIN(sizeof(struct acb_option) == 48);
ACB_PIN(offsetof(struct acb_port, shape) == 24 && sizeof(struct acb_port) == 88);
ACB_PIN(offsetof(struct acb_model_info, inputs) == 16 && sizeof(struct acb_model_info) == 64);
ACB_PIN(sizeof(struct acb_bytes) == 24);
ACB_PIN(offsetof(struct acb_model_open, progress) == 32 && sizeof(struct acb_model_open) == 48);
ACB_PIN(sizeof(struct acb_instance_open) == 32);
ACB_PIN(sizeof(struct acb_want) == 32);
ACB_PIN(offsetof(struct acb_infer, inputs) == 16 && sizeof(struct acb_infer) == 48);
ACB_PIN(offsetof(struct acb_step, token) == 16 && sizeof(struct acb_step) == 64);
ACB_PIN(offsetof(struct acb_plugin, probe) == 48 && offsetof(struct acb_plugin, infer) == 128);
ACB_PIN(offsetof(struct acb_plugin, stop) == 240 && sizeof(struct acb_plugin) == 248);

#ifdef __cplusplus
}
#endif
#endif
