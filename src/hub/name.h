/* src/hub/name.h - names on the hub: of repositories, revisions and files, and which of them are taken.
 *
 * Source: the rules that huggingface_hub applies to repository ids; git-check-ref-format. Thread: any; pure. Memory: none. */
#ifndef HUB_NAME_H
#define HUB_NAME_H

#include "kit/str.h"

#define HUB_ID_BYTES 128       /* with a NUL, as the next three */
#define HUB_REVISION_BYTES 128 /* a branch, a tag or a commit */
#define HUB_FILE_BYTES 256     /* "1_Pooling/config.json" */
#define HUB_COMMIT_BYTES 65

struct hub_name {
    char id[HUB_ID_BYTES];             /* "org/name"; old models have no organisation: "gpt2" */
    char revision[HUB_REVISION_BYTES]; /* "main" where nobody said */
};

/* Reads "org/name" or "org/name@revision"; `revision`, when it is not empty, says it apart. INVALID, param "id" or
 * "revision": what such names may look like. */
KIT_MUST_CHECK enum kit_status hub_name_parse(kit_str text, kit_str revision, struct hub_name *ret,
                                              struct kit_err *err);

/* A commit's full name: 40 or 64 small hexadecimal digits. */
bool hub_name_is_commit(kit_str s);

/* A file of a repository that we would write: relative, at most 4 segments of [A-Za-z0-9._+-] that do not start with '.',
 * shorter than HUB_FILE_BYTES. */
bool hub_name_is_file(kit_str path);
/* A path that no repository can have, as it would lead out of it: absolute, with an empty, "." or ".." segment, a
 * backslash or a control byte. */
bool hub_name_is_hostile(kit_str path);

#endif
