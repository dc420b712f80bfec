#include "heimnetz/record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kit/alloc.h"
#include "kit/file.h"

#define FILE_BYTES_MAX (256 * KIT_KIB)
#define DEPTH_MAX 4

void heimnetz_record_done(struct heimnetz_record *r)
{
    for (uint32_t i = 0; i < r->argument_count; i++) {
        kit_alloc_free(r->arguments[i]);
    }
    *r = (struct heimnetz_record){0};
}

enum kit_status heimnetz_record_argument(struct heimnetz_record *r, kit_str argument, struct kit_err *err)
{
    if (r->argument_count == RECORD_ARGUMENTS_MAX) {
        return kit_fail(err, KIT_FULL, "more than %d arguments", RECORD_ARGUMENTS_MAX);
    }
    char *copy = kit_alloc_copy(argument.ptr, argument.len);
    if (copy == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for an argument");
    }
    r->arguments[r->argument_count++] = copy;
    return KIT_OK;
}

/* --- reading --- */

static enum kit_status take_json(kit_json root, struct heimnetz_record *ret, struct kit_err *err)
{
    int64_t pid = 0, started = 0;
    kit_str exe = {0}, url = {0};
    enum kit_status rc = kit_json_i64_or(root, "pid", 1, INT32_MAX, 0, &pid, err);
    rc = rc == KIT_OK ? kit_json_i64_or(root, "started", 0, INT64_MAX, 0, &started, err) : rc;
    rc = rc == KIT_OK ? kit_json_need_str(root, "program", &exe, err) : rc;
    rc = rc == KIT_OK ? kit_json_need_str(root, "url", &url, err) : rc;
    if (rc != KIT_OK) {
        return rc;
    }
    ret->process.pid = (pid_t)pid;
    ret->process.started = (uint64_t)started;
    kit_str_to_c(exe, ret->process.exe, sizeof(ret->process.exe));
    kit_str_to_c(url, ret->url, sizeof(ret->url));
    for (struct kit_json_iter i = kit_json_iter(kit_json_get(root, "arguments")); rc == KIT_OK && kit_json_next(&i);) {
        rc = heimnetz_record_argument(ret, kit_json_str(i.value, kit_str_lit("")), err);
    }
    return rc;
}

static enum kit_status parse(const char *path, kit_str text, struct heimnetz_record *ret, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    kit_str first;
    (void)kit_str_cut(&text, '\n', &first);
    enum kit_status rc = kit_json_parse(text, DEPTH_MAX, &doc, err);
    if (rc == KIT_OK) {
        rc = take_json(kit_json_root(doc), ret, err);
    }
    kit_json_free(doc);
    return rc == KIT_OK || rc == KIT_NOMEM ? rc : kit_err_prefix(err, KIT_PARSE, "%s", path);
}

enum kit_status heimnetz_record_read(const char *service, struct heimnetz_record *ret, struct kit_err *err)
{
    char path[PLACES_BYTES];
    struct kit_buf text;
    *ret = (struct heimnetz_record){0};
    kit_buf_init(&text, FILE_BYTES_MAX);
    enum kit_status rc = heimnetz_places_of(service, ".pid", path, err);
    rc = rc == KIT_OK ? kit_file_read(path, &text, err) : rc;
    rc = rc == KIT_OK ? parse(path, kit_buf_str(&text), ret, err) : rc;
    kit_buf_done(&text);
    if (rc == KIT_OK && !heimnetz_process_lives(&ret->process)) {
        return kit_fail(err, KIT_NOT_FOUND, "%s is stale: process %d has ended", path, (int)ret->process.pid);
    }
    return rc;
}

/* --- writing --- */

static void render(const struct heimnetz_record *r, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_buf_printf(out, "%d\n", (int)r->process.pid);
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '{');
    kit_json_member_u64(&w, "pid", (uint64_t)r->process.pid);
    kit_json_member_u64(&w, "started", r->process.started);
    kit_json_member_c(&w, "program", r->process.exe);
    kit_json_member_c(&w, "url", r->url);
    kit_json_key(&w, "arguments");
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < r->argument_count; i++) {
        kit_json_put_c(&w, r->arguments[i]);
    }
    kit_json_close(&w, ']');
    kit_json_close(&w, '}');
    kit_buf_add_char(out, '\n');
}

static enum kit_status write_whole(const char *path, kit_str text, struct kit_err *err)
{
    char temporary[PLACES_BYTES + 8];
    snprintf(temporary, sizeof(temporary), "%s.new", path);
    FILE *f = fopen(temporary, "we");
    bool good = f != NULL && fwrite(text.ptr, 1, text.len, f) == text.len;
    if (f != NULL) {
        good = fclose(f) == 0 && good;
    }
    if (good && rename(temporary, path) == 0) {
        return KIT_OK;
    }
    enum kit_status rc = kit_fail(err, KIT_IO, "%s cannot be written: %s", path, strerror(errno));
    unlink(temporary);
    return rc;
}

enum kit_status heimnetz_record_write(const char *service, const struct heimnetz_record *r, struct kit_err *err)
{
    char path[PLACES_BYTES];
    struct kit_buf text;
    enum kit_status rc = heimnetz_places_of(service, ".pid", path, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_buf_init(&text, FILE_BYTES_MAX);
    render(r, &text);
    rc = text.failed == KIT_OK ? write_whole(path, kit_buf_str(&text), err)
                               : kit_fail(err, text.failed, "%s: the arguments are too long", path);
    kit_buf_done(&text);
    return rc;
}

void heimnetz_record_remove(const char *service)
{
    char path[PLACES_BYTES];
    if (heimnetz_places_of(service, ".pid", path, NULL) == KIT_OK) {
        unlink(path);
    }
}
