#include "heimnetz/process.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/file.h"
#include "kit/str.h"
#include "support/temp.h"
#include "support/test.h"

extern char **environ;

TEST(process_knows_itself)
{
    struct heimnetz_process p;
    assert_ok(heimnetz_process_read(getpid(), &p, NULL));
    assert_int_equal(p.pid, getpid());
    assert_true(p.started > 0 && p.exe[0] == '/');
    assert_true(heimnetz_process_lives(&p));
    assert_true(heimnetz_process_age_ms(&p) < 600000);
    assert_false(heimnetz_process_wait_end(&p, 10));
    assert_int_equal(heimnetz_process_read(0, &p, NULL), KIT_NOT_FOUND);
    assert_int_equal(heimnetz_process_read(-1, &p, NULL), KIT_NOT_FOUND);
}

TEST(process_that_has_ended_does_not_live_even_before_it_is_collected)
{
    struct heimnetz_process p;
    pid_t child = fork();
    if (child == 0) {
        pause();
    }
    assert_ok(heimnetz_process_read(child, &p, NULL));
    kill(child, SIGKILL);
    assert_true(heimnetz_process_wait_end(&p, 10000)); /* a zombie by now */
    assert_int_equal(waitpid(child, NULL, 0), child);
}

static int listen_on(int family, uint16_t *port)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr *at = family == AF_INET ? (struct sockaddr *)&v4 : (struct sockaddr *)&v6;
    socklen_t len = family == AF_INET ? sizeof(v4) : sizeof(v6);
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, at, len) != 0) {
        return -1; /* no IPv6 here */
    }
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, at, &len), 0);
    *port = ntohs(family == AF_INET ? v4.sin_port : v6.sin6_port);
    return fd;
}

TEST(process_that_holds_a_port_is_found)
{
    static const int families[] = {AF_INET, AF_INET6};
    for (size_t i = 0; i < KIT_COUNT(families); i++) {
        uint16_t port = 0;
        pid_t pid = 0;
        char name[PROCESS_NAME_BYTES];
        int fd = listen_on(families[i], &port);
        if (fd < 0) {
            continue;
        }
        assert_ok(heimnetz_process_of_port(port, &pid, name, NULL));
        assert_int_equal(pid, getpid());
        assert_true(name[0] != '\0');
        close(fd);
        assert_int_equal(heimnetz_process_of_port(port, &pid, name, NULL), KIT_NOT_FOUND);
    }
}

TEST(process_starts_apart_from_us)
{
    char log[TEST_PATH_BYTES], *const argv[] = {(char *)(uintptr_t) "/bin/sh", (char *)(uintptr_t) "-c",
                                                (char *)(uintptr_t) "cat; pwd; echo wrong >&2; kill -TERM $$", NULL};
    int status = 0;
    pid_t child = 0;
    struct kit_buf text;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    test_temp_write(log, "log.txt", kit_str_lit("before\n"));
    sigaction(SIGTERM, &ignore, &before); /* it must not inherit this */
    assert_ok(heimnetz_process_start(argv, environ, log, &child, NULL));
    assert_int_not_equal(getsid(child), getsid(0));
    assert_int_equal(waitpid(child, &status, 0), child);
    sigaction(SIGTERM, &before, NULL);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    kit_buf_init(&text, KIT_KIB);
    assert_ok(kit_file_read(log, &text, NULL));
    assert_str(kit_buf_str(&text), "before\n/\nwrong\n");
    kit_buf_done(&text);
}

TEST(process_that_cannot_be_started_says_so)
{
    char log[TEST_PATH_BYTES], *const argv[] = {(char *)(uintptr_t) "/nowhere/program", NULL};
    pid_t child = 0;
    struct kit_err err = {0};
    test_temp_path(log, "log2.txt");
    assert_int_equal(heimnetz_process_start(argv, environ, log, &child, &err), KIT_NOT_FOUND);
    assert_non_null(strstr(err.msg, "/nowhere/program"));
}

int main(void)
{
    return TEST_RUN(TEST_OF(process_knows_itself),
                    TEST_OF(process_that_has_ended_does_not_live_even_before_it_is_collected),
                    TEST_OF(process_that_holds_a_port_is_found), TEST_OF(process_starts_apart_from_us),
                    TEST_OF(process_that_cannot_be_started_says_so));
}
