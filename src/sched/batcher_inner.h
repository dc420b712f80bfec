/* src/sched/batcher_inner.h - what the files of the batcher share: its state, and what they ask of each other.
 *
 * batcher.c: events and the outbox; seats.c: who is in the engine, and the room there; steps.c: who computes.
 * For src/sched/ only. Thread: the batcher's. */
#ifndef SCHED_BATCHER_INNER_H
#define SCHED_BATCHER_INNER_H

#include "sched/batcher.h"
#include "sched/pace.h"
#include "sched/prefix.h"

#define SEAT_NONE UINT32_MAX

/* What waits stands in two queues, so that a long prompt that finds no room does not stop a short one. */
enum { SHORT, LONG, LENGTHS };

/* A sequence of the engine. */
struct seat {
    struct sched_sequence *sequence; /* NULL: free, or kept for others (the tree has it) */
    uint32_t have;                   /* tokens in the engine */
    uint32_t tail;                   /* of those, and of the present step's, what is booked beyond the tree */
    uint32_t piece;                  /* tokens in the step that is being composed */
    uint32_t account;
    uint32_t nearest;      /* least that one of its followers awaits */
    uint32_t began_with;   /* tokens that were generated when it entered */
    uint64_t entered;      /* serial number */
    uint64_t adapter_step; /* when its adapter had its last step */
    uint64_t paused_ns;
    bool has_room; /* its next token was looked for by the plan of this round */
    struct sched_node followers;
};

/* What a principal with one priority had of the engine's time for prompts. It is remembered for a while. */
struct account {
    uint64_t principal;
    enum sched_priority priority;
    uint32_t users;     /* seats; 0: only remembered */
    int64_t served;     /* tokens, by weight */
    uint32_t overtaken; /* tokens of short prompts while one of its long ones waited for its next piece */
};
#define ACCOUNTS_MAX(sequences) (2 * (sequences) + 16)

struct sched_batcher {
    struct sched_batcher_options options;
    struct sched_turns *waiting[LENGTHS];
    struct sched_deadline *deadlines;
    struct sched_prefix *prefix;
    struct sched_node held; /* by their readers, outside of the engine */
    struct sched_sequence *done_first, **done_last;
    uint32_t inside, waits; /* sequences; of those, outside of the engine */
    uint64_t tokens_waiting;
    uint64_t tail; /* of all seats */
    uint32_t kept; /* seats that hold a beginning for others */
    uint64_t entered, steps;
    int64_t served;     /* of the account that was served last */
    uint64_t overtaken; /* tokens of short prompts that entered since a long one found no room */
    bool no_room;       /* a long one found none */
    bool choked;        /* the engine was full: nobody enters until a step has been computed */
    bool closed, failed;
    char why[KIT_ERR_MSG_BYTES];
    struct sched_pace pace;

    struct sched_op *ops[2]; /* [SEATS_OPS_MAX]; owned. One is filled while the driver runs the other */
    uint32_t op_count, op_side;

    bool in_step;
    uint32_t wanted; /* sequences of the step that are not lost */
    uint64_t step_ns;
    uint32_t n, rows, part_count;
    int32_t *token; /* [step_tokens_max]; these are owned */
    uint32_t *seq, *pos;
    uint8_t *want;
    struct sched_part *parts; /* [sequences_max] */
    struct account *accounts; /* [ACCOUNTS_MAX] */
    struct seat *seats;       /* [sequences_max] */
};

/* Most operations between two plans: who was in the engine and who enters ends (2), is cut after a step, before it is taken
 * over or for room (3), is copied (1). */
#define SEATS_OPS_MAX(sequences) (6 * (sequences) + 16)

/* By which tokens count for whose prompt is next. */
static inline int64_t sched_weight(enum sched_priority priority)
{
    static const int64_t weights[SCHED_PRIORITIES] = {1, SCHED_TURNS_SHARE, SCHED_TURNS_SHARE * SCHED_TURNS_SHARE};
    return weights[priority];
}

static inline uint32_t sched_tokens(const struct sched_sequence *s)
{
    return s->prompt_count + s->generated;
}

/* Tokens that a sequence in the engine has to have computed before its next one can be chosen. */
static inline uint32_t sched_lacks(const struct seat *seat)
{
    return sched_tokens(seat->sequence) - seat->have;
}

static inline bool sched_runs(const struct seat *seat)
{
    return seat->sequence != NULL && seat->sequence->book.state == SCHED_SEQUENCE_RUNS;
}

/* --- batcher.c --- */

/* It waits: by its turn, before all others of its principal when `first`. */
void sched_batcher_wait(struct sched_batcher *b, struct sched_sequence *s, bool first);
/* It waits no longer, whichever way it did. */
void sched_batcher_unwait(struct sched_batcher *b, struct sched_sequence *s);
/* Nobody gets more of it: err says why. It is over at once, or with the step that it is in. */
void sched_batcher_abandon(struct sched_batcher *b, struct sched_sequence *s, enum kit_status status, uint64_t now_ns);
/* It is in no queue and in no seat: it goes home. */
void sched_batcher_give(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns);

/* --- seats.c --- */

uint64_t sched_seats_booked(const struct sched_batcher *b); /* tokens */
void sched_seats_admit(struct sched_batcher *b, uint64_t now_ns);
void sched_seats_make_room(struct sched_batcher *b); /* for one more token of each that is being continued */
/* The engine has no room, though we counted some. False: nothing is left that could go. */
bool sched_seats_relieve(struct sched_batcher *b, uint32_t tokens);
/* A sequence leaves its seat for good; what it has there may be kept for others. */
void sched_seats_leave(struct sched_batcher *b, uint32_t seat);
/* It loses what it has there, and waits again. */
void sched_seats_put_back(struct sched_batcher *b, uint32_t seat);
/* It has so many tokens now: those who follow it may find what they await. */
void sched_seats_have(struct sched_batcher *b, uint32_t seat, uint32_t have);
void sched_seats_forget(struct sched_batcher *b, uint32_t seat);              /* what is kept there */
void sched_seats_trim(struct sched_batcher *b, uint32_t seat, uint32_t have); /* the same, for the engine, too */

#endif
