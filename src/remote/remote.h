/* src/remote/remote.h - other servers ("upstreams") whose models are served here, too.
 *
 * Each upstream is asked every so often which models it has: they stand in the catalog (model/remote.h), ready as long as it
 * answers, failed with the reason when it does not; then it is asked again after 0.5 s, doubled each time, 60 s at most.
 * Questions go to it as they are written by whoever asks (task/upstream.h); what comes back is cut into JSON values as it
 * comes. Only our own key for it goes along, and a redirect is followed nowhere.
 *
 * One thread for all transfers. Thread: any, but for callbacks, which come on that thread and may not block. Memory: the
 * program's; it ends before its catalog. */
#ifndef REMOTE_REMOTE_H
#define REMOTE_REMOTE_H

#include "kit/flag.h"
#include "kit/json.h"
#include "model/remote.h"

#define REMOTE_UPSTREAMS_MAX 16
#define REMOTE_KEY_BYTES 512
#define REMOTE_MODELS_MAX 1000                  /* of one upstream */
#define REMOTE_ANSWER_BYTES_MAX (64 * KIT_MIB)  /* that is not told in parts, */
#define REMOTE_PART_BYTES_MAX (4 * KIT_MIB)     /* one part of one that is, */
#define REMOTE_STREAM_BYTES_MAX (256 * KIT_MIB) /* and all of them */
#define REMOTE_TRIES_MAX 3                      /* of a question of which no answer has begun to come */

/* AUTO: OpenAI's API where GET /v1/models is answered, else Ollama's. */
enum remote_kind { REMOTE_AUTO, REMOTE_OPENAI, REMOTE_OLLAMA };

struct remote_upstream_options {
    const char *name; /* shown as the models' back end; shorter than MODEL_UPSTREAM_BYTES */
    const char *url;  /* http://HOST:PORT, perhaps with a path; "/v1" at its end is left out */
    const char *key;  /* "": it wants none */
    const char
        *models; /* which of its models, with commas between them; a star at the end: all that begin so; "": all */
    enum remote_kind kind;
    uint32_t check_ms;  /* between two looks at it while it answers */
    uint32_t stall_ms;  /* nothing from it for so long: TIMEOUT */
    uint32_t calls_max; /* on their way at a time */
};

struct remote_options {
    const struct remote_upstream_options *upstreams; /* [count], at most REMOTE_UPSTREAMS_MAX; copied with all texts */
    uint32_t count;
    const char *ca_file; /* certificates to trust; NULL or "": the system's; copied */
};

struct remote;
struct remote_upstream;

/* Starts its thread and looks at the upstreams. catalog: borrowed, outlives it. INVALID: a URL, a name; NOMEM. */
KIT_MUST_CHECK enum kit_status remote_new(const struct remote_options *options, struct model_catalog *catalog,
                                          struct remote **ret, struct kit_err *err);
/* Ends what is on its way as UNAVAILABLE. Nobody asks any more. NULL is fine. */
void remote_free(struct remote *r);

/* Who serves this model, and in which words. OK with NULL: none of them, it is ours or nobody's. UNAVAILABLE: it cannot be
 * asked now; says why. remote NULL: there are no upstreams. */
KIT_MUST_CHECK enum kit_status remote_find(struct remote *r, kit_str model, struct remote_upstream **ret,
                                           enum remote_kind *kind, struct kit_err *err);
const char *remote_upstream_name(const struct remote_upstream *u);

/* How an answer comes: as one value, or in parts: server-sent events (OpenAI) or lines (Ollama). */
enum remote_form { REMOTE_WHOLE, REMOTE_EVENTS, REMOTE_LINES };

/* A question on its way, embedded in whoever asks; it stays where it is until `done`. */
struct remote_call {
    const char *path; /* "/v1/chat/completions" */
    kit_str body;     /* JSON; borrowed */
    enum remote_form form;
    uint64_t deadline_ns;
    /* A value of the answer; anything but OK ends the call with that. Sets c->complete when it was the last that matters: an
     * answer in parts that ends without is cut off. */
    enum kit_status (*value)(struct remote_call *c, kit_json v, struct kit_err *err);
    /* The last word; c is the caller's again. rc: OK; INVALID, MODEL_NOT_FOUND, TOO_LARGE, FULL, … as the upstream says with
     * its status; UNAVAILABLE (it does not answer, refuses our key, or fails), IO (cut off, no JSON), TIMEOUT, CANCELLED. */
    void (*done)(struct remote_call *c, enum kit_status rc, const struct kit_err *err);
    bool complete;
    uint64_t asked_ns, first_ns; /* kit_clock_ns: handed over; first byte of the answer, 0: none came */

    /* of src/remote/ */
    struct remote_call *next;
    struct remote_upstream *upstream;
    struct fetch_transfer *transfer;
    struct kit_buf in; /* what came and is not read yet */
    struct kit_flag cancelled;
    struct kit_err err; /* why we ended it; code OK: we did not */
    uint64_t bytes, heard_ns, retry_at_ns;
    uint32_t tries;
};

/* Takes the question over: done is called once, unless it answers FULL (the upstream's calls_max). */
KIT_MUST_CHECK enum kit_status remote_ask(struct remote *r, struct remote_upstream *u, struct remote_call *c,
                                          struct kit_err *err);
/* Nobody wants it any more: the connection is closed at once, done comes with CANCELLED unless it came before. c may be done
 * already, as long as it is there. */
void remote_cancel(struct remote *r, struct remote_call *c);

#endif
