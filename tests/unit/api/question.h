/* tests/unit/api/question.h - a task request around a body, without a server. */
#ifndef API_TEST_QUESTION_H
#define API_TEST_QUESTION_H

#include "api/msp_question.h"

#include <stdio.h>

#include "loop/chan.h"
#include "support/test.h"

struct question {
    struct loop *loop;
    struct loop_chan *home;
    struct api api;
    struct task_request *r;
    struct kit_err err;
};

static inline void question_ignore(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    (void)m;
}

static inline void question_open(struct question *q)
{
    *q = (struct question){.api.options = {.texts_max = 4, .timeout_max_ms = 1000}};
    struct loop_chan_options chan = {.max = 1, .receive = question_ignore, .drop = question_ignore};
    assert_int_equal(loop_new(&q->loop, NULL), KIT_OK);
    assert_int_equal(loop_chan_new(q->loop, &chan, &q->home, NULL), KIT_OK);
}

/* Parses a body; the request is there until the next one or question_close. */
static inline enum kit_status question_parse(struct question *q, const char *body)
{
    struct task_asker asker = {.home = q->home};
    task_request_unref(q->r);
    q->r = NULL;
    q->err = (struct kit_err){0};
    enum kit_status rc = task_request_new(NULL, &asker, KIT_MIB, &q->r, &q->err);
    if (rc != KIT_OK) {
        return rc;
    }
    q->r->body = kit_str_c(body);
    return api_msp_question_parse(q->r, &q->api, &q->err);
}

static inline void question_close(struct question *q)
{
    task_request_unref(q->r);
    loop_chan_close(q->home);
    loop_free(q->loop);
}

#endif
