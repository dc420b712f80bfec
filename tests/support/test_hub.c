#include "support/test_hub.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support/test.h"

#define START_MS 20000
#define ANSWER_BYTES_MAX (16 * KIT_MIB)

static void run_child(const char *script, const char *folder, const char *cert, const char *key, int in, int out)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(in, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    if (cert != NULL) {
        execlp("python3", "python3", script, folder, "--cert", cert, "--key", key, (char *)NULL);
    } else {
        execlp("python3", "python3", script, folder, (char *)NULL);
    }
    _exit(127);
}

static uint16_t port_of(kit_json ports, const char *at)
{
    int64_t port = kit_json_i64(kit_json_get(ports, at), 0);
    assert_in_range(port, 1, 65535);
    return (uint16_t)port;
}

static void read_ports(struct test_hub *h, int out)
{
    char text[256] = "";
    struct kit_json_doc *doc = NULL;
    struct pollfd p = {.fd = out, .events = POLLIN};
    for (size_t len = 0; strchr(text, '\n') == NULL && len + 1 < sizeof(text);) {
        ssize_t n = poll(&p, 1, START_MS) == 1 ? read(out, text + len, sizeof(text) - 1 - len) : 0;
        if (n <= 0) {
            fail_msg("tests/support/hub.py did not start");
        }
        len += (size_t)n;
        text[len] = '\0';
    }
    assert_ok(kit_json_parse(kit_str_c(text), 4, &doc, NULL));
    h->port = port_of(kit_json_root(doc), "hub");
    h->storage_port = port_of(kit_json_root(doc), "storage");
    h->control_port = port_of(kit_json_root(doc), "control");
    kit_json_free(doc);
}

void test_hub_start(struct test_hub *h, const char *script, const char *folder, const char *cert, const char *key)
{
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC), 0);
    assert_int_equal(pipe2(out, O_CLOEXEC), 0);
    h->pid = fork();
    assert_true(h->pid >= 0);
    if (h->pid == 0) {
        run_child(script, folder, cert, key, in[0], out[1]);
    }
    close(in[0]);
    close(out[1]);
    h->in = in[1];
    read_ports(h, out[0]);
    close(out[0]);
    snprintf(h->url, sizeof(h->url), "http%s://127.0.0.1:%u", cert != NULL ? "s" : "", h->port);
}

void test_hub_stop(struct test_hub *h)
{
    int status = 0;
    close(h->in);
    assert_int_equal(waitpid(h->pid, &status, 0), h->pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* One request on a connection of its own; the whole answer. */
static void call(struct test_hub *h, const char *method, const char *body, struct kit_buf *answer)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(h->control_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct kit_buf request;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    kit_buf_init(&request, ANSWER_BYTES_MAX);
    kit_buf_printf(&request, "%s /control HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n%s",
                   method, strlen(body), body);
    for (size_t at = 0; at < request.len;) {
        ssize_t n = send(fd, request.ptr + at, request.len - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
    kit_buf_done(&request);
    for (ssize_t n = 1; n > 0;) {
        char *to_read = kit_buf_reserve(answer, 64 * KIT_KIB);
        assert_non_null(to_read);
        n = recv(fd, to_read, 64 * KIT_KIB, 0);
        assert_true(n >= 0);
        kit_buf_grew(answer, (size_t)n);
    }
    close(fd);
    assert_true(kit_str_starts(kit_buf_str(answer), kit_str_lit("HTTP/1.1 200")));
}

void test_hub_control(struct test_hub *h, const char *json)
{
    struct kit_buf answer;
    kit_buf_init(&answer, ANSWER_BYTES_MAX);
    call(h, "POST", json, &answer);
    kit_buf_done(&answer);
}

struct sum {
    uint32_t count, tokens;
    uint64_t sent;
};

static struct sum sum_up(struct test_hub *h, const char *at, const char *path)
{
    struct kit_buf answer;
    struct kit_json_doc *doc = NULL;
    struct sum sum = {0};
    kit_buf_init(&answer, ANSWER_BYTES_MAX);
    call(h, "GET", "", &answer);
    kit_str text = kit_buf_str(&answer);
    size_t body = kit_str_find(text, kit_str_lit("\r\n\r\n"));
    assert_ok(kit_json_parse(kit_str_sub(text, body + 4, text.len), 4, &doc, NULL));
    for (struct kit_json_iter i = kit_json_iter(kit_json_root(doc)); kit_json_next(&i);) {
        kit_str there = kit_json_str(kit_json_get(i.value, "path"), (kit_str){0});
        if (kit_str_eq(kit_json_str(kit_json_get(i.value, "at"), (kit_str){0}), kit_str_c(at)) &&
            kit_str_ends(there, kit_str_c(path))) {
            sum.count++;
            sum.sent += (uint64_t)kit_json_i64(kit_json_get(i.value, "sent"), 0);
            sum.tokens += kit_json_type(kit_json_get(i.value, "token")) == KIT_JSON_STRING;
        }
    }
    kit_json_free(doc);
    kit_buf_done(&answer);
    return sum;
}

uint32_t test_hub_count(struct test_hub *h, const char *at, const char *path)
{
    return sum_up(h, at, path).count;
}

uint64_t test_hub_sent(struct test_hub *h, const char *at, const char *path)
{
    return sum_up(h, at, path).sent;
}

uint32_t test_hub_tokens(struct test_hub *h, const char *at)
{
    return sum_up(h, at, "").tokens;
}
