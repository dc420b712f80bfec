/* src/aethercore/access.h - from settings and environment to the rules of access (guard/).
 *
 * Thread: any; reads files. Memory: the caller's. */
#ifndef AETHERCORE_ACCESS_H
#define AETHERCORE_ACCESS_H

#include "guard/rules.h"
#include "kit/config.h"

/* key: HEIMNETZ_API_KEY of the environment, or NULL; a key file in the settings comes first.
 * INVALID: a key that is none, an origin that is none, or no key for an address that others can reach (the message says how
 * to make one); NOT_FOUND, IO: the key file; NOMEM. */
KIT_MUST_CHECK enum kit_status aethercore_access_rules(const struct kit_config *c, const char *key,
                                                       struct guard_rules **ret, struct kit_err *err);

#endif
