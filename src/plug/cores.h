/* src/plug/cores.h - the lease book of the machine's cores: lent, never taken.
 *
 * One budget for all models, so that two of them at work do not slow each other down by fighting for cores. Waiting is
 * first come, first served. Thread: any; one lock inside. Memory: owned by whoever made it. */
#ifndef PLUG_CORES_H
#define PLUG_CORES_H

#include "kit/status.h"

struct plug_cores;

/* fixed: the budget; 0: kit_cpu_cores(), read again at most once a second while leases are taken. NOMEM. */
KIT_MUST_CHECK enum kit_status plug_cores_new(uint32_t fixed, struct plug_cores **ret);
void plug_cores_free(struct plug_cores *c); /* every lease is back; NULL is fine */

/* Answers min <= n <= max and books n; waits while fewer than min are free. A min above the budget counts as the
 * budget. min 0 never waits and may answer 0. */
uint32_t plug_cores_take(struct plug_cores *c, uint32_t min, uint32_t max);
void plug_cores_give(struct plug_cores *c, uint32_t n);
uint32_t plug_cores_budget(struct plug_cores *c); /* >= 1 */

#endif
