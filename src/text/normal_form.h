/* src/text/normal_form.h - NFC, NFD, NFKC and NFKD with origins.
 *
 * Thread: any. Memory: the texts', and a buffer for a run of more than 64 marks that is freed before it
 * returns. Source: UAX 15, Unicode Normalization Forms. */
#ifndef TEXT_NORMAL_FORM_H
#define TEXT_NORMAL_FORM_H

#include "text/aligned.h"

/* Decomposes (compat: NFKD), orders the marks, and composes again (NFC, NFKC) if asked. Returns text->failed.
 */
KIT_MUST_CHECK enum kit_status text_normal_form(struct text_aligned *text, struct text_aligned *spare, bool compat,
                                                bool compose);

#endif
