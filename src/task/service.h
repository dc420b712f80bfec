/* src/task/service.h - what a program asks of models: submit, cancel, and the models' side of it.
 *
 * Thread: any. Memory: owned by the program; it outlives the catalog that it observes. */
#ifndef TASK_SERVICE_H
#define TASK_SERVICE_H

#include "remote/remote.h"
#include "task/request.h"

struct task_options {
    bool autoload;             /* a request for a model that is not loaded loads it and waits */
    uint32_t waiting_max;      /* requests that wait for a model to load */
    uint64_t text_bytes_max;   /* of one text */
    uint64_t inline_bytes_max; /* longer questions are tokenized on the work pool */
    uint32_t instances_max;    /* model threads a model; 0: one a core, at most 8 */
    uint64_t batch_tokens_max;
    uint32_t batch_rows_max;
    uint64_t queue_tokens_max;
    uint32_t queue_jobs_max;
    uint32_t sequences_max; /* texts that a language model makes at a time */
    uint64_t kv_bytes_max;  /* what it may remember of them, and of those before; 0: a fair share */
};

/* engine, work: borrowed. The service is the catalog's observer: make it first, give task_service_observer() and it to
 * model_catalog_new, then tell it the catalog. */
KIT_MUST_CHECK enum kit_status task_service_new(const struct task_options *options, struct plug_engine *engine,
                                                struct loop_work *work, struct task_service **ret, struct kit_err *err);
void task_service_free(struct task_service *s);           /* after the catalog */
const struct model_observer *task_service_observer(void); /* its ctx is the service */
const struct task_options *task_service_options(const struct task_service *s);
struct loop_work *task_service_work(const struct task_service *s);

/* From now on requests are taken; those that wait for a load do so on `loop`. Call on the loop's thread. */
/* remote: models of other servers, borrowed until task_service_stop; NULL: none. */
KIT_MUST_CHECK enum kit_status task_service_start(struct task_service *s, struct model_catalog *catalog,
                                                  struct remote *remote, struct loop *loop, struct kit_err *err);
/* Fails what waits with UNAVAILABLE. When nobody submits any more: the loops have ended, the work pool is drained; before
 * the loop's memory goes. */
void task_service_stop(struct task_service *s);

/* Takes the question over: whatever happens, the request comes home exactly once (holding a reference of its own; the
 * asker keeps its own one). Any thread. */
void task_submit(struct task_request *r);
/* The asker does not want the answer any more: the request comes home soon, as CANCELLED if it was still possible. */
void task_cancel(struct task_request *r);

#endif
