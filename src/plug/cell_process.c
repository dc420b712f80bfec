#include "plug/cell_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/sync.h"
#include "plug/now.h"

#define CLOSE_MS 2000
#define CHILD_SOCKET 3 /* its number in the cell */

struct plug_cell_process {
    struct plug_cell_process_options options;
    char *exe; /* owned */
    struct kit_thread thread;
    struct kit_mutex lock;
    struct kit_cond changed;
    int socket;       /* ours */
    int child_socket; /* theirs, until they have it */
    int pidfd;        /* -1: an old kernel; the socket's end tells then */
    pid_t pid;        /* under the lock; 0: not started, or reaped */
    bool over;        /* under the lock; reaped, or never started */
    bool asked;       /* under the lock; to go, while it was not over */
    char reason[PLUG_CELL_REASON_BYTES];
    char payload[PLUG_CELL_WIRE_BYTES_MAX + 1];
};

/* --- starting --- */

/* Signals to their defaults, none blocked; a group of its own, so that ^C reaches us and not the calls in flight. */
static int set_attributes(posix_spawnattr_t *a)
{
    sigset_t all;
    sigset_t none;
    sigfillset(&all);
    sigemptyset(&none);
    int rc = posix_spawnattr_setflags(a, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    rc = rc != 0 ? rc : posix_spawnattr_setsigdefault(a, &all);
    rc = rc != 0 ? rc : posix_spawnattr_setsigmask(a, &none);
    return rc != 0 ? rc : posix_spawnattr_setpgroup(a, 0);
}

/* The socket, no input, all output to stderr, nothing else of ours. */
static int set_files(posix_spawn_file_actions_t *f, int socket)
{
    int rc = posix_spawn_file_actions_adddup2(f, socket, CHILD_SOCKET);
    rc = rc != 0 ? rc : posix_spawn_file_actions_addopen(f, 0, "/dev/null", O_RDONLY, 0);
    rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(f, 2, 1);
    return rc != 0 ? rc : posix_spawn_file_actions_addclosefrom_np(f, CHILD_SOCKET + 1);
}

static int spawn_with(const struct plug_cell_process *p, const posix_spawn_file_actions_t *files,
                      const posix_spawnattr_t *attributes, pid_t *pid)
{
    char number[] = {'0' + CHILD_SOCKET, 0};
    char cell[] = "--cell";
    char *argv[] = {p->exe, cell, number, (char *)(uintptr_t)p->options.backend, NULL};
    return posix_spawn(pid, p->exe, files, attributes, argv, environ);
}

static int spawn(const struct plug_cell_process *p, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&files);
    if (rc != 0) {
        return rc;
    }
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = set_files(&files, p->child_socket);
        rc = rc != 0 ? rc : set_attributes(&attributes);
        rc = rc != 0 ? rc : spawn_with(p, &files, &attributes, pid);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&files);
    return rc;
}

static bool start(struct plug_cell_process *p)
{
    pid_t pid = 0;
    int rc = spawn(p, &pid);
    kit_mutex_lock(&p->lock);
    if (rc == 0) {
        p->pid = pid;
        p->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    } else if (p->reason[0] == 0) {
        (void)snprintf(p->reason, sizeof(p->reason), "could not be started: %s: %s", p->exe, strerror(rc));
    }
    (void)close(p->child_socket);
    p->child_socket = -1;
    bool ended_already = rc == 0 && p->reason[0] != 0;
    kit_mutex_unlock(&p->lock);
    return rc == 0 && !ended_already;
}

/* --- watching --- */

/* False: no more packets will come. */
static bool read_packet(struct plug_cell_process *p)
{
    struct plug_cell_wire head;
    enum plug_cell_wire_got got = plug_cell_wire_receive(p->socket, &head, p->payload, NULL, false);
    if (got == PLUG_CELL_WIRE_NOTHING) {
        return true;
    }
    if (got == PLUG_CELL_WIRE_GARBAGE ||
        (got == PLUG_CELL_WIRE_GOT && !p->options.packet(p->options.ctx, &head, p->payload))) {
        plug_cell_process_end(p, "sent a message that makes no sense");
        return false;
    }
    return got == PLUG_CELL_WIRE_GOT;
}

/* Until the process has gone or its socket has ended. What it said before it died is read first. */
static void listen_to(struct plug_cell_process *p)
{
    struct pollfd on[2] = {{.fd = p->socket, .events = POLLIN}, {.fd = p->pidfd, .events = POLLIN}};
    for (;;) {
        if (poll(on, 2, -1) < 0) {
            continue; /* EINTR */
        }
        if (on[0].revents != 0) {
            if (!read_packet(p)) {
                return;
            }
        } else if (on[1].revents != 0) {
            return;
        }
    }
}

static void say_why(struct plug_cell_process *p, int status)
{
    if (p->reason[0] != 0) {
        return;
    }
    if (WIFSIGNALED(status)) {
        (void)snprintf(p->reason, sizeof(p->reason), "was ended by signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    } else {
        (void)snprintf(p->reason, sizeof(p->reason), "exited with status %d", WEXITSTATUS(status));
    }
}

/* A pid is ours until it is reaped, and that happens under the lock, so that nobody signals a stranger. */
static void reap(struct plug_cell_process *p)
{
    siginfo_t info;
    int status = 0;
    plug_cell_process_end(p, NULL);
    while (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT) < 0 && errno == EINTR) {
    }
    kit_mutex_lock(&p->lock);
    (void)waitpid(p->pid, &status, 0);
    p->pid = 0;
    say_why(p, status);
    kit_mutex_unlock(&p->lock);
}

static void tell_over(struct plug_cell_process *p)
{
    kit_mutex_lock(&p->lock);
    p->over = true;
    bool asked = p->asked;
    kit_cond_broadcast(&p->changed);
    kit_mutex_unlock(&p->lock);
    p->options.died(p->options.ctx, p->reason, asked);
}

static void watch(void *arg)
{
    struct plug_cell_process *p = arg;
    if (start(p)) {
        listen_to(p);
    }
    if (p->pid != 0) {
        reap(p);
    }
    tell_over(p);
}

/* --- for the others --- */

static void close_fd(int fd)
{
    if (fd >= 0) {
        (void)close(fd);
    }
}

static void free_process(struct plug_cell_process *p)
{
    close_fd(p->socket);
    close_fd(p->child_socket);
    close_fd(p->pidfd);
    kit_cond_done(&p->changed);
    kit_mutex_done(&p->lock);
    kit_alloc_free(p->exe);
    kit_alloc_free(p);
}

enum kit_status plug_cell_process_start(const struct plug_cell_process_options *options, struct plug_cell_process **ret,
                                        struct kit_err *err)
{
    struct plug_cell_process *p = kit_alloc_zero(1, sizeof(*p));
    if (p == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory");
    }
    int pair[2] = {-1, -1};
    kit_mutex_init(&p->lock);
    kit_cond_init(&p->changed);
    p->options = *options;
    p->pidfd = -1;
    p->exe = kit_alloc_copy(options->exe, strlen(options->exe));
    bool ok = p->exe != NULL && plug_cell_wire_pair(pair);
    p->socket = pair[0];
    p->child_socket = pair[1];
    enum kit_status rc = ok ? kit_thread_start(&p->thread, "plug-cell", watch, p, err)
                            : kit_fail(err, KIT_NOMEM, "out of memory or descriptors");
    if (rc != KIT_OK) {
        free_process(p);
        return rc;
    }
    *ret = p;
    return KIT_OK;
}

bool plug_cell_process_send(struct plug_cell_process *p, const struct plug_cell_wire *head, const void *payload, int fd,
                            bool wait)
{
    return plug_cell_wire_send(p->socket, head, payload, fd, wait);
}

void plug_cell_process_end(struct plug_cell_process *p, const char *reason)
{
    kit_mutex_lock(&p->lock);
    if (reason != NULL && p->reason[0] == 0) {
        (void)snprintf(p->reason, sizeof(p->reason), "%s", reason);
    }
    if (p->pid != 0) {
        (void)kill(p->pid, SIGKILL);
    }
    kit_mutex_unlock(&p->lock);
}

static bool wait_over(struct plug_cell_process *p, uint32_t ms)
{
    uint64_t end = plug_now_ns() + ms * KIT_NS_PER_MS;
    kit_mutex_lock(&p->lock);
    while (!p->over && kit_cond_wait_until(&p->changed, &p->lock, end)) {
    }
    bool over = p->over;
    kit_mutex_unlock(&p->lock);
    return over;
}

void plug_cell_process_reason(struct plug_cell_process *p, uint32_t ms, char reason[PLUG_CELL_REASON_BYTES])
{
    reason[0] = 0;
    if (wait_over(p, ms)) {
        memcpy(reason, p->reason, PLUG_CELL_REASON_BYTES);
    }
}

void plug_cell_process_stop(struct plug_cell_process *p)
{
    if (p == NULL) {
        return;
    }
    kit_mutex_lock(&p->lock);
    p->asked = !p->over;
    kit_mutex_unlock(&p->lock);
    (void)plug_cell_process_send(p, &(struct plug_cell_wire){.type = PLUG_CELL_WIRE_CLOSE}, NULL, -1, false);
    if (!wait_over(p, CLOSE_MS)) {
        plug_cell_process_end(p, "did not go when it was asked to");
        (void)wait_over(p, UINT32_MAX);
    }
    kit_thread_join(&p->thread);
    free_process(p);
}

int64_t plug_cell_process_pid(struct plug_cell_process *p)
{
    kit_mutex_lock(&p->lock);
    int64_t pid = p->pid;
    kit_mutex_unlock(&p->lock);
    return pid;
}
