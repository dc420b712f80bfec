/* src/sched/turns.h - what waits, and whose turn it is.
 *
 * Between priorities: the more urgent one overtakes, but of what it takes while others wait, one token in
 * SCHED_TURNS_SHARE goes to the less urgent, so that none waits for ever. Between the principals of a priority: deficit
 * round robin on tokens (Shreedhar and Varghese, "Efficient fair queuing using deficit round robin", 1995). Between
 * those of one principal: turns of SCHED_TURNS_LENGTH tokens, so that small ones get in between a large one's pieces.
 * Thread: the owner's. Memory: room for all principals is taken at birth; what waits is borrowed, and linked by its
 * struct sched_turn. Each call is O(1), amortised over the tokens that are taken. */
#ifndef SCHED_TURNS_H
#define SCHED_TURNS_H

#include "kit/status.h"
#include "sched/node.h"

#define SCHED_PRIORITIES 3
enum sched_priority { SCHED_HIGH, SCHED_NORMAL, SCHED_LOW };

#define SCHED_TURNS_SHARE 16    /* one token in so many is for the less urgent */
#define SCHED_TURNS_QUANTUM 512 /* tokens that a principal is granted in a round */
#define SCHED_TURNS_LENGTH 256  /* tokens after which one lets the others of its principal go first */

struct sched_turns;

/* Inside of what waits. principal, priority and cost are set before it is added; the rest is the queue's. */
struct sched_turn {
    struct sched_node node;  /* among the others of its principal */
    struct sched_flow *flow; /* its principal's; NULL: it does not wait */
    uint64_t principal;
    uint64_t taken; /* tokens in this turn */
    enum sched_priority priority;
    uint32_t cost; /* tokens of its next piece */
};

KIT_MUST_CHECK enum kit_status sched_turns_new(uint32_t max, struct sched_turns **ret); /* NOMEM */
void sched_turns_free(struct sched_turns *q);

/* At most max wait (assert). */
void sched_turns_add(struct sched_turns *q, struct sched_turn *t);
void sched_turns_add_front(struct sched_turns *q, struct sched_turn *t); /* before the others of its principal */
void sched_turns_remove(struct sched_turns *q, struct sched_turn *t);    /* does nothing when it does not wait */
/* The one whose piece is next, NULL when nothing waits. The same one until the queue changes. */
struct sched_turn *sched_turns_first(struct sched_turns *q);
/* Takes a piece of what sched_turns_first answered, or of what is preferred. next_cost: of its next piece; 0: that
 * was the last, it has left. */
void sched_turns_take(struct sched_turns *q, struct sched_turn *t, uint32_t next_cost);
/* The first of the principal who comes behind t's in the same priority; NULL behind the last. */
struct sched_turn *sched_turns_behind(struct sched_turns *q, const struct sched_turn *t);
/* Its principal is before the others of the same priority from now on, and may take its next piece. */
void sched_turns_prefer(struct sched_turns *q, struct sched_turn *t);
uint32_t sched_turns_count(const struct sched_turns *q);

#endif
