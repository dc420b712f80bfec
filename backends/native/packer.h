/* backends/native/packer.h - packs a model's matrices out of the way of whoever is being served.
 *
 * The threads are the engine's own and of low priority, so that they have what is left of the machine: a request that comes
 * meanwhile finds all cores for lending, and the system gives them to it at once. That is why no core is leased here (a lease
 * would be taken from that request). Where all cores are lent, each step is followed by a pause as well: in a container with
 * a quota low priority alone would not help. A step is about a megabyte.
 * Thread: native_packer_run blocks its caller. Memory: scratch for each thread, while it runs. */
#ifndef NATIVE_PACKER_H
#define NATIVE_PACKER_H

#include "pack.h"

#define NATIVE_PACKER_THREADS_MAX 4u

struct native_packing {
    const struct native_pack *matrix; /* [count] */
    uint32_t count;
    uint32_t threads; /* 1 … NATIVE_PACKER_THREADS_MAX */
    void *ctx;
    /* Bytes of the files that are packed by now: risen since the last time, and all at the end. Called on the caller's
     * thread, soon after each step. Not OK: stop. */
    enum kit_status (*told)(void *ctx, uint64_t bytes);
};

/* Errors: what told said, PARSE (a number that is none; names the tensor), UNAVAILABLE (a file was cut), NOMEM. */
KIT_MUST_CHECK enum kit_status native_packer_run(const struct native_packing *p, struct kit_err *err);

#endif
