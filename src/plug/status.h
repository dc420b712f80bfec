/* src/plug/status.h - from the ABI's status codes to ours. Thread: any; pure. */
#ifndef PLUG_STATUS_H
#define PLUG_STATUS_H

#include "aether/backend.h"
#include "kit/status.h"

enum plug_phase { PLUG_OPENING, PLUG_CALLING };

/* What a back end answered, as ours: `text` is its line (need not end, need not be clean; NULL: none). While opening, what
 * is wrong with the model's files or options is LOAD_FAILED; an unknown code is INTERNAL. */
enum kit_status plug_status(enum plug_phase phase, int32_t code, const char text[ACB_ERR_BYTES], struct kit_err *err);

/* Copies at most room - 1 bytes, NUL-ended; control bytes become spaces, what is not UTF-8 '?'. Returns buf. */
char *plug_status_clean(const char *text, size_t bytes, char *buf, size_t room);

/* Fills *err and returns code, as kit_fail does on the other side. */
int32_t plug_status_fail(struct acb_err *err, int32_t code, const char *format, ...) KIT_PRINTF(3, 4);

#endif
