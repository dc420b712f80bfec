#include "hub/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "hub/hub.h"
#include "hub/record.h"
#include "kit/file.h"
#include "kit/log.h"

/* --- opening --- */

static enum kit_status name_paths(struct hub_partial *p, const char *models, const char *id, struct kit_err *err)
{
    int len = snprintf(p->folder, sizeof(p->folder), "%s/" HUB_PARTIAL "/%s", models, id);
    if (len + 16 > (int)sizeof(p->folder)) {
        return kit_fail(err, KIT_INVALID, "the path of the models folder is too long");
    }
    for (char *c = p->folder + len - strlen(id); *c != '\0'; c++) {
        *c = *c == '/' ? '+' : *c; /* no id has one: the folders of "a" and "a/b" lie beside each other */
    }
    snprintf(p->files, sizeof(p->files), "%.*s/files", len, p->folder);
    snprintf(p->state, sizeof(p->state), "%.*s/state", len, p->folder);
    return KIT_OK;
}

/* -1: errno says why; EWOULDBLOCK: somebody else has it. */
static int lock_folder(const char *folder)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/lock", folder);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

static enum kit_status take_lock(struct hub_partial *p, struct kit_err *err)
{
    p->lock = lock_folder(p->folder);
    if (p->lock >= 0) {
        return KIT_OK;
    }
    if (errno == EWOULDBLOCK) {
        return kit_fail(err, KIT_UNAVAILABLE, "another process is fetching into %s: wait for it", p->folder);
    }
    return kit_fail(err, errno == ENOSPC ? KIT_NO_SPACE : KIT_IO, "%s: cannot lock it: %s", p->folder, strerror(errno));
}

/* --- what was left behind --- */

static bool is_old(const char *folder)
{
    char path[PATH_MAX + 8];
    struct stat st;
    snprintf(path, sizeof(path), "%s/state", folder);
    bool known = stat(path, &st) == 0 || stat(folder, &st) == 0;
    return known && (int64_t)time(NULL) - (int64_t)st.st_mtime > HUB_PARTIAL_DAYS * 86400LL;
}

static bool remove_if_old(void *ctx, const char *name, bool is_folder)
{
    const char *above = ctx;
    char folder[PATH_MAX];
    if (!is_folder || kit_file_join(folder, sizeof(folder), kit_str_c(above), kit_str_c(name), NULL) != KIT_OK ||
        !is_old(folder)) {
        return true;
    }
    int lock = lock_folder(folder);
    if (lock >= 0) {
        LOG_INFO("hub.partial", "folder=%s what=\"removed: nobody has gone on with it\"", LOG_QUOTE(folder));
        if (kit_file_remove(folder, NULL) != KIT_OK) {
            LOG_WARN("hub.partial", "folder=%s what=\"some of it stays\"", LOG_QUOTE(folder));
        }
        close(lock);
    }
    return true;
}

static void remove_old(const struct hub_partial *p)
{
    char above[PATH_MAX];
    kit_str_to_c(kit_str_c(p->folder), above, sizeof(above));
    *strrchr(above, '/') = '\0';
    struct kit_err why = {0};
    if (kit_file_list(above, remove_if_old, above, &why) != KIT_OK) {
        LOG_WARN("hub.partial", "why=%s", LOG_QUOTE(why.msg));
    }
}

enum kit_status hub_partial_open(struct hub_partial *p, const char *models, const char *id, struct kit_err *err)
{
    p->lock = -1;
    enum kit_status rc = name_paths(p, models, id, err);
    if (rc == KIT_OK) {
        rc = kit_file_make_folder(p->folder, err);
    }
    if (rc == KIT_OK) {
        rc = take_lock(p, err);
    }
    if (rc == KIT_OK) {
        remove_old(p);
    }
    return rc;
}

void hub_partial_close(struct hub_partial *p)
{
    if (p->folder[0] != '\0' && p->lock >= 0) {
        close(p->lock);
    }
    *p = (struct hub_partial){.lock = -1};
}

/* --- what was there before --- */

static struct hub_file *find_file(struct hub_file *files, uint32_t count, kit_str path)
{
    for (uint32_t i = 0; i < count; i++) {
        if (kit_str_eq(kit_str_c(files[i].plan->path), path)) {
            return &files[i];
        }
    }
    return NULL;
}

/* Bytes that really lie on disk. */
static uint64_t size_on_disk(const struct hub_partial *p, kit_str path)
{
    char full[PATH_MAX];
    struct stat st;
    bool good = kit_file_join(full, sizeof(full), kit_str_c(p->files), path, NULL) == KIT_OK && lstat(full, &st) == 0 &&
                S_ISREG(st.st_mode);
    return good ? (uint64_t)st.st_size : 0;
}

static bool is_same(const struct hub_file *f, kit_json entry)
{
    return kit_json_i64(kit_json_get(entry, "size"), -1) == (int64_t)f->plan->size && f->plan->hash[0] != '\0' &&
           kit_str_eq(kit_json_str(kit_json_get(entry, "hash"), (kit_str){0}), kit_str_c(f->plan->hash));
}

static void take_ranges(struct hub_file *f, kit_json have, uint64_t size)
{
    struct kit_json_iter i = kit_json_iter(have);
    size = KIT_MIN(size, f->plan->size);
    while (kit_json_next(&i)) {
        int64_t from = kit_json_i64(i.value, -1);
        int64_t to = kit_json_next(&i) ? kit_json_i64(i.value, -1) : -1;
        if (from < 0 || to < from || (uint64_t)to > size || !hub_ranges_add(&f->have, (uint64_t)from, (uint64_t)to)) {
            return;
        }
    }
}

static void remove_file(const struct hub_partial *p, kit_str path)
{
    char full[PATH_MAX];
    if (hub_name_is_file(path) && kit_file_join(full, sizeof(full), kit_str_c(p->files), path, NULL) == KIT_OK) {
        unlink(full);
    }
}

static void take_entry(const struct hub_partial *p, struct hub_file *files, uint32_t count, kit_json entry)
{
    kit_str path = kit_json_str(kit_json_get(entry, "path"), (kit_str){0});
    struct hub_file *f = find_file(files, count, path);
    if (f != NULL && is_same(f, entry)) {
        take_ranges(f, kit_json_get(entry, "have"), size_on_disk(p, path));
        f->taken = f->have;
    } else {
        remove_file(p, path);
    }
}

enum kit_status hub_partial_load(struct hub_partial *p, struct hub_file *files, uint32_t count, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    struct kit_err why = {0};
    enum kit_status rc = hub_record_read(p->state, &doc, &why);
    if (rc == KIT_NOMEM) {
        return kit_fail(err, rc, "%s", why.msg);
    }
    if (rc != KIT_OK) { /* nothing is known of what lies there */
        if (rc != KIT_NOT_FOUND) {
            LOG_WARN("hub.state", "why=%s", LOG_QUOTE(why.msg));
        }
        return kit_file_remove(p->files, err);
    }
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(kit_json_root(doc), "files")); kit_json_next(&i);) {
        take_entry(p, files, count, i.value);
    }
    kit_json_free(doc);
    return KIT_OK;
}

/* --- writing down --- */

static void write_file(struct kit_json_writer *w, const struct hub_file *f)
{
    kit_json_open(w, '{');
    kit_json_member_c(w, "path", f->plan->path);
    kit_json_member_u64(w, "size", f->plan->size);
    kit_json_member_c(w, "hash", f->plan->hash);
    kit_json_key(w, "have");
    kit_json_open(w, '[');
    for (uint32_t i = 0; i < f->have.count; i++) {
        kit_json_put_u64(w, f->have.at[i].from);
        kit_json_put_u64(w, f->have.at[i].to);
    }
    kit_json_close(w, ']');
    kit_json_close(w, '}');
}

enum kit_status hub_partial_save(const struct hub_partial *p, const char *commit, const struct hub_file *files,
                                 uint32_t count, struct kit_err *err)
{
    struct kit_buf json;
    struct kit_json_writer w;
    kit_buf_init(&json, HUB_RECORD_BYTES_MAX / 2);
    kit_json_writer_init(&w, &json);
    kit_json_open(&w, '{');
    kit_json_member_c(&w, "commit", commit);
    kit_json_key(&w, "files");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < count; i++) {
        write_file(&w, &files[i]);
    }
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    enum kit_status rc = json.failed == KIT_OK ? hub_record_write(p->state, kit_buf_str(&json), err)
                                               : kit_fail(err, json.failed, "no memory to note how far it has come");
    kit_buf_done(&json);
    return rc;
}

/* --- the end --- */

static void sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd);
        close(fd);
    }
}

static bool sync_one(void *ctx, const char *name, bool is_folder)
{
    const char *above = ctx;
    char path[PATH_MAX];
    if (is_folder && kit_file_join(path, sizeof(path), kit_str_c(above), kit_str_c(name), NULL) == KIT_OK) {
        sync_folder(path);
    }
    return true;
}

/* Where the file system cannot exchange two folders, there is a moment without either; the old one is kept meanwhile. */
static int exchange(const struct hub_partial *p, const char *target)
{
    char old[PATH_MAX + 8];
    if (renameat2(AT_FDCWD, p->files, AT_FDCWD, target, RENAME_EXCHANGE) == 0) {
        return 0;
    }
    snprintf(old, sizeof(old), "%s/old", p->folder);
    if (kit_file_remove(old, NULL) != KIT_OK || rename(target, old) != 0) {
        return -1;
    }
    return rename(p->files, target);
}

static enum kit_status make_above(const char *target, char above[PATH_MAX], struct kit_err *err)
{
    kit_str_to_c(kit_str_c(target), above, PATH_MAX);
    *strrchr(above, '/') = '\0';
    return kit_file_make_folder(above, err);
}

enum kit_status hub_partial_place(struct hub_partial *p, const char *target, bool replace, struct kit_err *err)
{
    char above[PATH_MAX];
    enum kit_status rc = kit_file_list(p->files, sync_one, p->files, err);
    if (rc == KIT_OK) {
        rc = make_above(target, above, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    sync_folder(p->files);
    int failed = replace ? exchange(p, target) : renameat2(AT_FDCWD, p->files, AT_FDCWD, target, RENAME_NOREPLACE);
    if (failed != 0 && !replace && errno == EINVAL) { /* a file system that cannot promise it */
        failed = kit_file_exists(target) ? (errno = EEXIST, -1) : rename(p->files, target);
    }
    if (failed != 0) {
        return kit_fail(err, errno == EEXIST || errno == ENOTEMPTY ? KIT_CONFLICT : KIT_IO,
                        "%s: cannot be put there: %s", target, strerror(errno));
    }
    sync_folder(above);
    rc = kit_file_remove(p->folder, err);
    if (rc != KIT_OK) {
        LOG_WARN("hub.partial", "folder=%s what=\"some of it stays\"", LOG_QUOTE(p->folder));
    }
    return KIT_OK;
}
