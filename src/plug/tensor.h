/* src/plug/tensor.h - the tensors of one call: made for the back end, checked before anybody believes them.
 *
 * Thread: a call belongs to one thread. Memory: a call owns the tensors that were made in it until plug_tensor_call_take gives
 * one away; plug_tensor_free frees such a one. */
#ifndef PLUG_TENSOR_H
#define PLUG_TENSOR_H

#include "aether/backend.h"
#include "kit/status.h"

struct plug_tensor;

#define PLUG_CALL_TENSORS_MAX 256

/* Where tensors of a call take the room of their data; cells put it into shared memory. */
struct plug_room {
    void *ctx;
    void *(*get)(void *ctx, uint64_t bytes); /* aligned to 64 bytes, owned by ctx; NULL: none left */
};

/* struct acb_infer::call points to one. */
struct plug_call {
    const struct plug_room *room;     /* borrowed; NULL: data lies on the heap, owned by the tensor */
    struct plug_tensor *first, *last; /* in order of making */
    uint32_t count;
};

void plug_tensor_call_init(struct plug_call *c, const struct plug_room *room);
void plug_tensor_call_done(struct plug_call *c); /* frees what was not taken */

/* struct acb_host's tensor_like for this call; see there. Answers an acb status. */
int32_t plug_tensor_call_tensor(struct plug_call *c, const struct acb_tensor *like, struct acb_tensor **ret);
/* The index-th tensor in order of making, or NULL. */
struct acb_tensor *plug_tensor_call_get(const struct plug_call *c, uint32_t index);
/* INTERNAL unless t was made in this call, is not taken, and only its data was written since. Reads nothing behind a t
 * that is not of this call. */
KIT_MUST_CHECK enum kit_status plug_tensor_call_check(const struct plug_call *c, const struct acb_tensor *t,
                                                      struct kit_err *err);
/* Moves t out of the call; the caller owns it. */
struct acb_tensor *plug_tensor_call_take(struct plug_call *c, struct acb_tensor *t);
void plug_tensor_free(struct acb_tensor *t); /* NULL is fine */

const char *plug_tensor_dtype_name(uint32_t dtype); /* "f32"; "unknown" */

/* The bytes that a tensor of this dtype and shape has. INVALID: unknown dtype, rank over ACB_RANK_MAX, a negative
 * dimension, more than 2^62 bytes. ACB_STRING: the number of elements. */
KIT_MUST_CHECK enum kit_status plug_tensor_bytes(uint32_t dtype, uint32_t rank, const int64_t *shape, uint64_t *ret,
                                                 struct kit_err *err);
/* True when a name is not NULL, not empty, ends in time and has no control bytes. */
bool plug_tensor_name_ok(const char *name);

/* Is it what it says: name, dtype, shape against bytes, strings that fill their bytes, row_offsets that rise from 0 to
 * shape[0]? Reads no byte outside of what t states. INVALID with the tensor's name. */
KIT_MUST_CHECK enum kit_status plug_tensor_check(const struct acb_tensor *t, struct kit_err *err);
/* Does it suit a port: dtype, rank, the dimensions that are fixed? INVALID with the tensor's name. */
KIT_MUST_CHECK enum kit_status plug_tensor_suits(const struct acb_tensor *t, const struct acb_port *port,
                                                 struct kit_err *err);

#endif
