/* src/hub/hub.h - the client of Hugging Face's hub: brings a model's files into the models folder, whole and proven, or
 * not at all.
 *
 * A pull asks which files there are (plan.h), fetches them into <models>/.partial/<id with + for />/, in several ranges at
 * a time, checks each against the hub's hash, and renames the folder to <models>/<id> when all is there. What was fetched
 * survives a cancel, a crash and a new start, and is not fetched again. The token goes to the hub's own address only,
 * never where a redirect leads to. Nothing here decides what is wanted: model/ does.
 * Thread: hub_pull blocks; any number at a time for different models. Memory: what is given is borrowed for the call. */
#ifndef HUB_HUB_H
#define HUB_HUB_H

#include "hub/name.h"

#define HUB_CONNECTIONS_MAX 32
#define HUB_PARTIAL ".partial"

struct hub_options {
    const char *endpoint;     /* "https://huggingface.co"; no '/' at its end */
    const char *token;        /* NULL or "": none */
    const char *ca_file;      /* certificates to trust instead of the system's; NULL or "": the system's */
    bool offline;             /* ask nobody */
    uint32_t connections;     /* at a time for one pull, 1 … HUB_CONNECTIONS_MAX */
    uint64_t files_bytes_max; /* of one model; 0: no limit */
    uint64_t chunk_bytes;     /* large files are fetched in ranges of so many; 0: 16 MiB */
    uint32_t stall_ms;        /* a connection that brings nothing for so long is given up */
    uint32_t retry_ms;        /* before the second try; doubled each time; 0: 500 */
};

struct hub_wish {
    struct hub_name name;
    kit_str file;       /* see hub_plan_read; empty: the model's own weights */
    const char *models; /* the models folder */
    /* So many bytes are here. False: stop, the pull ends as CANCELLED and keeps what it has. Called at least every 100 ms
     * or so, on the pull's thread. total 0: not known yet. */
    bool (*progress)(void *ctx, uint64_t done, uint64_t total);
    void *ctx;
};

struct hub_result {
    char commit[HUB_COMMIT_BYTES];
    uint64_t bytes;   /* of all files */
    uint64_t fetched; /* of these over the network, this time */
    bool was_here;    /* at this commit already: nothing was done */
};

/* Errors:
 *   NOT_FOUND     the hub has no such model, revision or file (or hides it: private)
 *   DENIED        gated, or the token is not good; the message says where to ask
 *   CONFLICT      a folder of that name is there that did not come from the hub
 *   UNAVAILABLE   offline; nobody answers; another process is fetching it
 *   NO_SPACE, TOO_LARGE (files_bytes_max), UNPROCESSABLE and others of hub_plan_read
 *   IO            cut off again and again; a file is not what the hub says it is
 *   CANCELLED, NOMEM */
KIT_MUST_CHECK enum kit_status hub_pull(const struct hub_options *o, const struct hub_wish *wish,
                                        struct hub_result *ret, struct kit_err *err);

#endif
