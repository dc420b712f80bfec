#include "golden.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/kernels.h"
#include "kit/file.h"
#include "kit/json.h"

#define FILE_BYTES_MAX (16 * KIT_MIB)
#define ROWS_MAX 256

/* --- files --- */

static struct kit_buf read_file(const char *path)
{
    struct kit_err err;
    struct kit_buf text;
    kit_buf_init(&text, FILE_BYTES_MAX);
    if (kit_file_read(path, &text, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
    return text;
}

static void add_numbers(kit_json list, int32_t *to)
{
    for (struct kit_json_iter i = kit_json_iter(list); kit_json_next(&i);) {
        to[i.index] = (int32_t)kit_json_i64(i.value, -1);
    }
}

static void add_line(struct golden *g, kit_str line)
{
    struct kit_json_doc *doc = NULL;
    assert_int_equal(kit_json_parse(line, 4, &doc, NULL), KIT_OK);
    kit_json ids = kit_json_get(kit_json_root(doc), "ids");
    uint32_t n = (uint32_t)kit_json_count(ids);
    g->ids = kit_alloc_resize(g->ids, (g->tokens + n + 1) * sizeof(g->ids[0]));
    g->types = kit_alloc_resize(g->types, (g->tokens + n + 1) * sizeof(g->types[0]));
    g->row_offsets = kit_alloc_resize(g->row_offsets, (g->rows + 2) * sizeof(g->row_offsets[0]));
    add_numbers(ids, g->ids + g->tokens);
    memset(g->types + g->tokens, 0, n * sizeof(g->types[0]));
    kit_json types = kit_json_get(kit_json_root(doc), "types");
    g->has_types = g->has_types || kit_json_count(types) > 0;
    add_numbers(types, g->types + g->tokens);
    g->row_offsets[g->rows++] = g->tokens;
    g->tokens += n;
    g->row_offsets[g->rows] = g->tokens;
    kit_json_free(doc);
}

float *golden_read_floats(const char *f32, uint64_t *ret_count)
{
    struct kit_buf values = read_file(f32);
    float *ret = kit_alloc_copy(values.ptr, values.len);
    *ret_count = values.len / sizeof(float);
    kit_buf_done(&values);
    return ret;
}

struct golden golden_read(const char *jsonl, const char *f32, uint32_t hidden)
{
    struct golden g = {.hidden = hidden};
    struct kit_buf text = read_file(jsonl);
    kit_str rest = kit_buf_str(&text);
    for (kit_str line; kit_str_cut(&rest, '\n', &line);) {
        add_line(&g, line);
    }
    kit_buf_done(&text);
    g.values = golden_read_floats(f32, &g.floats);
    return g;
}

void golden_free(struct golden *g)
{
    kit_alloc_free(g->ids);
    kit_alloc_free(g->types);
    kit_alloc_free(g->row_offsets);
    kit_alloc_free(g->values);
}

const char *golden_model_folder(const char *id)
{
    static char path[1024];
    const char *root = getenv("HEIMNETZ_TEST_MODELS");
    snprintf(path, sizeof(path), "%s/%s", root != NULL ? root : TEST_MODELS, id);
    if (!kit_file_exists(path)) {
        printf("[  SKIPPED ] %s is not there: fetch it with 'make models', or set HEIMNETZ_TEST_MODELS\n", path);
        return NULL;
    }
    return path;
}

/* --- the engine --- */

bool engine_has_isa(const char *isa)
{
    if (native_kernels_find(isa) != NULL) {
        return true;
    }
    printf("[  SKIPPED ] this machine has no %s\n", isa);
    return false;
}

int32_t engine_open(struct engine *e, const char *folder, const char *isa, uint32_t cores, uint64_t call_tokens_max)
{
    struct acb_err err = {.size = sizeof(err)};
    struct acb_model_open open = {.size = sizeof(open), .folder = folder, .options = "{}"};
    struct acb_instance_open limits = {.size = sizeof(limits), .cores_max = cores, .call_tokens_max = call_tokens_max};
    *e = (struct engine){.plugin = aether_backend_entry(test_host_table())};
    if (isa != NULL) {
        setenv("AETHER_ISA", isa, 1);
    } else {
        unsetenv("AETHER_ISA");
    }
    int32_t rc = e->plugin->model_open(&open, &e->model, &err);
    unsetenv("AETHER_ISA");
    if (rc == ACB_OK) {
        rc = e->plugin->instance_open(e->model, &limits, &e->instance, &err);
    }
    memcpy(e->error, err.text, sizeof(e->error));
    return rc;
}

void engine_close(struct engine *e)
{
    e->plugin->instance_close(e->instance);
    e->plugin->model_close(e->model);
    *e = (struct engine){.plugin = e->plugin};
}

int32_t engine_infer(struct engine *e, const struct acb_infer *infer, struct acb_tensor **ret)
{
    struct acb_err err = {.size = sizeof(err)};
    int32_t rc = e->plugin->infer(e->instance, infer, ret, &err);
    memcpy(e->error, err.text, sizeof(e->error));
    return rc;
}

static int32_t run_want(struct engine *e, const struct golden *g, uint32_t from, uint32_t to, uint32_t cores,
                        const struct acb_want *want, struct acb_tensor **ret)
{
    uint64_t offsets[ROWS_MAX + 1]; /* of its own: an allocation here may be the one that fails */
    assert_true(to - from <= ROWS_MAX);
    for (uint32_t i = from; i <= to; i++) {
        offsets[i - from] = g->row_offsets[i] - g->row_offsets[from];
    }
    int64_t tokens = (int64_t)offsets[to - from];
    struct acb_tensor ids = test_host_tensor("input_ids", ACB_I32, 1, &tokens, g->ids + g->row_offsets[from]);
    struct acb_tensor types = test_host_tensor("token_type_ids", ACB_I32, 1, &tokens, g->types + g->row_offsets[from]);
    ids.row_offsets = types.row_offsets = offsets;
    ids.rows = types.rows = to - from;
    struct acb_infer infer = {.size = sizeof(infer),
                              .cores = cores,
                              .input_count = g->has_types ? 2 : 1,
                              .want_count = 1,
                              .inputs = (const struct acb_tensor *const[]){&ids, &types},
                              .wants = (const struct acb_want *const[]){want}};
    return engine_infer(e, &infer, ret);
}

int32_t engine_run(struct engine *e, const struct golden *g, uint32_t from, uint32_t to, uint32_t cores,
                   const char *output, struct acb_tensor **ret)
{
    struct acb_want want = {.size = sizeof(want), .name = output};
    return run_want(e, g, from, to, cores, &want, ret);
}

int32_t engine_run_places(struct engine *e, const struct golden *g, uint32_t cores, const char *output,
                          const uint64_t *places, uint64_t count, struct acb_tensor **ret)
{
    struct acb_want want = {.size = sizeof(want), .name = output, .rows = places, .row_count = count};
    return run_want(e, g, 0, g->rows, cores, &want, ret);
}

/* --- numbers --- */

double golden_max_diff(const float *a, const float *b, uint64_t n)
{
    double worst = 0;
    for (uint64_t i = 0; i < n; i++) {
        double d = fabs((double)a[i] - b[i]);
        worst = d > worst || isnan(d) ? (isnan(d) ? INFINITY : d) : worst;
    }
    return worst;
}

double golden_cosine(const float *a, const float *b, uint32_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (uint32_t i = 0; i < n; i++) {
        ab += (double)a[i] * b[i];
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
    }
    return ab / sqrt(aa * bb);
}
