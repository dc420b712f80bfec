#include "aethercore/access.h"

static enum kit_status read_key(const struct kit_config *c, const char *key, struct guard_key *ret, struct kit_err *err)
{
    const char *file = kit_config_str(c, "server.api_key_file");
    return file[0] != '\0' ? guard_key_read(ret, file, err)
                           : guard_key_set(ret, kit_str_c(key), "HEIMNETZ_API_KEY", err);
}

static enum kit_status check_exposure(const struct kit_config *c, const struct guard_key *key, struct kit_err *err)
{
    const char *host = kit_config_str(c, "server.host");
    if (key->len > 0 || guard_rules_is_loopback(host) || kit_config_bool(c, "insecure_open")) {
        return KIT_OK;
    }
    return kit_fail(err, KIT_INVALID,
                    "others can reach '%s', so a key is needed: (umask 77; %s), then --api-key-file heimnetz.key "
                    "(clients: HEIMNETZ_API_KEY). Without one: --set insecure_open=true",
                    host, GUARD_KEY_COMMAND);
}

enum kit_status aethercore_access_rules(const struct kit_config *c, const char *key, struct guard_rules **ret,
                                        struct kit_err *err)
{
    struct guard_options o = {
        .bind = kit_config_str(c, "server.host"),
        .hosts = kit_config_str(c, "server.allowed_hosts"),
        .origins = kit_config_str(c, "server.allowed_origins"),
    };
    enum kit_status rc = read_key(c, key, &o.key, err);
    if (rc == KIT_OK) {
        rc = check_exposure(c, &o.key, err);
    }
    if (rc == KIT_OK) {
        rc = guard_rules_new(&o, ret, err);
    }
    guard_key_done(&o.key);
    return rc;
}
