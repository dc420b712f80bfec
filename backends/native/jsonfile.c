#include "jsonfile.h"

#include "kit/file.h"

#define DEPTH_MAX 32
#define PATH_BYTES 2048

enum kit_status native_jsonfile_error(const char *name, enum kit_status rc, struct kit_err *err)
{
    if (rc == KIT_OK) {
        return rc;
    }
    bool is_content = rc == KIT_INVALID || rc == KIT_TOO_LARGE;
    return kit_err_prefix(err, is_content ? KIT_PARSE : rc, "%s", name);
}

enum kit_status native_jsonfile_read(const char *folder, const char *name, struct kit_json_doc **ret,
                                     struct kit_err *err)
{
    char path[PATH_BYTES];
    struct kit_buf text;
    kit_buf_init(&text, NATIVE_JSONFILE_BYTES_MAX);
    enum kit_status rc = kit_file_join(path, sizeof(path), kit_str_c(folder), kit_str_c(name), err);
    if (rc == KIT_OK) {
        rc = kit_file_read(path, &text, err);
    }
    if (rc == KIT_OK) {
        rc = kit_json_parse(kit_buf_str(&text), DEPTH_MAX, ret, err);
    }
    kit_buf_done(&text);
    return native_jsonfile_error(name, rc, err);
}
