/* src/sched/sequence.h - texts that are being generated: many at a time, each one token a step.
 *
 * A generator belongs to one loaded model: one instance of the engine, and one thread that drives it. Sequences join and
 * leave at every step. A step holds a token of each sequence that is being continued, and pieces of prompts, so many that
 * it takes no longer than step_ms_target while others wait for their next token. The rules are a state machine without
 * threads (sched/batcher.h); this file is its thread and its messages.
 * Thread: any, unless said. Memory: a sequence and its prompt are the submitter's until sched_generate succeeds, the
 * generator's until `done`. */
#ifndef SCHED_SEQUENCE_H
#define SCHED_SEQUENCE_H

#include "kit/flag.h"
#include "kit/slots.h"
#include "plug/engine.h"
#include "sched/deadline.h"
#include "sched/turns.h"

enum sched_sequence_state {
    SCHED_SEQUENCE_OUT,     /* not inside, or given back */
    SCHED_SEQUENCE_WAITS,   /* for its turn */
    SCHED_SEQUENCE_FOLLOWS, /* for another to have computed what both begin with */
    SCHED_SEQUENCE_HELD,    /* for its reader; nothing of it is in the engine */
    SCHED_SEQUENCE_RUNS,    /* in the engine, takes steps */
    SCHED_SEQUENCE_PAUSED,  /* in the engine, its reader is slow */
};

/* Where a sequence stands, for src/sched/ alone. */
struct sched_sequence_book {
    enum sched_sequence_state state;
    struct sched_turn turn;
    struct sched_due due;
    struct sched_node node; /* among those that follow one leader, or are held */
    int32_t *tokens;        /* generated so far [generated]; the generator's until done */
    uint32_t room;          /* of tokens */
    uint32_t seat;          /* of the engine, while it runs or is paused */
    uint32_t awaits;        /* while it follows: tokens that the leader has to have */
    bool is_long;           /* its prompt is not short, but for what is computed already */
    bool apart;             /* takes nothing from others: that has failed once */
    bool suspect;           /* was in a step that failed: runs alone until it is clear */
    bool resumed;           /* its reader was ready before it was known to be slow */
    bool in_step;
};

struct sched_sequence {
    struct sched_sequence *next; /* the generator's; free for use in done */
    kit_id ticket;               /* set by sched_generate; for cancel and resume */
    enum sched_priority priority;
    uint64_t deadline_ns;  /* kit_clock_ns scale; KIT_NEVER_NS. Not complete by then: it ends with TIMEOUT */
    uint64_t principal;    /* hash of who asks; for fairness between principals */
    const int32_t *prompt; /* [prompt_count], >= 1; borrowed until done */
    uint32_t prompt_count;
    uint32_t tokens_max; /* most new tokens, >= 1 */
    void *adapter;       /* from plug_model_adapter_open, or NULL; borrowed until done */
    bool keep_prefix;    /* what was computed stays for others who begin alike */
    /* The generator's book-keeping, set by sched_generate; read it in done. */
    uint32_t prompt_done; /* prompt tokens that are in the engine, or were */
    uint32_t cached;      /* of those, taken from others instead of being computed */
    uint32_t generated;   /* tokens that `next` chose */
    uint32_t put_back;    /* how often it had to leave the engine for want of room */
    uint64_t submitted_ns, started_ns, first_ns, finished_ns; /* started: first in the engine; first token; 0: never */
    uint64_t prompt_ns, compute_ns; /* its share of the steps' time: until the first token, and in all */
    bool cancelled;                 /* by sched_generate_cancel; then failed is KIT_CANCELLED */
    struct kit_flag lost;           /* set as soon as failed is: nobody wants it any more */
    enum kit_status
        failed;         /* KIT_OK, CANCELLED, TIMEOUT, UNAVAILABLE, FULL and NOMEM (no room to go on), what step said */
    struct kit_err err; /* filled when failed */
    struct sched_sequence_book book;
};

enum sched_next {
    SCHED_NEXT_TOKEN, /* *token joins the next step */
    SCHED_NEXT_END,   /* the sequence is complete; *token is not read */
    SCHED_NEXT_PAUSE, /* *token is chosen, but its reader is slow: no step until sched_generate_resume */
};

/* What the layer above (task/) does with what comes out. */
struct sched_sink {
    /* Chooses the sequence's next token from its logits ([vocab_size], may be overwritten; a cell's word: may be NaN). On the
     * generator's thread or a helper of it, one call a sequence at a time; calls for others run meanwhile. Must not block
     * and must not call the generator. After the token that makes tokens_max the sequence is complete, whatever this
     * answers. */
    enum sched_next (*next)(void *ctx, struct sched_sequence *s, float *logits, int32_t *token);
    /* The sequence is complete or has failed: the last word on it, ownership goes back. From the generator's thread, or
     * inside sched_generate_cancel, _resume and sched_generator_close, never inside sched_generate; must not block (send a
     * message) and must not call the generator. */
    void (*done)(void *ctx, struct sched_sequence *s);
};

struct sched_generator;

#define SCHED_SEQUENCES_MAX 256
#define SCHED_STEP_MS 50       /* step_ms_target when none is given */
#define SCHED_STEP_TOKENS 2048 /* step_tokens_max when none is given */
#define SCHED_STEP_TOKENS_LIMIT 65536
#define SCHED_REST_MS 10000 /* shrink_after_ms when none is given */

struct sched_generator_options {
    const char *model_id;        /* for metrics and thread names; copied */
    uint32_t cores_max;          /* most cores of one step, >= 1 */
    uint32_t sequences_max;      /* in the engine at a time, kept beginnings included: 1 … SCHED_SEQUENCES_MAX */
    uint32_t step_tokens_max;    /* of one step; 0: SCHED_STEP_TOKENS; at least sequences_max are taken */
    uint32_t step_ms_target;     /* 0: SCHED_STEP_MS */
    uint32_t context_tokens_max; /* longest prompt with its answer; 0: what the model takes */
    uint64_t kv_bytes_max;       /* of all sequences, and of what is kept for others */
    uint64_t prefix_bytes_max;   /* of that, most that is kept for others; 0: nothing */
    uint64_t queue_tokens_max;   /* waiting; beyond: FULL */
    uint32_t queue_jobs_max;     /* sequences that wait, 1 … 2^20 */
    uint32_t shrink_after_ms;    /* an instance that rests for so long gives back its scratch; 0: SCHED_REST_MS */
};

/* Opens the instance on its thread; blocks until it is there. More sequences, tokens of a step and of context than the model
 * takes are brought down to what it takes. engine, model: borrowed, outlive the generator. sink: borrowed
 * for ever. INVALID names the option that is out of range; UNSUPPORTED: the model does not generate; NOMEM; what opening an
 * instance answers. */
KIT_MUST_CHECK enum kit_status sched_generator_open(struct plug_engine *engine, struct plug_model *model,
                                                    const struct sched_generator_options *options,
                                                    const struct sched_sink *sink, void *sink_ctx,
                                                    struct sched_generator **ret, struct kit_err *err);
/* FULL: message says how much waits and when to try again (*retry_after_ms, may be NULL); TOO_LARGE: prompt and answer are
 * longer than the context or than all the room there is; INVALID: no prompt, or tokens_max is 0; TIMEOUT: its deadline is over;
 * UNAVAILABLE: draining, or the model is lost; NOMEM. */
KIT_MUST_CHECK enum kit_status sched_generate(struct sched_generator *g, struct sched_sequence *s,
                                              uint32_t *retry_after_ms, struct kit_err *err);
/* The client has left. One that waits is given back at once, one in the engine after the present step, which is stopped
 * when nobody else is in it. A ticket that is gone does nothing. `done` is called in any case, once. */
void sched_generate_cancel(struct sched_generator *g, kit_id ticket);
/* The reader has caught up; may come before the generator knows of the pause. */
void sched_generate_resume(struct sched_generator *g, kit_id ticket);

/* No new sequences; with `failed` those inside get UNAVAILABLE and `why`, otherwise they are completed. Blocks until none is
 * left and the thread has ended, then frees; a paused one has to be resumed or cancelled for that. The other calls may be
 * made until then, not after. Not from `next` or `done`. NULL is fine. */
void sched_generator_close(struct sched_generator *g, bool failed, const char *why);

struct sched_generator_counts {
    uint32_t waiting, running; /* sequences outside and inside of the engine */
    uint64_t tokens_waiting;   /* of those outside */
    uint64_t kv_tokens;        /* booked in the engine */
    uint64_t kv_tokens_max;
    uint64_t kept_tokens; /* of those booked: kept for others who begin alike */
    uint32_t kept;        /* sequences of the engine that are so kept */
};
/* What is inside at this moment. Any thread, while it is open. */
struct sched_generator_counts sched_generator_counts(struct sched_generator *g);

#endif
