/* src/api/outputs.h - how each task's answer looks in JSON: all of it, or what one input got.
 *
 *   task            one input gives
 *   embed           [number]: a vector
 *   similarity      [number]: the cosine of each text with the source, in the order of texts
 *   raw             {"tensors":[…]}
 *
 * "outputs" is an array with one of these for each input, in their order. Of a single question that is a list by itself
 * (similarity) it is that list; of tensors it is that object.
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
