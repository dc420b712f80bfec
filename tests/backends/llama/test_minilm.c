/* all-MiniLM-L6-v2 as a GGUF through llama.cpp gives the vectors and tokens of our own engine. */
#include "world.h"

#include <math.h>

#define NATIVE_FOLDER TEST_MODELS "/all-MiniLM-L6-v2"
#define TEXTS 6
#define SAME 0.999

static const char *const texts[TEXTS] = {
    "Hello, world!", "A cat sits on the mat.", "Die Katze schläft.", "unbelievably tokenized", "12.5 % of 3", "a",
};

struct side {
    struct plug_model *model;
    struct plug_instance *instance;
};

static struct side open_side(struct plug_engine *e, const char *folder, const char *backend)
{
    struct plug_model_options o = {.folder = folder, .isolation = PLUG_IN_PROCESS};
    struct side s = {0};
    struct kit_err err = {0};
    if (plug_engine_choose(e, folder, backend, &o.backend, &err) != KIT_OK ||
        plug_model_open(e, &o, &s.model, &err) != KIT_OK) {
        fail_msg("%s: %s", backend, err.msg);
    }
    s.instance = llama_world_instance(s.model, ACB_MODE_INFER);
    return s;
}

static void close_side(struct side *s)
{
    plug_instance_close(s->instance);
    plug_model_close(s->model);
}

static void embed(struct side *s, const struct acb_tensor *ids, struct plug_outputs *out)
{
    const struct acb_tensor *inputs[] = {ids};
    struct acb_want want = {.size = sizeof(want), .name = "pooled"};
    const struct acb_want *wants[] = {&want};
    struct acb_infer infer = {
        .size = sizeof(infer), .cores = 1, .input_count = 1, .inputs = inputs, .want_count = 1, .wants = wants};
    struct kit_err err = {0};
    if (plug_instance_infer(s->instance, &infer, out, &err) != KIT_OK) {
        fail_msg("%s", err.msg);
    }
}

static double cosine(const float *a, const float *b, int64_t n)
{
    double ab = 0, aa = 0, bb = 0;
    for (int64_t k = 0; k < n; k++) {
        ab += (double)a[k] * (double)b[k];
        aa += (double)a[k] * (double)a[k];
        bb += (double)b[k] * (double)b[k];
    }
    return ab / sqrt(aa * bb);
}

TEST(vectors_are_those_of_the_native_engine)
{
    if (access(TEST_MINILM, R_OK) != 0 || access(NATIVE_FOLDER, R_OK) != 0) {
        skip();
    }
    struct plug_engine *e = llama_world_engine();
    struct side ours = open_side(e, NATIVE_FOLDER, "native"), theirs = open_side(e, TEST_MINILM, "llama");
    int32_t ids[512];
    uint64_t rows[TEXTS + 1] = {0};
    for (size_t k = 0; k < TEXTS; k++) {
        uint64_t count = KIT_COUNT(ids) - rows[k];
        assert_int_equal(plug_model_tokenize(theirs.model, kit_str_c(texts[k]), ACB_TOKENIZE_ADD_SPECIAL, ids + rows[k],
                                             &count, NULL),
                         KIT_OK);
        rows[k + 1] = rows[k] + count;
    }
    static const int32_t hello[] = {101, 7592, 1010, 2088, 999, 102}; /* as transformers tokenize it */
    assert_memory_equal(ids, hello, sizeof(hello));
    struct acb_tensor in = {.size = sizeof(in),
                            .dtype = ACB_I32,
                            .rank = 1,
                            .name = "input_ids",
                            .shape = {(int64_t)rows[TEXTS]},
                            .data = ids,
                            .bytes = rows[TEXTS] * sizeof(*ids),
                            .row_offsets = rows,
                            .rows = TEXTS};
    struct plug_outputs a = {0}, b = {0};
    embed(&ours, &in, &a);
    embed(&theirs, &in, &b);
    int64_t width = b.tensor[0]->shape[1];
    assert_int_equal(width, a.tensor[0]->shape[1]);
    for (int64_t k = 0; k < TEXTS; k++) {
        double same =
            cosine((const float *)a.tensor[0]->data + k * width, (const float *)b.tensor[0]->data + k * width, width);
        if (!(same >= SAME)) {
            fail_msg("'%s': cosine %f", texts[k], same);
        }
    }
    plug_outputs_done(&a);
    plug_outputs_done(&b);
    close_side(&ours);
    close_side(&theirs);
    plug_engine_free(e);
}

int main(int argc, char **argv)
{
    LLAMA_CELL(argc, argv);
    return TEST_RUN(TEST_OF(vectors_are_those_of_the_native_engine));
}
