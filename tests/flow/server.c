#include "server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/file.h"
#include "support/temp.h"
#include "support/test.h"

#define READY_MS 20000
#define WAIT_NS (10 * KIT_NS_PER_S)

static void run_child(const char *models, const char *const *args, int log)
{
    const char *argv[SERVER_ARGS_MAX + 8] = {TEST_BUILD "/bin/aethercore", "--port", "0", "--models", models};
    int n = 5;
    for (int i = 0; args != NULL && args[i] != NULL && i < SERVER_ARGS_MAX; i++) {
        argv[n++] = args[i];
    }
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(log, STDERR_FILENO);
    setenv("AETHERCORE_LOG__FORMAT", "logfmt", 1);
    setenv("AETHERCORE_MODELS__HF_CACHE", "off", 1); /* what lies on this machine is not the test's */
    setenv("AETHERCORE_HUB__AUTOPULL", "off", 0);    /* nor what lies on the hub */
    setenv("HF_ENDPOINT", "http://127.0.0.1:1", 0);
    unsetenv("HEIMNETZ_API_KEY"); /* nor is a key of who runs it */
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Reads the log until server.ready; what comes later is read by nobody, so the pipe is made large. */
static uint16_t read_port(struct server *s)
{
    char text[65536];
    size_t used = 0;
    struct pollfd p = {.fd = s->log, .events = POLLIN};
    while (used + 1 < sizeof(text) && poll(&p, 1, READY_MS) == 1) {
        ssize_t n = read(s->log, text + used, sizeof(text) - 1 - used);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
        text[used] = '\0';
        const char *ready = strstr(text, "server.ready"),
                   *at = ready != NULL ? strstr(ready, "address=http://127.0.0.1:") : NULL;
        if (at != NULL && strchr(at, '\n') != NULL) {
            return (uint16_t)strtoul(at + strlen("address=http://127.0.0.1:"), NULL, 10);
        }
    }
    fail_msg("the server did not get ready: %s", text);
    return 0;
}

/* From here on the log is emptied in passing, whenever the test calls. */
static void keep_draining(struct server *s)
{
    fcntl(s->log, F_SETFL, O_NONBLOCK);
    fcntl(s->log, F_SETPIPE_SZ, 1 << 20);
}

/* What it says that is no plain information goes to our own standard error: a sanitizer's report, for instance. */
static void drain_log(struct server *s)
{
    char text[4096];
    ssize_t n;
    while ((n = read(s->log, text, sizeof(text))) > 0) {
        kit_str rest = {.ptr = text, .len = (size_t)n}, line;
        while (kit_str_cut(&rest, '\n', &line)) {
            if (kit_str_find(line, kit_str_lit("level=info")) == line.len || getenv("TEST_SHOW_LOG") != NULL) {
                fprintf(stderr, "server: %.*s\n", KIT_STR_ARG(line));
            }
        }
    }
}

void server_start(struct server *s, const char *models, const char *const *args)
{
    int log[2];
    char url[64];
    *s = (struct server){0};
    assert_int_equal(pipe2(log, O_CLOEXEC), 0);
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0) {
        run_child(models, args, log[1]);
    }
    close(log[1]);
    s->log = log[0];
    s->port = read_port(s);
    keep_draining(s);
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", s->port);
    assert_int_equal(client_init(&s->client, url, NULL, NULL), KIT_OK);
    s->client.timeout_ms = 60000;
}

bool server_alive(struct server *s)
{
    int status = 0;
    drain_log(s);
    return waitpid(s->pid, &status, WNOHANG) == 0;
}

void server_stop(struct server *s)
{
    drain_log(s);
    assert_int_equal(kill(s->pid, SIGTERM), 0);
    server_wait_end(s);
}

void server_wait_end(struct server *s)
{
    int status = 0;
    uint64_t until_ns = kit_clock_ns() + 2 * WAIT_NS;
    while (waitpid(s->pid, &status, WNOHANG) == 0) {
        drain_log(s);
        if (kit_clock_ns() > until_ns) {
            kill(s->pid, SIGKILL);
            fail_msg("the server did not end within 20 s of SIGTERM");
        }
        usleep(2000);
    }
    drain_log(s);
    close(s->log);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

uint64_t server_rss(const struct server *s)
{
    char path[64];
    unsigned long long pages = 0;
    snprintf(path, sizeof(path), "/proc/%d/statm", s->pid);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*u %llu", &pages), 1);
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int server_call(struct server *s, const char *method, const char *path, const char *body, struct client_answer *ret)
{
    struct kit_err err = {0};
    drain_log(s);
    if (client_call(&s->client, method, path, kit_str_c(body), ret, &err) != KIT_OK && ret->status == 0) {
        fail_msg("%s %s: %s", method, path, err.msg);
    }
    return ret->status;
}

void server_expect(struct server *s, const char *method, const char *path, const char *body, int status,
                   struct client_answer *ret)
{
    int got = server_call(s, method, path, body, ret);
    if (got != status) {
        fail_msg("%s %s: %d instead of %d: %s", method, path, got, status, ret->text);
    }
}

void server_expect_only(struct server *s, const char *method, const char *path, const char *body, int status)
{
    struct client_answer a;
    server_expect(s, method, path, body, status, &a);
    client_answer_done(&a);
}

/* --- metrics --- */

/* A line is "name{labels} value" or "name value"; label values hold no spaces here. */
static double sum_lines(const char *text, const char *name, kit_str label)
{
    double sum = 0;
    bool found = false;
    char full[128];
    snprintf(full, sizeof(full), "aethercore_%s", name);
    kit_str rest = kit_str_c(text), line;
    while (kit_str_cut(&rest, '\n', &line)) {
        double x = 0;
        size_t space = kit_str_find_char(line, ' ');
        kit_str head = kit_str_sub(line, 0, KIT_MIN(kit_str_find_char(line, '{'), space));
        bool labelled = label.len == 0 || kit_str_find(line, label) < line.len;
        if (labelled && kit_str_eq(head, kit_str_c(full)) &&
            kit_str_to_f64(kit_str_sub(line, space + 1, line.len), &x) == KIT_OK) {
            sum += x;
            found = true;
        }
    }
    return found ? sum : -1;
}

double server_metric(struct server *s, const char *name)
{
    struct client_answer a;
    server_expect(s, "GET", "/metrics", "", 200, &a);
    double sum = sum_lines(a.text, name, (kit_str){0});
    client_answer_done(&a);
    return sum;
}

double server_metric_of(struct server *s, const char *name, const char *label)
{
    struct client_answer a;
    server_expect(s, "GET", "/metrics", "", 200, &a);
    double sum = sum_lines(a.text, name, kit_str_c(label));
    client_answer_done(&a);
    return sum < 0 ? 0 : sum;
}

void server_wait_metric(struct server *s, const char *name, double value)
{
    uint64_t until_ns = kit_clock_ns() + WAIT_NS;
    double got = server_metric(s, name);
    while (got != value) {
        if (kit_clock_ns() > until_ns) {
            fail_msg("%s stays %g instead of %g", name, got, value);
        }
        usleep(10000);
        got = server_metric(s, name);
    }
}

/* --- raw connections --- */

int server_connect(const struct server *s)
{
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(s->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

void server_send(int fd, kit_str bytes)
{
    while (bytes.len > 0) {
        ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        bytes = kit_str_sub(bytes, (size_t)n, bytes.len);
    }
}

void server_post(int fd, const char *path, const char *body)
{
    char head[512];
    int len = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: %zu\r\n\r\n", path,
                       strlen(body));
    server_send(fd, (kit_str){.ptr = head, .len = (size_t)len});
    server_send(fd, kit_str_c(body));
}

void server_ask_echo(int fd, const char *model, const char *more)
{
    char body[512];
    snprintf(body, sizeof(body),
             "{\"model\":\"%s\",\"inputs\":{\"tensors\":[{\"name\":\"x\",\"dtype\":\"int32\",\"shape\":[1],"
             "\"data\":[7]}]}%s}",
             model, more);
    server_post(fd, "/serve", body);
}

int server_read_status(int fd)
{
    char text[8192] = "";
    size_t used = 0;
    int status = 0;
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (strstr(text, "\r\n\r\n") == NULL && used + 1 < sizeof(text) && poll(&p, 1, READY_MS) == 1) {
        ssize_t n = recv(fd, text + used, sizeof(text) - 1 - used, 0);
        if (n <= 0) {
            break;
        }
        used += (size_t)n;
        text[used] = '\0';
    }
    return sscanf(text, "HTTP/1.1 %d", &status) == 1 ? status : 0;
}

/* --- models --- */

struct copying {
    const char *from, *to;
};

static bool copy_entry(void *ctx, const char *name, bool is_folder);

static void copy_folder(const char *from, const char *to)
{
    struct copying c = {.from = from, .to = to};
    assert_int_equal(kit_file_make_folder(to, NULL), KIT_OK);
    assert_int_equal(kit_file_list(from, copy_entry, &c, NULL), KIT_OK);
}

static void copy_file(const char *from, const char *to)
{
    struct kit_buf bytes;
    kit_buf_init(&bytes, 64 * KIT_MIB);
    assert_int_equal(kit_file_read(from, &bytes, NULL), KIT_OK);
    FILE *f = fopen(to, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.ptr, 1, bytes.len, f), bytes.len);
    assert_int_equal(fclose(f), 0);
    kit_buf_done(&bytes);
}

static bool copy_entry(void *ctx, const char *name, bool is_folder)
{
    const struct copying *c = ctx;
    char from[8192], to[8192];
    snprintf(from, sizeof(from), "%s/%s", c->from, name);
    snprintf(to, sizeof(to), "%s/%s", c->to, name);
    if (is_folder) {
        copy_folder(from, to);
    } else {
        copy_file(from, to);
    }
    return true;
}

const char *server_models(const char *const *names)
{
    static char folder[TEST_PATH_BYTES];
    test_temp_path(folder, "models");
    assert_int_equal(kit_file_make_folder(folder, NULL), KIT_OK);
    for (int i = 0; names[i] != NULL; i++) {
        char from[4096], to[TEST_PATH_BYTES + 256];
        snprintf(from, sizeof(from), TEST_DATA "/models/%s", names[i]);
        if (!kit_file_exists(from)) {
            snprintf(from, sizeof(from), TEST_DATA "/%s", names[i]);
        }
        snprintf(to, sizeof(to), "%s/%s", folder, names[i]);
        copy_folder(from, to);
    }
    return folder;
}

int server_set_up(void **state, struct server *s, const char *model)
{
    server_start(s, server_models((const char *const[]){model, NULL}), NULL);
    *state = s;
    return 0;
}

int server_tear_down(void **state)
{
    server_stop(*state);
    return 0;
}
