/* src/aethercore/hub.h - from settings and environment to the options of the hub client (hub/).
 *
 * What the settings leave open, the variables of Hugging Face's own tools say: HF_ENDPOINT, HF_TOKEN, HF_TOKEN_PATH,
 * HF_HOME, HF_HUB_OFFLINE; SSL_CERT_FILE names certificates to trust. Source: huggingface_hub's environment variables.
 * Thread: main; reads a file. Memory: texts are inside the struct: it stays where it is. */
#ifndef AETHERCORE_HUB_H
#define AETHERCORE_HUB_H

#include "aethercore/paths.h"
#include "hub/hub.h"
#include "kit/config.h"

#define AETHERCORE_ENDPOINT_BYTES 512
#define AETHERCORE_TOKEN_BYTES 512

struct aethercore_hub {
    struct hub_options options; /* its texts: those below */
    bool autopull;
    char endpoint[AETHERCORE_ENDPOINT_BYTES];
    char token[AETHERCORE_TOKEN_BYTES];
    char ca_file[AETHERCORE_PATH_BYTES];
};

/* INVALID: an endpoint that is no http(s) address, a token that no header may carry, what is too long; NOT_FOUND, IO: the
 * token file of the settings. One that only the environment leads to may be absent. A token is never taken from the
 * settings themselves, which others may read. */
KIT_MUST_CHECK enum kit_status aethercore_hub_read(const struct kit_config *c, struct aethercore_hub *ret,
                                                   struct kit_err *err);

#endif
