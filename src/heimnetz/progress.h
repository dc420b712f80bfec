/* src/heimnetz/progress.h - one line that shows that something is under way: a turning sign, a stage, a bar with figures.
 *
 * Drawn on a terminal with a moving cursor only, by a thread of its own, so that it turns while the caller waits; wiped
 * away at the end, and when the program is interrupted. Thread: main calls, one line at a time. Memory: the struct is the
 * caller's and stays where it is until stop. */
#ifndef HEIMNETZ_PROGRESS_H
#define HEIMNETZ_PROGRESS_H

#include "heimnetz/term.h"
#include "kit/buf.h"
#include "kit/sync.h"

#define PROGRESS_TEXT_BYTES 160

struct heimnetz_progress {
    const struct heimnetz_term *term; /* borrowed */
    struct kit_mutex lock;
    struct kit_cond stop_said;
    struct kit_thread thread;
    /* under the lock */
    char label[PROGRESS_TEXT_BYTES], stage[PROGRESS_TEXT_BYTES];
    uint64_t done, total;
    uint64_t rate_from, rate_from_ns; /* bytes and moment since which the speed is measured */
    bool stop, drawn;
    uint32_t frame;
};

/* label: whose progress, such as a model's id. It appears after a moment: what is quick shows nothing.
 * farewell: a line printed when the program is interrupted meanwhile (SIGINT, SIGTERM), unless somebody handles that
 * already (interrupt.h); NULL: none. */
void heimnetz_progress_start(struct heimnetz_progress *p, const struct heimnetz_term *t, const char *label,
                             const char *farewell);
/* stage: what happens now, such as "loading". total 0: no figures. */
void heimnetz_progress_set(struct heimnetz_progress *p, const char *stage, uint64_t done_bytes, uint64_t total_bytes);
void heimnetz_progress_stop(struct heimnetz_progress *p);

/* The line as it is drawn, at most `columns` wide; for tests. frame: of the turning sign. bytes_s: speed, 0: not known. */
void heimnetz_progress_line(const struct heimnetz_progress *p, uint32_t columns, uint64_t bytes_s, struct kit_buf *out);

#endif
