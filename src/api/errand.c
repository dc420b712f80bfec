#include "api/errand.h"

static void run(struct loop_work_job *job)
{
    struct api_errand *e = KIT_CONTAINER(job, struct api_errand, job);
    e->run(e);
    if (loop_chan_send_answer(e->loop->errands, &e->msg) != KIT_OK) {
        e->drop(e);
    }
}

enum kit_status api_errand_go(struct api_errand *e, struct api_loop *al, struct kit_err *err)
{
    e->loop = al;
    e->job.run = run;
    enum kit_status rc = loop_work_submit(al->api->work, &e->job);
    return rc == KIT_OK ? rc : kit_fail(err, rc, "the work pool is full: try again later");
}

void api_errand_receive(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct api_errand *e = KIT_CONTAINER(m, struct api_errand, msg);
    e->back(e);
}

void api_errand_dropped(void *ctx, struct loop_msg *m)
{
    (void)ctx;
    struct api_errand *e = KIT_CONTAINER(m, struct api_errand, msg);
    e->drop(e);
}
