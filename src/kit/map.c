#include "kit/map.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Mappings live in fixed storage, so that a signal handler may read them. `version` is odd while start and bytes
 * change: the handler then knows that what it read does not belong together. */
struct kit_map {
    _Atomic uint32_t version;
    _Atomic uintptr_t start; /* 0: not in use, or an empty file */
    _Atomic size_t bytes;
    atomic_bool broken;
    atomic_bool taken;
};

static struct kit_map maps[KIT_MAP_MAX];
static _Atomic size_t touched; /* entries ever used */
static size_t page_bytes;
static struct sigaction before; /* the handler that was there before ours */

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

/* --- the guard; all of it runs inside a signal handler --- */

/* The mapping that holds `at`, and its end; NULL: none. */
static struct kit_map *find(uintptr_t at, uintptr_t *ret_end)
{
    size_t count = atomic_load(&touched);
    for (size_t i = 0; i < count; i++) {
        uint32_t version;
        uintptr_t start;
        size_t bytes;
        do {
            version = atomic_load(&maps[i].version);
            start = atomic_load(&maps[i].start);
            bytes = atomic_load(&maps[i].bytes);
        } while (version != atomic_load(&maps[i].version));
        /* An odd version is a mapping on its way in or out: nobody reads from it now. */
        if (version % 2 == 0 && start != 0 && at >= start && at - start < bytes) {
            *ret_end = start + (bytes + page_bytes - 1) / page_bytes * page_bytes;
            return &maps[i];
        }
    }
    return NULL;
}

static bool mend(const siginfo_t *info)
{
    uintptr_t at = (uintptr_t)info->si_addr, end;
    struct kit_map *m = info->si_code > 0 ? find(at, &end) : NULL; /* <= 0: sent by kill, there is no address */
    if (m == NULL) {
        return false;
    }
    atomic_store(&m->broken, true);
    uintptr_t from = at / page_bytes * page_bytes;
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
    /* The bare system call: the one way to map that is safe here whatever stands around mmap(). */
    return syscall(SYS_mmap, from, end - from, PROT_READ, flags, -1, 0) != -1;
}

/* What is not ours keeps its old meaning. An older handler that takes the siginfo, such as the guard of another copy of
 * this file (a plug-in links its own), is called, so that both stay; any other is put back, and the same instruction
 * faults again. */
static void hand_on(int number, siginfo_t *info, void *context)
{
    if ((before.sa_flags & SA_SIGINFO) != 0) {
        before.sa_sigaction(number, info, context);
        return;
    }
    sigaction(SIGBUS, &before, NULL);
    if (info->si_code <= 0) {
        raise(number); /* arrives when this handler has returned */
    }
}

static void on_bus_error(int number, siginfo_t *info, void *context)
{
    int error = errno;
    if (!mend(info)) {
        hand_on(number, info, context);
    }
    errno = error;
}

static int install_error;

static void install(void)
{
    struct sigaction ours = {.sa_sigaction = on_bus_error, .sa_flags = SA_SIGINFO};
    sigemptyset(&ours.sa_mask);
    page_bytes = page_size();
    install_error = sigaction(SIGBUS, &ours, &before) == 0 ? 0 : errno;
}

enum kit_status kit_map_guard_install(struct kit_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    if (install_error != 0) {
        return kit_fail(err, KIT_IO, "the SIGBUS handler cannot be installed: %s", strerror(install_error));
    }
    return KIT_OK;
}

/* --- mappings --- */

static struct kit_map *take_entry(void)
{
    for (size_t i = 0; i < KIT_MAP_MAX; i++) {
        bool taken = false;
        if (atomic_compare_exchange_strong(&maps[i].taken, &taken, true)) {
            size_t count = atomic_load(&touched);
            while (count < i + 1 && !atomic_compare_exchange_weak(&touched, &count, i + 1)) {
            }
            return &maps[i];
        }
    }
    return NULL;
}

/* Only the owner of the entry writes. */
static void publish(struct kit_map *m, uintptr_t start, size_t bytes)
{
    atomic_fetch_add(&m->version, 1);
    atomic_store(&m->start, start);
    atomic_store(&m->bytes, bytes);
    atomic_store(&m->broken, false);
    atomic_fetch_add(&m->version, 1);
}

static enum kit_status fail_errno(struct kit_err *err, const char *path, int error)
{
    enum kit_status code = error == ENOENT || error == ENOTDIR ? KIT_NOT_FOUND : error == ENOMEM ? KIT_NOMEM : KIT_IO;
    return kit_fail(err, code, "%s: cannot be mapped: %s", path, strerror(error));
}

static enum kit_status map_file(int fd, const char *path, struct kit_map *m, struct kit_err *err)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        return fail_errno(err, path, errno);
    }
    if (!S_ISREG(st.st_mode)) {
        return kit_fail(err, KIT_IO, "%s: cannot be mapped: not a regular file", path);
    }
    size_t bytes = (size_t)st.st_size;
    void *start = bytes == 0 ? NULL : mmap(NULL, bytes, PROT_READ, MAP_SHARED, fd, 0);
    if (start == MAP_FAILED) {
        return fail_errno(err, path, errno);
    }
    publish(m, (uintptr_t)start, bytes);
    return KIT_OK;
}

enum kit_status kit_map_open(const char *path, struct kit_map **ret, struct kit_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* NONBLOCK: a FIFO must not hold us up */
    if (fd < 0) {
        return fail_errno(err, path, errno);
    }
    enum kit_status rc = KIT_OK;
    struct kit_map *m = take_entry();
    if (m == NULL) {
        rc = kit_fail(err, KIT_FULL, "%s: %d files are mapped already; unload a model", path, KIT_MAP_MAX);
    } else {
        rc = map_file(fd, path, m, err);
    }
    close(fd);
    if (rc == KIT_OK) {
        *ret = m;
    } else if (m != NULL) {
        atomic_store(&m->taken, false);
    }
    return rc;
}

void kit_map_close(struct kit_map *m)
{
    if (m == NULL) {
        return;
    }
    kit_str bytes = kit_map_bytes(m);
    publish(m, 0, 0);
    if (bytes.len > 0) {
        munmap((void *)(uintptr_t)bytes.ptr, bytes.len);
    }
    atomic_store(&m->taken, false);
}

kit_str kit_map_bytes(const struct kit_map *m)
{
    return (kit_str){.ptr = (const char *)atomic_load(&m->start), .len = atomic_load(&m->bytes)};
}

bool kit_map_broken(const struct kit_map *m)
{
    return atomic_load(&m->broken);
}

void kit_map_forget(const struct kit_map *m, size_t from, size_t bytes)
{
    size_t page = page_size();
    size_t total = atomic_load(&m->bytes);
    from = KIT_MIN(from, total);
    bytes = KIT_MIN(bytes, total - from);
    size_t first = (from + page - 1) / page * page;
    size_t end = (from + bytes) / page * page;
    if (first < end) {
        madvise((void *)(atomic_load(&m->start) + first), end - first, MADV_DONTNEED);
    }
}
