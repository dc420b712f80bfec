/* src/task/request.h - one question to a model on its way down and its answer on the way back.
 *
 * A request is shared by two: the asker (a loop thread), who may only cancel it and wait, and whoever works on it at the
 * moment (a loop, the work pool, a model thread), who writes. The answer comes home as a message to the asker's channel.
 * Memory: everything that it holds lies in its arena or is freed with it; the last reference frees. */
#ifndef TASK_REQUEST_H
#define TASK_REQUEST_H

#include "kit/arena.h"
#include "kit/clock.h"
#include "kit/flag.h"
#include "kit/json.h"
#include "kit/ref.h"
#include "kit/sync.h"
#include "loop/chan.h"
#include "loop/work.h"
#include "model/catalog.h"
#include "sched/sched.h"
#include "task/hits.h"
#include "task/inputs.h"
#include "task/kind.h"
#include "task/news.h"
#include "task/parameters.h"
#include "text/span.h"

struct task_choices;
struct task_upstream;
struct task_model;
struct task_service;
struct task_request;

/* How the asker wants its answer: given by the layer above. */
struct task_asker {
    /* Fills the question from r->body; NULL: it is filled already. On the asker's loop, or on the work pool when the body is
     * long. An error is the request's answer. */
    enum kit_status (*parse)(struct task_request *r, struct kit_err *err);
    /* Writes the answer's body into r->answer (OK: reads its outputs; else r->err). Called on the asker's loop, or on the
     * work pool when the answer is large. */
    void (*render)(struct task_request *r);
    /* Called by what receives from `home` (task_request_receive): the request is finished. */
    void (*answered)(struct task_request *r);
    /* Called by what receives from `news` (task_request_receive_news): items are there. Needed only with `news`. */
    void (*told)(struct task_request *r);
    /* Channels of the asker's loop; each request holds a reference. home: where the finished request goes, as a message.
     * news: where a word goes when items of the answer are there before the rest; NULL: the asker wants none. */
    struct loop_chan *home, *news;
    kit_id id;          /* the asker's own name for whom it asks, */
    kit_id part;        /* and for the question, where one asks many */
    const void *manner; /* how it asks: the asker's own; lives for ever */
    void *ctx;          /* the asker's, */
    void *own;          /* and what it has for this request alone; NULL: nothing */
};

/* Texts as rows of token ids, behind each other; filled by task/ (texts.h). Memory: as long as the request. */
struct task_rows {
    int32_t *ids;            /* [offsets[count]] */
    int32_t *types;          /* token_type_ids, as many; NULL: all are 0 */
    struct text_span *spans; /* bytes of the text (of answer: of the context) that a token stands for; NULL: not kept */
    uint32_t *words;         /* its word, TEXT_NO_WORD: it stands for none; NULL: not kept */
    uint64_t *offsets;       /* [count + 1] */
    uint32_t count;
    uint32_t *firsts; /* [inputs.item_count + 1]: the first row of each item; NULL: one row an item */
};

/* Of fill-mask. In the arena. */
struct task_masks {
    uint32_t *places;  /* [firsts[rows.count]] of masks, counted from their row's first token */
    uint32_t *firsts;  /* [rows.count + 1] */
    uint32_t *targets; /* [target_count]: ids that may stand there; NULL: all */
    uint32_t target_count;
};

struct task_request {
    struct loop_msg msg;       /* the way home */
    struct loop_msg news_msg;  /* "items are there"; holds a reference while it is on its way */
    struct kit_flag news_sent; /* it is */
    struct loop_work_job work; /* its place in the work pool */
    struct sched_job job;
    struct task_request *next; /* of a waiting list */
    struct task_service *service;
    struct task_asker asker;
    struct kit_arena arena;

    /* The question; filled before task_submit. */
    kit_str body;                          /* as it came; arena */
    char model_id[MODEL_ID_BYTES_MAX + 1]; /* "": the only ready model */
    char request_id[64];
    kit_str tag;    /* the asker's own word for it, for its answer; arena, or empty */
    bool streams;   /* the asker wants the answer as it is made */
    uint32_t flags; /* the asker's own */
    enum task_kind kind;
    enum sched_priority priority;
    uint64_t deadline_ns;
    uint64_t principal;
    struct task_parameters parameters;
    struct task_inputs inputs;

    struct task_rows rows;
    struct task_masks masks;
    uint32_t *rows_left; /* [inputs.item_count] of each item; guarded by lock, arena; NULL: one row an item */

    /* The answer. */
    enum kit_status status;
    struct kit_err err;
    uint32_t version;   /* of the model that answered */
    uint64_t tokens;    /* of all inputs */
    uint32_t truncated; /* texts that were cut to what the model takes */
    float *vectors;     /* embed, similarity: [rows.count][stride], of which dimensions count; owned. With pooling none
                           [rows.offsets[rows.count]][stride] */
    uint32_t dimensions, stride;
    struct task_hits hits;          /* the others over texts; owned */
    struct plug_outputs outputs;    /* raw; owned */
    struct task_choices *choices;   /* generate; owned */
    struct task_upstream *upstream; /* of a model of another server; owned; NULL: ours */
    struct kit_buf answer;          /* what the asker rendered */
    bool rendered;
    struct task_news news; /* the items that are there already; has room only where the asker wants it */

    /* Who works on it: guarded by lock, because the asker may cancel at any moment. */
    struct kit_mutex lock;
    struct model_loaded *loaded; /* referenced while queued or running; NULL else */
    bool cancelled;
    bool queued; /* the scheduler has, or had, it */
    struct kit_ref refs;
};

/* arena_bytes_max bounds texts, ids and tensors together. asker: copied. *ret holds one reference: the asker's. NOMEM. */
KIT_MUST_CHECK enum kit_status task_request_new(struct task_service *service, const struct task_asker *asker,
                                                size_t arena_bytes_max, struct task_request **ret, struct kit_err *err);
struct task_request *task_request_ref(struct task_request *r); /* r, with one reference more. Any thread */
void task_request_unref(struct task_request *r);               /* NULL is fine */
struct task_request *task_request_of(struct loop_msg *m);      /* of a message that came to `home` */

/* Sets the answer to a failure, unless it has one. rc is not OK; an err that says nothing gets the status' own text. */
void task_request_fail(struct task_request *r, enum kit_status rc, const struct kit_err *err);
/* Both: the answer is this failure, and it goes home. */
void task_request_go_home_failed(struct task_request *r, enum kit_status rc, const struct kit_err *err);
/* The asker has left: nothing of it needs to be done any more. */
bool task_request_is_cancelled(struct task_request *r);
/* Sends it home: the work side's reference travels with the message and is the receiver's. Renders first on this thread
 * when `render_here`. */
void task_request_send_home(struct task_request *r, bool render_here);

/* Are its items told one by one? Else its answer is there only as a whole. */
static inline bool task_request_tells(const struct task_request *r)
{
    return r->asker.news != NULL;
}
/* Items were added to the news: tells the asker. Any thread that holds a reference. */
void task_request_tell(struct task_request *r);

/* What the asker's channels receive and drop (loop_chan_options; ctx is not looked at). The order between the two is not
 * fixed: the last news may come behind the answer, so an asker finds itself by asker.id, and reads to the end of the news
 * when the answer is there. */
void task_request_receive(void *ctx, struct loop_msg *m);
void task_request_drop(void *ctx, struct loop_msg *m);
void task_request_receive_news(void *ctx, struct loop_msg *m);
void task_request_drop_news(void *ctx, struct loop_msg *m);

#endif
