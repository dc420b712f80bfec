#include "heimnetz/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool is_absolute(const char *path)
{
    return path != NULL && path[0] == '/';
}

enum kit_status heimnetz_places_state(char ret[PLACES_BYTES], struct kit_err *err)
{
    const char *said = getenv("HEIMNETZ_STATE"), *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    int len = 0;
    if (is_absolute(said)) {
        len = snprintf(ret, PLACES_BYTES, "%s", said);
    } else if (geteuid() == 0) {
        len = snprintf(ret, PLACES_BYTES, "/var/lib/heimnetz");
    } else if (is_absolute(state)) {
        len = snprintf(ret, PLACES_BYTES, "%s/heimnetz", state);
    } else if (is_absolute(home)) {
        len = snprintf(ret, PLACES_BYTES, "%s/.local/state/heimnetz", home);
    } else {
        return kit_fail(err, KIT_INVALID, "HOME is not set: say where to keep pid files and logs with HEIMNETZ_STATE");
    }
    return len < PLACES_BYTES ? KIT_OK : kit_fail(err, KIT_INVALID, "the path of the state folder is too long");
}

enum kit_status heimnetz_places_of(const char *service, const char *ending, char ret[PLACES_BYTES], struct kit_err *err)
{
    char folder[PLACES_BYTES];
    enum kit_status rc = heimnetz_places_state(folder, err);
    if (rc != KIT_OK) {
        return rc;
    }
    int len = snprintf(ret, PLACES_BYTES, "%s/%s%s", folder, service, ending);
    return len < PLACES_BYTES ? KIT_OK : kit_fail(err, KIT_INVALID, "the path of the state folder is too long");
}

enum kit_status heimnetz_places_program(const char *service, char ret[PLACES_BYTES], struct kit_err *err)
{
    char exe[PLACES_BYTES];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (len <= 0 || len == (ssize_t)sizeof(exe) - 1) {
        return kit_fail(err, KIT_IO, "heimnetz cannot read its own path: is /proc mounted?");
    }
    exe[len] = '\0';
    *strrchr(exe, '/') = '\0';
    if (snprintf(ret, PLACES_BYTES, "%s/%s", exe, service) >= PLACES_BYTES) {
        return kit_fail(err, KIT_INVALID, "the path of %s is too long", service);
    }
    return access(ret, X_OK) == 0 ? KIT_OK
                                  : kit_fail(err, KIT_NOT_FOUND, "%s is not there: it belongs beside heimnetz", ret);
}
