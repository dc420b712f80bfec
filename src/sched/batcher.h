/* src/sched/batcher.h - the rules of generation: a state machine without threads, locks or clocks. For src/sched/ only.
 *
 * Events and the time come in by the functions below. Whoever drives it (sched/generator.c; a simulation in the tests) goes
 * round: plan -> run the operations, and tell those that failed -> step -> the engine computes -> finish; and empties the
 * outbox after each event.
 *
 * Room is counted in tokens and never overdrawn: a sequence books all of its prompt when it enters, and each further token
 * before the step that computes it. Beginnings that sequences share count once where the engine copies them for nothing
 * (fork). What is missing is taken first from beginnings that are kept, then from the newest of the least urgent sequences,
 * which waits again and is computed again later.
 *
 * Who enters: in turns (turns.h), short prompts apart from long ones; a long one that finds no room is overtaken by no more
 * tokens than it has itself. A principal who has two texts less in the engine than another gets a place of that one's.
 * Who computes: everyone who is being continued; of prompts, the principal next who had least (start-time fair queuing:
 * Goyal, Vin and Cheng 1996; who had less for a while is ahead by SCHED_BATCHER_BURST, with a short prompt first of all), of
 * its prompts the short ones first, but for one token in four.
 *
 * Thread: one at a time. Memory: everything but the tokens of a text and the tree of beginnings is taken at birth. An event
 * is O(log n) in the sequences that wait, plus the prompt's own length; a step is O(sequences inside + its tokens). */
#ifndef SCHED_BATCHER_H
#define SCHED_BATCHER_H

#include "sched/sequence.h"

#define SCHED_BATCHER_LONG 512   /* a prompt with more tokens to compute is long */
#define SCHED_BATCHER_AHEAD 4096 /* tokens of long prompts that may be in the engine, not computed yet */
#define SCHED_BATCHER_SLICE 64   /* tokens of an answer after which one of many gives its place to who has none */
#define SCHED_BATCHER_SHARE 128  /* tokens of a prompt after which another principal may be next */
#define SCHED_BATCHER_BURST 512  /* tokens of normal priority by which a principal who had less than others is ahead */
#define SCHED_BATCHER_FOLLOW 16  /* so many common tokens are worth waiting for */
#define SCHED_BATCHER_LEAST 16   /* prompt tokens of a step, however late it will be */
#define SCHED_BATCHER_LONE 512   /* prompt tokens of a step, at least, for who is alone */
#define SCHED_BATCHER_RELAX                                                                                            \
    3 /* times step_ms_target, at most, while nobody waits for a next token, or many prompts wait */

struct sched_batcher_options {
    uint32_t sequences_max;      /* 1 … SCHED_SEQUENCES_MAX */
    uint32_t step_tokens_max;    /* sequences_max … SCHED_STEP_TOKENS_LIMIT */
    uint32_t step_ms_target;     /* >= 1 */
    uint32_t context_tokens_max; /* >= 1 */
    uint64_t kv_tokens_max;      /* >= 1 */
    uint64_t prefix_tokens_max;
    uint64_t queue_tokens_max; /* >= 1 */
    uint32_t queue_jobs_max;   /* 1 … 2^20 */
    bool trim, fork;           /* ACB_STEP_TRIM, ACB_STEP_FORK */
};

struct sched_batcher;

KIT_MUST_CHECK enum kit_status sched_batcher_new(const struct sched_batcher_options *options,
                                                 struct sched_batcher **ret, struct kit_err *err); /* INVALID, NOMEM */
void sched_batcher_free(struct sched_batcher *b); /* no sequence may be left (assert); NULL is fine */

/* --- events; now_ns never falls --- */

/* The errors are those of sched_generate, without NOMEM. The sequence stays the caller's on failure. */
KIT_MUST_CHECK enum kit_status sched_batcher_submit(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns,
                                                    uint32_t *retry_after_ms, struct kit_err *err);
void sched_batcher_cancel(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns);
void sched_batcher_resume(struct sched_batcher *b, struct sched_sequence *s, uint64_t now_ns);
void sched_batcher_tick(struct sched_batcher *b, uint64_t now_ns); /* ends what is late */
/* None is taken any more; failed, or lost: those inside are UNAVAILABLE with `why`, those in a step when it has ended. */
void sched_batcher_close(struct sched_batcher *b, bool failed, const char *why, uint64_t now_ns);

/* --- a round --- */

enum sched_op_kind { SCHED_OP_END, SCHED_OP_TRIM, SCHED_OP_COPY };
struct sched_op {
    enum sched_op_kind kind;
    uint32_t seq;    /* of the engine; COPY: the new one */
    uint32_t from;   /* COPY */
    uint32_t length; /* TRIM, COPY */
};

/* Who enters, and who has to leave. *ops: to be run in this order, before the step and any other plan; borrowed until the
 * next call. */
uint32_t sched_batcher_plan(struct sched_batcher *b, uint64_t now_ns, const struct sched_op **ops);
/* A TRIM or COPY has failed: its sequence will be computed from its beginning. Another plan is due before the step. */
void sched_batcher_op_failed(struct sched_batcher *b, const struct sched_op *op);

/* One sequence in a step. The fields behind the line are the driver's, for finish. */
struct sched_part {
    struct sched_sequence *sequence;
    uint32_t seq, count; /* of the engine; its tokens */
    bool wants;          /* logits of its last token: `next` is to be called, unless the sequence is lost */
    uint32_t row;        /* of the logits */
    /* --- */
    float *logits;        /* not read */
    bool answered;        /* `next` was called */
    enum sched_next next; /* what it answered */
    int32_t token;
    uint32_t length; /* that the engine has; of a step that was neither OK nor FULL */
};
struct sched_step {
    uint32_t n; /* tokens */
    const int32_t *token;
    const uint32_t *seq, *pos; /* [n] */
    const uint8_t *want;       /* [n] */
    void *adapter;
    struct sched_part *parts; /* [count]; borrowed until finish */
    uint32_t count, rows;
};
/* False: nobody has anything to compute. */
bool sched_batcher_step(struct sched_batcher *b, uint64_t now_ns, struct sched_step *ret);
/* What step answered has been computed, or has failed: err has the reason. UNAVAILABLE includes a failed close. */
void sched_batcher_finish(struct sched_batcher *b, enum kit_status status, const struct kit_err *err, uint64_t now_ns);

/* --- the outbox, and looking --- */

struct sched_sequence *sched_batcher_done(struct sched_batcher *b); /* the next one that is over, or NULL */
bool sched_batcher_stops(const struct sched_batcher *b);            /* nobody wants what is being computed */
bool sched_batcher_is_idle(const struct sched_batcher *b);          /* a round would do nothing */
bool sched_batcher_is_empty(const struct sched_batcher *b);         /* no sequence is left inside */
uint64_t sched_batcher_deadline(const struct sched_batcher *b);     /* when the next tick is due; KIT_NEVER_NS */
struct sched_generator_counts sched_batcher_counts(const struct sched_batcher *b);

#endif
