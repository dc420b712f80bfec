/* src/api/api.h - every HTTP path of AetherCore: parse, hand to task/ or model/, render. Nothing else happens here.
 *
 * One struct api for the program, one struct api_loop for each loop that serves. Thread: handlers run on the loop that owns
 * the connection; answers of tasks come home to it as messages. Memory: a request's state (r->user) lives until its answer
 * was sent or its client has gone. */
#ifndef API_API_H
#define API_API_H

#include "http/server.h"
#include "kit/flag.h"
#include "kit/json.h"
#include "kit/ledger.h"
#include "store/db.h"
#include "task/service.h"

#define API_LOOPS_MAX 64
#define API_HEALTH_BYTES 512

struct api;

struct api_loop {
    struct api *api;            /* borrowed */
    struct http_server *server; /* borrowed */
    struct loop_chan *home; /* answers of tasks for this loop; shared: whoever works for it on another thread sends */
    struct loop_chan *news; /* of rows that are finished before their answer; shared */
    struct loop_chan *errands; /* struct api_errand that are done; shared */
    struct loop_chan *wakes;   /* struct api_watch that have news; owned */
    struct loop_chan *stored;  /* answers of the store; shared */
    uint32_t streams;          /* event streams that are open */
    uint64_t health_until_ns;  /* the health body is made anew after this */
    char health[API_HEALTH_BYTES];
    uint32_t health_len;
    int health_status;
};

struct api_options {
    const char *program; /* "aethercore"; metric prefix and server name */
    const char *version;
    uint64_t inline_bytes_max;         /* longer bodies are parsed on the work pool */
    uint64_t trees_bytes_max;          /* of the JSON of all requests: kit_json_limits */
    uint32_t texts_max;                /* of a question, and of all questions of a batch */
    uint32_t requests_max;             /* questions of a batch */
    uint32_t stream_requests_max;      /* questions that are open on one socket */
    uint64_t stream_message_bytes_max; /* a frame of a client */
    uint64_t bodies_bytes_max;         /* what the questions of sockets may hold, together with all bodies */
    uint32_t timeout_max_ms;
    uint32_t load_wait_max_ms; /* ?wait=true */
    uint64_t responses_keep_ms;
    uint32_t responses_max;
    uint64_t responses_bytes_max;
};

struct api {
    struct api_options options;
    struct task_service *tasks; /* borrowed, like all of these */
    struct model_catalog *catalog;
    struct kit_ledger *ledger;
    struct loop_work *work;
    struct store_db *store;     /* NULL: nothing is kept */
    struct http_router *router; /* owned */
    struct kit_budget *trees;   /* what parsed JSON holds; borrowed */
    struct kit_budget *bodies;  /* what bodies hold (http_options.bodies), and the questions of sockets; borrowed */
    struct api_loop loops[API_LOOPS_MAX];
    uint32_t loop_count;
    uint64_t started_ns;
    struct kit_flag ready; /* set once when everything runs */
    struct kit_flag draining;
};

/* Makes the router with every route of routes.def. The pointers are filled by the caller before. */
KIT_MUST_CHECK enum kit_status api_init(struct api *a, struct kit_err *err);
void api_done(struct api *a); /* when no other thread works for it */
/* Tells the api of a loop's server; on that loop's thread or before it runs. */
KIT_MUST_CHECK enum kit_status api_loop_add(struct api *a, struct loop *l, struct http_server *server,
                                            struct kit_err *err);
/* Closes its channels: what is sent to them from now on is dropped. On the loop's thread. */
void api_loop_close(struct api_loop *al);
struct api_loop *api_loop_of(struct api *a, const struct http_server *server);
/* Parses what a client sent, as kit_json_parse_within. Any thread. */
KIT_MUST_CHECK enum kit_status api_json_parse(const struct api *a, kit_str text, struct kit_json_doc **ret,
                                              struct kit_err *err);
/* The same for a body, which must be an object, *root. INVALID: it is none. *doc is the caller's (kit_json_free) when it
 * goes well, else NULL. */
KIT_MUST_CHECK enum kit_status api_json_parse_object(const struct api *a, kit_str text, struct kit_json_doc **doc,
                                                     kit_json *root, struct kit_err *err);

#endif
