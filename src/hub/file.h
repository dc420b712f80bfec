/* src/hub/file.h - one file on its way: which bytes are on disk, and whether they are what the hub means.
 *
 * Bytes come in any order; the digest follows behind them from the first byte on, so that it is ready soon after the last.
 * For src/hub/ only. Thread: the pull's; blocks on disk. Memory: owned by the pull. */
#ifndef HUB_FILE_H
#define HUB_FILE_H

#include "hub/plan.h"
#include "hub/ranges.h"

struct hub_file {
    const struct hub_plan_file *plan; /* borrowed */
    const char *folder;               /* borrowed: where it is written */
    int fd;                           /* -1: not open */
    struct hub_ranges have;           /* on disk */
    struct crypt_hash *hash;          /* owned; NULL: not begun */
    uint64_t hashed;                  /* bytes that the digest has seen */
    bool good;                        /* whole and proven: closed */
    /* for whoever fetches */
    struct hub_ranges taken; /* on disk, or being fetched */
    bool whole_only;         /* the server gives no ranges */
    uint32_t fetching;       /* connections that are at it */
    uint32_t tries;          /* that failed in a row without bringing much */
    uint32_t bad;            /* how often its digest was another */
    uint64_t not_before_ns;  /* kit_clock_ns of the next try */
    char *url;               /* owned; where storage gave it last; NULL: ask the hub */
};

void hub_file_init(struct hub_file *f, const struct hub_plan_file *plan, const char *folder);
void hub_file_done(struct hub_file *f);

/* Opens it, for writing, with what was there kept. Its folders are made. IO, NO_SPACE. Again: does nothing. */
KIT_MUST_CHECK enum kit_status hub_file_open(struct hub_file *f, struct kit_err *err);
/* Bytes that came for place `at`. IO, NO_SPACE. */
KIT_MUST_CHECK enum kit_status hub_file_write(struct hub_file *f, uint64_t at, kit_str bytes, struct kit_err *err);
/* Nothing of it is there any more. */
void hub_file_forget(struct hub_file *f);

bool hub_file_is_whole(const struct hub_file *f);
/* Lets the digest see up to `most` bytes more of those that lie there without a hole; false: there are none. IO, NOMEM are
 * in *rc. */
bool hub_file_hash_some(struct hub_file *f, uint64_t most, enum kit_status *rc, struct kit_err *err);
/* The file is whole and hashed: is it what the plan says? Then it is safe on disk and `good`. PARSE: another digest; the
 * message says both. IO, NO_SPACE: it could not be written to the end. */
KIT_MUST_CHECK enum kit_status hub_file_prove(struct hub_file *f, struct kit_err *err);

#endif
