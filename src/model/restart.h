/* src/model/restart.h - a model that was lost is loaded again: at once would be a storm, never would be an outage.
 *
 * The wait before a restart is 1 s, doubled each time, 60 s at most. After restart_max restarts in a row the model stays
 * failed, whatever they failed for: a file that is broken now may be one that somebody is copying. A model that was ready
 * for MODEL_RESTART_CALM_NS starts from 1 s again, and so does one that somebody loads.
 * Thread: under the catalog's lock, unless said. Memory: none. */
#ifndef MODEL_RESTART_H
#define MODEL_RESTART_H

#include "kit/clock.h"
#include "model/entry.h"

#define MODEL_RESTART_CALM_NS (300 * KIT_NS_PER_S)

/* The wait before the n-th restart in a row, counted from 0. Pure. */
uint64_t model_restart_wait_ns(uint32_t n);

/* The engine says that the model is lost: its cell has died, or a call into it said so. Any thread, also one inside a
 * call into the model, without the lock; waits for nothing but the lock. reason: copied, the first one counts. */
void model_restart_lost(struct model_entry *e, const char *reason);

/* A lost model has been cleared away: failed, and waits for its restart if it has one left. */
void model_restart_after_loss(struct model_entry *e);
/* A load has failed: failed; if it was a restart, the next one is waited for, otherwise nobody wants it any more. */
void model_restart_after_failed_load(struct model_entry *e, const char *why);

/* Somebody said what he wants: what was counted and planned is void. */
void model_restart_reset(struct model_entry *e);
/* The time of the planned restart has come (now_ns: kit_clock_ns): the next step is a load. */
void model_restart_check(struct model_entry *e, uint64_t now_ns);

#endif
