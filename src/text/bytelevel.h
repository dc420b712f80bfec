/* src/text/bytelevel.h - byte-level text, as GPT-2 and RoBERTa have it: each byte is written as one printable character,
 * so that a vocabulary of 256 characters covers all there is; and the pattern that cuts the words before.
 *
 * Thread: any; pure. Memory: none.
 * Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", section 2.2, and the encoder
 * released with it. */
#ifndef TEXT_BYTELEVEL_H
#define TEXT_BYTELEVEL_H

#include "text/aligned.h"

#define TEXT_BYTELEVEL_SPACE 0x120u /* what a space is written as */
#define TEXT_BYTELEVEL_END 0x144u   /* all characters are below */

/* The character of a byte: itself where it is printable in Latin-1, else from 100 on in order. */
static inline uint32_t text_bytelevel_char(uint8_t byte)
{
    if (byte <= 0x20) {
        return 0x100u + byte;
    }
    if (byte >= 0x7F && byte <= 0xA0) {
        return 0x121u + byte - 0x7F;
    }
    return byte == 0xAD ? 0x143 : byte;
}

/* The byte of a character; -1: it stands for none. */
int text_bytelevel_byte(uint32_t cp);

/* Steps of the pre-tokenizer (text/words.h); step is not read.
 * cut: 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+, in one pass.
 * put_bytes: each byte as its character.  put_space: a space first, where the word has none. */
void text_bytelevel_cut(const void *step, const char *text, struct text_span word, struct text_spans *out);
void text_bytelevel_put_bytes(const void *step, const struct text_aligned *from, struct text_span word,
                              struct text_aligned *out);
void text_bytelevel_put_space(const void *step, const struct text_aligned *from, struct text_span word,
                              struct text_aligned *out);

#endif
