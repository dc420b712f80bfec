/* src/text/folder.h - a tokenizer from the files of a model folder: tokenizer.json, or the files of older models.
 *
 * Those are a vocabulary, vocab.txt (BERT) or vocab.json with merges.txt (RoBERTa), and beside it what settings.h reads;
 * they give the tokenizer that Hugging Face's class of the same name makes of them. Three things differ from transformers
 * 5.23 on purpose: a token that no file names and that the vocabulary lacks is left out (or refused, where the class needs
 * it) instead of getting an id that the model does not know; new tokens get their ids behind the last line of vocab.txt
 * also where a line is there twice; and RoBERTa's <mask> takes the space before it, as in training and in transformers 4,
 * where no file says whether it does.
 *
 * Thread: any. Memory: the parts' own. Blocking: reads files. */
#ifndef TEXT_FOLDER_H
#define TEXT_FOLDER_H

#include "text/parts.h"

/* Fills *ret, which text_parts_done empties whatever the answer was. Errors as text_tokenizer_open. */
KIT_MUST_CHECK enum kit_status text_folder_read(const char *folder, struct text_parts *ret, struct kit_err *err);

#endif
