/* heimnetz aethercore serve MODEL --text TEXT: one question and its answer, readable. */
#include "heimnetz/answer.h"
#include "heimnetz/args.h"
#include "heimnetz/load.h"
#include "heimnetz/progress.h"
#include "heimnetz/server.h"

#define BODY_BYTES_MAX (256 * KIT_MIB)

static int ask(struct heimnetz *h, const struct heimnetz_question *q, kit_str body)
{
    struct heimnetz_progress progress;
    struct client_answer a;
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    heimnetz_progress_start(&progress, &h->err, q->model, NULL);
    enum kit_status rc = client_call(&h->client, "POST", "/serve", body, &a, &err);
    heimnetz_progress_stop(&progress);
    if (rc == KIT_OK && a.doc == NULL) {
        rc = kit_fail(&err, KIT_IO, "%s did not answer in JSON: is that an aethercore?", h->client.url);
    }
    if (rc == KIT_OK && h->json) {
        code = heimnetz_print_json(h, &a);
    } else if (rc == KIT_OK) {
        rc = heimnetz_answer_print(&h->out, q, kit_json_root(a.doc), (double)a.total_ns / 1e6);
        code = rc == KIT_OK ? code : heimnetz_fail(h, rc, &err, NULL);
    } else {
        code = heimnetz_fail(h, rc, &err, &a);
    }
    client_answer_done(&a);
    return code;
}

/* A model that is not loaded yet is loaded first, so that its progress shows; without a terminal the server does it alone. */
static bool load_first(struct heimnetz *h, const char *id, int *code)
{
    struct client_answer a;
    struct kit_err err = {0};
    if (!h->err.moves || h->json) {
        return true;
    }
    enum kit_status rc = heimnetz_load(h, id, &a, &err);
    if (rc != KIT_OK) {
        *code = heimnetz_fail(h, rc, &err, a.status >= 400 ? &a : NULL);
    }
    client_answer_done(&a);
    return rc == KIT_OK;
}

int heimnetz_cmd_aethercore_serve(struct heimnetz *h)
{
    struct heimnetz_question q;
    struct kit_buf body;
    struct kit_err err = {0};
    int code = HEIMNETZ_GOOD;
    kit_buf_init(&body, BODY_BYTES_MAX);
    enum kit_status rc = heimnetz_question_read(h, &q, &err);
    rc = rc == KIT_OK ? heimnetz_question_write(h, &q, &body, &err) : rc;
    if (rc == KIT_OK && body.failed != KIT_OK) {
        rc = kit_fail(&err, KIT_TOO_LARGE, "the texts are longer than %zu bytes", body.max);
    }
    if (rc == KIT_INVALID) {
        code = heimnetz_usage(h, "%s", err.msg);
    } else if (rc != KIT_OK) {
        code = heimnetz_fail(h, rc, &err, NULL);
    } else if (load_first(h, q.model, &code)) {
        h->client.timeout_ms = HEIMNETZ_WORK_MS;
        code = ask(h, &q, kit_buf_str(&body));
    }
    kit_buf_done(&body);
    heimnetz_question_done(&q);
    return code;
}
