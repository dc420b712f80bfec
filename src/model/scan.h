/* src/model/scan.h - which models lie in the models folder.
 *
 * What is a model says folder.h; what lies inside a model is its own business. Other folders are looked into,
 * MODEL_ID_SEGMENTS_MAX deep. Left out: names that no id can have, names that start with '.', a folder that is its own
 * ancestor (by a link), and, with a line in the log, what cannot be read and what has more entries than kit_file_list
 * takes.
 * Thread: any; blocks on disk. Memory: the result is the caller's. */
#ifndef MODEL_SCAN_H
#define MODEL_SCAN_H

#include "model/id.h"
#include "model/source.h"

#define MODEL_SCAN_FOLDERS_MAX 16384 /* looked into, at most */

struct model_found {
    char id[MODEL_ID_BYTES_MAX + 1];
    const char *format; /* as in struct model_folder */
    enum model_source source;
    char commit[MODEL_COMMIT_BYTES]; /* of the hub's repository, where it is known; "" otherwise */
    bool known;                      /* false; for whoever compares it with what was there before */
};

struct model_scan {
    struct model_found *found; /* [count], in order of ids; owned */
    uint32_t count;
    bool cut; /* there is more than `max` models or MODEL_SCAN_FOLDERS_MAX folders: the rest was not looked at */
};

/* max: models at most. Errors: NOT_FOUND or IO (the folder itself cannot be read), NOMEM. */
KIT_MUST_CHECK enum kit_status model_scan_folder(const char *folder, uint32_t max, struct model_scan *ret,
                                                 struct kit_err *err);
/* Puts what `more` has and `into` has not into `into`, up to max together. NOMEM: into is as it was. */
KIT_MUST_CHECK enum kit_status model_scan_join(struct model_scan *into, const struct model_scan *more, uint32_t max,
                                               struct kit_err *err);
const struct model_found *model_scan_find(const struct model_scan *s, const char *id); /* NULL: it is not there */
void model_scan_done(struct model_scan *s);                                            /* zeroed is fine */

#endif
