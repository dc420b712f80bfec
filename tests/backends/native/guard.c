#include "guard.h"

#include <assert.h>
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFERS_MAX 64

static struct {
    void *from;
    size_t bytes;
} buffers[BUFFERS_MAX];
static size_t buffer_count;
static uint64_t state = 20260723;

uint32_t guard_random(uint32_t below)
{
    state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((state >> 33) % below);
}

float guard_random_float(void)
{
    return (float)guard_random(2000001) / 1000000.0f - 1.0f;
}

float *guard_empty(size_t n)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t pages = (n * sizeof(float) + page - 1) / page;
    char *from = mmap(NULL, (pages + 1) * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert(from != MAP_FAILED && buffer_count < BUFFERS_MAX);
    int rc = mprotect(from + pages * page, page, PROT_NONE);
    assert(rc == 0);
    buffers[buffer_count].from = from;
    buffers[buffer_count++].bytes = (pages + 1) * page;
    float *ret = (float *)(void *)(from + pages * page) - n;
    for (size_t i = 0; i < n; i++) {
        ret[i] = NAN;
    }
    return ret;
}

float *guard_floats(size_t n)
{
    float *ret = guard_empty(n);
    for (size_t i = 0; i < n; i++) {
        ret[i] = guard_random_float();
    }
    return ret;
}

void guard_free_all(void)
{
    while (buffer_count > 0) {
        buffer_count--;
        munmap(buffers[buffer_count].from, buffers[buffer_count].bytes);
    }
}
