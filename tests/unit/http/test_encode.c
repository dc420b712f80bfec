/* Replies as gzip and zstd: who gets them, and that they are what was sent. */
#include <stdio.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "host.h"
#include "kit/flag.h"
#include "loop/work.h"

static struct loop_work *work;

static void begin(struct host *h)
{
    struct http_options options = HTTP_OPTIONS_DEFAULT;
    options.fail = host_fail;
    assert_ok(loop_work_new(1, 8, &work, NULL));
    options.work = work;
    h->options = options;
    host_open(h);
}

static void end(struct host *h)
{
    http_server_free(h->server);
    loop_work_free(work);
    h->server = NULL;
    host_close(h);
}

static char *decode(const char *coding, const char *bytes, size_t len, size_t room)
{
    char *to = kit_alloc_zero(1, room + 1);
    assert_non_null(to);
    if (strcmp(coding, "zstd") == 0) {
        assert_int_equal(ZSTD_decompress(to, room, bytes, len), room);
    } else {
        z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes,
                      .avail_in = (uInt)len,
                      .next_out = (Bytef *)to,
                      .avail_out = (uInt)room};
        assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
        assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
        assert_int_equal(z.total_out, room);
        inflateEnd(&z);
    }
    return to;
}

static void ask(struct http_client *c, const char *method, const char *path, const char *accept)
{
    char text[512];
    snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: a\r\n%s\r\n", method, path, accept);
    http_client_send(c, text);
}

static bool has(const char *head, const char *line)
{
    return strstr(head, line) != NULL;
}

TEST(encode_sends_what_was_meant_in_each_coding_and_size)
{
    static const char *const codings[] = {"gzip", "zstd"};
    static const size_t sizes[] = {1024, 5000, 32768, 32769, 3000000};
    struct host h = {0};
    struct http_client c;
    begin(&h);
    host_connect(&h, &c);
    for (size_t i = 0; i < KIT_COUNT(codings) * KIT_COUNT(sizes) * 2; i++) {
        const char *coding = codings[i % 2];
        size_t size = sizes[i / 4];
        char path[64], accept[64], line[64], *head = NULL, *body = NULL, *plain = NULL;
        snprintf(path, sizeof(path), "/json/%zu%s", size, i / 2 % 2 == 0 ? "" : "?copied=1");
        snprintf(accept, sizeof(accept), "Accept-Encoding: %s\r\n", coding);
        ask(&c, "GET", path, accept);
        http_client_answer(&c, 200, &head, &body);
        snprintf(line, sizeof(line), "\r\nContent-Encoding: %s\r\n", coding);
        assert_true(has(head, line));
        assert_true(has(head, "\r\nVary: Accept-Encoding\r\n"));
        assert_true(has(head, "\r\nContent-Type: application/json\r\n"));
        size_t len = strtoul(strstr(head, "Content-Length: ") + 16, NULL, 10);
        assert_true(len < size / 2);
        plain = decode(coding, body, len, size);
        assert_memory_equal(plain, "{\"label\":", 9);
        kit_alloc_free(plain);
        kit_alloc_free(head);
        kit_alloc_free(body);
    }
    assert_int_equal(h.gone, 0); /* whoever has sent is done */
    http_client_close(&c);
    end(&h);
}

TEST(encode_follows_the_wishes_of_the_client)
{
    static const struct {
        const char *accept, *coding;
    } rows[] = {
        {"", NULL},
        {"Accept-Encoding: \r\n", NULL},
        {"Accept-Encoding: br, deflate\r\n", NULL},
        {"Accept-Encoding: gzip, deflate, br, zstd\r\n", "zstd"},
        {"Accept-Encoding: gzip, deflate\r\n", "gzip"},
        {"Accept-Encoding: GZIP\r\n", "gzip"},
        {"Accept-Encoding: x-gzip\r\n", "gzip"},
        {"Accept-Encoding: gzip;q=0\r\n", NULL},
        {"Accept-Encoding: gzip;q=0.8, zstd;q=0.5\r\n", "gzip"},
        {"Accept-Encoding: gzip;q=0.001\r\n", "gzip"},
        {"Accept-Encoding: zstd;q=0\r\nAccept-Encoding: gzip ; Q=1.0\r\n", "gzip"},
        {"Accept-Encoding: *\r\n", "zstd"},
        {"Accept-Encoding: *;q=0.5, zstd;q=0\r\n", "gzip"},
        {"Accept-Encoding: identity, gzip;q=0.5\r\n", NULL},
        {"Accept-Encoding: gzip;q=rubbish\r\n", NULL},
        {"Accept-Encoding: gzip;q=2\r\n", NULL},
        {"Accept-Encoding: ,,;q=1,gzip\r\n", "gzip"},
    };
    struct host h = {0};
    struct http_client c;
    begin(&h);
    host_connect(&h, &c);
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        char *head = NULL, line[64];
        ask(&c, "GET", "/json/2000", rows[i].accept);
        http_client_answer(&c, 200, &head, NULL);
        snprintf(line, sizeof(line), "\r\nContent-Encoding: %s\r\n", rows[i].coding == NULL ? "" : rows[i].coding);
        assert_int_equal(has(head, rows[i].coding == NULL ? "Content-Encoding" : line), rows[i].coding != NULL);
        assert_true(has(head, "\r\nVary: Accept-Encoding\r\n")); /* another client may get it otherwise */
        kit_alloc_free(head);
    }
    http_client_close(&c);
    end(&h);
}

TEST(encode_leaves_alone_what_does_not_shrink_or_is_named_byte_by_byte)
{
    static const char *const paths[] = {"/json/1023", "/json/5000?etag=1", "/json/5000?png=1", "/stream/5000"};
    struct host h = {0};
    struct http_client c;
    begin(&h);
    host_connect(&h, &c);
    for (size_t i = 0; i < KIT_COUNT(paths); i++) {
        char *head = NULL;
        ask(&c, "GET", paths[i], "Accept-Encoding: gzip, zstd\r\n");
        http_client_answer(&c, 200, &head, NULL);
        assert_false(has(head, "Content-Encoding"));
        assert_false(has(head, "Vary"));
        kit_alloc_free(head);
    }
    http_client_close(&c);
    end(&h);
}

TEST(encode_gives_head_the_fields_of_get)
{
    static const char *const paths[] = {"/json/5000", "/json/200000"};
    struct host h = {0};
    struct http_client c;
    begin(&h);
    host_connect(&h, &c);
    for (size_t i = 0; i < KIT_COUNT(paths); i++) {
        char *get = NULL, *head = NULL;
        ask(&c, "GET", paths[i], "Accept-Encoding: gzip\r\n");
        http_client_answer(&c, 200, &get, NULL);
        ask(&c, "HEAD", paths[i], "Accept-Encoding: gzip\r\n");
        http_client_head_answer(&c, 200, &head);
        const char *from_get = strstr(get, "Content-Length"), *from_head = strstr(head, "Content-Length");
        assert_int_equal(strtoul(from_get + 16, NULL, 10), strtoul(from_head + 16, NULL, 10));
        assert_true(has(head, "\r\nContent-Encoding: gzip\r\n"));
        kit_alloc_free(get);
        kit_alloc_free(head);
    }
    http_client_close(&c);
    end(&h);
}

TEST(encode_keeps_the_order_of_answers)
{
    struct host h = {0};
    struct http_client c;
    char *body = NULL;
    begin(&h);
    host_connect(&h, &c);
    ask(&c, "GET", "/json/2000000", "Accept-Encoding: gzip\r\n");
    ask(&c, "GET", "/hello", "");
    http_client_answer(&c, 200, NULL, NULL);
    http_client_answer(&c, 200, NULL, &body);
    assert_string_equal(body, "hello");
    kit_alloc_free(body);
    http_client_close(&c);
    end(&h);
}

TEST(encode_drops_what_is_compressed_for_a_client_that_has_left)
{
    struct host h = {0};
    begin(&h);
    for (int i = 0; i < 20; i++) {
        struct http_client c;
        host_connect(&h, &c);
        ask(&c, "GET", "/json/500000", "Accept-Encoding: gzip\r\n");
        while (h.handled <= i) {
            host_turn(&h);
        }
        http_client_reset(&c);
        host_wait_empty(&h);
    }
    assert_int_equal(h.gone, 0); /* the handler had sent */
    end(&h);
}

TEST(encode_ends_with_its_server)
{
    struct host h = {0};
    struct http_client c;
    begin(&h);
    host_connect(&h, &c);
    ask(&c, "GET", "/json/5000000", "Accept-Encoding: gzip\r\n");
    while (h.handled == 0) {
        host_turn(&h);
    }
    end(&h); /* a job is on its way */
    http_client_close(&c);
}

static struct kit_flag entered, released;

static void block(struct loop_work_job *job)
{
    (void)job;
    kit_flag_set(&entered, true);
    while (!kit_flag_get(&released)) {
        usleep(1000);
    }
}

TEST(encode_sends_as_it_is_when_the_pool_is_full)
{
    struct host h = {0};
    struct http_client c;
    struct loop_work_job jobs[16] = {0};
    char *head = NULL;
    int busy = 0;
    begin(&h);
    host_connect(&h, &c);
    do {
        jobs[busy].run = block;
        while (busy == 1 && !kit_flag_get(&entered)) {
            usleep(1000); /* the first one runs; from here on none leaves the queue */
        }
    } while (loop_work_submit(work, &jobs[busy]) == KIT_OK && ++busy < 16);
    ask(&c, "GET", "/json/100000", "Accept-Encoding: gzip\r\n");
    http_client_answer(&c, 200, &head, NULL);
    kit_flag_set(&released, true);
    assert_false(has(head, "Content-Encoding"));
    assert_true(has(head, "\r\nContent-Length: 100000\r\n"));
    kit_alloc_free(head);
    http_client_close(&c);
    end(&h);
}

TEST(encode_is_off_when_the_options_say_so)
{
    struct host h = {.options = HTTP_OPTIONS_DEFAULT};
    struct http_client c;
    char *head = NULL;
    h.options.compress = false;
    host_open(&h);
    host_connect(&h, &c);
    ask(&c, "GET", "/json/5000", "Accept-Encoding: gzip\r\n");
    http_client_answer(&c, 200, &head, NULL);
    assert_false(has(head, "Content-Encoding"));
    kit_alloc_free(head);
    http_client_close(&c);
    host_close(&h);
}

TEST(encode_refuses_compressed_bodies_with_the_remedy)
{
    struct host h = {0};
    struct http_client c;
    char *head = NULL, *body = NULL;
    begin(&h);
    host_connect(&h, &c);
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: identity\r\nContent-Length: 2\r\n\r\nok");
    http_client_answer(&c, 200, NULL, NULL);
    http_client_send(&c, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nno");
    http_client_answer(&c, 415, &head, &body);
    assert_true(has(head, "\r\nAccept-Encoding: identity\r\n"));
    assert_true(has(body, "without Content-Encoding"));
    kit_alloc_free(head);
    kit_alloc_free(body);
    http_client_close(&c);
    end(&h);
}

/* One question under an order to fail the n-th allocation; true: one failed. */
static bool ask_failing(const char *path, const char *accept, uint64_t n)
{
    struct host h = {0};
    struct http_client c;
    begin(&h);
    host_connect(&h, &c);
    kit_alloc_fail_at(n);
    ask(&c, "GET", path, accept);
    do {
        host_turn(&h);
    } while ((h.handled == 0 && !kit_alloc_failed()) || http_server_counts(h.server).requests > 0);
    bool failed = kit_alloc_failed();
    kit_alloc_fail_at(0);
    http_client_reset(&c);
    end(&h);
    return failed;
}

TEST(encode_survives_each_failed_alloc)
{
    static const char *const paths[] = {"/json/3000", "/json/100000", "/json/100000?copied=1"};
    for (size_t i = 0; i < 2 * KIT_COUNT(paths); i++) {
        const char *accept = i % 2 == 0 ? "Accept-Encoding: gzip\r\n" : "Accept-Encoding: zstd\r\n";
        for (uint64_t n = 1; ask_failing(paths[i / 2], accept, n); n++) {
            assert_true(n < 1000);
        }
    }
}

int main(void)
{
    return TEST_RUN(
        TEST_OF(encode_sends_what_was_meant_in_each_coding_and_size), TEST_OF(encode_follows_the_wishes_of_the_client),
        TEST_OF(encode_leaves_alone_what_does_not_shrink_or_is_named_byte_by_byte),
        TEST_OF(encode_gives_head_the_fields_of_get), TEST_OF(encode_keeps_the_order_of_answers),
        TEST_OF(encode_drops_what_is_compressed_for_a_client_that_has_left), TEST_OF(encode_ends_with_its_server),
        TEST_OF(encode_sends_as_it_is_when_the_pool_is_full), TEST_OF(encode_is_off_when_the_options_say_so),
        TEST_OF(encode_refuses_compressed_bodies_with_the_remedy), TEST_OF(encode_survives_each_failed_alloc));
}
