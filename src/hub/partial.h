/* src/hub/partial.h - the folder of a download that is not done: <models>/.partial/<id with + for />, which holds `files`
 * (what the model's folder will be), `state` (which bytes of them are there) and `lock`.
 *
 * The state is written every half a second or so, after the bytes themselves: a crash costs what came since then, and what
 * it says that is not true (a power cut) the digests find out. One process at a time has the lock.
 * For src/hub/ only. Thread: the pull's; blocks on disk. Memory: owned by the pull. */
#ifndef HUB_PARTIAL_H
#define HUB_PARTIAL_H

#include <limits.h>

#include "hub/file.h"

struct hub_partial {
    char folder[PATH_MAX]; /* "" until opened */
    char files[PATH_MAX];
    char state[PATH_MAX];
    int lock;
};

/* What nobody has gone on with for so long is removed when another download begins. */
#define HUB_PARTIAL_DAYS 14

/* Makes the folders and takes the lock. UNAVAILABLE: another process has it; INVALID: paths too long; IO, NO_SPACE. */
KIT_MUST_CHECK enum kit_status hub_partial_open(struct hub_partial *p, const char *models, const char *id,
                                                struct kit_err *err);
void hub_partial_close(struct hub_partial *p); /* keeps what is there; zeroed is fine */

/* Notes in `files` what an earlier pull has left of the same content, and removes what else lies there. NOMEM, IO. */
KIT_MUST_CHECK enum kit_status hub_partial_load(struct hub_partial *p, struct hub_file *files, uint32_t count,
                                                struct kit_err *err);
/* Writes down what is there. */
KIT_MUST_CHECK enum kit_status hub_partial_save(const struct hub_partial *p, const char *commit,
                                                const struct hub_file *files, uint32_t count, struct kit_err *err);
/* `files` becomes the folder `target`, in one step; what was there before is removed. Then the rest goes too. CONFLICT:
 * the target is there and replace is false; IO. */
KIT_MUST_CHECK enum kit_status hub_partial_place(struct hub_partial *p, const char *target, bool replace,
                                                 struct kit_err *err);

#endif
