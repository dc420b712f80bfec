#include "model/source.h"

#include "kit/buf.h"
#include "kit/file.h"

const char *model_source_text(enum model_source s)
{
    static const char *const texts[] = {
#define SOURCE_TEXT(name, text) text,
        MODEL_SOURCES(SOURCE_TEXT)
#undef SOURCE_TEXT
    };
    return (unsigned)s < MODEL_SOURCE_COUNT ? texts[s] : "unknown";
}

/* "/cache/models--org--name/snapshots/<commit>" */
static enum kit_status snapshot_path(char *buf, size_t size, const char *root, kit_str id, const char *commit,
                                     struct kit_err *err)
{
    struct kit_buf path;
    kit_str part;
    kit_buf_init(&path, size - 1);
    kit_buf_printf(&path, "%s/models", root);
    while (kit_str_cut(&id, '/', &part)) {
        kit_buf_printf(&path, "--%.*s", KIT_STR_ARG(part));
    }
    kit_buf_printf(&path, "/snapshots/%s", commit);
    enum kit_status rc = path.failed;
    kit_str_to_c(kit_buf_str(&path), buf, size);
    kit_buf_done(&path);
    return rc == KIT_FULL
               ? kit_fail(err, KIT_INVALID, "the path of a snapshot in %s is longer than %zu bytes", root, size - 1)
           : rc != KIT_OK ? kit_fail(err, rc, "no memory for a path")
                          : KIT_OK;
}

enum kit_status model_source_path(char *buf, size_t size, const char *root, enum model_source source, const char *id,
                                  const char *commit, struct kit_err *err)
{
    if (source == MODEL_SOURCE_HF_CACHE) {
        return snapshot_path(buf, size, root, kit_str_c(id), commit, err);
    }
    return kit_file_join(buf, size, kit_str_c(root), kit_str_c(id), err);
}
