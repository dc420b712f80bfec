#include "heimnetz/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "kit/clock.h"
#include "kit/str.h"

#define POLL_US 5000

/* --- who it is --- */

/* Field 22 of /proc/<pid>/stat; fields are counted behind the name, which may hold anything. False: there is none, or it
 * is a zombie. */
static bool read_start(pid_t pid, uint64_t *ret)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        return false;
    }
    size_t len = fread(text, 1, sizeof(text) - 1, f);
    (void)fclose(f);
    text[len] = '\0';
    const char *behind = strrchr(text, ')');
    if (behind == NULL || strlen(behind) < 3 || behind[2] == 'Z' || behind[2] == 'X') {
        return false;
    }
    kit_str rest = kit_str_c(behind + 2), field = {0};
    for (int i = 3; i <= 22; i++) {
        if (!kit_str_cut(&rest, ' ', &field)) {
            return false;
        }
    }
    return kit_str_to_u64(field, ret) == KIT_OK;
}

static void read_exe(pid_t pid, char *buf, size_t size)
{
    const kit_str deleted = kit_str_lit(" (deleted)"); /* the file was replaced, as a new build does */
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
    ssize_t len = readlink(path, buf, size - 1);
    buf[len > 0 ? len : 0] = '\0';
    if (kit_str_ends(kit_str_c(buf), deleted)) {
        buf[strlen(buf) - deleted.len] = '\0';
    }
}

enum kit_status heimnetz_process_read(pid_t pid, struct heimnetz_process *ret, struct kit_err *err)
{
    uint64_t started = 0;
    if (pid <= 0 || !read_start(pid, &started)) {
        return kit_fail(err, KIT_NOT_FOUND, "no process has the number %d", (int)pid);
    }
    ret->pid = pid;
    ret->started = started;
    read_exe(pid, ret->exe, sizeof(ret->exe));
    return KIT_OK;
}

bool heimnetz_process_lives(const struct heimnetz_process *p)
{
    struct heimnetz_process now;
    return heimnetz_process_read(p->pid, &now, NULL) == KIT_OK && now.started == p->started &&
           (p->exe[0] == '\0' || now.exe[0] == '\0' || strcmp(now.exe, p->exe) == 0);
}

uint64_t heimnetz_process_age_ms(const struct heimnetz_process *p)
{
    struct timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    uint64_t now_ms = (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
    uint64_t started_ms = p->started * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
    return now_ms > started_ms ? now_ms - started_ms : 0;
}

bool heimnetz_process_wait_end(const struct heimnetz_process *p, uint32_t timeout_ms)
{
    uint64_t until_ns = kit_clock_ns() + timeout_ms * KIT_NS_PER_MS;
    while (heimnetz_process_lives(p)) {
        if (kit_clock_ns() >= until_ns) {
            return false;
        }
        usleep(POLL_US);
    }
    return true;
}

/* --- who holds a port --- */

/* A line of /proc/net/tcp: "  0: 0100007F:1F41 00000000:0000 0A … uid timeout inode"; 0A listens. 0: another port. */
static uint64_t listener_inode(const char *line, uint16_t port)
{
    unsigned local = 0, state = 0;
    unsigned long long inode = 0;
    int got =
        sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %llu", &local, &state, &inode);
    return got == 3 && local == port && state == 0x0A ? inode : 0;
}

static uint64_t find_listener(const char *table, uint16_t port)
{
    char line[512];
    uint64_t inode = 0;
    FILE *f = fopen(table, "re");
    while (f != NULL && inode == 0 && fgets(line, sizeof(line), f) != NULL) {
        inode = listener_inode(line, port);
    }
    if (f != NULL) {
        (void)fclose(f);
    }
    return inode;
}

static bool holds_socket(const char *pid, uint64_t inode)
{
    char path[320], target[64], wanted[64];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%s/fd", pid);
    snprintf(wanted, sizeof(wanted), "socket:[%llu]", (unsigned long long)inode);
    DIR *folder = opendir(path);
    for (struct dirent *e = NULL; folder != NULL && !found && (e = readdir(folder)) != NULL;) {
        ssize_t len = readlinkat(dirfd(folder), e->d_name, target, sizeof(target) - 1);
        target[len > 0 ? len : 0] = '\0';
        found = strcmp(target, wanted) == 0;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found;
}

static pid_t find_holder(uint64_t inode)
{
    uint64_t pid = 0;
    bool found = false;
    DIR *folder = opendir("/proc");
    for (struct dirent *e = NULL; folder != NULL && !found && (e = readdir(folder)) != NULL;) {
        found = kit_str_to_u64(kit_str_c(e->d_name), &pid) == KIT_OK && holds_socket(e->d_name, inode);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return found ? (pid_t)pid : 0;
}

static void read_name(pid_t pid, char name[PROCESS_NAME_BYTES])
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
    FILE *f = fopen(path, "re");
    if (f == NULL || fgets(name, PROCESS_NAME_BYTES, f) == NULL) {
        name[0] = '\0';
    }
    name[strcspn(name, "\n")] = '\0';
    if (f != NULL) {
        (void)fclose(f);
    }
}

enum kit_status heimnetz_process_of_port(uint16_t port, pid_t *pid, char name[PROCESS_NAME_BYTES], struct kit_err *err)
{
    uint64_t inode = find_listener("/proc/net/tcp", port);
    if (inode == 0) {
        inode = find_listener("/proc/net/tcp6", port);
    }
    if (inode == 0) {
        return kit_fail(err, KIT_NOT_FOUND, "nobody listens on port %u", port);
    }
    *pid = find_holder(inode);
    name[0] = '\0';
    if (*pid != 0) {
        read_name(*pid, name);
    }
    return KIT_OK;
}

/* --- starting one --- */

/* The result of the first step that failed; steps after it are not taken. */
static int prepare_files(posix_spawn_file_actions_t *files, const char *log)
{
    int rc = posix_spawn_file_actions_addopen(files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    rc = rc != 0 ? rc
                 : posix_spawn_file_actions_addopen(files, STDOUT_FILENO, log, O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY,
                                                    0640);
    rc = rc != 0 ? rc : posix_spawn_file_actions_adddup2(files, STDOUT_FILENO, STDERR_FILENO);
    rc = rc != 0 ? rc : posix_spawn_file_actions_addclosefrom_np(files, STDERR_FILENO + 1);
    return rc != 0 ? rc : posix_spawn_file_actions_addchdir_np(files, "/");
}

static int prepare_attributes(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setsigmask(attributes, &none);
    rc = rc != 0 ? rc : posix_spawnattr_setsigdefault(attributes, &all);
    return rc != 0 ? rc
                   : posix_spawnattr_setflags(attributes,
                                              POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

enum kit_status heimnetz_process_start(char *const *argv, char *const *environment, const char *log, pid_t *ret,
                                       struct kit_err *err)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    if (posix_spawn_file_actions_init(&files) != 0) {
        return kit_fail(err, KIT_NOMEM, "out of memory for a process");
    }
    if (posix_spawnattr_init(&attributes) != 0) {
        posix_spawn_file_actions_destroy(&files);
        return kit_fail(err, KIT_NOMEM, "out of memory for a process");
    }
    int rc = prepare_files(&files, log);
    rc = rc != 0 ? rc : prepare_attributes(&attributes);
    rc = rc != 0 ? rc : posix_spawn(ret, argv[0], &files, &attributes, argv, environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
    return rc == 0 ? KIT_OK
                   : kit_fail(err, rc == ENOENT ? KIT_NOT_FOUND : KIT_IO, "%s could not be started: %s", argv[0],
                              strerror(rc));
}
