#include "heimnetz/control.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/client.h"
#include "heimnetz/launch.h"
#include "heimnetz/logline.h"
#include "heimnetz/progress.h"
#include "kit/alloc.h"
#include "kit/clock.h"
#include "kit/file.h"

#define ASK_MS 2000
#define KILL_WAIT_MS 5000
#define TURN_MS 20                        /* between two looks at whether the process still lives */
#define LOG_BYTES_MAX (10 * KIT_MIB)      /* a log that is longer is put aside at the next start */
#define LOG_TAIL_BYTES (16 * KIT_KIB)     /* of a start that failed: where the reason is looked for */
#define ADDRESS_KEY "X_HEIMNETZ_ADDRESS=" /* src/aethercore/app.c says it with READY=1 */

extern char **environ;

/* --- one at a time --- */

enum kit_status heimnetz_control_open(struct heimnetz_control *c, struct kit_err *err)
{
    char path[PLACES_BYTES];
    c->lock = -1;
    enum kit_status rc = heimnetz_places_state(path, err);
    rc = rc == KIT_OK ? kit_file_make_folder(path, err) : rc;
    rc = rc == KIT_OK ? heimnetz_places_of(c->service, ".lock", path, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0) {
        return kit_fail(err, errno == EACCES ? KIT_DENIED : KIT_IO, "%s cannot be opened: %s", path, strerror(errno));
    }
    while (flock(fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            int error = errno;
            close(fd);
            return kit_fail(err, KIT_IO, "%s cannot be locked: %s", path, strerror(error));
        }
    }
    c->lock = fd;
    return KIT_OK;
}

void heimnetz_control_close(struct heimnetz_control *c)
{
    if (c->lock >= 0) {
        close(c->lock);
    }
    c->lock = -1;
}

/* --- who is there --- */

/* True: something at the address says that it is a server of the suite. */
static bool answers(const char *url)
{
    struct client client;
    struct client_answer a = {0};
    if (client_init(&client, url, NULL, NULL) != KIT_OK) {
        return false;
    }
    client.timeout_ms = ASK_MS;
    enum kit_status rc = client_call(&client, "GET", "/health/live", (kit_str){0}, &a, NULL);
    bool ours = rc == KIT_OK && a.doc != NULL && kit_json_bool(kit_json_get(kit_json_root(a.doc), "live"), false);
    client_answer_done(&a);
    return ours;
}

static uint16_t port_of(const char *url)
{
    const char *colon = strrchr(url, ':');
    uint64_t port = 0;
    return colon != NULL && kit_str_to_u64(kit_str_c(colon + 1), &port) == KIT_OK && port <= 65535 ? (uint16_t)port : 0;
}

/* Where it will be, as far as the arguments tell; "" when it picks a free port. */
static void expect_url(const struct heimnetz_control *c, const struct heimnetz_record *r, char ret[RECORD_URL_BYTES])
{
    const char *port = heimnetz_launch_value(r, "--port");
    if (port == NULL) {
        kit_str_to_c(kit_str_c(c->home), ret, RECORD_URL_BYTES);
    } else {
        snprintf(ret, RECORD_URL_BYTES, strcmp(port, "0") == 0 ? "%.0s" : "http://127.0.0.1:%s", port);
    }
}

/* Is its place taken? OK: no. *foreign: yes, by one of its kind. */
static enum kit_status check_place(struct heimnetz_record *r, bool *foreign, struct kit_err *err)
{
    char name[PROCESS_NAME_BYTES];
    pid_t pid = 0;
    uint16_t port = port_of(r->url);
    *foreign = false;
    if (port == 0 || heimnetz_process_of_port(port, &pid, name, NULL) != KIT_OK) {
        return KIT_OK;
    }
    if (answers(r->url)) {
        *foreign = true;
        return pid == 0 ? KIT_OK : heimnetz_process_read(pid, &r->process, err);
    }
    if (pid == 0) {
        return kit_fail(err, KIT_CONFLICT, "port %u is taken by a program of another user; --port takes another one",
                        port);
    }
    return kit_fail(err, KIT_CONFLICT, "port %u is taken by %s (process %d): end it, or take another port with --port",
                    port, name, (int)pid);
}

/* --- the word that it is ready --- */

/* A socket for NOTIFY_SOCKET in the abstract name space; *path: how it is called in the environment. */
static int open_notify(char *path, size_t size)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    int len = snprintf(path, size, "@heimnetz-%d-%llx", (int)getpid(), (unsigned long long)kit_clock_ns());
    memcpy(to.sun_path + 1, path + 1, (size_t)len - 1);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)len);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&to, bytes) != 0) {
        close(fd);
        fd = -1;
    }
    return fd;
}

/* An address that listens everywhere is reached at home. */
static void take_address(kit_str address, char ret[RECORD_URL_BYTES])
{
    static const struct {
        const char *any, *home;
    } rows[] = {{"http://0.0.0.0:", "http://127.0.0.1:"}, {"http://[::]:", "http://[::1]:"}};
    for (size_t i = 0; i < KIT_COUNT(rows); i++) {
        if (kit_str_starts(address, kit_str_c(rows[i].any))) {
            kit_str rest = kit_str_sub(address, strlen(rows[i].any), address.len);
            snprintf(ret, RECORD_URL_BYTES, "%s%.*s", rows[i].home, KIT_STR_ARG(rest));
            return;
        }
    }
    kit_str_to_c(address, ret, RECORD_URL_BYTES);
}

/* Reads what was said; true: READY=1 was. */
static bool hear_ready(int fd, char url[RECORD_URL_BYTES])
{
    char text[2048];
    bool ready = false;
    for (ssize_t n; (n = recv(fd, text, sizeof(text), 0)) > 0;) {
        kit_str rest = {.ptr = text, .len = (size_t)n}, line;
        while (kit_str_cut(&rest, '\n', &line)) {
            ready = ready || kit_str_eq(line, kit_str_lit("READY=1"));
            if (kit_str_starts(line, kit_str_lit(ADDRESS_KEY))) {
                take_address(kit_str_sub(line, strlen(ADDRESS_KEY), line.len), url);
            }
        }
    }
    return ready;
}

/* --- a start that failed --- */

/* The reason in the log behind byte `from`: the "why" of the last line that is an error, else its last line. */
static void find_reason(const char *log, uint64_t from, char *buf, size_t size)
{
    char text[LOG_TAIL_BYTES];
    buf[0] = '\0';
    FILE *f = fopen(log, "re");
    if (f == NULL || fseeko(f, (off_t)from, SEEK_SET) != 0) {
        kit_str_to_c(kit_str_lit("its log cannot be read"), buf, size);
    }
    size_t len = f != NULL ? fread(text, 1, sizeof(text), f) : 0;
    kit_str rest = {.ptr = text, .len = len}, line;
    while (kit_str_cut(&rest, '\n', &line)) {
        struct heimnetz_logline l;
        char why[KIT_ERR_MSG_BYTES];
        if (!heimnetz_logline_parse(line, &l)) {
            kit_str_to_c(line, buf, size);
        } else if (kit_str_eq(l.level, kit_str_lit("error")) && heimnetz_logline_value(&l, "why", why, sizeof(why))) {
            kit_str_to_c(kit_str_c(why), buf, size);
        }
    }
    if (f != NULL) {
        (void)fclose(f);
    }
}

static enum kit_status fail_ended(const struct heimnetz_control *c, const char *log, uint64_t from, int status,
                                  struct kit_err *err)
{
    char reason[KIT_ERR_MSG_BYTES];
    find_reason(log, from, reason, sizeof(reason));
    if (reason[0] != '\0') {
        return kit_fail(err, KIT_UNAVAILABLE, "%s did not start: %s", c->service, reason);
    }
    if (WIFSIGNALED(status)) {
        return kit_fail(err, KIT_UNAVAILABLE, "%s did not start: signal %d ended it", c->service, WTERMSIG(status));
    }
    return kit_fail(err, KIT_UNAVAILABLE, "%s did not start: it ended with code %d", c->service, WEXITSTATUS(status));
}

/* --- starting --- */

static uint64_t rotate_log(const char *log)
{
    uint64_t bytes = 0;
    char old[PLACES_BYTES + 4];
    if (kit_file_size(log, &bytes, NULL) != KIT_OK) {
        return 0;
    }
    snprintf(old, sizeof(old), "%s.1", log);
    return bytes > LOG_BYTES_MAX && rename(log, old) == 0 ? 0 : bytes;
}

/* The environment with NOTIFY_SOCKET as given; owned by the caller, its strings are not. */
static char **with_notify(char *const *from, char *notify)
{
    size_t count = 0, used = 0;
    while (from[count] != NULL) {
        count++;
    }
    char **ret = kit_alloc_array(count + 2, sizeof(*ret));
    for (size_t i = 0; ret != NULL && i < count; i++) {
        if (!kit_str_starts(kit_str_c(from[i]), kit_str_lit("NOTIFY_SOCKET="))) {
            ret[used++] = from[i];
        }
    }
    if (ret != NULL) {
        ret[used] = notify;
        ret[used + 1] = NULL;
    }
    return ret;
}

static enum kit_status spawn(const struct heimnetz_control *c, struct heimnetz_record *r, const char *program,
                             const char *log, const char *socket, struct kit_err *err)
{
    char notify[160];
    char *argv[RECORD_ARGUMENTS_MAX + 2] = {(char *)(uintptr_t)program};
    memcpy(argv + 1, r->arguments, r->argument_count * sizeof(argv[0]));
    snprintf(notify, sizeof(notify), "NOTIFY_SOCKET=%s", socket);
    char **environment = with_notify(c->environment != NULL ? c->environment : environ, notify);
    if (environment == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for the environment of %s", program);
    }
    enum kit_status rc = heimnetz_process_start(argv, environment, log, &r->process.pid, err);
    kit_alloc_free(environment);
    return rc;
}

struct start {
    struct heimnetz_control *control;
    struct heimnetz_record *record;
    char log[PLACES_BYTES];
    uint64_t log_from; /* byte at which this start's lines begin */
    int notify;
};

/* Until it says that it is ready, ends, or the time is over. */
static enum kit_status await_ready(struct start *s, struct kit_err *err)
{
    const struct heimnetz_control *c = s->control;
    pid_t pid = s->record->process.pid;
    uint64_t until_ns = kit_clock_ns() + c->start_ms * KIT_NS_PER_MS;
    while (kit_clock_ns() < until_ns) {
        int status = 0;
        struct pollfd p = {.fd = s->notify, .events = POLLIN};
        if (poll(&p, 1, TURN_MS) > 0 && hear_ready(s->notify, s->record->url)) {
            return KIT_OK;
        }
        if (waitpid(pid, &status, WNOHANG) == pid) {
            heimnetz_record_remove(c->service);
            return fail_ended(c, s->log, s->log_from, status, err);
        }
    }
    return kit_fail(err, KIT_TIMEOUT, "%s (process %d) is not ready after %u s; '%s logs' says what it does",
                    c->service, (int)pid, c->start_ms / 1000, c->name);
}

/* Written down before it is ready: an interrupt now must not leave one that nobody knows of. So one that cannot be written
 * down has to end: no `down` would find it. */
static enum kit_status write_down(const struct heimnetz_control *c, struct heimnetz_record *r, struct kit_err *err)
{
    pid_t pid = r->process.pid;
    if (heimnetz_process_read(pid, &r->process, NULL) != KIT_OK) {
        return KIT_OK; /* it has ended already, and why is in its log */
    }
    enum kit_status rc = heimnetz_record_write(c->service, r, err);
    if (rc != KIT_OK) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
    }
    return rc;
}

static enum kit_status start_and_wait(struct start *s, const char *program, const char *socket, struct kit_err *err)
{
    struct heimnetz_control *c = s->control;
    struct heimnetz_progress progress;
    enum kit_status rc = spawn(c, s->record, program, s->log, socket, err);
    if (rc != KIT_OK) {
        return rc;
    }
    rc = write_down(c, s->record, err);
    heimnetz_progress_start(&progress, c->term, c->service, "it goes on starting");
    heimnetz_progress_set(&progress, "starting", 0, 0);
    rc = rc == KIT_OK ? await_ready(s, err) : rc;
    heimnetz_progress_stop(&progress);
    /* Its program's name is known for sure only now: before, the child may not have become it yet. */
    if (rc == KIT_OK && heimnetz_process_read(s->record->process.pid, &s->record->process, err) == KIT_OK) {
        rc = heimnetz_record_write(c->service, s->record, err);
    }
    return rc;
}

static enum kit_status start(struct heimnetz_control *c, struct heimnetz_record *r, struct kit_err *err)
{
    struct start s = {.control = c, .record = r, .notify = -1};
    char program[PLACES_BYTES], socket[96];
    enum kit_status rc = heimnetz_places_program(c->service, program, err);
    rc = rc == KIT_OK ? heimnetz_places_of(c->service, ".log", s.log, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    s.log_from = rotate_log(s.log);
    s.notify = open_notify(socket, sizeof(socket));
    if (s.notify < 0) {
        return kit_fail(err, KIT_IO, "no socket for the word that %s is ready: %s", c->service, strerror(errno));
    }
    rc = start_and_wait(&s, program, socket, err);
    close(s.notify);
    return rc;
}

enum kit_status heimnetz_control_start(struct heimnetz_control *c, struct heimnetz_record *r,
                                       enum heimnetz_control_outcome *ret, struct kit_err *err)
{
    struct heimnetz_record before;
    bool foreign = false;
    if (heimnetz_record_read(c->service, &before, NULL) == KIT_OK) {
        heimnetz_record_done(r);
        *r = before;
        *ret = CONTROL_RUNNING;
        return KIT_OK;
    }
    heimnetz_record_done(&before);
    expect_url(c, r, r->url);
    enum kit_status rc = check_place(r, &foreign, err);
    if (rc == KIT_OK && !foreign) {
        rc = start(c, r, err);
    }
    *ret = foreign ? CONTROL_FOREIGN : CONTROL_STARTED;
    return rc;
}

/* --- ending --- */

static enum kit_status say(const struct heimnetz_control *c, const struct heimnetz_process *p, int number,
                           struct kit_err *err)
{
    if (kill(p->pid, number) == 0 || errno == ESRCH) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_DENIED, "%s (process %d) belongs to another user", c->service, (int)p->pid);
}

static enum kit_status end(struct heimnetz_control *c, const struct heimnetz_process *p,
                           enum heimnetz_control_outcome *ret, struct kit_err *err)
{
    struct heimnetz_progress progress;
    enum kit_status rc = say(c, p, SIGTERM, err);
    if (rc != KIT_OK) {
        return rc;
    }
    heimnetz_progress_start(&progress, c->term, c->service, "it goes on finishing what is under way");
    heimnetz_progress_set(&progress, "finishes what is under way", 0, 0);
    bool ended = heimnetz_process_wait_end(p, c->stop_ms);
    *ret = ended ? CONTROL_ENDED : CONTROL_KILLED;
    if (!ended) {
        rc = say(c, p, SIGKILL, err);
        ended = rc == KIT_OK && heimnetz_process_wait_end(p, KILL_WAIT_MS);
    }
    heimnetz_progress_stop(&progress);
    if (rc == KIT_OK && !ended) {
        rc = kit_fail(err, KIT_TIMEOUT, "%s (process %d) does not end, not even killed", c->service, (int)p->pid);
    }
    return rc;
}

static enum kit_status fail_foreign(const struct heimnetz_control *c, struct kit_err *err)
{
    char name[PROCESS_NAME_BYTES];
    pid_t pid = 0;
    if (heimnetz_process_of_port(port_of(c->url), &pid, name, NULL) != KIT_OK || pid == 0) {
        return kit_fail(err, KIT_CONFLICT, "%s at %s was not started by '%s up': end it where it was started",
                        c->service, c->url, c->name);
    }
    return kit_fail(err, KIT_CONFLICT,
                    "%s at %s (process %d) was not started by '%s up': end it where it was started, or with 'kill %d'",
                    c->service, c->url, (int)pid, c->name, (int)pid);
}

enum kit_status heimnetz_control_stop(struct heimnetz_control *c, enum heimnetz_control_outcome *ret,
                                      struct kit_err *err)
{
    struct heimnetz_record r;
    enum kit_status rc = heimnetz_record_read(c->service, &r, err);
    if (rc == KIT_OK) {
        rc = end(c, &r.process, ret, err);
        if (rc == KIT_OK) {
            heimnetz_record_remove(c->service);
        }
    } else if (answers(c->url)) {
        rc = fail_foreign(c, err);
    } else {
        heimnetz_record_remove(c->service); /* what is left of one that has ended by itself */
        *ret = CONTROL_ABSENT;
        rc = KIT_OK;
    }
    heimnetz_record_done(&r);
    return rc;
}
