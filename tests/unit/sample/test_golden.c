/* Which tokens are left, and with which probabilities, beside transformers' logits processors (tools/golden/sampling.py). */
#include "sample/sample.c" /* what is left is known inside only */

#include "kit/file.h"
#include "kit/json.h"
#include "support/test.h"

#define N 100u

static float number(kit_json object, const char *key)
{
    return (float)kit_json_f64(kit_json_get(object, key), NAN);
}

static struct sample_options read_options(kit_json c)
{
    struct sample_options o;
    sample_options_init(&o);
    o.temperature = number(c, "temperature");
    o.top_k = (uint32_t)kit_json_i64(kit_json_get(c, "top_k"), 0);
    o.top_p = number(c, "top_p");
    o.min_p = number(c, "min_p");
    o.typical_p = number(c, "typical_p");
    o.repetition = number(c, "repetition");
    return o;
}

static kit_json item(kit_json array, int64_t index)
{
    struct kit_json_iter i = kit_json_iter(array);
    while (kit_json_next(&i) && index-- > 0) {
    }
    return i.value;
}

static void read_logits(kit_json root, kit_json c, float *logits)
{
    kit_json row = item(kit_json_get(root, "logits"), kit_json_i64(kit_json_get(c, "logits"), 99));
    assert_int_equal(kit_json_count(row), N);
    struct kit_json_iter i = kit_json_iter(row);
    for (uint32_t at = 0; kit_json_next(&i); at++) {
        logits[at] = (float)kit_json_f64(i.value, NAN);
    }
}

/* p [N]: 0 for those that are not left. */
static void read_wanted(kit_json c, double *p)
{
    struct kit_json_iter id = kit_json_iter(kit_json_get(c, "ids"));
    struct kit_json_iter value = kit_json_iter(kit_json_get(c, "p"));
    while (kit_json_next(&id) && kit_json_next(&value)) {
        p[kit_json_i64(id.value, 0)] = kit_json_f64(value.value, NAN);
    }
}

static void compute(kit_json c, float *logits, double *p)
{
    struct sample *s = NULL;
    struct sample_options o = read_options(c);
    float top;
    assert_ok(sample_new(&o, N, 100, &s, NULL));
    struct kit_json_iter i = kit_json_iter(kit_json_get(c, "prompt"));
    while (kit_json_next(&i)) {
        sample_accept(s, (int32_t)kit_json_i64(i.value, -1));
    }
    penalize(s, logits);
    assert_ok(find_top(s, logits, false, &top, NULL));
    struct field f = field_of(s, logits, top);
    double sum = sample_set_sum(&f.set);
    for (uint32_t at = 0; at < f.set.n; at++) {
        p[f.ids != NULL ? f.ids[at] : (int32_t)at] = (double)f.set.w[at] / sum;
    }
    sample_free(s);
}

static void expect_case(kit_json root, kit_json c)
{
    float logits[N];
    double want[N] = {0};
    double got[N] = {0};
    read_logits(root, c, logits);
    read_wanted(c, want);
    compute(c, logits, got);
    double most = 0;
    for (uint32_t i = 0; i < N; i++) {
        most = fmax(most, want[i]);
    }
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(got[i] > 0, want[i] > 0);
        if (want[i] > 0) { /* the error that sample.h tells */
            assert_true(fabs(got[i] / want[i] - 1) <= 1e-6 + 1e-7 * log(most / want[i]));
        }
    }
}

TEST(sample_leaves_what_transformers_leaves)
{
    struct kit_buf text;
    struct kit_json_doc *doc = NULL;
    uint32_t count = 0;
    kit_buf_init(&text, KIT_MIB);
    assert_ok(kit_file_read(TEST_DATA "/sampling/chains.json", &text, NULL));
    assert_ok(kit_json_parse(kit_buf_str(&text), 10, &doc, NULL));
    kit_json root = kit_json_root(doc);
    struct kit_json_iter i = kit_json_iter(kit_json_get(root, "cases"));
    for (; kit_json_next(&i); count++) {
        expect_case(root, i.value);
    }
    assert_int_equal(count, 60);
    kit_json_free(doc);
    kit_buf_done(&text);
}

int main(void)
{
    return TEST_RUN(TEST_OF(sample_leaves_what_transformers_leaves));
}
