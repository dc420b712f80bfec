/* src/plug/team.h - the threads behind host->parallel_for: fork and join in microseconds.
 *
 * Helpers are started when they are first wanted and stay; a helper that has nothing to do looks for work for some tens
 * of microseconds and then sleeps. Several callers may run at once: each takes helpers that are idle, and does with
 * fewer when there are not enough, down to itself alone. Thread: any. Memory: owned by whoever made it. */
#ifndef PLUG_TEAM_H
#define PLUG_TEAM_H

#include "kit/status.h"

#define PLUG_TEAM_HELPERS_MAX 255

struct plug_team;

/* helpers_max: 0 … PLUG_TEAM_HELPERS_MAX; starts none yet. NOMEM. */
KIT_MUST_CHECK enum kit_status plug_team_new(uint32_t helpers_max, struct plug_team **ret);
void plug_team_free(struct plug_team *t); /* nobody is running; joins the threads; NULL is fine */

/* Calls fn(arg, i, worker) once for each i in [0, n), in any order, on the caller and at most cores - 1 helpers, and
 * returns when all calls have returned. worker < cores, and never the same one twice at a time. Not from inside fn. */
void plug_team_run(struct plug_team *t, uint32_t cores, uint32_t n, void (*fn)(void *arg, uint32_t i, uint32_t worker),
                   void *arg);

uint32_t plug_team_started(const struct plug_team *t); /* helpers so far */

#endif
