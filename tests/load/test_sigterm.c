/* SIGTERM under load: each request whose first byte was read is answered, whole; what is closed was between two requests. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crowd.h"
#include "kit/clock.h"
#include "support/temp.h"
#include "support/test.h"

#define MEMBERS 300
#define BUSY 64
#define GET "GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define BODY                                                                                                           \
    "{\"model\":\"slow\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1],\"data\":[7]}]}}"
#define POST "POST /serve HTTP/1.1\r\nHost: localhost\r\nContent-Length: 91\r\n\r\n" BODY

/* What a member has sent before the signal, what it sends after it, and the answers it is owed. */
static const struct {
    const char *name, *before, *after;
    int answers;
} stages[] = {
    {"idle", "", "", 0},
    {"first byte", "G", GET, 1},
    {"half a head", "GET /health/live HT", GET, 1},
    {"half a body", POST, POST, 1},
    {"a question that is computed", POST, "", 1},
    {"three more behind one", POST GET GET "GE", GET, 4},
};

static size_t sent_before(size_t stage)
{
    return stage == 3 ? strlen(POST) - strlen(BODY) / 2 : strlen(stages[stage].before);
}

/* The rest of the last request that was begun. */
static kit_str sent_after(size_t stage)
{
    size_t begun = stage == 3 ? sent_before(stage) : stage == 5 ? 2 : strlen(stages[stage].before);
    kit_str whole = kit_str_c(stages[stage].after);
    return whole.len == 0 ? whole : kit_str_sub(whole, begun, whole.len);
}

static void send_first_part(struct crowd *c)
{
    for (int i = 0; i < c->count; i++) {
        size_t stage = (size_t)i % KIT_COUNT(stages);
        if (sent_before(stage) > 0) {
            assert_true(crowd_send(c, i, stages[stage].before, sent_before(stage)));
        }
    }
}

static void send_second_part(struct crowd *c)
{
    for (int i = 0; i < c->count; i++) {
        kit_str rest = sent_after((size_t)i % KIT_COUNT(stages));
        if (rest.len > 0) {
            crowd_send(c, i, rest.ptr, rest.len);
        }
    }
}

/* Nothing, or whole answers to GET. */
static bool is_whole(const struct crowd_member *m)
{
    return m->got == 0 || strcmp(m->tail + strlen(m->tail) - 5, "true}") == 0;
}

/* Each of the busy asks again as soon as it has its answer. */
static void keep_busy(struct crowd *busy, int sent[BUSY], uint64_t until_ns)
{
    do {
        for (int i = 0; i < busy->count; i++) {
            const struct crowd_member *m = &busy->member[i];
            if (sent[i] == m->answers && is_whole(m) && crowd_send(busy, i, GET, strlen(GET))) {
                sent[i]++;
            }
        }
        crowd_read(busy, 1);
    } while (kit_clock_ns() < until_ns);
}

struct tally {
    int owed, answered, busy_answers, between;
};

static void count_members(const struct crowd *c, struct tally *t)
{
    for (int i = 0; i < c->count; i++) {
        size_t stage = (size_t)i % KIT_COUNT(stages);
        t->owed += stages[stage].answers;
        t->answered += c->member[i].answers;
        if (c->member[i].answers != stages[stage].answers) {
            fail_msg("%s: %d of %d answers; the first begins with: %s", stages[stage].name, c->member[i].answers,
                     stages[stage].answers, c->member[i].head);
        }
    }
}

static void count_busy(const struct crowd *busy, const int sent[BUSY], struct tally *t)
{
    for (int i = 0; i < busy->count; i++) {
        const struct crowd_member *m = &busy->member[i];
        assert_true(is_whole(m)); /* nothing is cut */
        assert_in_range(sent[i] - m->answers, 0, 1);
        t->busy_answers += m->answers;
        t->between += sent[i] - m->answers;
    }
}

static void stop_once(const char *models, struct tally *t)
{
    static const char *const args[] = {"--set", "server.loops=2", NULL};
    struct server server;
    struct crowd members, busy;
    int sent[BUSY] = {0};
    server_start(&server, models, args);
    server_expect_only(&server, "POST", "/models/slow/load?wait=true", "", 200);
    crowd_open(&members, &server, MEMBERS);
    crowd_open(&busy, &server, BUSY);
    send_first_part(&members);
    keep_busy(&busy, sent, kit_clock_ns() + 200 * KIT_NS_PER_MS); /* by then all of it has been read */
    assert_int_equal(kill(server.pid, SIGTERM), 0);
    keep_busy(&busy, sent, kit_clock_ns() + 20 * KIT_NS_PER_MS);
    send_second_part(&members);
    uint64_t until_ns = kit_clock_ns() + 20 * KIT_NS_PER_S;
    while (crowd_count_ended(&members) < MEMBERS || crowd_count_ended(&busy) < BUSY) {
        assert_true(kit_clock_ns() < until_ns);
        crowd_read(&members, 1);
        keep_busy(&busy, sent, 0);
    }
    count_members(&members, t);
    count_busy(&busy, sent, t);
    crowd_close(&members);
    crowd_close(&busy);
    server_wait_end(&server);
}

TEST(sigterm_under_load_loses_no_request_whose_first_byte_was_read)
{
    char path[TEST_PATH_BYTES];
    struct tally t = {0};
    int rounds = crowd_is_long() ? 100 : 3;
    test_temp_write(path, "sigterm/slow/echo.json", kit_str_lit("{\"delay_ms\": 10}"));
    for (int i = 0; i < rounds; i++) {
        stop_once(test_temp_path(path, "sigterm"), &t);
    }
    printf("stops under load: %d, with %d connections each\n", rounds, MEMBERS + BUSY);
    crowd_row("begun when the signal came", "%d, answered %d", t.owed, t.answered);
    crowd_row("answers to those who ask without a pause", "%d, none cut", t.busy_answers);
    crowd_row("closed as the next request was on its way", "%d", t.between);
    assert_int_equal(t.owed, t.answered);
}

int main(void)
{
    return TEST_RUN(TEST_OF(sigterm_under_load_loses_no_request_whose_first_byte_was_read));
}
