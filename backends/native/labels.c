#include "labels.h"

#include <stdio.h>

#include "jsonfile.h"
#include "kit/alloc.h"

#define TEXT_BYTES_MAX (4 * KIT_MIB)

/* name [count]: where the file says one. */
static enum kit_status read_names(kit_json pairs, uint32_t count, kit_json *name, struct kit_err *err)
{
    for (struct kit_json_iter i = kit_json_iter(pairs); kit_json_next(&i);) {
        uint64_t index = 0;
        if (kit_str_to_u64(i.key, &index) != KIT_OK || index >= count) {
            return kit_fail(err, KIT_PARSE, "'id2label' names label '%.*s', but the head has %u, from 0",
                            KIT_STR_ARG(kit_str_sub(i.key, 0, 32)), count);
        }
        if (kit_json_type(i.value) != KIT_JSON_STRING) {
            return kit_fail(err, KIT_PARSE, "'id2label': label %u must be a string, but is a %s", (unsigned)index,
                            kit_json_type_name(i.value));
        }
        name[index] = i.value;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (name[i].v == NULL) {
            return kit_fail(err, KIT_PARSE, "'id2label' lacks label %u of the head's %u", i, count);
        }
    }
    return KIT_OK;
}

/* name: NULL, or [count]. */
static void write_names(const kit_json *name, uint32_t count, struct kit_buf *out)
{
    struct kit_json_writer w;
    kit_json_writer_init(&w, out);
    kit_json_open(&w, '[');
    for (uint32_t i = 0; i < count; i++) {
        char own[32];
        snprintf(own, sizeof(own), "LABEL_%u", i);
        kit_json_put_str(&w, name != NULL ? kit_json_str(name[i], (kit_str){0}) : kit_str_c(own));
    }
    kit_json_close(&w, ']');
}

static enum kit_status read_root(kit_json root, uint32_t count, char **ret, struct kit_err *err)
{
    kit_json pairs = kit_json_get(root, "id2label");
    bool named = kit_json_count(pairs) > 0;
    enum kit_status rc = KIT_OK;
    struct kit_buf out;
    kit_buf_init(&out, TEXT_BYTES_MAX);
    kit_json *name = kit_alloc_zero(count, sizeof(*name));
    if (name == NULL) {
        rc = kit_fail(err, KIT_NOMEM, "out of memory for %u labels", count);
    } else if (named) {
        rc = read_names(pairs, count, name, err);
    }
    if (rc == KIT_OK) {
        write_names(named ? name : NULL, count, &out);
        char *text = out.failed == KIT_OK ? kit_alloc_copy(out.ptr, out.len) : NULL;
        rc = text != NULL ? KIT_OK : kit_fail(err, KIT_NOMEM, "out of memory for the names of %u labels", count);
        *ret = rc == KIT_OK ? text : *ret;
    }
    kit_alloc_free(name);
    kit_buf_done(&out);
    return rc;
}

enum kit_status native_labels_read(const struct native_config *c, uint32_t count, char **ret, struct kit_err *err)
{
    struct kit_json_doc *doc = NULL;
    enum kit_status rc = native_jsonfile_read(c->folder, "config.json", &doc, err);
    if (rc == KIT_OK) {
        rc = native_jsonfile_error("config.json", read_root(kit_json_root(doc), count, ret, err), err);
    }
    kit_json_free(doc);
    return rc;
}
