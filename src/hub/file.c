#include "hub/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/file.h"

#define READ_BYTES (256 * KIT_KIB)

void hub_file_init(struct hub_file *f, const struct hub_plan_file *plan, const char *folder)
{
    *f = (struct hub_file){.plan = plan, .folder = folder, .fd = -1};
}

static void close_it(struct hub_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
    crypt_hash_free(f->hash);
    f->hash = NULL;
    f->hashed = 0;
}

void hub_file_done(struct hub_file *f)
{
    close_it(f);
    kit_alloc_free(f->url);
    f->url = NULL;
}

static enum kit_status fail_errno(const struct hub_file *f, const char *what, struct kit_err *err)
{
    int error = errno;
    enum kit_status code = error == ENOSPC || error == EDQUOT ? KIT_NO_SPACE : KIT_IO;
    return kit_fail(err, code, "%s: cannot %s it in %s: %s", f->plan->path, what, f->folder, strerror(error));
}

/* --- on disk --- */

static enum kit_status make_folders(const char *path, struct kit_err *err)
{
    char folder[PATH_MAX];
    kit_str_to_c(kit_str_c(path), folder, sizeof(folder));
    *strrchr(folder, '/') = '\0';
    return kit_file_make_folder(folder, err);
}

enum kit_status hub_file_open(struct hub_file *f, struct kit_err *err)
{
    char path[PATH_MAX];
    if (f->fd >= 0) {
        return KIT_OK;
    }
    enum kit_status rc = kit_file_join(path, sizeof(path), kit_str_c(f->folder), kit_str_c(f->plan->path), err);
    if (rc == KIT_OK) {
        rc = make_folders(path, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    f->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    return f->fd >= 0 ? KIT_OK : fail_errno(f, "make", err);
}

enum kit_status hub_file_write(struct hub_file *f, uint64_t at, kit_str bytes, struct kit_err *err)
{
    uint64_t from = at;
    while (bytes.len > 0) {
        ssize_t n = pwrite(f->fd, bytes.ptr, bytes.len, (off_t)at);
        if (n < 0 && errno != EINTR) {
            return fail_errno(f, "write", err);
        }
        at += n > 0 ? (uint64_t)n : 0;
        bytes = kit_str_sub(bytes, n > 0 ? (size_t)n : 0, bytes.len);
    }
    bool noted = hub_ranges_add(&f->have, from, at);
    (void)noted; /* too many holes to remember: these bytes are fetched once more */
    return KIT_OK;
}

void hub_file_forget(struct hub_file *f)
{
    f->have = f->taken = (struct hub_ranges){0};
    crypt_hash_free(f->hash);
    f->hash = NULL;
    f->hashed = 0;
}

/* --- the proof --- */

bool hub_file_is_whole(const struct hub_file *f)
{
    return hub_ranges_prefix(&f->have) >= f->plan->size;
}

/* git's name of a file is the SHA-1 of a line before its bytes. */
static enum kit_status begin_hash(struct hub_file *f, struct kit_err *err)
{
    char head[64];
    bool git = f->plan->proof == HUB_PROOF_GIT;
    enum kit_status rc = crypt_hash_new(git ? CRYPT_SHA1 : CRYPT_SHA256, &f->hash, err);
    if (rc == KIT_OK && git) {
        int len = snprintf(head, sizeof(head), "blob %" PRIu64, f->plan->size);
        crypt_hash_add(f->hash, (kit_str){.ptr = head, .len = (size_t)len + 1});
    }
    return rc;
}

static enum kit_status hash_piece(struct hub_file *f, char *buf, uint64_t most, struct kit_err *err)
{
    ssize_t n = pread(f->fd, buf, (size_t)KIT_MIN(most, READ_BYTES), (off_t)f->hashed);
    if (n <= 0) {
        errno = n == 0 ? EIO : errno;
        return fail_errno(f, "read", err);
    }
    crypt_hash_add(f->hash, (kit_str){.ptr = buf, .len = (size_t)n});
    f->hashed += (uint64_t)n;
    return KIT_OK;
}

bool hub_file_hash_some(struct hub_file *f, uint64_t most, enum kit_status *rc, struct kit_err *err)
{
    uint64_t end = KIT_MIN(hub_ranges_prefix(&f->have), f->hashed + most);
    if (f->good || f->hashed >= end) {
        return false;
    }
    if (f->plan->proof == HUB_PROOF_NONE) {
        f->hashed = end;
        return true;
    }
    char *buf = kit_alloc(READ_BYTES);
    *rc = buf == NULL ? kit_fail(err, KIT_NOMEM, "out of memory to check %s", f->plan->path) : hub_file_open(f, err);
    if (*rc == KIT_OK && f->hash == NULL) {
        *rc = begin_hash(f, err);
    }
    while (*rc == KIT_OK && f->hashed < end) {
        *rc = hash_piece(f, buf, end - f->hashed, err);
    }
    kit_alloc_free(buf);
    return true;
}

static enum kit_status compare(struct hub_file *f, struct kit_err *err)
{
    char hash[CRYPT_HEX_BYTES];
    if (f->plan->proof == HUB_PROOF_NONE) {
        return KIT_OK;
    }
    enum kit_status rc = f->hash == NULL ? begin_hash(f, err) : KIT_OK; /* an empty file */
    if (rc != KIT_OK) {
        return rc;
    }
    crypt_hash_end(f->hash, hash);
    if (strcmp(hash, f->plan->hash) != 0) {
        return kit_fail(err, KIT_PARSE, "%s is not what the hub says it is: its %s is %s instead of %s", f->plan->path,
                        f->plan->proof == HUB_PROOF_GIT ? "git hash" : "SHA-256", hash, f->plan->hash);
    }
    return KIT_OK;
}

enum kit_status hub_file_prove(struct hub_file *f, struct kit_err *err)
{
    enum kit_status rc = hub_file_open(f, err);
    if (rc == KIT_OK) {
        rc = compare(f, err);
    }
    if (rc == KIT_OK && (ftruncate(f->fd, (off_t)f->plan->size) != 0 || fsync(f->fd) != 0)) {
        rc = fail_errno(f, "finish", err);
    }
    if (rc == KIT_OK) {
        close_it(f);
        f->good = true;
    }
    return rc;
}
