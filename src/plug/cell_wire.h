/* src/plug/cell_wire.h - what the parent and a cell say to each other: packets over a socket pair, tensors in shared memory.
 *
 * Two kinds of socket pairs (SOCK_SEQPACKET). One control socket a cell: loading, questions, cancel, log lines. One
 * socket an instance, so that a call goes from the parent's thread straight to the cell's thread of that instance.
 * A packet is a head and `bytes` of payload. Both ends are the same program, so there is one version of this; the child
 * believes the parent, the parent believes nothing.
 * Thread: any; a packet is sent whole. Memory: none. */
#ifndef PLUG_CELL_WIRE_H
#define PLUG_CELL_WIRE_H

#include "aether/backend.h"
#include "kit/base.h"

/* name; what the fields mean ("p" is the parent, "c" the cell) */
enum plug_cell_wire_type {
    /* control */
    PLUG_CELL_WIRE_OPEN =
        1, /* p: a device, b load's cores, count cores_max; payload: plug-in, folder, options, each NUL-ended */
    PLUG_CELL_WIRE_STOP_LOADING, /* p */
    PLUG_CELL_WIRE_PROGRESS,     /* c: a done, b total */
    PLUG_CELL_WIRE_LOG,          /* c: status level; payload: event, text, each NUL-ended */
    PLUG_CELL_WIRE_COUNT,        /* c: payload: struct plug_cell_wire_count */
    PLUG_CELL_WIRE_META, /* c: count key (plug_cell_wire_meta_key), a offset, b bytes of all; payload: a piece of the text */
    PLUG_CELL_WIRE_PORT,     /* c: count 0 input, 1 output; payload: struct plug_cell_wire_port */
    PLUG_CELL_WIRE_INFO,     /* c: payload: struct plug_cell_wire_info */
    PLUG_CELL_WIRE_OPENED,   /* c: status; payload: the error's line */
    PLUG_CELL_WIRE_INSTANCE, /* p: a number of the instance; payload: struct acb_instance_open; its socket comes along */
    PLUG_CELL_WIRE_CANCEL,   /* p: a number of the instance, b number of the call */
    PLUG_CELL_WIRE_BYTES,    /* p: a number of the instance or 0: of the model, b number of the question
                              * c: the same, status, count rows; payload: struct plug_cell_wire_bytes [count] */
    PLUG_CELL_WIRE_CLOSE,    /* p */
    /* instance */
    PLUG_CELL_WIRE_INSTANCE_OPENED, /* c: status; payload: the error's line */
    PLUG_CELL_WIRE_INFER, /* p: a number of the call, b cores, count inputs, status wants; new input memory comes along */
    PLUG_CELL_WIRE_GROW,  /* c, while it runs a call: a bytes that the next piece of output memory needs at least */
    PLUG_CELL_WIRE_GROWN, /* p: status, a bytes; the memory comes along */
    PLUG_CELL_WIRE_RESULT, /* c: status, a number of the call, count outputs; payload: struct plug_cell_wire_tensor [count],
                            * or the error's line */
    PLUG_CELL_WIRE_SHRINK, /* p */
    PLUG_CELL_WIRE_STEP,   /* p: a number of the call, b cores, count tokens, status adapter or 0; in input memory a
                            * struct plug_cell_wire_inputs, then token, seq, pos [count], want [count] bytes.
                            * RESULT: count rows of logits, at the start of the newest output memory */
    PLUG_CELL_WIRE_SEQ, /* p: a number of the call or 0: no answer is wanted, status enum plug_cell_wire_seq, count sequence,
                            * b length + (dst << 32). RESULT: b length */
    /* an instance that was opened with PLUG_CELL_MODE_WORDS; what is said of memory is behind struct plug_cell_wire_inputs,
     * or at the start of the newest output memory */
    PLUG_CELL_WIRE_VOCAB, /* p: a number of the call, count tokens. RESULT: b bytes of a struct plug_vocab in output memory */
    PLUG_CELL_WIRE_TOKENIZE, /* p: a number of the call, b bytes of text in input memory, count room for tokens, status
                              * ACB_TOKENIZE_…. RESULT: count tokens; ids in output memory if they fit the room */
    PLUG_CELL_WIRE_ADAPTER_OPEN, /* p: a number of the call, b bytes of the path, NUL-ended, in input memory, count the scale's
                                  * bits. RESULT: b the adapter, > 0 */
    PLUG_CELL_WIRE_ADAPTER_CLOSE, /* p: a number of the call, b the adapter. RESULT */
};

/* acb_instance_open.mode of an instance for questions to the model: the back end knows nothing of it. */
#define PLUG_CELL_MODE_WORDS UINT32_MAX
#define PLUG_CELL_ADAPTERS_MAX 64

enum plug_cell_wire_seq {
    PLUG_CELL_WIRE_SEQ_LENGTH,
    PLUG_CELL_WIRE_SEQ_COPY,
    PLUG_CELL_WIRE_SEQ_TRIM,
    PLUG_CELL_WIRE_SEQ_END
};

struct plug_cell_wire {
    uint32_t type;
    uint32_t bytes; /* of the payload */
    int32_t status;
    uint32_t count;
    uint64_t a, b;
};

#define PLUG_CELL_WIRE_BYTES_MAX ((size_t)64 * KIT_KIB) /* of one payload */
#define PLUG_CELL_WIRE_FDS_MAX 1

struct plug_cell_wire_count {
    double n;
    char name[64];
};

struct plug_cell_wire_port {
    uint32_t dtype, rank, flags, reserved;
    int64_t shape[ACB_RANK_MAX];
    char name[ACB_NAME_BYTES];
};

/* The numbers of struct acb_model_info. */
struct plug_cell_wire_info {
    uint32_t step_flags, sequences_max, vocab_size, reserved;
    uint64_t row_tokens_max, call_tokens_max, kv_bytes_per_token;
};

struct plug_cell_wire_bytes {
    uint32_t device, kind, source, reserved;
    uint64_t bytes;
};

/* A tensor in shared memory. Offsets count from the start of their piece of memory. */
struct plug_cell_wire_tensor {
    uint32_t dtype, rank;
    uint32_t piece;      /* outputs: which piece of output memory holds the data; inputs: 0 */
    uint32_t rows_piece; /* the same of the row_offsets */
    uint32_t ragged;     /* 1: row_offsets [rows + 1] lie at rows_at */
    uint32_t reserved;
    int64_t shape[ACB_RANK_MAX];
    uint64_t at, bytes;
    uint64_t rows_at, rows;
    char name[ACB_NAME_BYTES];
};

struct plug_cell_wire_want {
    uint32_t some; /* 1: rows [row_count] lie at rows_at */
    uint32_t reserved;
    uint64_t rows_at, row_count;
    char name[ACB_NAME_BYTES];
};

/* The start of an instance's input memory; behind it lie the inputs' descriptions, the wants', then the data. The cell
 * can read all of it and write none. */
struct plug_cell_wire_inputs {
    uint32_t cancelled; /* acb_infer::cancelled points here */
    uint32_t reserved[15];
};

/* Keys of acb_plugin::meta that a cell tells of; NULL behind the last. */
const char *plug_cell_wire_meta_key(uint32_t index);
#define PLUG_CELL_WIRE_META_MAX 16

/* Sends one packet, with fd if it is not -1. False: the other side is gone, or (wait false) its queue is full. */
bool plug_cell_wire_send(int socket, const struct plug_cell_wire *head, const void *payload, int fd, bool wait);

enum plug_cell_wire_got { PLUG_CELL_WIRE_GOT, PLUG_CELL_WIRE_NOTHING, PLUG_CELL_WIRE_END, PLUG_CELL_WIRE_GARBAGE };
/* Receives one packet; payload [PLUG_CELL_WIRE_BYTES_MAX + 1] gets one NUL behind it. fd: NULL: a descriptor that comes along
 * is closed; else -1 or the descriptor, owned by the caller. NOTHING: none waits (wait false), or the socket's receive
 * time is over. GARBAGE: not a packet. */
enum plug_cell_wire_got plug_cell_wire_receive(int socket, struct plug_cell_wire *head, void *payload, int *fd,
                                               bool wait);

/* A connected pair, closed on exec. False: no descriptors left. */
bool plug_cell_wire_pair(int ret[2]);

#endif
