/* src/aethercore/remote.h - the upstreams, as the settings remote.NAME.* say. Thread: main. Memory: the caller's. */
#ifndef AETHERCORE_REMOTE_H
#define AETHERCORE_REMOTE_H

#include "kit/config.h"
#include "remote/remote.h"

/* *ret: NULL where no upstream is set up. INVALID: a name without a url, too many, a key that is none; what its key's file and
 * remote_new say. */
KIT_MUST_CHECK enum kit_status aethercore_remote_new(const struct kit_config *c, struct model_catalog *catalog,
                                                     struct remote **ret, struct kit_err *err);

#endif
