/* tests/support/test_hub.h - tests/support/hub.py as a child process: a hub on loopback that misbehaves when it is told to.
 *
 * Thread: one. A failure ends the test; the child ends with it. Memory: the holder's. */
#ifndef SUPPORT_TEST_HUB_H
#define SUPPORT_TEST_HUB_H

#include <sys/types.h>

#include "kit/json.h"

struct test_hub {
    pid_t pid;
    int in; /* its standard input: it ends when this is closed */
    uint16_t port, storage_port, control_port;
    char url[64]; /* "http://127.0.0.1:<port>" */
};

/* script: tests/support/hub.py. folder: its repositories. cert, key: PEM files; NULL: no TLS. */
void test_hub_start(struct test_hub *h, const char *script, const char *folder, const char *cert, const char *key);
void test_hub_stop(struct test_hub *h);

/* What it does from now on: see hub.py. Forgets what came before. */
void test_hub_control(struct test_hub *h, const char *json);

/* Of the requests since then to `at` ("hub", "storage") whose path ends with `path` ("": all): how many, and the bytes
 * of their answers' bodies. */
uint32_t test_hub_count(struct test_hub *h, const char *at, const char *path);
uint64_t test_hub_sent(struct test_hub *h, const char *at, const char *path);
/* How many of those to `at` had an Authorization. */
uint32_t test_hub_tokens(struct test_hub *h, const char *at);

#endif
