/* A cell that lies about its model's words and steps: the child is played by this program. Each lie must end in UNAVAILABLE,
 * with nothing left behind; what is no lie but only odd must be harmless. */
#include <stdlib.h>

#include "plug/cell_memory.h"
#include "plug/cell_wire.h"
#include "plug/vocab.h"
#include "unit/plug/world.h"

#define SOCKET 3
#define VOCAB 4

/* --- the child --- */

static char payload[PLUG_CELL_WIRE_BYTES_MAX + 1];
static const char *lie;

static bool lies(const char *about)
{
    return strcmp(lie, about) == 0;
}

static void tell(int socket, struct plug_cell_wire head)
{
    (void)plug_cell_wire_send(socket, &head, NULL, -1, true);
}

static int take_instance(void)
{
    struct plug_cell_wire head;
    int fd = -1;
    while (plug_cell_wire_receive(SOCKET, &head, payload, &fd, true) == PLUG_CELL_WIRE_GOT) {
        if (head.type == PLUG_CELL_WIRE_INSTANCE) {
            tell(fd, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_INSTANCE_OPENED});
            return fd;
        }
    }
    exit(0);
}

static struct plug_cell_wire take_question(int socket)
{
    struct plug_cell_wire head;
    if (plug_cell_wire_receive(socket, &head, payload, NULL, true) != PLUG_CELL_WIRE_GOT) {
        exit(0);
    }
    return head;
}

static unsigned char *take_memory(int socket, uint64_t bytes)
{
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_GROW, .a = bytes};
    struct plug_cell_memory piece = {.at = NULL};
    int fd = -1;
    tell(socket, head);
    if (plug_cell_wire_receive(socket, &head, payload, &fd, true) != PLUG_CELL_WIRE_GOT || fd < 0 ||
        !plug_cell_memory_map(fd, false, &piece)) {
        exit(0);
    }
    return piece.at;
}

/* Tokens "a", "b", …, with one thing wrong or none. */
static void answer_vocab(int socket)
{
    struct plug_cell_wire head = take_question(socket);
    struct plug_vocab *v = (void *)take_memory(socket, 4096);
    *v = (struct plug_vocab){.count = lies("vocab_count") ? VOCAB + 1 : VOCAB, .text_bytes = VOCAB};
    for (uint32_t k = 0; k < VOCAB; k++) {
        v->ends[k] = lies("vocab_ends") && k == 1 ? UINT32_MAX : k + 1;
        memset((char *)(v->ends + VOCAB) + k, (int)('a' + k), 1);
    }
    v->text_bytes = lies("vocab_text") ? UINT32_MAX : VOCAB;
    head.type = PLUG_CELL_WIRE_RESULT;
    head.b = lies("vocab_far")     ? UINT64_MAX
             : lies("vocab_short") ? 3
                                   : sizeof(*v) + VOCAB * sizeof(uint32_t) + VOCAB + VOCAB;
    tell(socket, head);
}

static void answer_tokenize(int socket)
{
    struct plug_cell_wire head = take_question(socket);
    uint32_t room = head.count;
    int32_t *ids = lies("ids_nowhere") ? NULL : (void *)take_memory(socket, 256);
    for (uint32_t k = 0; ids != NULL && k < room; k++) {
        ids[k] = lies("ids_negative") ? -1 : lies("ids_large") ? VOCAB : 1;
    }
    head.type = PLUG_CELL_WIRE_RESULT;
    head.status = lies("ids_full") ? ACB_FULL : ACB_OK;
    head.count = lies("ids_many") ? UINT32_MAX : room;
    tell(socket, head);
}

static void answer_step(int socket)
{
    struct plug_cell_wire head = take_question(socket);
    float *logits = lies("logits_nowhere") ? NULL : (void *)take_memory(socket, 4096);
    for (uint32_t k = 0; logits != NULL && k < VOCAB; k++) {
        logits[k] = lies("odd") ? (float)(0.0 / 0.0) : (float)k;
    }
    head.type = PLUG_CELL_WIRE_RESULT;
    head.status = ACB_OK;
    head.count = lies("rows_none") ? 0 : lies("rows_many") ? 1 << 30 : 1;
    tell(socket, head);
    head = take_question(socket);
    head.type = lies("length_type") ? PLUG_CELL_WIRE_SEQ : PLUG_CELL_WIRE_RESULT;
    head.status = ACB_OK;
    head.b = UINT64_MAX;
    tell(socket, head);
}

static KIT_NORETURN void rogue_main(void)
{
    struct plug_cell_wire_info info = {.step_flags = 3,
                                       .sequences_max = 4,
                                       .vocab_size = lies("vocab_huge") ? UINT32_MAX : VOCAB,
                                       .kv_bytes_per_token = 1};
    (void)take_question(SOCKET);
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_INFO, .bytes = sizeof(info)};
    (void)plug_cell_wire_send(SOCKET, &head, &info, -1, true);
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_OPENED});
    int words = take_instance();
    answer_vocab(words);
    if (strncmp(lie, "ids", 3) == 0) {
        answer_tokenize(words);
    } else {
        answer_step(take_instance());
    }
    for (;;) {
        world_sleep_ms(1000);
    }
}

/* --- the parent --- */

static enum kit_status open_rogue(struct plug_engine *e, const char *about, struct plug_model **ret)
{
    struct plug_model_options o = world_options(e, "echo", PLUG_IN_CELL);
    (void)setenv("ROGUE", about, 1);
    enum kit_status rc = plug_model_open(e, &o, ret, NULL);
    (void)unsetenv("ROGUE");
    return rc;
}

static struct plug_model *rogue(struct plug_engine *e, const char *about)
{
    struct plug_model *m = NULL;
    assert_int_equal(open_rogue(e, about, &m), KIT_OK);
    return m;
}

static enum kit_status step_one(struct plug_model *m, struct plug_instance **ret, float **logits)
{
    struct acb_instance_open options = {.size = sizeof(options),
                                        .mode = ACB_MODE_GENERATE,
                                        .cores_max = 1,
                                        .sequences_max = 4,
                                        .call_tokens_max = 8,
                                        .kv_bytes_max = 100};
    struct acb_step step = {.size = sizeof(step),
                            .cores = 1,
                            .n = 1,
                            .token = (int32_t[]){1},
                            .seq = (uint32_t[]){0},
                            .pos = (uint32_t[]){0},
                            .want = (uint8_t[]){1}};
    assert_int_equal(plug_instance_open(m, &options, ret, NULL), KIT_OK);
    return plug_instance_step(*ret, &step, logits, NULL);
}

TEST(a_vocabulary_that_is_none_ends_the_loading)
{
    static const char *const about[] = {"vocab_count", "vocab_ends", "vocab_text", "vocab_far", "vocab_short"};
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(about); k++) {
        struct plug_model *m = NULL;
        if (open_rogue(e, about[k], &m) != KIT_UNAVAILABLE) {
            fail_msg("%s", about[k]);
        }
    }
    struct plug_model *m = NULL;
    assert_int_equal(open_rogue(e, "vocab_huge", &m), KIT_INTERNAL);
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(ids_that_are_none_end_the_cell)
{
    static const char *const about[] = {"ids_negative", "ids_large", "ids_many", "ids_full", "ids_nowhere"};
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(about); k++) {
        struct plug_model *m = rogue(e, about[k]);
        int32_t ids[4];
        uint64_t count = 4;
        if (plug_model_tokenize(m, kit_str_lit("text"), 0, ids, &count, NULL) != KIT_UNAVAILABLE) {
            fail_msg("%s", about[k]);
        }
        assert_true(kit_str_eq(plug_model_token(m, 1), kit_str_lit("b")));
        plug_model_close(m);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(logits_that_are_not_there_end_the_cell)
{
    static const char *const about[] = {"rows_none", "rows_many", "logits_nowhere"};
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(about); k++) {
        struct plug_model *m = rogue(e, about[k]);
        struct plug_instance *i = NULL;
        float *logits = NULL;
        if (step_one(m, &i, &logits) != KIT_UNAVAILABLE || logits != NULL) {
            fail_msg("%s", about[k]);
        }
        plug_instance_close(i);
        plug_model_close(m);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(odd_floats_and_lengths_are_passed_on_as_they_are)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = rogue(e, "odd");
    struct plug_instance *i = NULL;
    float *logits = NULL;
    assert_int_equal(step_one(m, &i, &logits), KIT_OK);
    assert_true(logits[0] != logits[0]); /* NaN */
    logits[VOCAB - 1] = 1;
    assert_int_equal(plug_instance_seq_length(i, 0), UINT32_MAX);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

TEST(an_answer_of_another_kind_ends_the_cell)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = rogue(e, "length_type");
    struct plug_instance *i = NULL;
    float *logits = NULL;
    assert_int_equal(step_one(m, &i, &logits), KIT_OK);
    assert_int_equal(plug_instance_seq_length(i, 0), 0);
    assert_int_equal(plug_instance_seq_trim(i, 0, 0, NULL), KIT_UNAVAILABLE);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

int main(int argc, char **argv)
{
    lie = getenv("ROGUE");
    if (plug_cell_wanted(argc, argv) && lie != NULL) {
        rogue_main();
    }
    WORLD_CELL(argc, argv);
    return TEST_RUN(TEST_OF(a_vocabulary_that_is_none_ends_the_loading), TEST_OF(ids_that_are_none_end_the_cell),
                    TEST_OF(logits_that_are_not_there_end_the_cell),
                    TEST_OF(odd_floats_and_lengths_are_passed_on_as_they_are),
                    TEST_OF(an_answer_of_another_kind_ends_the_cell));
}
