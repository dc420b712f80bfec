/* src/api/tensors.h - tensors as JSON: [{"name","dtype","shape","data"}]. dtype in the words of NumPy: bool, int8 …
 * int64, uint8 … uint64, float32, float64, string; data flat in row-major order, or nested as the shape says.
 * Thread: any. Memory: what is parsed goes into the given arena. */
#ifndef API_TENSORS_H
#define API_TENSORS_H

#include "kit/arena.h"
#include "kit/json.h"
#include "task/request.h"

#define API_TENSORS_MAX 64

/* Errors: INVALID naming the tensor and what is wrong with it; NOMEM. */
KIT_MUST_CHECK enum kit_status api_tensors_parse(kit_json tensors, struct kit_arena *arena, struct task_tensors *ret,
                                                 struct kit_err *err);
/* {"tensors":[…]} with flat data. */
void api_tensors_write(struct kit_json_writer *w, struct acb_tensor *const *tensor, uint32_t count);

#endif
