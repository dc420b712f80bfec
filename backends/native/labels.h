/* backends/native/labels.h - the names of a head's labels, from config.json's "id2label". Thread: any; blocks on disk. */
#ifndef NATIVE_LABELS_H
#define NATIVE_LABELS_H

#include "config.h"

/* *ret: a JSON array of `count` strings by index, NUL-ended; owned, kit_alloc_free. A file that names none gives LABEL_0,
 * LABEL_1, …, as transformers does. Errors: PARSE (a label is missing, or is none of the head's), NOT_FOUND, IO, NOMEM. */
KIT_MUST_CHECK enum kit_status native_labels_read(const struct native_config *c, uint32_t count, char **ret,
                                                  struct kit_err *err);

#endif
