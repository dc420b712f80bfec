/* heimnetz aethercore serve MODEL --text TEXT: one question and its answer, readable. */
#include <math.h>
#include <string.h>

#include "heimnetz/command.h"
#include "kit/alloc.h"

#define BODY_BYTES_MAX (64 * KIT_MIB)
#define TEXTS_MAX 200
#define VALUES_SHOWN 4

struct question {
    const char *model, *task;
    const char *texts[TEXTS_MAX];
    int text_count;
};

static bool read_arguments(struct heimnetz *h, struct question *q)
{
    for (int i = 0; i < h->arg_count; i++) {
        const char *arg = h->args[i];
        bool text = strcmp(arg, "--text") == 0, task = strcmp(arg, "--task") == 0;
        if ((text || task) && i + 1 == h->arg_count) {
            return false;
        }
        if (text && q->text_count < TEXTS_MAX) {
            q->texts[q->text_count++] = h->args[++i];
        } else if (task) {
            q->task = h->args[++i];
        } else if (!text && q->model == NULL && arg[0] != '-') {
            q->model = arg;
        } else {
            return false;
        }
    }
    return q->model != NULL && q->text_count > 0;
}

static void write_body(const struct question *q, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "model", q->model);
    if (q->task != NULL) {
        kit_json_member_c(&w, "task", q->task);
    }
    kit_json_key(&w, "inputs");
    kit_json_open(&w, '[');
    for (int i = 0; i < q->text_count; i++) {
        kit_json_put_c(&w, q->texts[i]);
    }
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
}

static double norm_of(kit_json vector)
{
    double square = 0;
    for (struct kit_json_iter i = kit_json_iter(vector); kit_json_next(&i);) {
        double x = kit_json_f64(i.value, 0);
        square += x * x;
    }
    return sqrt(square);
}

/* The text, and below it "384 dimensions, norm 1.000: [-0.0345, 0.0310, …]". */
static void print_vector(const struct heimnetz_term *t, const char *text, kit_json vector)
{
    heimnetz_term_put(t, TERM_BOLD, "%s\n", text);
    heimnetz_term_put(t, TERM_DIM, "  %zu dimensions, norm %.3f: ", kit_json_count(vector), norm_of(vector));
    fputc('[', t->out);
    for (struct kit_json_iter i = kit_json_iter(vector); kit_json_next(&i);) {
        if (i.index < VALUES_SHOWN) {
            fprintf(t->out, "%s%.4f", i.index > 0 ? ", " : "", kit_json_f64(i.value, 0));
        }
    }
    bool cut = kit_json_count(vector) > VALUES_SHOWN;
    fprintf(t->out, "%s]\n", !cut ? "" : t->unicode ? ", …" : ", ...");
}

/* Says so where the model has not seen all of a text. */
static void print_truncated(const struct heimnetz_term *t, kit_json usage)
{
    int64_t cut = kit_json_i64(kit_json_get(usage, "truncated"), 0);
    if (cut > 0) {
        heimnetz_term_put(t, TERM_WARN, "  %lld of the texts %s longer than the model takes; the rest was cut off\n",
                          (long long)cut, cut == 1 ? "was" : "were");
    }
}

static void print_answer(struct heimnetz *h, const struct question *q, const struct client_answer *a)
{
    kit_json root = kit_json_root(a->doc), timing = kit_json_get(root, "timing");
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(root, "outputs")); kit_json_next(&i);) {
        if (i.index < (size_t)q->text_count) {
            print_vector(&h->out, q->texts[i.index], i.value);
        }
    }
    print_truncated(&h->out, kit_json_get(root, "usage"));
    heimnetz_term_put(&h->out, TERM_DIM, "  %lld tokens, %.1f ms in the model, %.1f ms in all\n",
                      (long long)kit_json_i64(kit_json_get(kit_json_get(root, "usage"), "tokens"), 0),
                      kit_json_f64(kit_json_get(timing, "compute_ms"), 0), (double)a->total_ns / 1e6);
}

int heimnetz_cmd_aethercore_serve(struct heimnetz *h)
{
    struct question q = {0};
    struct kit_buf body;
    struct client_answer a = {0};
    struct kit_err err = {0};
    if (!read_arguments(h, &q)) {
        return heimnetz_usage(h, "aethercore serve");
    }
    kit_buf_init(&body, BODY_BYTES_MAX);
    write_body(&q, &body);
    h->client.timeout_ms = HEIMNETZ_WORK_MS;
    enum kit_status rc = body.failed == KIT_OK
                             ? client_call(&h->client, "POST", "/serve", kit_buf_str(&body), &a, &err)
                             : kit_fail(&err, KIT_TOO_LARGE, "the texts are longer than %zu bytes", body.max);
    int code = HEIMNETZ_GOOD;
    if (rc == KIT_OK && a.doc == NULL) {
        rc = kit_fail(&err, KIT_IO, "%s did not answer in JSON: is that an aethercore?", h->client.url);
    }
    if (h->json && a.text != NULL) {
        code = heimnetz_print_json(h, &a);
    } else if (rc != KIT_OK) {
        code = heimnetz_fail(h, rc, &err, &a);
    } else {
        print_answer(h, &q, &a);
    }
    kit_buf_done(&body);
    client_answer_done(&a);
    return code;
}
