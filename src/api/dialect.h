/* src/api/dialect.h - what the APIs of others share: a question in their words becomes a task, and its answer goes out in
 * their words, whole or as it is made. A file of such an API parses and renders, nothing else.
 *
 * A streamed reply begins with the first news, so that what fails before has its own HTTP status. It is pulled by the
 * connection: pieces that a slow reader has not had are joined (task/made.h).
 * Thread: the connection's loop; parse and render also on the work pool. */
#ifndef API_DIALECT_H
#define API_DIALECT_H

#include "api/asker.h"
#include "task/made.h"

struct api_telling;

struct api_dialect {
    /* Reads r->body into r. A long body on the work pool. Errors name the field in the API's own words. */
    enum kit_status (*parse)(struct task_request *r, const struct api *a, struct kit_err *err);
    /* The whole answer into r->answer, already initialised. */
    void (*render)(struct task_request *r, struct kit_buf *out);
    /* The answer is there, its request OK, and its client as well: what must be done before it is told that it is whole. True:
     * api_dialect_settled follows, later. NULL: nothing. */
    bool (*settle)(struct task_request *r);
    /* An error as a whole reply. */
    void (*fail)(struct http_request *h, const struct kit_err *err);
    const char *stream_type; /* "text/event-stream"; NULL: never streams, and the rest is not there */
    /* The parts of a streamed answer; each appends to t->out. */
    void (*begin)(struct api_telling *t); /* NULL: nothing is said before the first piece */
    void (*piece)(struct api_telling *t, uint32_t choice, const struct task_piece *p, kit_str text);
    void (*finish)(struct api_telling *t, uint32_t choice);          /* a choice has ended */
    void (*end)(struct api_telling *t);                              /* all have */
    void (*error)(struct api_telling *t, const struct kit_err *err); /* in the middle: the last word */
    /* The answer is there, or will not be; also where its client has gone. NULL: nothing is done then. */
    void (*after)(struct api *a, const struct task_request *r);
};

/* A streamed answer on its way. */
struct api_telling {
    struct task_request *r;
    const struct api_dialect *dialect;
    struct kit_buf out;          /* said, and not yet taken by the connection */
    struct kit_buf text;         /* of the piece that is being said */
    struct task_cursor *cursors; /* [choice_count]: what was said of each; NULL: not begun */
    bool *finished;              /* [choice_count] */
    bool home;                   /* the answer is there */
    bool ended;
    uint64_t created_s; /* Unix time, the same in all parts */
    uint32_t said;      /* parts so far */
    uint32_t block;     /* the dialect's own: what is open, */
    uint32_t number;    /* and how many were */
};

/* Asks; the reply is sent when its time comes. */
void api_dialect_ask(struct http_request *h, struct api *a, const struct api_dialect *dialect);
/* The same with something of the dialect's own: r->asker.own, freed with the request, or here when there is none. */
struct api_own {
    void *own;
    void (*free)(void *own);
    size_t bytes; /* of JSON, that the question takes beside its body */
};
void api_dialect_ask_with(struct http_request *h, struct api *a, const struct api_dialect *dialect,
                          const struct api_own *mine);
/* What `settle` has begun is done. On the loop of the asker. */
void api_dialect_settled(struct task_request *r);

/* Arguments of a call where an API wants them as an object; what the model wrote instead of one becomes a string. */
void api_put_object(struct kit_json_writer *w, kit_str json);

/* "data: {…}\n\n" (WHATWG HTML, section 9.2): w writes into t->out between the two. */
void api_dialect_event_begin(struct api_telling *t, const char *event, struct kit_json_writer *w);
void api_dialect_event_end(struct api_telling *t);

#endif
