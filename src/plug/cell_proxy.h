/* src/plug/cell_proxy.h - the parent's side of a cell: the plug-in table again, each call carried over to the worker.
 * For src/plug/ only.
 *
 * A model of this table is one worker process with one model in it. Nothing that the cell says is believed before it is
 * copied and checked. Thread: as the ABI says of each call. Memory: as the ABI says. */
#ifndef PLUG_CELL_PROXY_H
#define PLUG_CELL_PROXY_H

#include "plug/backend.h"
#include "kit/sync.h"
#include "plug/cell_process.h"
#include "plug/vocab.h"

/* What plug_cell_table.model_open takes: base.size says that the rest is there. */
struct plug_cell_open {
    struct acb_model_open base;
    const struct plug_backend *backend; /* whose table it stands for; borrowed until model_close */
    const char *cell_exe;
    uint64_t shared_bytes_max; /* of one instance */
    uint32_t call_ms_max;      /* 0: no limit */
    uint32_t load_cores;
    void *ctx;
    void (*lost)(void *ctx, const char *reason); /* see plug_model_options; on the cell's watching thread */
};

/* status ACB_FATAL means: the cell is gone. seq_save and seq_load are not carried over yet, and a vocabulary as a table. */
extern const struct acb_plugin plug_cell_table;

int64_t plug_cell_pid(void *model); /* 0: gone */

/* The model's tokens; see vocab.h. Once, before anybody else knows of the model. */
KIT_MUST_CHECK enum kit_status plug_cell_read_vocab(void *model, uint32_t count, struct plug_vocab **ret,
                                                    struct kit_err *err);

/* --- what the files of a cell share --- */

struct plug_cell_rows {
    struct plug_cell_wire_bytes row[ACB_BYTES_ROWS_MAX];
    uint32_t count;
};

struct plug_cell_instance;

struct plug_cell {
    struct plug_cell_process *process;
    const struct plug_backend *backend;
    uint64_t shared_bytes_max;
    uint32_t call_ms_max;
    void *ctx;
    void (*lost)(void *ctx, const char *reason);

    struct kit_mutex lock; /* of all below */
    struct kit_cond changed;
    bool opened, dead;
    uint64_t done, total;
    int32_t open_status;
    char open_text[ACB_ERR_BYTES];
    struct plug_cell_instance *instances;
    uint64_t next_instance;

    struct kit_mutex asking; /* one question at a time; before `lock` */
    uint64_t question;       /* the number of the one that waits for an answer, or of the last */
    bool answered;
    struct plug_cell_rows answer;
    struct plug_cell_rows last; /* the model's last answer */

    struct kit_mutex wording;         /* one question of cell_words.c at a time; before `lock` */
    struct plug_cell_instance *words; /* opened by the first; NULL: not yet */

    /* Told while loading, constant after. */
    struct plug_cell_wire_info info;
    struct acb_port *port[2][ACB_PORTS_MAX]; /* inputs, outputs; owned, the name behind each */
    uint32_t port_count[2];
    char *meta[PLUG_CELL_WIRE_META_MAX];        /* owned; NULL: none */
    size_t meta_bytes[PLUG_CELL_WIRE_META_MAX]; /* so far */
    size_t meta_room[PLUG_CELL_WIRE_META_MAX];
};

/* cell_words.c: their part of plug_cell_table, and the end of it. */
int32_t plug_cell_tokenize(void *model, const char *text, uint64_t bytes, uint32_t flags, int32_t *ids,
                           uint64_t *count);
int32_t plug_cell_adapter_open(void *model, const char *path, float scale, void **ret, struct acb_err *err);
void plug_cell_adapter_close(void *adapter);
int32_t plug_cell_adapter_number(const void *adapter); /* as the cell calls it; 0 for NULL */
void plug_cell_words_close(struct plug_cell *c);

/* Asks for the bytes of an instance (number) or of the model (0). *last: the answer to use when none comes in time; kept
 * up to date. */
void plug_cell_ask_bytes(struct plug_cell *c, uint64_t instance, struct plug_cell_rows *last,
                         struct plug_cell_rows *ret);

#endif
