/* tests/unit/api/backend_heads.c - a back end whose every number can be worked out by hand.
 *
 * heads.txt in the model's folder has lines "key value": tasks, labels, problem, pooling and normalize as meta says them;
 * columns N; ragged 1 (logits a token; else a row, the sum over its tokens); types 1 (takes token_type_ids); hidden 1 (gives
 * last_hidden_state, which is the tokens' values); pooled 1 (gives pooled: the mean of its tokens' values); longest N;
 * "id I V V …" is what token I is worth, "type1 V V …" what is added where the type id is 1. Anything else is worth 0. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aether/backend.h"

#define IDS 256
#define COLUMNS 8
#define TEXT_BYTES 256

static const struct acb_host *host;

struct model {
    char tasks[TEXT_BYTES], labels[TEXT_BYTES], problem[TEXT_BYTES], pooling[TEXT_BYTES], normalize[TEXT_BYTES];
    long columns, ragged, types, hidden, pooled, longest;
    float id[IDS][COLUMNS];
    float type1[COLUMNS];
    struct acb_port ids_port, types_port, logits_port, hidden_port, pooled_port;
    const struct acb_port *inputs[2], *outputs[3];
    uint32_t input_count, output_count;
};

static void join(char *to, size_t room, const char *folder)
{
    (void)snprintf(to, room, "%s/heads.txt", folder);
}

static int32_t probe(const char *folder)
{
    char path[4096];
    join(path, sizeof(path), folder);
    FILE *f = fopen(path, "r");
    if (f != NULL) {
        (void)fclose(f);
    }
    return f != NULL ? 100 : 0;
}

/* --- loading --- */

static void read_values(const char *text, float *to)
{
    char *end = NULL;
    for (int i = 0; i < COLUMNS; i++, text = end) {
        to[i] = strtof(text, &end);
        if (end == text) {
            to[i] = 0;
            return;
        }
    }
}

static void read_line(struct model *m, const char *key, const char *value)
{
    const struct {
        const char *key;
        char *text;
        long *number;
    } keys[] = {{"tasks", m->tasks, NULL},     {"labels", m->labels, NULL},       {"problem", m->problem, NULL},
                {"pooling", m->pooling, NULL}, {"normalize", m->normalize, NULL}, {"columns", NULL, &m->columns},
                {"ragged", NULL, &m->ragged},  {"types", NULL, &m->types},        {"hidden", NULL, &m->hidden},
                {"pooled", NULL, &m->pooled},  {"longest", NULL, &m->longest}};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        if (strcmp(key, keys[i].key) == 0 && keys[i].text != NULL) {
            (void)snprintf(keys[i].text, TEXT_BYTES, "%s", value);
        } else if (strcmp(key, keys[i].key) == 0) {
            *keys[i].number = strtol(value, NULL, 10);
        }
    }
    if (strcmp(key, "id") == 0) {
        char *end = NULL;
        long id = strtol(value, &end, 10);
        read_values(end, m->id[id]);
    } else if (strcmp(key, "type1") == 0) {
        read_values(value, m->type1);
    }
}

static struct acb_port port(const char *name, uint32_t dtype, uint32_t rank, long columns, uint32_t flags)
{
    return (struct acb_port){.size = sizeof(struct acb_port),
                             .dtype = dtype,
                             .rank = rank,
                             .flags = flags,
                             .name = name,
                             .shape = {-1, columns}};
}

static void make_ports(struct model *m)
{
    m->ids_port = port("input_ids", ACB_I32, 1, 0, ACB_PORT_RAGGED);
    m->types_port = port("token_type_ids", ACB_I32, 1, 0, ACB_PORT_RAGGED | ACB_PORT_OPTIONAL);
    m->logits_port = port("logits", ACB_F32, 2, m->columns, m->ragged ? ACB_PORT_RAGGED : 0);
    m->hidden_port = port("last_hidden_state", ACB_F32, 2, m->columns, ACB_PORT_RAGGED);
    m->pooled_port = port("pooled", ACB_F32, 2, m->columns, 0);
    m->inputs[m->input_count++] = &m->ids_port;
    if (m->types) {
        m->inputs[m->input_count++] = &m->types_port;
    }
    m->outputs[m->output_count++] = &m->logits_port;
    if (m->hidden) {
        m->outputs[m->output_count++] = &m->hidden_port;
    }
    if (m->pooled) {
        m->outputs[m->output_count++] = &m->pooled_port;
    }
}

static int32_t model_open(const struct acb_model_open *open, void **ret, struct acb_err *err)
{
    char path[4096], line[512];
    join(path, sizeof(path), open->folder);
    struct model *m = host->alloc(host->ctx, sizeof(*m));
    FILE *f = fopen(path, "r");
    if (m == NULL || f == NULL) {
        (void)snprintf(err->text, sizeof(err->text), "heads.txt");
        host->free(host->ctx, m);
        return ACB_NOMEM;
    }
    memset(m, 0, sizeof(*m));
    while (fgets(line, sizeof(line), f) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        char *space = strchr(line, ' ');
        if (space != NULL) {
            *space = '\0';
            read_line(m, line, space + 1);
        }
    }
    (void)fclose(f);
    make_ports(m);
    *ret = m;
    return ACB_OK;
}

static void model_close(void *model)
{
    host->free(host->ctx, model);
}

static const char *meta(void *model, const char *key)
{
    const struct model *m = model;
    const struct {
        const char *key, *value;
    } facts[] = {{"tasks", m->tasks},
                 {"labels", m->labels},
                 {"problem_type", m->problem},
                 {"pooling", m->pooling},
                 {"normalize", m->normalize}};
    for (size_t i = 0; i < sizeof(facts) / sizeof(facts[0]); i++) {
        if (strcmp(key, facts[i].key) == 0 && facts[i].value[0] != '\0') {
            return facts[i].value;
        }
    }
    return NULL;
}

static int32_t describe(void *model, struct acb_model_info *ret)
{
    struct model *m = model;
    ret->input_count = m->input_count;
    ret->output_count = m->output_count;
    ret->inputs = m->inputs;
    ret->outputs = m->outputs;
    ret->row_tokens_max = (uint64_t)m->longest;
    return ACB_OK;
}

static int32_t instance_open(void *model, const struct acb_instance_open *open, void **ret, struct acb_err *err)
{
    (void)open;
    (void)err;
    *ret = model;
    return ACB_OK;
}

static void instance_close(void *instance)
{
    (void)instance;
}

/* --- computing --- */

struct batch {
    const struct model *m;
    const int32_t *ids, *types; /* [tokens]; types may be NULL */
    const uint64_t *offsets;    /* [rows + 1] */
    uint64_t tokens, rows;
};

static bool read_batch(const struct model *m, const struct acb_infer *call, struct batch *b)
{
    *b = (struct batch){.m = m};
    for (uint32_t i = 0; i < call->input_count; i++) {
        const struct acb_tensor *t = call->inputs[i];
        bool ids = strcmp(t->name, "input_ids") == 0;
        if (!ids && !m->types) {
            return false;
        }
        *(ids ? &b->ids : &b->types) = t->data;
        b->offsets = t->row_offsets;
        b->tokens = (uint64_t)t->shape[0];
        b->rows = t->rows;
    }
    return b->ids != NULL && b->offsets != NULL;
}

/* Adds what a token is worth. */
static void add_token(const struct batch *b, uint64_t token, float *to)
{
    for (long c = 0; c < b->m->columns; c++) {
        int32_t id = b->ids[token];
        to[c] += id >= 0 && id < IDS ? b->m->id[id][c] : 0;
        to[c] += b->types != NULL && b->types[token] == 1 ? b->m->type1[c] : 0;
    }
}

static void fill(const struct batch *b, const struct acb_want *want, bool ragged, float *to)
{
    long columns = b->m->columns;
    bool mean = strcmp(want->name, "pooled") == 0;
    for (uint64_t i = 0; ragged && i < (want->rows != NULL ? want->row_count : b->tokens); i++) {
        add_token(b, want->rows != NULL ? want->rows[i] : i, to + (size_t)i * (size_t)columns);
    }
    for (uint64_t row = 0; !ragged && row < b->rows; row++) {
        float *line = to + row * (uint64_t)columns;
        for (uint64_t i = b->offsets[row]; i < b->offsets[row + 1]; i++) {
            add_token(b, i, line);
        }
        for (long c = 0; mean && c < columns; c++) {
            line[c] /= (float)(b->offsets[row + 1] - b->offsets[row]);
        }
    }
}

static int32_t infer(void *instance, const struct acb_infer *call, struct acb_tensor **outputs, struct acb_err *err)
{
    struct batch b;
    (void)err;
    if (!read_batch(instance, call, &b)) {
        return ACB_INVALID;
    }
    for (uint32_t i = 0; i < call->want_count; i++) {
        const struct acb_want *want = call->wants[i];
        bool ragged =
            strcmp(want->name, "last_hidden_state") == 0 || (strcmp(want->name, "logits") == 0 && b.m->ragged);
        uint64_t lines = want->rows != NULL ? want->row_count : ragged ? b.tokens : b.rows;
        int64_t shape[] = {(int64_t)lines, b.m->columns};
        int32_t rc = host->tensor_new(host->ctx, call->call, want->name, ACB_F32, 2, shape, &outputs[i]);
        if (rc != ACB_OK) {
            return rc;
        }
        memset(outputs[i]->data, 0, outputs[i]->bytes);
        fill(&b, want, ragged, outputs[i]->data);
    }
    return ACB_OK;
}

static const struct acb_plugin plugin = {
    .size = sizeof(plugin),
    .major = ACB_MAJOR,
    .minor = ACB_MINOR,
    .name = "heads",
    .version = "0.1.0",
    .summary = "numbers that can be worked out by hand; for tests",
    .probe = probe,
    .model_open = model_open,
    .model_close = model_close,
    .meta = meta,
    .describe = describe,
    .instance_open = instance_open,
    .instance_close = instance_close,
    .infer = infer,
};

const struct acb_plugin *aether_backend_entry(const struct acb_host *given)
{
    host = given;
    return &plugin;
}
