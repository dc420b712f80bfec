/* src/text/words.h - a text on its way through the pre-tokenizer: what it reads by now, and the words it is cut into.
 *
 * A step either cuts words into smaller ones or writes them anew; in both cases it reads one list and writes the other
 * of a pair. Thread: one at a time. Memory: owns its arrays, which only grow. */
#ifndef TEXT_WORDS_H
#define TEXT_WORDS_H

#include "text/aligned.h"

struct text_words {
    const struct text_aligned *text; /* borrowed, or one of rewritten; words are ranges of it */
    struct text_spans *spans;        /* one of lists; in order, none empty */
    struct text_aligned rewritten[2];
    struct text_spans lists[2];
};

void text_words_init(struct text_words *w);
void text_words_done(struct text_words *w); /* zeroed is fine */

/* Begins anew with one word, `range` of text (not empty). text: borrowed until the next begin. bytes_max: of the text as
 * it is written anew, below 2^32. */
void text_words_begin(struct text_words *w, const struct text_aligned *text, struct text_span range, size_t bytes_max);

/* Cuts each word into what `cut` appends to out. Errors: NOMEM. */
KIT_MUST_CHECK enum kit_status text_words_cut(struct text_words *w, const void *step,
                                              void (*cut)(const void *step, const char *text, struct text_span word,
                                                          struct text_spans *out));
/* Writes each word anew, as `put` appends it to out; a word that becomes nothing vanishes. Errors: TOO_LARGE, NOMEM. */
KIT_MUST_CHECK enum kit_status text_words_rewrite(struct text_words *w, const void *step,
                                                  void (*put)(const void *step, const struct text_aligned *from,
                                                              struct text_span word, struct text_aligned *out));

#endif
