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

static bool is_path(const char *text)
{
    return text != NULL && text[0] != '\0';
}

enum kit_status aethercore_paths_hf_cache(const char *setting, char ret[AETHERCORE_PATH_BYTES], struct kit_err *err)
{
    const char *hub = getenv("HF_HUB_CACHE"), *hf_home = getenv("HF_HOME"), *xdg = getenv("XDG_CACHE_HOME"),
               *home = getenv("HOME");
    int len = 0;
    ret[0] = '\0';
    if (strcmp(setting, "off") == 0) {
        return KIT_OK;
    }
    if (strcmp(setting, "auto") != 0) {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s", setting);
    } else if (is_path(hub)) {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s", hub);
    } else if (is_path(hf_home)) {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s/hub", hf_home);
    } else if (is_path(xdg)) {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s/huggingface/hub", xdg);
    } else if (is_path(home)) {
        len = snprintf(ret, AETHERCORE_PATH_BYTES, "%s/.cache/huggingface/hub", home);
    }
    return len < AETHERCORE_PATH_BYTES ? KIT_OK : too_long(err);
}
