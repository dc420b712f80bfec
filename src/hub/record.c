#include "hub/record.h"

#include <limits.h>
#include <stdio.h>

#include "crypt/hash.h"
#include "kit/file.h"

#define MAGIC "heimnetz-hub"
#define DEPTH_MAX 8

enum kit_status hub_record_write(const char *path, kit_str json, struct kit_err *err)
{
    char hash[CRYPT_HEX_BYTES];
    struct kit_buf text;
    enum kit_status rc = crypt_hash_of(CRYPT_SHA256, json, hash, err);
    if (rc != KIT_OK) {
        return rc;
    }
    kit_buf_init(&text, HUB_RECORD_BYTES_MAX);
    kit_buf_printf(&text, MAGIC " %d %s\n", HUB_RECORD_VERSION, hash);
    kit_buf_add(&text, json);
    rc = text.failed == KIT_OK ? kit_file_write(path, kit_buf_str(&text), err)
                               : kit_fail(err, text.failed, "%s: %zu bytes are too many", path, json.len);
    kit_buf_done(&text);
    return rc;
}

static bool is_next(kit_str *line, kit_str expected)
{
    kit_str word;
    return kit_str_cut(line, ' ', &word) && kit_str_eq(word, expected);
}

/* The JSON behind a good first line. */
static enum kit_status open_seal(const char *path, kit_str text, kit_str *json, struct kit_err *err)
{
    char hash[CRYPT_HEX_BYTES], version[16];
    kit_str line;
    snprintf(version, sizeof(version), "%d", HUB_RECORD_VERSION);
    if (!kit_str_cut(&text, '\n', &line) || !is_next(&line, kit_str_lit(MAGIC))) {
        return kit_fail(err, KIT_PARSE, "%s: not a record of the hub client", path);
    }
    if (!is_next(&line, kit_str_c(version))) {
        return kit_fail(err, KIT_PARSE, "%s: not of version %s, which is read here", path, version);
    }
    enum kit_status rc = crypt_hash_of(CRYPT_SHA256, text, hash, err);
    if (rc == KIT_OK && !kit_str_eq(line, kit_str_c(hash))) {
        rc = kit_fail(err, KIT_PARSE, "%s: damaged, its checksum is another", path);
    }
    *json = text;
    return rc;
}

enum kit_status hub_record_read(const char *path, struct kit_json_doc **ret, struct kit_err *err)
{
    struct kit_buf text;
    kit_str json = {0};
    kit_buf_init(&text, HUB_RECORD_BYTES_MAX);
    enum kit_status rc = kit_file_read(path, &text, err);
    if (rc == KIT_OK) {
        rc = open_seal(path, kit_buf_str(&text), &json, err);
    }
    if (rc == KIT_OK) {
        rc = kit_json_parse(json, DEPTH_MAX, ret, err);
    }
    kit_buf_done(&text);
    return rc;
}

enum kit_status hub_record_commit(const char *folder, char ret[HUB_COMMIT_BYTES], struct kit_err *err)
{
    char path[PATH_MAX];
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_lit(HUB_RECORD_NAME), err);
    if (rc == KIT_OK) {
        rc = hub_record_read(path, &doc, err);
    }
    if (rc != KIT_OK) {
        return rc;
    }
    kit_str commit = kit_json_str(kit_json_get(kit_json_root(doc), "commit"), (kit_str){0});
    if (hub_name_is_commit(commit)) {
        kit_str_to_c(commit, ret, HUB_COMMIT_BYTES);
    } else {
        rc = kit_fail(err, KIT_PARSE, "%s: no commit in it", path);
    }
    kit_json_free(doc);
    return rc;
}
