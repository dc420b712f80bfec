/* backends/native/folder.h - paths below a model's folder, as its own files name them. Thread: any; pure. */
#ifndef NATIVE_FOLDER_H
#define NATIVE_FOLDER_H

#include "kit/str.h"

#define NATIVE_FOLDER_BYTES 1024 /* of a path with its ending NUL */

/* folder + "/" + path into ret; "" is the folder itself. PARSE: path is absolute, or goes up; INVALID: too long. A link
 * that lies in the folder may point anywhere: a hub's cache is made of such. */
KIT_MUST_CHECK enum kit_status native_folder_below(const char *folder, kit_str path, char ret[NATIVE_FOLDER_BYTES],
                                                   struct kit_err *err);

#endif
