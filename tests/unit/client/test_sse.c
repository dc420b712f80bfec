#include "client/sse.h"

#include <stdio.h>

#include "support/test.h"

struct seen {
    char text[256];
    int events;
    int enough_at; /* stop after so many; 0: never */
};

static bool note(void *ctx, kit_str data)
{
    struct seen *s = ctx;
    size_t used = strlen(s->text);
    snprintf(s->text + used, sizeof(s->text) - used, "<%.*s>", KIT_STR_ARG(data));
    return ++s->events != s->enough_at;
}

static bool feed(struct client_sse *sse, const char *text, struct seen *s)
{
    return client_sse_feed(sse, kit_str_c(text), note, s);
}

TEST(sse_gives_the_data_of_each_event)
{
    struct client_sse sse;
    struct seen s = {0};
    client_sse_init(&sse);
    assert_true(feed(&sse, "id: 1\nevent: state\ndata: {\"a\":1}\n\n: comment\n\ndata: second\n\n", &s));
    assert_string_equal(s.text, "<{\"a\":1}><second>");
    client_sse_done(&sse);
}

TEST(sse_is_the_same_wherever_the_stream_is_cut)
{
    const char *stream = "data: one\r\ndata: more\r\n\r\ndata:two\n\ndata: three\r\r";
    for (size_t cut = 0; cut <= strlen(stream); cut++) {
        struct client_sse sse;
        struct seen s = {0};
        client_sse_init(&sse);
        assert_true(client_sse_feed(&sse, kit_str_sub(kit_str_c(stream), 0, cut), note, &s));
        assert_true(client_sse_feed(&sse, kit_str_sub(kit_str_c(stream), cut, strlen(stream)), note, &s));
        assert_string_equal(s.text, "<one\nmore><two><three>");
        client_sse_done(&sse);
    }
}

TEST(sse_stops_when_the_reader_has_enough)
{
    struct client_sse sse;
    struct seen s = {.enough_at = 1};
    client_sse_init(&sse);
    assert_false(feed(&sse, "data: a\n\ndata: b\n\n", &s));
    assert_string_equal(s.text, "<a>");
    client_sse_done(&sse);
}

TEST(sse_refuses_an_event_that_is_too_large)
{
    struct client_sse sse;
    struct seen s = {0};
    static char line[64 * 1024];
    bool more = true;
    memset(line, 'x', sizeof(line) - 1);
    client_sse_init(&sse);
    for (int i = 0; more && i < 32; i++) {
        more = feed(&sse, line, &s);
    }
    assert_false(more);
    client_sse_done(&sse);
}

int main(void)
{
    return TEST_RUN(TEST_OF(sse_gives_the_data_of_each_event), TEST_OF(sse_is_the_same_wherever_the_stream_is_cut),
                    TEST_OF(sse_stops_when_the_reader_has_enough), TEST_OF(sse_refuses_an_event_that_is_too_large));
}
