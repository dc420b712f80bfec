/* gemma-3-270m with its real weights: tokens and greedy texts are those of llama.cpp itself.
 *
 *     backends_llama_test_gemma [all [1]]      all: 20 prompts of 64 tokens, alone and among 16 others; 1: on one core */
#include "world.h"

#include <math.h>

#include "direct.h"

#define FOLDER TEST_MODELS "/gemma-3-270m"
#define FILE_PATH FOLDER "/gemma-3-270m-q4_k_m.gguf"
#define PROMPTS 20
#define TOKENS_MAX 64
#define OTHERS 16
#define LEAD 0.5f /* of the best token over the second: with less, another order of sums may choose the other */

static bool all; /* the long form */
static uint32_t cores = 1;

static const char *const prompts[PROMPTS] = {
    "The capital of France is",
    "Once upon a time",
    "def fibonacci(n):\n",
    "Die Hauptstadt von Deutschland ist",
    "1, 2, 3, 4,",
    "Dear Sir or Madam,\n\nI am writing to",
    "The quick brown fox",
    "To be, or not to be,",
    "{\"name\": \"Ada\", \"age\":",
    "Water boils at",
    "SELECT name FROM users WHERE",
    "The three primary colours are",
    "In 1969, humans first",
    "#include <stdio.h>\n\nint main(void)\n{\n",
    "My favourite recipe begins with",
    "La vie est",
    "The opposite of hot is",
    "Question: What is 2 + 2?\nAnswer:",
    "The largest planet of the solar system is",
    "Roses are red,",
};

static bool is_here(void)
{
    return access(FILE_PATH, R_OK) == 0;
}

static uint32_t tokenize(struct plug_model *m, const char *text, int32_t *ids)
{
    uint64_t count = LLAMA_STEP_TOKENS;
    uint32_t flags = ACB_TOKENIZE_ADD_SPECIAL | ACB_TOKENIZE_PARSE_SPECIAL;
    assert_int_equal(plug_model_tokenize(m, kit_str_c(text), flags, ids, &count, NULL), KIT_OK);
    return (uint32_t)count;
}

TEST(tokens_are_those_of_llama_cpp)
{
    static const char *const texts[] = {
        "",
        " ",
        "  two  spaces ",
        "line\n\n\nbreaks\ttabs",
        "<bos><start_of_turn>user\nhi<end_of_turn>",
        "日本語のテキスト",
        "ü é ß ﬁ",
        "🙂👩‍👩‍👧",
        "\xff\xc3(",
        "1234567890 3.14",
        "A",
        "\r\n",
    };
    if (!is_here()) {
        skip();
    }
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m = llama_world_model(e, FOLDER, "{}", PLUG_IN_CELL);
    struct direct *d = direct_open(FILE_PATH, 512, 1);
    for (size_t k = 0; k < KIT_COUNT(texts) + PROMPTS; k++) {
        const char *text = k < KIT_COUNT(texts) ? texts[k] : prompts[k - KIT_COUNT(texts)];
        int32_t ours[LLAMA_STEP_TOKENS], theirs[LLAMA_STEP_TOKENS];
        uint32_t n = tokenize(m, text, ours);
        assert_int_equal(n, direct_tokenize(d, text, strlen(text), true, theirs, LLAMA_STEP_TOKENS));
        assert_memory_equal(ours, theirs, n * sizeof(*ours));
    }
    assert_int_equal(plug_model_info(m)->vocab_size, 262144);
    assert_true(kit_str_eq(plug_model_meta(m, "bos_token"), kit_str_lit("<bos>")));
    assert_int_equal(plug_model_token_flags(m, 2), ACB_TOKEN_SPECIAL);
    assert_int_equal(plug_model_token_flags(m, 1) & ACB_TOKEN_END, ACB_TOKEN_END);
    direct_close(d);
    plug_model_close(m);
    plug_engine_free(e);
}

/* --- greedy texts --- */

struct text {
    int32_t token[TOKENS_MAX];
    float lead[TOKENS_MAX]; /* of the chosen token over the second */
    uint32_t n;
};

static float lead_of(const float *logits, uint32_t vocab, int32_t best)
{
    float second = -INFINITY;
    for (uint32_t id = 0; id < vocab; id++) {
        second = (int32_t)id != best ? fmaxf(second, logits[id]) : second;
    }
    return logits[best] - second;
}

static struct text theirs_of(struct direct *d, const char *prompt, uint32_t tokens)
{
    struct text t = {.n = 0};
    int32_t ids[LLAMA_STEP_TOKENS];
    uint32_t vocab = direct_vocab(d);
    const float *logits =
        direct_prefill(d, ids, direct_tokenize(d, prompt, strlen(prompt), true, ids, LLAMA_STEP_TOKENS));
    while (t.n < tokens) {
        t.token[t.n] = llama_world_best(logits, vocab);
        t.lead[t.n] = lead_of(logits, vocab, t.token[t.n]);
        logits = direct_feed(d, t.token[t.n++]);
    }
    return t;
}

static struct text ours_of(struct plug_model *m, struct plug_instance *i, const char *prompt, uint32_t tokens)
{
    struct text t = {.n = 0};
    int32_t ids[LLAMA_STEP_TOKENS];
    float *logits = NULL;
    uint32_t vocab = plug_model_info(m)->vocab_size;
    assert_int_equal(llama_world_feed(i, cores, 0, ids, tokenize(m, prompt, ids), &logits, NULL), KIT_OK);
    while (t.n < tokens) {
        t.token[t.n] = llama_world_best(logits, vocab);
        assert_int_equal(llama_world_feed(i, cores, 0, &t.token[t.n++], 1, &logits, NULL), KIT_OK);
    }
    plug_instance_seq_end(i, 0);
    return t;
}

TEST(greedy_texts_are_those_of_llama_cpp)
{
    if (!is_here()) {
        skip();
    }
    uint32_t count = all ? PROMPTS : 3, tokens = all ? TOKENS_MAX : 12;
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m = llama_world_model(e, FOLDER, "{}", PLUG_IN_CELL);
    struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
    struct direct *d = direct_open(FILE_PATH, 512, cores);
    for (uint32_t k = 0; k < count; k++) {
        struct text theirs = theirs_of(d, prompts[k], tokens);
        struct text ours = ours_of(m, i, prompts[k], tokens);
        assert_memory_equal(ours.token, theirs.token, tokens * sizeof(ours.token[0]));
    }
    direct_close(d);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

/* --- among others --- */

struct crowd {
    int32_t token[OTHERS + 1];
    uint32_t seq[OTHERS + 1], pos[OTHERS + 1];
    uint8_t want[OTHERS + 1];
};

/* One token for each of the 17 sequences; answers the logits of sequence 0. */
static float *step_all(struct plug_instance *i, struct crowd *c, int32_t first, uint32_t vocab)
{
    float *logits = NULL;
    c->token[0] = first;
    struct acb_step step = {.size = sizeof(step),
                            .cores = cores,
                            .n = OTHERS + 1,
                            .token = c->token,
                            .seq = c->seq,
                            .pos = c->pos,
                            .want = c->want};
    for (uint32_t q = 0; q <= OTHERS; q++) {
        c->seq[q] = q;
        c->pos[q] = plug_instance_seq_length(i, q);
        c->want[q] = 1;
    }
    assert_int_equal(plug_instance_step(i, &step, &logits, NULL), KIT_OK);
    for (uint32_t q = 1; q <= OTHERS; q++) {
        c->token[q] = llama_world_best(logits + (uint64_t)q * vocab, vocab);
    }
    return logits;
}

/* Sums over a batch are taken in another order than over one row: where the best two are close, either may come out. So
 * the text that llama.cpp wrote alone is fed, and each choice with a lead must be the same. */
TEST(a_text_among_16_others_is_the_same_where_a_token_leads)
{
    if (!is_here() || !all) {
        skip();
    }
    struct plug_engine *e = llama_world_engine();
    struct plug_model *m = llama_world_model(e, FOLDER, "{}", PLUG_IN_CELL);
    struct plug_instance *i = llama_world_instance(m, ACB_MODE_GENERATE);
    struct direct *d = direct_open(FILE_PATH, 512, cores);
    uint32_t vocab = direct_vocab(d), same = 0, compared = 0;
    for (uint32_t k = 0; k < 4; k++) {
        struct text t = theirs_of(d, prompts[k], TOKENS_MAX);
        struct crowd c = {.token = {0}};
        int32_t ids[LLAMA_STEP_TOKENS];
        float *logits = NULL;
        for (uint32_t q = 0; q <= OTHERS; q++) {
            const char *prompt = prompts[(k + q) % PROMPTS];
            assert_int_equal(llama_world_feed(i, cores, q, ids, tokenize(m, prompt, ids), &logits, NULL), KIT_OK);
            c.token[q] = llama_world_best(logits, vocab);
        }
        for (uint32_t n = 0; n + 1 < TOKENS_MAX; n++, compared++) {
            int32_t best = llama_world_best(step_all(i, &c, t.token[n], vocab), vocab);
            same += best == t.token[n + 1];
            assert_true(best == t.token[n + 1] || t.lead[n + 1] < LEAD);
        }
        for (uint32_t q = 0; q <= OTHERS; q++) {
            plug_instance_seq_end(i, q);
        }
    }
    print_message("%u of %u tokens are the same among %d others\n", same, compared, OTHERS);
    direct_close(d);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

int main(int argc, char **argv)
{
    LLAMA_CELL(argc, argv);
    all = argc > 1 && strcmp(argv[1], "all") == 0;
    cores = all && argc == 2 ? LLAMA_CORES : 1;
    return TEST_RUN(TEST_OF(tokens_are_those_of_llama_cpp), TEST_OF(greedy_texts_are_those_of_llama_cpp),
                    TEST_OF(a_text_among_16_others_is_the_same_where_a_token_leads));
}
