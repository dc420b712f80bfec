#include "api/library.h"

#include "api/errand.h"
#include "api/wait.h"
#include "kit/alloc.h"

/* A change that is under way. */
struct change {
    struct api_errand errand;
    kit_id request;
    char id[MODEL_ID_BYTES_MAX + 1];
    char to[MODEL_ID_BYTES_MAX + 1]; /* "": it is removed */
    api_library_answer *answer;
    enum kit_status rc;
    struct kit_err err;
};

static void run(struct api_errand *e)
{
    struct change *k = KIT_CONTAINER(e, struct change, errand);
    struct model_catalog *c = e->loop->api->catalog;
    k->rc = k->to[0] == '\0' ? model_remove(c, kit_str_c(k->id), &k->err)
                             : model_copy(c, kit_str_c(k->id), kit_str_c(k->to), &k->err);
}

static void back(struct api_errand *e)
{
    struct change *k = KIT_CONTAINER(e, struct change, errand);
    struct http_request *h = http_server_find(e->loop->server, k->request);
    if (h != NULL) {
        k->answer(h, kit_str_c(k->id), k->rc == KIT_OK ? NULL : &k->err);
    }
    kit_alloc_free(k);
}

static void drop(struct api_errand *e)
{
    kit_alloc_free(KIT_CONTAINER(e, struct change, errand));
}

static void go(struct http_request *h, struct api *a, kit_str id, kit_str to, api_library_answer *answer)
{
    struct kit_err err = {0};
    struct change *k = kit_alloc_zero(1, sizeof(*k));
    if (k == NULL) {
        kit_fail(&err, KIT_NOMEM, "out of memory for a request");
        answer(h, id, &err);
        return;
    }
    k->errand = (struct api_errand){.run = run, .back = back, .drop = drop};
    k->request = h->id;
    k->answer = answer;
    kit_str_to_c(id, k->id, sizeof(k->id));
    kit_str_to_c(to, k->to, sizeof(k->to));
    if (api_errand_go(&k->errand, api_loop_of(a, h->server), &err) != KIT_OK) {
        answer(h, id, &err);
        kit_alloc_free(k);
    }
}

void api_library_copy(struct http_request *h, struct api *a, kit_str from, kit_str to, api_library_answer *answer)
{
    struct kit_err err = {0};
    if (!model_id_is_valid(to)) { /* so that none is cut short */
        kit_fail_param(&err, KIT_INVALID, "destination", "'destination' is no id of a model");
        answer(h, from, &err);
        return;
    }
    go(h, a, from, to, answer);
}

/* --- of one that may be loaded --- */

/* False: what is told of it is not the last word. */
static bool is_over(const struct model_event *e, struct kit_err *err)
{
    if (e->wanted && e->state != MODEL_DRAINING) {
        kit_fail_param(err, KIT_CONFLICT, "model", "model '%s' was loaded again meanwhile", e->id);
        return true;
    }
    return e->state == MODEL_AVAILABLE || e->state == MODEL_FAILED;
}

void api_library_follow(struct api_watch *w, struct http_request *h, api_library_answer *answer)
{
    struct api *a = w->loop->api;
    struct model_event e;
    while (model_events_read(w->listener, &e)) {
        struct kit_err err = {0};
        if (!is_over(&e, &err)) {
            continue;
        }
        api_wait_end(w, h);
        if (err.code != KIT_OK) {
            answer(h, kit_str_c(e.id), &err);
        } else {
            go(h, a, kit_str_c(e.id), (kit_str){0}, answer);
        }
        return;
    }
}

static bool is_at_rest(const struct api *a, kit_str id)
{
    struct model_info info;
    enum kit_status rc = model_info_get(a->catalog, id, &info, NULL);
    return rc != KIT_OK || info.state == MODEL_AVAILABLE || info.state == MODEL_FAILED;
}

void api_library_remove(struct http_request *h, struct api *a, kit_str id,
                        void (*changed)(struct api_watch *w, struct http_request *h), api_wait_fail *fail,
                        api_library_answer *answer)
{
    struct api_watch *w = NULL;
    struct kit_err err = {0};
    if (!api_wait_open(h, a, id, changed, fail, &w)) {
        return;
    }
    if (model_unload(a->catalog, id, &err) != KIT_OK) {
        api_wait_end(w, h);
        answer(h, id, &err);
    } else if (is_at_rest(a, id)) {
        api_wait_end(w, h);
        go(h, a, id, (kit_str){0}, answer);
    } else {
        api_library_follow(w, h, answer);
    }
}
