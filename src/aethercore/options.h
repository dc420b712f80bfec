/* src/aethercore/options.h - the command line: flags, --set, file and environment into one configuration.
 * Thread: main. Memory: the configuration is the caller's. */
#ifndef AETHERCORE_OPTIONS_H
#define AETHERCORE_OPTIONS_H

#include "kit/config.h"

enum aethercore_wish { AETHERCORE_SERVE, AETHERCORE_HELP, AETHERCORE_VERSION, AETHERCORE_PRINT_CONFIG };

/* Defaults < --config FILE < environment (AETHERCORE_A__B) < flags. Errors: INVALID (usage), NOT_FOUND, NOMEM. */
KIT_MUST_CHECK enum kit_status aethercore_options_read(int argc, char *const *argv, char *const *environment,
                                                       enum aethercore_wish *wish, struct kit_config **ret,
                                                       struct kit_err *err);
/* What --help prints. */
const char *aethercore_options_help(void);

#endif
