/* backends/native/jsonfile.h - a small JSON file of a model's folder. Thread: any; blocks on disk. */
#ifndef NATIVE_JSONFILE_H
#define NATIVE_JSONFILE_H

#include "kit/json.h"

#define NATIVE_JSONFILE_BYTES_MAX KIT_MIB

/* *ret: owned, kit_json_free. Errors begin with the file's name: PARSE (broken, or too large), NOT_FOUND, IO, NOMEM. */
KIT_MUST_CHECK enum kit_status native_jsonfile_read(const char *folder, const char *name, struct kit_json_doc **ret,
                                                    struct kit_err *err);

/* Puts the file's name before a failure, and makes INVALID, which is what kit/json.h says of a member, PARSE: here it is
 * the file that is wrong and not the call. OK passes. */
enum kit_status native_jsonfile_error(const char *name, enum kit_status rc, struct kit_err *err);

#endif
