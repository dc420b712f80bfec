#include "aethercore/remote.h"

#include <stdlib.h>
#include <string.h>

#include "kit/alloc.h"
#include "kit/file.h"

#define NAMES "remote."

struct reading {
    struct remote_upstream_options upstreams[REMOTE_UPSTREAMS_MAX];
    char keys[REMOTE_UPSTREAMS_MAX][REMOTE_KEY_BYTES + 1];
};

static bool is_key(kit_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] <= ' ' || s.ptr[i] >= 0x7f) {
            return false;
        }
    }
    return s.len > 0 && s.len <= REMOTE_KEY_BYTES;
}

static enum kit_status read_key(const char *path, char key[REMOTE_KEY_BYTES + 1], struct kit_err *err)
{
    struct kit_buf text;
    kit_buf_init(&text, 2 * REMOTE_KEY_BYTES);
    enum kit_status rc = kit_file_read(path, &text, err);
    kit_str found = kit_str_trim(kit_buf_str(&text));
    if (rc == KIT_OK && !is_key(found)) {
        rc = kit_fail(err, KIT_INVALID, "%s holds no key: one line of 1 to %d characters", path, REMOTE_KEY_BYTES);
    }
    if (rc == KIT_OK) {
        kit_str_to_c(found, key, REMOTE_KEY_BYTES + 1);
    }
    kit_buf_done(&text);
    return rc;
}

static enum kit_status read_one(const struct kit_config *c, const char *name, struct remote_upstream_options *o,
                                char key[REMOTE_KEY_BYTES + 1], struct kit_err *err)
{
    const char *key_file = kit_config_str_of(c, "remote.*.key_file", name);
    *o = (struct remote_upstream_options){
        .name = name,
        .url = kit_config_str_of(c, "remote.*.url", name),
        .key = key,
        .models = kit_config_str_of(c, "remote.*.models", name),
        .kind = (enum remote_kind)kit_config_int_of(c, "remote.*.kind", name),
        .check_ms = (uint32_t)kit_config_int_of(c, "remote.*.check", name),
        .stall_ms = (uint32_t)kit_config_int_of(c, "remote.*.stall_timeout", name),
        .calls_max = (uint32_t)kit_config_int_of(c, "remote.*.requests_max", name),
    };
    if (o->url[0] == '\0') {
        return kit_fail(err, KIT_INVALID, "upstream '%s' has no address: set remote.%s.url", name, name);
    }
    enum kit_status rc = key_file[0] != '\0' ? read_key(key_file, key, err) : KIT_OK;
    return rc == KIT_OK ? KIT_OK : kit_err_prefix(err, rc, "remote.%s.key_file", name);
}

static enum kit_status read_all(const struct kit_config *c, struct reading *r, uint32_t *count, struct kit_err *err)
{
    enum kit_status rc = KIT_OK;
    for (const char *name; rc == KIT_OK && (name = kit_config_name(c, NAMES, *count)) != NULL; ++*count) {
        rc = *count < REMOTE_UPSTREAMS_MAX
                 ? read_one(c, name, &r->upstreams[*count], r->keys[*count], err)
                 : kit_fail(err, KIT_INVALID, "more than %d upstreams are set up", REMOTE_UPSTREAMS_MAX);
    }
    return rc;
}

enum kit_status aethercore_remote_new(const struct kit_config *c, struct model_catalog *catalog, struct remote **ret,
                                      struct kit_err *err)
{
    uint32_t count = 0;
    *ret = NULL;
    if (kit_config_name(c, NAMES, 0) == NULL) {
        return KIT_OK;
    }
    struct reading *r = kit_alloc_zero(1, sizeof(*r));
    if (r == NULL) {
        return kit_fail(err, KIT_NOMEM, "out of memory for upstreams");
    }
    enum kit_status rc = read_all(c, r, &count, err);
    if (rc == KIT_OK) {
        struct remote_options o = {.upstreams = r->upstreams, .count = count, .ca_file = getenv("SSL_CERT_FILE")};
        rc = remote_new(&o, catalog, ret, err);
    }
    explicit_bzero(r, sizeof(*r));
    kit_alloc_free(r);
    return rc;
}
