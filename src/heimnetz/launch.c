#include "heimnetz/launch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"

#define ENVIRONMENT_BYTES_MAX (4 * KIT_MIB)
#define READ_BYTES (16 * KIT_KIB)

extern char **environ;

/* --- arguments --- */

static bool is_start(enum heimnetz_option option)
{
    return (HEIMNETZ_STARTS >> option & 1) != 0;
}

static enum kit_status add_path(struct heimnetz_record *r, const char *flag, const char *path, struct kit_err *err)
{
    char whole[PLACES_BYTES];
    if (realpath(path, whole) == NULL) {
        return kit_fail(err, KIT_INVALID, "%s: '%s' is not there", flag, path);
    }
    return heimnetz_record_argument(r, kit_str_c(whole), err);
}

enum kit_status heimnetz_launch_given(const struct heimnetz *h, struct heimnetz_record *r, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i < h->given_count; i++) {
        const struct heimnetz_given *g = &h->given[i];
        const struct heimnetz_option_row *row = &heimnetz_options[g->option];
        if (!is_start(g->option)) {
            continue;
        }
        bool path = row->kind == HEIMNETZ_KIND_FILE || row->kind == HEIMNETZ_KIND_FOLDER;
        rc = heimnetz_record_argument(r, kit_str_c(row->name), err);
        if (rc == KIT_OK) {
            rc = path ? add_path(r, row->name, g->value, err) : heimnetz_record_argument(r, kit_str_c(g->value), err);
        }
    }
    return rc;
}

/* Do two values of --set name the same key? */
static bool same_key(const char *a, const char *b)
{
    size_t key = strcspn(a, "=");
    return strncmp(a, b, key + 1) == 0;
}

static bool is_replaced(const struct heimnetz *h, const char *flag, const char *value)
{
    bool replaced = false;
    for (uint32_t i = 0; i < h->given_count; i++) {
        const struct heimnetz_given *g = &h->given[i];
        bool same = is_start(g->option) && strcmp(heimnetz_options[g->option].name, flag) == 0;
        replaced = replaced || (same && (g->option != HEIMNETZ_OPT_SET || same_key(value, g->value)));
    }
    return replaced;
}

enum kit_status heimnetz_launch_again(const struct heimnetz *h, const struct heimnetz_record *before,
                                      struct heimnetz_record *r, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (uint32_t i = 0; rc == KIT_OK && i + 1 < before->argument_count; i += 2) {
        if (!is_replaced(h, before->arguments[i], before->arguments[i + 1])) {
            rc = heimnetz_record_argument(r, kit_str_c(before->arguments[i]), err);
            rc = rc == KIT_OK ? heimnetz_record_argument(r, kit_str_c(before->arguments[i + 1]), err) : rc;
        }
    }
    return rc == KIT_OK ? heimnetz_launch_given(h, r, err) : rc;
}

static bool has_pair(const struct heimnetz_record *r, const char *flag, const char *value)
{
    bool found = false;
    for (uint32_t i = 0; i + 1 < r->argument_count; i += 2) {
        found = found || (strcmp(r->arguments[i], flag) == 0 && strcmp(r->arguments[i + 1], value) == 0);
    }
    return found;
}

bool heimnetz_launch_has(const struct heimnetz_record *running, const struct heimnetz_record *wanted)
{
    bool has = true;
    for (uint32_t i = 0; i + 1 < wanted->argument_count; i += 2) {
        has = has && has_pair(running, wanted->arguments[i], wanted->arguments[i + 1]);
    }
    return has;
}

const char *heimnetz_launch_value(const struct heimnetz_record *r, const char *flag)
{
    const char *value = NULL;
    for (uint32_t i = 0; i + 1 < r->argument_count; i += 2) {
        value = strcmp(r->arguments[i], flag) == 0 ? r->arguments[i + 1] : value;
    }
    return value;
}

/* --- environment --- */

static bool is_ours(const char *pair)
{
    static const char *const starts[] = {"HEIMNETZ_API_KEY=", "AETHERCORE_", "CONTEXTFORGE_"};
    bool ours = false;
    for (size_t i = 0; i < KIT_COUNT(starts); i++) {
        ours = ours || kit_str_starts(kit_str_c(pair), kit_str_c(starts[i]));
    }
    return ours;
}

/* Is the variable of `pair` in our environment, too? */
static bool is_set_here(const char *pair)
{
    size_t name = strcspn(pair, "=");
    bool set = false;
    for (char **e = environ; *e != NULL; e++) {
        set = set || (strncmp(*e, pair, name) == 0 && (*e)[name] == '=');
    }
    return set;
}

/* "NAME=value" and a NUL, again and again, NUL-ended once more. False: it may not be read, or is not whole. */
static bool read_environment(pid_t pid, struct kit_buf *out)
{
    char path[64];
    size_t n = 0;
    snprintf(path, sizeof(path), "/proc/%d/environ", (int)pid);
    FILE *f = fopen(path, "re");
    char *to = NULL;
    while (f != NULL && (to = kit_buf_reserve(out, READ_BYTES)) != NULL && (n = fread(to, 1, READ_BYTES, f)) > 0) {
        kit_buf_grew(out, n);
    }
    bool good = f != NULL && to != NULL && kit_buf_add_char(out, '\0') == KIT_OK;
    if (f != NULL) {
        (void)fclose(f);
    }
    return good;
}

static size_t count_of(char *const *list)
{
    size_t count = 0;
    while (list[count] != NULL) {
        count++;
    }
    return count;
}

enum kit_status heimnetz_environment_of(const struct heimnetz_process *p, struct heimnetz_environment *ret,
                                        struct kit_err *err)
{
    *ret = (struct heimnetz_environment){0};
    kit_buf_init(&ret->text, ENVIRONMENT_BYTES_MAX);
    if (!read_environment(p->pid, &ret->text)) {
        return ret->text.failed == KIT_NOMEM ? kit_fail(err, KIT_NOMEM, "out of memory for an environment") : KIT_OK;
    }
    size_t theirs = 0, used = 0;
    for (size_t at = 0; at < ret->text.len; at++) {
        theirs += ret->text.ptr[at] == '\0';
    }
    ret->list = kit_alloc_array(theirs + count_of(environ) + 1, sizeof(*ret->list));
    if (ret->list == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for an environment");
    }
    for (char *pair = ret->text.ptr; *pair != '\0'; pair += strlen(pair) + 1) {
        if (!is_ours(pair) || !is_set_here(pair)) {
            ret->list[used++] = pair;
        }
    }
    for (char **e = environ; *e != NULL; e++) {
        if (is_ours(*e)) {
            ret->list[used++] = *e;
        }
    }
    ret->list[used] = NULL;
    return KIT_OK;
}

const char *heimnetz_environment_get(const struct heimnetz_environment *e, const char *name)
{
    size_t len = strlen(name);
    for (char **pair = e->list; pair != NULL && *pair != NULL; pair++) {
        if (strncmp(*pair, name, len) == 0 && (*pair)[len] == '=') {
            return *pair + len + 1;
        }
    }
    return NULL;
}

void heimnetz_environment_done(struct heimnetz_environment *e)
{
    kit_alloc_free(e->list);
    kit_buf_done(&e->text);
    *e = (struct heimnetz_environment){0};
}
