/* src/text/unicode_gap.h - where the classes that Hugging Face's tokenizers use differ from those of the
 * Unicode that is linked: some of its tables stand at Unicode 8 and 9, others are newer than utf8proc's.
 *
 * Thread: any; constant data. */
#ifndef TEXT_UNICODE_GAP_H
#define TEXT_UNICODE_GAP_H

#include "kit/base.h"

struct text_unicode_gap {
    uint32_t first, last; /* code points, both included; in order, apart from each other */
    uint16_t clear, set;  /* flags of enum text_unicode_flag */
};

extern const struct text_unicode_gap text_unicode_gaps[];
extern const size_t text_unicode_gap_count;
extern const uint32_t text_unicode_gap_blocks[8]; /* a bit for each 256 code points below 10000: has gaps */

#endif
