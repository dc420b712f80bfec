/* tests/backends/native/small_host.h - a small but real acb_host: counted memory, tensors, and plug's own threads.
 *
 * One at a time in a process. Thread: made and freed by the main thread; the table's functions as the ABI says. Memory: all
 * from kit/alloc.h, so that a test can fail each allocation and see each leak. */
#ifndef NATIVE_TEST_HOST_H
#define NATIVE_TEST_HOST_H

#include "aether/backend.h"

#define TEST_HOST_CORES_MAX 8u

/* Hands the table to the plug-in that is linked in, and returns what it answers. */
const struct acb_plugin *test_host_start(uint32_t cores);
void test_host_stop(void);
const struct acb_host *test_host_table(void);

/* A tensor of the test's own, on someone else's memory. */
struct acb_tensor test_host_tensor(const char *name, uint32_t dtype, uint32_t rank, const int64_t *shape, void *data);
/* Calls fn(arg) at each tensor_new: in the midst of a call. NULL: no more. */
void test_host_on_tensor(void (*fn)(void *arg), void *arg);
/* Frees what tensor_new gave to calls since the last time. */
void test_host_free_outputs(void);

#endif
