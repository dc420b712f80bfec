/* src/remote/inner.h - what the files of this folder share. For src/remote/ only.
 *
 * Thread: the remote's own, unless said. Memory: the remote owns its upstreams; calls are their askers'. */
#ifndef REMOTE_INNER_H
#define REMOTE_INNER_H

#include "fetch/group.h"
#include "kit/clock.h"
#include "kit/sync.h"
#include "remote/remote.h"

#define REMOTE_BUFFER_BYTES (16 * KIT_KIB) /* of each connection */
#define REMOTE_CONNECT_MS 5000

struct remote_upstream {
    struct remote *remote;
    char name[MODEL_UPSTREAM_BYTES];
    char *url, *models;              /* owned */
    char key[REMOTE_KEY_BYTES + 32]; /* the field that shows it; "": none */
    enum remote_kind wish;
    uint32_t check_ms, stall_ms, calls_max;
    uint32_t calls;        /* taken and not done; under the remote's lock, as is */
    enum remote_kind kind; /* AUTO: not known yet */
    /* of checks */
    enum remote_kind asked;
    struct fetch_transfer *check; /* the one that is on */
    struct kit_buf list;          /* its answer so far */
    uint64_t check_at_ns, check_heard_ns;
    uint32_t failures; /* in a row */
    bool up, said;     /* how it is, once it is known */
};

struct remote {
    struct model_catalog *catalog;     /* borrowed */
    struct fetch_group *group;         /* owned */
    struct remote_upstream *upstreams; /* [count], owned */
    uint32_t count;
    char *ca_file; /* owned */
    struct kit_thread thread;
    struct kit_flag ending;
    struct kit_flag look;       /* a call was cancelled */
    struct kit_mutex lock;      /* guards what comes from other threads: */
    struct remote_call *coming; /* asked and not begun */
    struct remote_call *calls;  /* begun */
};

/* Fields, address and time-outs that every request to an upstream has, then starts it. NOMEM, INVALID. */
KIT_MUST_CHECK enum kit_status remote_start(struct remote_upstream *u, const char *path,
                                            struct fetch_group_request *ask, struct fetch_transfer **ret,
                                            struct kit_err *err);
/* What an answer with this status says that is none. body: what came with it. Returns the code. */
enum kit_status remote_judge(const struct remote_upstream *u, const struct fetch_transfer *t, kit_str body,
                             struct kit_err *err);

/* Puts a transfer's failure into words that a client may see: without addresses. Returns its code. begun: an answer had. */
enum kit_status remote_retell(const struct remote_upstream *u, bool begun, struct kit_err *err);

/* --- upstream.c --- */
void remote_check_turn(struct remote_upstream *u, uint64_t now_ns); /* looks at it when it is time */
void remote_check_soon(struct remote_upstream *u);                  /* a call has met nobody */
void remote_check_end(struct remote_upstream *u);

/* --- call.c --- */
void remote_call_begin(struct remote_call *c); /* one of the remote's calls already */
/* The parts of reading an answer, without a transfer: its head has come (good: 2xx), bytes of a good one have (false: c->err
 * says why it is none), all of it has. */
void remote_call_open(struct remote_call *c, bool good);
bool remote_call_take(struct remote_call *c, kit_str bytes);
KIT_MUST_CHECK enum kit_status remote_call_end(struct remote_call *c, struct kit_err *err);
void remote_calls_turn(struct remote *r, uint64_t now_ns); /* deadlines, silence, tries that are due */
void remote_calls_drop_cancelled(struct remote *r);
void remote_calls_end(struct remote *r); /* all, as UNAVAILABLE */

#endif
