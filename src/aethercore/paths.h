/* src/aethercore/paths.h - where things lie when nobody says: plug-ins beside the program, models in the user's data.
 * Source: XDG Base Directory Specification 0.8. Thread: any; pure but for the environment. */
#ifndef AETHERCORE_PATHS_H
#define AETHERCORE_PATHS_H

#include "kit/status.h"

#define AETHERCORE_PATH_BYTES 4096

/* The running program's own file. */
KIT_MUST_CHECK enum kit_status aethercore_paths_exe(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err);
/* <exe>/../lib/aether */
KIT_MUST_CHECK enum kit_status aethercore_paths_plugins(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err);
/* root: /var/lib/heimnetz/models; else $XDG_DATA_HOME/heimnetz/models. */
KIT_MUST_CHECK enum kit_status aethercore_paths_models(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err);
/* Hugging Face's cache by the setting models.hf_cache: "auto", "off" (or nothing) or a folder. "": none. It need not be
 * there. INVALID: too long. Source: huggingface_hub's environment variables. */
KIT_MUST_CHECK enum kit_status aethercore_paths_hf_cache(const char *setting, char ret[AETHERCORE_PATH_BYTES],
                                                         struct kit_err *err);

/* The file that keeps the token for the hub. "": none. It need not be there. INVALID: too long. Source: as above. */
KIT_MUST_CHECK enum kit_status aethercore_paths_hf_token(char ret[AETHERCORE_PATH_BYTES], struct kit_err *err);

#endif
