/* src/hub/record.h - the two files that the hub client writes for itself: how far a download has come, and, in a model's
 * folder, where it came from.
 *
 * One line "heimnetz-hub <version> <SHA-256 of the rest>", then JSON. Written beside and renamed, so that a reader finds the
 * old one or the new one. Thread: any; blocks on disk. Memory: documents are the caller's. */
#ifndef HUB_RECORD_H
#define HUB_RECORD_H

#include "hub/name.h"
#include "kit/json.h"

#define HUB_RECORD_VERSION 1
#define HUB_RECORD_BYTES_MAX (4 * KIT_MIB)

/* What lies in a model's folder that came from the hub. Starts with '.': no part of the model. */
#define HUB_RECORD_NAME ".heimnetz-hub"

/* IO, NO_SPACE, NOMEM. */
KIT_MUST_CHECK enum kit_status hub_record_write(const char *path, kit_str json, struct kit_err *err);
/* NOT_FOUND; PARSE: not ours, of another version, or damaged; IO, NOMEM. */
KIT_MUST_CHECK enum kit_status hub_record_read(const char *path, struct kit_json_doc **ret, struct kit_err *err);

/* The commit that the model in `folder` was fetched at. As hub_record_read. */
KIT_MUST_CHECK enum kit_status hub_record_commit(const char *folder, char ret[HUB_COMMIT_BYTES], struct kit_err *err);

#endif
