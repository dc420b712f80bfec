#include "folder.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "kit/file.h"

#define SUFFIX_BYTES 20 /* "-00001-of-00003.gguf" */

static bool has_word(kit_str name, kit_str word)
{
    for (size_t at = 0; at + word.len <= name.len; at++) {
        if (kit_str_eq_nocase((kit_str){name.ptr + at, word.len}, word)) {
            return true;
        }
    }
    return false;
}

/* "…-00001-of-00003.gguf": part and parts; false: not of that form. */
static bool read_part(kit_str name, uint32_t *part, uint32_t *parts)
{
    char end[SUFFIX_BYTES + 1];
    int length = 0;
    if (name.len <= SUFFIX_BYTES) {
        return false;
    }
    memcpy(end, name.ptr + name.len - SUFFIX_BYTES, SUFFIX_BYTES);
    end[SUFFIX_BYTES] = 0;
    return sscanf(end, "-%5" SCNu32 "-of-%5" SCNu32 ".gguf%n", part, parts, &length) == 2 && length == SUFFIX_BYTES;
}

/* --- looking --- */

struct search {
    kit_str wanted;
    char found[256]; /* name; "" */
    char names[160]; /* of all, for the message */
};

static void list(struct search *s, const char *name)
{
    size_t len = strlen(s->names);
    (void)snprintf(s->names + len, sizeof(s->names) - len, "%s%s", len > 0 ? ", " : "", name);
}

static bool look(void *ctx, const char *name, bool is_folder)
{
    struct search *s = ctx;
    kit_str n = kit_str_c(name);
    uint32_t part = 1, parts = 1;
    if (is_folder || !kit_str_ends(n, kit_str_lit(".gguf")) || n.len >= sizeof(s->found) ||
        has_word(n, kit_str_lit("mmproj")) || (read_part(n, &part, &parts) && part != 1)) {
        return true;
    }
    list(s, name);
    if (s->found[0] == 0 && has_word(n, s->wanted)) {
        memcpy(s->found, name, n.len + 1);
    }
    return true;
}

static enum kit_status find_in(const char *folder, kit_str wanted, struct llama_plug_files *ret, struct kit_err *err)
{
    struct search s = {.wanted = wanted};
    enum kit_status rc = kit_file_list(folder, look, &s, err);
    if (rc != KIT_OK) {
        return rc;
    }
    if (s.found[0] == 0) {
        return s.names[0] == 0 ? kit_fail(err, KIT_NOT_FOUND, "no .gguf file in the folder")
                               : kit_fail(err, KIT_NOT_FOUND, "no .gguf file named like '%.*s'; there is %s",
                                          (int)KIT_MIN(wanted.len, 40), wanted.ptr, s.names);
    }
    return kit_file_join(ret->path, sizeof(ret->path), kit_str_c(folder), kit_str_c(s.found), err);
}

/* --- parts --- */

void llama_plug_files_part(const struct llama_plug_files *f, uint32_t index, char to[LLAMA_PLUG_PATH_BYTES])
{
    size_t len = strlen(f->path);
    memcpy(to, f->path, len + 1);
    if (f->parts > 1) {
        (void)snprintf(to + len - SUFFIX_BYTES, SUFFIX_BYTES + 1, "-%05" PRIu32 "-of-%05" PRIu32 ".gguf",
                       (index + 1) % 100000, f->parts % 100000);
    }
}

static enum kit_status check_parts(struct llama_plug_files *f, struct kit_err *err)
{
    char path[LLAMA_PLUG_PATH_BYTES];
    uint32_t part = 1, parts = 1;
    bool split = read_part(kit_str_c(f->path), &part, &parts);
    if (split && (part != 1 || parts == 0 || parts > LLAMA_PLUG_PARTS_MAX)) {
        return kit_fail(err, KIT_PARSE, "part %" PRIu32 " of %" PRIu32 ": part 1 of 1 to %d is needed", part, parts,
                        LLAMA_PLUG_PARTS_MAX);
    }
    f->parts = split ? parts : 1;
    for (uint32_t k = 0; k < f->parts; k++) {
        llama_plug_files_part(f, k, path);
        if (!kit_file_exists(path)) {
            return kit_fail(err, KIT_PARSE, "part %" PRIu32 " of %" PRIu32 " is missing", k + 1, f->parts);
        }
    }
    return KIT_OK;
}

enum kit_status llama_plug_files_find(const char *path, kit_str wanted, struct llama_plug_files *ret,
                                      struct kit_err *err)
{
    struct stat st;
    struct llama_plug_files f = {.parts = 1};
    if (stat(path, &st) != 0) {
        return kit_fail(err, KIT_NOT_FOUND, "the model's files are not there");
    }
    enum kit_status rc = KIT_OK;
    if (S_ISDIR(st.st_mode)) {
        rc = find_in(path, wanted, &f, err);
    } else if (strlen(path) >= sizeof(f.path)) {
        rc = kit_fail(err, KIT_INVALID, "the path has more than %d bytes", LLAMA_PLUG_PATH_BYTES - 1);
    } else {
        (void)kit_str_to_c(kit_str_c(path), f.path, sizeof(f.path));
    }
    rc = rc == KIT_OK ? check_parts(&f, err) : rc;
    if (rc == KIT_OK) {
        *ret = f;
    }
    return rc;
}
