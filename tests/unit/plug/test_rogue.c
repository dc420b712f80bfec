/* A cell that lies to its parent: the child is played by this program and sends what no cell would. Each lie must end in
 * UNAVAILABLE, once told, with nothing left behind. */
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "plug/cell_memory.h"
#include "plug/cell_wire.h"
#include "unit/plug/world.h"

#define SOCKET 3

/* --- the child --- */

static char payload[PLUG_CELL_WIRE_BYTES_MAX + 1];

static void tell(int socket, struct plug_cell_wire head, const void *bytes)
{
    (void)plug_cell_wire_send(socket, &head, bytes, -1, true);
}

static void say_opened(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_OPENED}, NULL);
}

/* Before OPENED. */

static void lie_type(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = 9999}, NULL);
}

static void lie_parents_type(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_CLOSE}, NULL);
}

static void lie_short(void)
{
    (void)send(SOCKET, "abc", 3, MSG_NOSIGNAL);
}

static void lie_length(void)
{
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_PROGRESS, .bytes = 4000};
    (void)send(SOCKET, &head, sizeof(head), MSG_NOSIGNAL);
}

static void lie_too_long(void)
{
    static char huge[sizeof(struct plug_cell_wire) + PLUG_CELL_WIRE_BYTES_MAX + 100];
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_LOG, .bytes = sizeof(huge) - sizeof(head)};
    memcpy(huge, &head, sizeof(head));
    (void)send(SOCKET, huge, sizeof(huge), MSG_NOSIGNAL);
}

static void lie_log_without_end(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_LOG, .bytes = 5}, "event");
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_LOG, .bytes = 8}, "event\0ab");
}

static void lie_log_empty(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_LOG}, NULL);
}

static void lie_count_size(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_COUNT, .bytes = 3}, "abc");
}

static void lie_port_name(void)
{
    struct plug_cell_wire_port p = {.dtype = ACB_F32};
    memset(p.name, 'n', sizeof(p.name));
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_PORT, .bytes = sizeof(p)}, &p);
}

static void lie_port_side(void)
{
    struct plug_cell_wire_port p = {.dtype = ACB_F32, .name = "x"};
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_PORT, .bytes = sizeof(p), .count = 2}, &p);
}

static void lie_port_count(void)
{
    struct plug_cell_wire_port p = {.dtype = ACB_F32, .name = "x"};
    for (int k = 0; k <= ACB_PORTS_MAX; k++) {
        tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_PORT, .bytes = sizeof(p)}, &p);
    }
}

static void lie_meta_key(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .bytes = 1, .count = 1000, .b = 1}, "x");
}

static void lie_meta_offset(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .bytes = 1, .a = 5, .b = 10}, "x");
}

static void lie_meta_size(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .bytes = 1, .b = UINT64_MAX}, "x");
}

static void lie_meta_more(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .bytes = 4, .b = 4}, "abcd");
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .bytes = 4, .a = 4, .b = 4000}, "efgh");
}

static void lie_meta_again(void)
{
    for (int k = 0; k < 3; k++) { /* empty ones may come again */
        tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .b = 1000}, NULL);
    }
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_META, .bytes = 2, .b = 1}, "xy");
}

static void lie_info_size(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_INFO, .bytes = 1}, "x");
}

static void lie_bytes_rows(void)
{
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_BYTES, .count = 1u << 30}, NULL);
}

static const struct {
    const char *name;
    void (*say)(void);
} early[] = {
    {"type", lie_type},
    {"parents_type", lie_parents_type},
    {"short", lie_short},
    {"length", lie_length},
    {"too_long", lie_too_long},
    {"log_without_end", lie_log_without_end},
    {"log_empty", lie_log_empty},
    {"count_size", lie_count_size},
    {"port_name", lie_port_name},
    {"port_side", lie_port_side},
    {"port_count", lie_port_count},
    {"meta_key", lie_meta_key},
    {"meta_offset", lie_meta_offset},
    {"meta_size", lie_meta_size},
    {"meta_more", lie_meta_more},
    {"meta_again", lie_meta_again},
    {"info_size", lie_info_size},
    {"bytes_rows", lie_bytes_rows},
};

/* After OPENED, on the control socket. */

static void lie_opened_twice(void)
{
    say_opened();
}

static void lie_port_late(void)
{
    struct plug_cell_wire_port p = {.dtype = ACB_F32, .name = "x"};
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_PORT, .bytes = sizeof(p)}, &p);
}

static void lie_info_late(void)
{
    struct plug_cell_wire_info i = {0};
    tell(SOCKET, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_INFO, .bytes = sizeof(i)}, &i);
}

static const struct {
    const char *name;
    void (*say)(void);
} late[] = {{"opened_twice", lie_opened_twice}, {"port_late", lie_port_late}, {"info_late", lie_info_late}};

/* As the answer to a call: a sound result with one thing wrong. */

static struct plug_cell_wire_tensor sound(void)
{
    return (struct plug_cell_wire_tensor){
        .dtype = ACB_F32, .rank = 1, .shape = {4}, .at = 64, .bytes = 16, .name = "x"};
}

static void spoil_piece(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->piece = 1;
}

static void spoil_piece_far(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->piece = UINT32_MAX;
}

static void spoil_at(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->at = UINT64_C(1) << 40;
}

static void spoil_at_wraps(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->at = UINT64_MAX - 7;
}

static void spoil_bytes(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->bytes = UINT64_MAX;
}

static void spoil_bytes_of_shape(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->bytes = 12;
}

static void spoil_strings(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->dtype = ACB_STRING;
    w->bytes = UINT64_C(1) << 50;
}

static void spoil_dtype(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->dtype = 77;
}

static void spoil_rank(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->rank = 99;
}

static void spoil_shape(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->shape[0] = -4;
}

static void spoil_name(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    memset(w->name, 'n', sizeof(w->name));
}

static void spoil_rows(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->ragged = 1;
    w->rows = UINT64_MAX;
}

static void spoil_rows_at(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->ragged = 1;
    w->rows = 1;
    w->rows_at = UINT64_MAX - 7;
}

static void spoil_rows_odd(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->ragged = 1;
    w->rows = 1;
    w->rows_at = 3;
}

static void spoil_rows_piece(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)h;
    w->ragged = 1;
    w->rows_piece = 7;
}

static void spoil_count(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)w;
    h->count = 0;
}

static void spoil_count_far(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)w;
    h->count = UINT32_MAX;
}

static void spoil_size(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)w;
    h->bytes -= 8;
}

static void spoil_call(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)w;
    h->a++;
}

static void spoil_type(struct plug_cell_wire *h, struct plug_cell_wire_tensor *w)
{
    (void)w;
    h->type = PLUG_CELL_WIRE_INFER;
}

static const struct {
    const char *name;
    void (*spoil)(struct plug_cell_wire *head, struct plug_cell_wire_tensor *w);
} results[] = {
    {"piece", spoil_piece},       {"piece_far", spoil_piece_far}, {"at", spoil_at},
    {"at_wraps", spoil_at_wraps}, {"bytes", spoil_bytes},         {"bytes_of_shape", spoil_bytes_of_shape},
    {"strings", spoil_strings},   {"dtype", spoil_dtype},         {"rank", spoil_rank},
    {"shape", spoil_shape},       {"name", spoil_name},           {"rows", spoil_rows},
    {"rows_at", spoil_rows_at},   {"rows_odd", spoil_rows_odd},   {"rows_piece", spoil_rows_piece},
    {"count", spoil_count},       {"count_far", spoil_count_far}, {"size", spoil_size},
    {"call", spoil_call},         {"result_type", spoil_type},
};

static int take_instance(void)
{
    struct plug_cell_wire head;
    int fd = -1;
    while (plug_cell_wire_receive(SOCKET, &head, payload, &fd, true) == PLUG_CELL_WIRE_GOT) {
        if (head.type == PLUG_CELL_WIRE_INSTANCE) {
            tell(fd, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_INSTANCE_OPENED}, NULL);
            return fd;
        }
    }
    exit(0);
}

/* One piece of output memory, so that offsets have something to be outside of. */
static void take_memory(int socket)
{
    struct plug_cell_wire head = {.type = PLUG_CELL_WIRE_GROW, .a = 4096};
    struct plug_cell_memory piece;
    int fd = -1;
    tell(socket, head, NULL);
    if (plug_cell_wire_receive(socket, &head, payload, &fd, true) == PLUG_CELL_WIRE_GOT && fd >= 0) {
        (void)!plug_cell_memory_map(fd, false, &piece);
    }
}

static void answer_call(const char *lie)
{
    struct plug_cell_wire head;
    int fd = -1;
    int socket = take_instance();
    (void)plug_cell_wire_receive(socket, &head, payload, &fd, true);
    struct plug_cell_wire answer = {
        .type = PLUG_CELL_WIRE_RESULT, .a = head.a, .count = 1, .bytes = sizeof(struct plug_cell_wire_tensor)};
    struct plug_cell_wire_tensor w = sound();
    take_memory(socket);
    for (size_t k = 0; k < KIT_COUNT(results); k++) {
        if (strcmp(lie, results[k].name) == 0) {
            results[k].spoil(&answer, &w);
        }
    }
    tell(socket, answer, &w);
}

/* Wants memory without end, and more than there may be. */
static void want_memory(uint64_t each)
{
    struct plug_cell_wire head;
    int fd = -1;
    int socket = take_instance();
    (void)plug_cell_wire_receive(socket, &head, payload, &fd, true);
    for (;;) {
        tell(socket, (struct plug_cell_wire){.type = PLUG_CELL_WIRE_GROW, .a = each}, NULL);
        if (plug_cell_wire_receive(socket, &head, payload, &fd, true) != PLUG_CELL_WIRE_GOT) {
            return;
        }
    }
}

static void play(const char *lie)
{
    for (size_t k = 0; k < KIT_COUNT(early); k++) {
        if (strcmp(lie, early[k].name) == 0) {
            early[k].say();
            return;
        }
    }
    say_opened();
    for (size_t k = 0; k < KIT_COUNT(late); k++) {
        if (strcmp(lie, late[k].name) == 0) {
            late[k].say();
            return;
        }
    }
    if (strcmp(lie, "grow") == 0) {
        want_memory(1);
    } else if (strcmp(lie, "grow_far") == 0) {
        want_memory(UINT64_MAX);
    } else {
        answer_call(lie);
    }
}

/* Stays until the parent has had enough: only its anger ends us. */
static KIT_NORETURN void rogue_main(const char *lie)
{
    struct plug_cell_wire head;
    (void)plug_cell_wire_receive(SOCKET, &head, payload, NULL, true);
    play(lie);
    for (;;) {
        world_sleep_ms(1000);
    }
}

/* --- the parent --- */

struct loss {
    _Atomic uint32_t times;
};

static void note_loss(void *ctx, const char *reason)
{
    (void)reason;
    atomic_fetch_add(&((struct loss *)ctx)->times, 1);
}

static enum kit_status open_rogue(struct plug_engine *e, const char *lie, struct loss *loss, struct plug_model **ret,
                                  struct kit_err *err)
{
    struct plug_model_options o = world_options(e, "echo", PLUG_IN_CELL);
    o.ctx = loss;
    o.lost = note_loss;
    (void)setenv("ROGUE", lie, 1);
    enum kit_status rc = plug_model_open(e, &o, ret, err);
    (void)unsetenv("ROGUE");
    return rc;
}

TEST(rogue_is_ended_while_it_loads)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(early); k++) {
        struct plug_model *m = NULL;
        struct kit_err err = {0};
        struct loss loss = {0};
        enum kit_status rc = open_rogue(e, early[k].name, &loss, &m, &err);
        if (rc != KIT_UNAVAILABLE || strstr(err.msg, "sent a message that makes no sense") == NULL) {
            fail_msg("%s: %d %s", early[k].name, (int)rc, err.msg);
        }
        assert_int_equal(atomic_load(&loss.times), 0);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(rogue_is_ended_when_it_speaks_out_of_turn)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(late); k++) {
        struct plug_model *m = NULL;
        struct loss loss = {0};
        assert_int_equal(open_rogue(e, late[k].name, &loss, &m, NULL), KIT_OK);
        for (int wait = 0; wait < 2000 && atomic_load(&loss.times) == 0; wait++) {
            world_sleep_ms(5);
        }
        assert_int_equal(atomic_load(&loss.times), 1);
        plug_model_close(m);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

static void call_rogue(struct plug_engine *e, const char *lie)
{
    static float one = 1;
    static const struct acb_tensor in = {
        .dtype = ACB_F32, .rank = 1, .name = "x", .shape = {1}, .data = &one, .bytes = 4};
    struct plug_model *m = NULL;
    struct kit_err err = {0};
    struct loss loss = {0};
    struct plug_outputs out = {0};
    assert_int_equal(open_rogue(e, lie, &loss, &m, NULL), KIT_OK);
    struct plug_instance *i = world_instance(m);
    const struct acb_tensor *inputs[] = {&in};
    const struct acb_want want = {.size = sizeof(want), .name = "x"};
    const struct acb_want *wants[] = {&want};
    struct acb_infer infer = {
        .size = sizeof(infer), .cores = 1, .input_count = 1, .want_count = 1, .inputs = inputs, .wants = wants};
    enum kit_status rc = plug_instance_infer(i, &infer, &out, &err);
    if (rc != KIT_UNAVAILABLE || strstr(err.msg, "makes no sense") == NULL) {
        fail_msg("%s: %d %s", lie, (int)rc, err.msg);
    }
    assert_int_equal(out.count, 0);
    plug_instance_close(i);
    plug_model_close(m);
    assert_int_equal(atomic_load(&loss.times), 1);
}

TEST(rogue_results_are_not_believed)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    for (size_t k = 0; k < KIT_COUNT(results); k++) {
        call_rogue(e, results[k].name);
    }
    plug_engine_free(e);
    world_assert_clean(mark);
}

TEST(rogue_cannot_make_us_hand_out_memory_for_ever)
{
    struct world_mark mark = world_mark();
    struct plug_engine *e = world_engine();
    call_rogue(e, "grow");
    call_rogue(e, "grow_far");
    plug_engine_free(e);
    world_assert_clean(mark);
}

/* The sound result is one: what the others prove is not that nothing is believed. */
TEST(rogue_that_tells_the_truth_is_believed)
{
    struct plug_engine *e = world_engine();
    struct plug_model *m = NULL;
    struct loss loss = {0};
    struct plug_outputs out = {0};
    assert_int_equal(open_rogue(e, "truth", &loss, &m, NULL), KIT_OK);
    struct plug_instance *i = world_instance(m);
    const struct acb_want want = {.size = sizeof(want), .name = "x"};
    const struct acb_want *wants[] = {&want};
    struct acb_infer infer = {.size = sizeof(infer), .cores = 1, .want_count = 1, .wants = wants};
    assert_int_equal(plug_instance_infer(i, &infer, &out, NULL), KIT_OK);
    assert_int_equal(out.tensor[0]->shape[0], 4);
    plug_outputs_done(&out);
    (void)kill((pid_t)plug_model_pid(m), SIGKILL);
    plug_instance_close(i);
    plug_model_close(m);
    plug_engine_free(e);
}

int main(int argc, char **argv)
{
    if (plug_cell_wanted(argc, argv) && getenv("ROGUE") != NULL) {
        rogue_main(getenv("ROGUE"));
    }
    WORLD_CELL(argc, argv);
    return TEST_RUN(TEST_OF(rogue_is_ended_while_it_loads), TEST_OF(rogue_is_ended_when_it_speaks_out_of_turn),
                    TEST_OF(rogue_results_are_not_believed), TEST_OF(rogue_cannot_make_us_hand_out_memory_for_ever),
                    TEST_OF(rogue_that_tells_the_truth_is_believed));
}
