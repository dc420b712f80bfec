#include "kit/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kit/alloc.h"

#define CHUNK_BYTES (64 * KIT_KIB)

static enum kit_status fail_errno(struct kit_err *err, const char *what, const char *path, int error)
{
    enum kit_status code = error == ENOENT || error == ENOTDIR  ? KIT_NOT_FOUND
                           : error == ENOSPC || error == EDQUOT ? KIT_NO_SPACE
                           : error == ENOMEM                    ? KIT_NOMEM
                                                                : KIT_IO;
    return kit_fail(err, code, "%s: %s: %s", path, what, strerror(error));
}

static ssize_t read_some(int fd, char *to, size_t bytes)
{
    ssize_t n;
    do {
        n = read(fd, to, bytes);
    } while (n < 0 && errno == EINTR);
    return n;
}

/* Reads to the end. At the maximum one byte more is asked for: only then the file is known to be too large. */
static enum kit_status read_all(int fd, const char *path, size_t hint, struct kit_buf *out, struct kit_err *err)
{
    for (;;) {
        char probe;
        size_t room = out->max - out->len;
        size_t want = KIT_MIN(room, KIT_MAX(hint, CHUNK_BYTES));
        char *to = want == 0 ? &probe : kit_buf_reserve(out, want);
        if (to == NULL) {
            return kit_fail(err, out->failed, "%s: no memory to read it", path);
        }
        ssize_t n = read_some(fd, to, want == 0 ? 1 : want);
        if (n < 0) {
            return fail_errno(err, "cannot read", path, errno);
        }
        if (n == 0) {
            return KIT_OK;
        }
        if (want == 0) {
            return kit_fail(err, KIT_TOO_LARGE, "%s: larger than the limit of %zu bytes", path, out->max);
        }
        kit_buf_grew(out, (size_t)n);
        hint = 0;
    }
}

enum kit_status kit_file_read(const char *path, struct kit_buf *out, struct kit_err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe that nobody writes to would block */
    if (fd < 0) {
        return fail_errno(err, "cannot open", path, errno);
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        close(fd);
        return kit_fail(err, KIT_IO, "%s: not a regular file", path);
    }
    size_t before = out->len;
    size_t hint = st.st_size > 0 ? (size_t)st.st_size : 0;
    enum kit_status rc = KIT_OK;
    if (hint > out->max - out->len) {
        rc = kit_fail(err, KIT_TOO_LARGE, "%s: %zu bytes, but the limit is %zu", path, hint, out->max);
    } else {
        rc = read_all(fd, path, hint, out, err);
    }
    if (rc != KIT_OK) {
        out->len = before;
    }
    close(fd);
    return rc;
}

bool kit_file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

enum kit_status kit_file_size(const char *path, uint64_t *ret, struct kit_err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return fail_errno(err, "cannot look at it", path, errno);
    }
    *ret = (uint64_t)st.st_size;
    return KIT_OK;
}

enum kit_status kit_file_join(char *buf, size_t size, kit_str folder, kit_str name, struct kit_err *err)
{
    bool slash = folder.len > 0 && folder.ptr[folder.len - 1] != '/';
    if (folder.len + slash + name.len >= size) {
        return kit_fail(err, KIT_INVALID, "path '%.*s/%.*s' is longer than %zu bytes", KIT_STR_ARG(folder),
                        KIT_STR_ARG(name), size - 1);
    }
    snprintf(buf, size, "%.*s%s%.*s", KIT_STR_ARG(folder), slash ? "/" : "", KIT_STR_ARG(name));
    return KIT_OK;
}

/* --- listing: names are collected, sorted, then told --- */

struct entry {
    uint32_t name; /* offset into names */
    bool is_folder;
};

struct listing {
    struct kit_buf names;   /* NUL-ended, one behind the other */
    struct kit_buf entries; /* struct entry */
};

static int by_name(const void *a, const void *b, void *names)
{
    const struct entry *x = a, *y = b;
    return strcmp((const char *)names + x->name, (const char *)names + y->name);
}

/* A link counts as what it points at. */
static bool is_folder(DIR *dir, const struct dirent *d)
{
    struct stat st;
    if (d->d_type != DT_UNKNOWN && d->d_type != DT_LNK) {
        return d->d_type == DT_DIR;
    }
    return fstatat(dirfd(dir), d->d_name, &st, 0) == 0 && S_ISDIR(st.st_mode);
}

static enum kit_status collect(DIR *dir, const char *folder, struct listing *l, struct kit_err *err)
{
    for (;;) {
        errno = 0;
        const struct dirent *d = readdir(dir);
        if (d == NULL) {
            return errno == 0 ? KIT_OK : fail_errno(err, "cannot list", folder, errno);
        }
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) {
            continue;
        }
        struct entry e = {.name = (uint32_t)l->names.len, .is_folder = is_folder(dir, d)};
        kit_buf_add(&l->names, (kit_str){.ptr = d->d_name, .len = strlen(d->d_name) + 1});
        kit_buf_add(&l->entries, (kit_str){.ptr = (const char *)&e, .len = sizeof(e)});
        if (l->names.failed != KIT_OK || l->entries.failed != KIT_OK) {
            enum kit_status rc = l->names.failed != KIT_OK ? l->names.failed : l->entries.failed;
            return kit_fail(err, rc, "%s: too many entries to list (names of %zu bytes at most)", folder, l->names.max);
        }
    }
}

static void tell(struct listing *l, bool (*fn)(void *ctx, const char *name, bool is_folder), void *ctx)
{
    struct entry *entries = (struct entry *)(void *)l->entries.ptr;
    size_t count = l->entries.len / sizeof(*entries);
    if (count > 1) {
        qsort_r(entries, count, sizeof(*entries), by_name, l->names.ptr);
    }
    for (size_t i = 0; i < count; i++) {
        if (!fn(ctx, l->names.ptr + entries[i].name, entries[i].is_folder)) {
            return;
        }
    }
}

enum kit_status kit_file_list(const char *folder, bool (*fn)(void *ctx, const char *name, bool is_folder), void *ctx,
                              struct kit_err *err)
{
    DIR *dir = opendir(folder);
    if (dir == NULL) {
        return fail_errno(err, "cannot list", folder, errno);
    }
    struct listing l;
    kit_buf_init(&l.names, KIT_FILE_LIST_NAMES_MAX);
    kit_buf_init(&l.entries, KIT_FILE_LIST_NAMES_MAX * sizeof(struct entry));
    enum kit_status rc = collect(dir, folder, &l, err);
    closedir(dir);
    if (rc == KIT_OK) {
        tell(&l, fn, ctx);
    }
    kit_buf_done(&l.names);
    kit_buf_done(&l.entries);
    return rc;
}

static enum kit_status make_one(const char *path, struct kit_err *err)
{
    struct stat st;
    if (mkdir(path, 0755) == 0 || (errno == EEXIST && stat(path, &st) == 0 && S_ISDIR(st.st_mode))) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_IO, "%s: cannot make this folder: %s", path, strerror(errno));
}

enum kit_status kit_file_make_folder(const char *path, struct kit_err *err)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part)) {
        return kit_fail(err, KIT_INVALID, "a folder's path has 1 to %zu bytes, but this has %zu", sizeof(part) - 1,
                        len);
    }
    for (size_t i = 1; i <= len; i++) {
        if ((path[i] == '/' || path[i] == '\0') && path[i - 1] != '/') {
            enum kit_status rc = make_one(kit_str_to_c((kit_str){path, i}, part, sizeof(part)), err);
            if (rc != KIT_OK) {
                return rc;
            }
        }
    }
    return KIT_OK;
}

/* --- writing and removing --- */

static enum kit_status write_all(int fd, const char *path, kit_str bytes, struct kit_err *err)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno != EINTR) {
            return fail_errno(err, "cannot write", path, errno);
        }
        bytes = kit_str_sub(bytes, n > 0 ? (size_t)n : 0, bytes.len);
    }
    return KIT_OK;
}

enum kit_status kit_file_write(const char *path, kit_str bytes, struct kit_err *err)
{
    char beside[PATH_MAX];
    if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside)) {
        return kit_fail(err, KIT_INVALID, "the path %s is longer than %zu bytes", path, sizeof(beside) - 5);
    }
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        return fail_errno(err, "cannot make it", beside, errno);
    }
    enum kit_status rc = write_all(fd, beside, bytes, err);
    if (close(fd) != 0 && rc == KIT_OK) {
        rc = fail_errno(err, "cannot write", beside, errno);
    }
    if (rc == KIT_OK && rename(beside, path) != 0) {
        rc = fail_errno(err, "cannot put the new one there", path, errno);
    }
    if (rc != KIT_OK) {
        unlink(beside);
    }
    return rc;
}

#define REMOVE_FDS 16

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
    (void)st, (void)type, (void)at;
    return remove(path) == 0 || errno == ENOENT ? 0 : -1;
}

enum kit_status kit_file_remove(const char *path, struct kit_err *err)
{
    if (nftw(path, remove_one, REMOVE_FDS, FTW_DEPTH | FTW_PHYS) != 0 && errno != ENOENT) {
        return fail_errno(err, "cannot remove", path, errno);
    }
    return KIT_OK;
}

enum kit_status kit_file_free_bytes(const char *path, uint64_t *ret, struct kit_err *err)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        return fail_errno(err, "cannot tell how much is free there", path, errno);
    }
    *ret = (uint64_t)fs.f_bavail * fs.f_frsize;
    return KIT_OK;
}
