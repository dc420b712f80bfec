/* src/api/watch.h - a request that follows the events of a model, or of all: event streams, and loads that are waited for.
 *
 * Thread: the loop's. Memory: the watch frees itself after api_watch_close, when no message of it is on its way. */
#ifndef API_WATCH_H
#define API_WATCH_H

#include "api/api.h"

struct api_watch {
    struct loop_msg msg; /* "there is news", at most one on its way */
    struct kit_flag queued;
    bool closed;
    bool stream;                                                     /* counted in loop->streams */
    bool over;                                                       /* the user's: the last word was said */
    void (*fail)(struct http_request *r, const struct kit_err *err); /* the user's: see wait.h */
    struct api_loop *loop;                                           /* borrowed */
    kit_id request;
    char model[MODEL_ID_BYTES_MAX + 1]; /* whose events; "": all */
    struct model_listener *listener;
    /* Called on the loop when events may be there: read them by model_events_read(w->listener, …). */
    void (*changed)(struct api_watch *w, struct http_request *r);
    struct loop_timer *timer; /* the user's; closed with the watch */
    struct kit_buf pending;   /* the user's: text that the connection could not take yet; freed with the watch */
};

/* model_id: empty for all. Sets r->user to the watch and closes it when the client goes. */
KIT_MUST_CHECK enum kit_status api_watch_open(struct api_loop *al, struct http_request *r, kit_str model_id,
                                              void (*changed)(struct api_watch *w, struct http_request *r),
                                              struct api_watch **ret, struct kit_err *err);
void api_watch_close(struct api_watch *w); /* NULL is fine */
/* What the loop's `wakes` channel calls. */
void api_watch_receive(void *ctx, struct loop_msg *m);

#endif
