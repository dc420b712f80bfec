/* tests/flow/server.h - the real aethercore as a child process on a free port of loopback, for flow tests.
 *
 * Thread: one. A failure ends the test; the child ends with it (parent death signal). */
#ifndef FLOW_SERVER_H
#define FLOW_SERVER_H

#include <sys/types.h>

#include "client/client.h"

#define SERVER_ARGS_MAX 16

struct server {
    pid_t pid;
    int log; /* read end of its standard error */
    uint16_t port;
    struct client client; /* to it */
};

/* Starts build/<preset>/bin/aethercore with --models `models`, --port 0 and the arguments (NULL behind the last; may be
 * NULL) and waits until it is ready. */
void server_start(struct server *s, const char *models, const char *const *args);
/* SIGTERM, then waits: asserts that it exits with 0. */
void server_stop(struct server *s);
/* The second half of it, for who has sent the signal. */
void server_wait_end(struct server *s);
bool server_alive(struct server *s);
/* Resident bytes of the process. */
uint64_t server_rss(const struct server *s);

/* One call. The answer is the caller's (client_answer_done). */
int server_call(struct server *s, const char *method, const char *path, const char *body, struct client_answer *ret);
/* The same, asserting the status; and for answers that are not looked at. */
void server_expect(struct server *s, const char *method, const char *path, const char *body, int status,
                   struct client_answer *ret);
void server_expect_only(struct server *s, const char *method, const char *path, const char *body, int status);

/* The number of `name` in GET /metrics, summed over labels; -1: not there. */
double server_metric(struct server *s, const char *name);
/* The same, only over lines that hold `label` (result="ok"); 0: not there. */
double server_metric_of(struct server *s, const char *name, const char *label);
/* Asks again until the metric has this value; fails after 10 s. */
void server_wait_metric(struct server *s, const char *name, double value);

/* A raw connection. */
int server_connect(const struct server *s);
void server_send(int fd, kit_str bytes);
/* Sends `POST path` with this body on it, whole, without waiting for the answer. */
void server_post(int fd, const char *path, const char *body);
/* POST /serve: one small tensor for an echo model; `more` goes on behind the members (",\"timeout_ms\":5"). */
void server_ask_echo(int fd, const char *model, const char *more);
/* Reads up to the end of an answer's head and gives its status; 0: closed without one, or nothing within 20 s. */
int server_read_status(int fd);

/* For cmocka_run_group_tests, where all tests share one server. Set up: starts s with one model (see server_models) and
 * makes it the group's state. Tear down: server_stop of the group's state. */
int server_set_up(void **state, struct server *s, const char *model);
int server_tear_down(void **state);

/* A models folder of this test: `names` (NULL behind the last) are taken from tests/data/models or tests/data and copied.
 * Lives until the process ends. */
const char *server_models(const char *const *names);

#endif
