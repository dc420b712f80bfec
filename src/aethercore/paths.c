#include "aethercore/paths.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum kit_status too_long(struct kit_err *err)
{
    return kit_fail(err, KIT_INVALID, "a path is longer than %d bytes", AETHERCORE_PATH_BYTES - 1);
}

enum kit_status aethercore_paths_exe(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err)
{
    ssize_t len = readlink("/proc/self/exe", ret, AETHERCORE_PATH_BYTES - 1);
    if (len < 0 || len == AETHERCORE_PATH_BYTES - 1) {
        return kit_fail(err, KIT_IO, "the program's own path cannot be read: is /proc mounted?");
    }
    ret[len] = '\0';
    return KIT_OK;
}

enum kit_status aethercore_paths_plugins(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err)
{
    char exe[AETHERCORE_PATH_BYTES];
    enum kit_status rc = aethercore_paths_exe(exe, err);
    if (rc != KIT_OK) {
        return rc;
    }
    *strrchr(exe, '/') = '\0';
    char *parent = strrchr(exe, '/');
    if (parent != NULL) {
        *parent = '\0';
    }
    int len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s/lib/aether", exe);
    return len < AETHERCORE_PATH_BYTES ? KIT_OK : too_long(err);
}

enum kit_status aethercore_paths_models(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err)
{
    const char *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    int len = 0;
    if (geteuid() == 0) {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "/var/lib/heimnetz/models");
    } else if (data != NULL && data[0] == '/') {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s/heimnetz/models", data);
    } else if (home != NULL && home[0] == '/') {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s/.local/share/heimnetz/models", home);
    } else {
        return kit_fail(err, KIT_INVALID,
                        "neither HOME nor XDG_DATA_HOME is set: say where models lie with --models DIR");
    }
    return len < AETHERCORE_PATH_BYTES ? KIT_OK : too_long(err);
}

/* --- where Hugging Face's tools keep what is theirs --- */

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value != NULL ? value : "";
}

/* `own` as it is, otherwise `name` in the tools' home: HF_HOME, XDG_CACHE_HOME/huggingface, HOME/.cache/huggingface. */
static enum kit_status in_hf_home(const char *own, const char *name, char ret[AETHERCORE_PATH_BYTES],
                                  struct kit_err *err)
{
    const char *hf = variable("HF_HOME"), *cache = variable("XDG_CACHE_HOME"), *home = variable("HOME");
    int len = own[0] != '\0'     ? snprintf(ret, AETHERCORE_PATH_BYTES, "%s", own)
              : hf[0] != '\0'    ? snprintf(ret, AETHERCORE_PATH_BYTES, "%s/%s", hf, name)
              : cache[0] != '\0' ? snprintf(ret, AETHERCORE_PATH_BYTES, "%s/huggingface/%s", cache, name)
              : home[0] != '\0'  ? snprintf(ret, AETHERCORE_PATH_BYTES, "%s/.cache/huggingface/%s", home, name)
                                 : snprintf(ret, AETHERCORE_PATH_BYTES, "%s", "");
    return len < AETHERCORE_PATH_BYTES ? KIT_OK : too_long(err);
}

enum kit_status aethercore_paths_hf_cache(const char *setting, char ret[AETHERCORE_PATH_BYTES], struct kit_err *err)
{
    if (setting[0] == '\0' || strcmp(setting, "off") == 0) {
        ret[0] = '\0';
        return KIT_OK;
    }
    return in_hf_home(strcmp(setting, "auto") == 0 ? variable("HF_HUB_CACHE") : setting, "hub", ret, err);
}

enum kit_status aethercore_paths_hf_token(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err)
{
    return in_hf_home(variable("HF_TOKEN_PATH"), "token", ret, err);
}
