/* src/api/outputs.h - how each task's answer looks in JSON: all of it, or what one input got.
 *
 *   task            one input gives
 *   embed           [number]: a vector; with pooling none [[number]]: one for each token
 *   similarity      [number]: the cosine of each text with the source, in the order of texts
 *   rerank          [{"index","score","text"?}], best first; index counts the texts that were sent, from 0
 *   classify        [{"label","score"}], best first
 *   token-classify  [{"label","score","start","end","text"}], in the order of the text
 *   fill-mask       [{"token","score"}], best first; of a text with several masks one such list for each mask
 *   answer          {"text","score","start","end"}; where top_k is more than 1 a list of them, best first
 *   raw             {"tensors":[…]}
 *   tokenize        [{"id","text","special","start","stop"}]; start and stop null where it stands for no part of the text
 *   detokenize      "…"
 *
 * start and end count Unicode code points of the text (of answer: of the context) from 0; end is behind the last. "outputs"
 * is an array with one of these for each input, in their order. A question that is one input, not an array, and gives a
 * list of entries about what it brought (similarity, rerank, answer with top_k) has that list as "outputs"; one of tensors
 * that object.
 *
 * Thread: any that may read the request's answer: the asker's loop, or the work pool on its way home; one input's as soon
 * as all of its rows are there (task/items.h). */
#ifndef API_OUTPUTS_H
#define API_OUTPUTS_H

#include "kit/json.h"
#include "task/request.h"

/* The value of "outputs". */
void api_outputs_write(struct kit_json_writer *w, const struct task_request *r);
/* What input `index` gave, alone. */
void api_outputs_write_item(struct kit_json_writer *w, const struct task_request *r, uint32_t index);

#endif
