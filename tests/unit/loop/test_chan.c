#include "loop/chan.h"

#include <stdatomic.h>

#include "kit/sync.h"
#include "support/test.h"

#define SENDERS 4
#define EACH 2000

struct note {
    struct loop_msg msg; /* first */
    int sender, number;
};

struct desk {
    struct loop *loop;
    struct loop_chan *chan;
    int received, dropped;
    int expected;      /* stops the loop when that many came */
    int close_after;   /* closes the channel when that many came; 0: never */
    int next[SENDERS]; /* number that each sender's next note must have */
    bool in_order;
};

static void receive(void *ctx, struct loop_msg *m)
{
    struct desk *d = ctx;
    struct note *n = (struct note *)m;
    d->in_order = d->in_order && n->number == d->next[n->sender];
    d->next[n->sender] = n->number + 1;
    d->received++;
    kit_alloc_free(n);
    if (d->close_after > 0 && d->received == d->close_after) {
        loop_chan_close(d->chan);
    }
    if (d->received == d->expected) {
        loop_stop(d->loop);
    }
}

static void drop(void *ctx, struct loop_msg *m)
{
    ((struct desk *)ctx)->dropped++;
    kit_alloc_free(m);
}

static void open_desk(struct desk *d, uint32_t max)
{
    d->in_order = true;
    assert_int_equal(loop_new(&d->loop, NULL), KIT_OK);
    struct loop_chan_options options = {.max = max, .ctx = d, .receive = receive, .drop = drop};
    assert_int_equal(loop_chan_new(d->loop, &options, &d->chan, NULL), KIT_OK);
}

static struct note *new_note(int sender, int number)
{
    struct note *n = kit_alloc_zero(1, sizeof(*n));
    assert_non_null(n);
    n->sender = sender;
    n->number = number;
    return n;
}

TEST(chan_counts_only_plain_messages_against_its_maximum)
{
    struct desk d = {0};
    open_desk(&d, 2);
    struct note *extra = new_note(0, 3);
    assert_int_equal(loop_chan_send(d.chan, &new_note(0, 0)->msg), KIT_OK);
    assert_int_equal(loop_chan_send_answer(d.chan, &new_note(0, 1)->msg), KIT_OK);
    assert_int_equal(loop_chan_send(d.chan, &new_note(0, 2)->msg), KIT_OK);
    assert_int_equal(loop_chan_send(d.chan, &extra->msg), KIT_FULL);
    loop_run_once(d.loop);
    assert_int_equal(d.received, 3);
    assert_int_equal(loop_chan_send(d.chan, &extra->msg), KIT_OK); /* there is room again */
    loop_run_once(d.loop);
    assert_int_equal(d.received, 4);
    assert_true(d.in_order);
    loop_chan_close(d.chan);
    loop_free(d.loop);
}

TEST(chan_close_drops_what_waits_and_refuses_the_rest)
{
    struct desk d = {0};
    open_desk(&d, 10);
    struct loop_chan *held = loop_chan_ref(d.chan);
    struct note *late = new_note(0, 2);
    assert_int_equal(loop_chan_send(d.chan, &new_note(0, 0)->msg), KIT_OK);
    assert_int_equal(loop_chan_send(d.chan, &new_note(0, 1)->msg), KIT_OK);
    loop_chan_close(d.chan);
    assert_int_equal(d.dropped, 2);
    assert_int_equal(loop_chan_send(held, &late->msg), KIT_UNAVAILABLE);
    loop_free(d.loop);
    assert_int_equal(loop_chan_send_answer(held, &late->msg), KIT_UNAVAILABLE);
    loop_chan_unref(held);
    kit_alloc_free(late);
    assert_int_equal(d.received, 0);
}

TEST(chan_may_be_closed_from_receive)
{
    struct desk d = {.close_after = 2};
    open_desk(&d, 10);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(loop_chan_send(d.chan, &new_note(0, i)->msg), KIT_OK);
    }
    loop_run(d.loop); /* ends: nothing is open any more */
    assert_int_equal(d.received, 2);
    assert_int_equal(d.dropped, 3);
    loop_free(d.loop);
}

TEST(chan_left_open_is_closed_with_its_loop)
{
    struct desk d = {0};
    open_desk(&d, 10);
    assert_int_equal(loop_chan_send(d.chan, &new_note(0, 0)->msg), KIT_OK);
    loop_free(d.loop);
    assert_int_equal(d.dropped, 1);
}

struct sender {
    struct kit_thread thread;
    struct loop_chan *chan; /* a reference */
    int index;
    int refused;
};

static void send_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < EACH; i++) {
        struct note *n = new_note(s->index, i);
        enum kit_status rc;
        while ((rc = i % 2 == 0 ? loop_chan_send(s->chan, &n->msg) : loop_chan_send_answer(s->chan, &n->msg)) ==
               KIT_FULL) {
            sched_yield();
        }
        if (rc == KIT_UNAVAILABLE) {
            s->refused++;
            kit_alloc_free(n);
        }
    }
    loop_chan_unref(s->chan);
}

static void start_senders(struct desk *d, struct sender senders[SENDERS])
{
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.index = i, .chan = loop_chan_ref(d->chan)};
        assert_int_equal(kit_thread_start(&senders[i].thread, "sender", send_all, &senders[i], NULL), KIT_OK);
    }
}

TEST(chan_keeps_the_order_of_each_of_several_senders)
{
    struct desk d = {.expected = SENDERS * EACH};
    struct sender senders[SENDERS];
    open_desk(&d, 64);
    start_senders(&d, senders);
    loop_run(d.loop);
    for (int i = 0; i < SENDERS; i++) {
        kit_thread_join(&senders[i].thread);
        assert_int_equal(d.next[i], EACH);
        assert_int_equal(senders[i].refused, 0);
    }
    assert_true(d.in_order);
    loop_chan_close(d.chan);
    loop_free(d.loop);
}

TEST(chan_closed_while_others_send_loses_no_message)
{
    struct desk d = {.close_after = SENDERS * EACH / 4};
    struct sender senders[SENDERS];
    uint64_t before = kit_alloc_count();
    open_desk(&d, 64);
    start_senders(&d, senders);
    loop_run(d.loop);
    int refused = 0;
    for (int i = 0; i < SENDERS; i++) {
        kit_thread_join(&senders[i].thread);
        refused += senders[i].refused;
    }
    assert_int_equal(d.received + d.dropped + refused, SENDERS * EACH);
    loop_free(d.loop);
    assert_int_equal(kit_alloc_count(), before);
}

TEST(chan_survives_each_failed_alloc)
{
    struct desk d = {0};
    assert_int_equal(loop_new(&d.loop, NULL), KIT_OK);
    struct loop_chan_options options = {.max = 1, .ctx = &d, .receive = receive, .drop = drop};
    TEST_ALLOC_SWEEP(n) {
        struct loop_chan *c = NULL;
        enum kit_status rc = loop_chan_new(d.loop, &options, &c, NULL);
        assert_true(rc == KIT_OK ? c != NULL : rc == KIT_NOMEM && c == NULL);
        loop_chan_close(c);
    }
    loop_free(d.loop);
}

int main(void)
{
    return TEST_RUN(TEST_OF(chan_counts_only_plain_messages_against_its_maximum),
                    TEST_OF(chan_close_drops_what_waits_and_refuses_the_rest), TEST_OF(chan_may_be_closed_from_receive),
                    TEST_OF(chan_left_open_is_closed_with_its_loop),
                    TEST_OF(chan_keeps_the_order_of_each_of_several_senders),
                    TEST_OF(chan_closed_while_others_send_loses_no_message), TEST_OF(chan_survives_each_failed_alloc));
}
