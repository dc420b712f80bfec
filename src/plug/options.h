/* src/plug/options.h - the settings of one model against the table of its back end. Thread: any; pure. */
#ifndef PLUG_OPTIONS_H
#define PLUG_OPTIONS_H

#include "aether/backend.h"
#include "kit/str.h"

/* json must be an object whose keys stand in the back end's table, with values of the right type and range. INVALID:
 * names the key, what it must be and what it was, or the keys that there are. PARSE, NOMEM. */
KIT_MUST_CHECK enum kit_status plug_options_check(const struct acb_plugin *backend, kit_str json, struct kit_err *err);

#endif
