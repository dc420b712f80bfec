/* src/sample/random.h - random numbers that are the same on every machine.
 *
 * Thread: one at a time. Memory: eight bytes of the caller's. For src/sample/ only. Source: SplitMix64 of Steele, Lea
 * and Flood 2014, "Fast Splittable Pseudorandom Number Generators", with the constants of Vigna's splitmix64.c. */
#ifndef SAMPLE_RANDOM_H
#define SAMPLE_RANDOM_H

#include <stdint.h>

struct sample_random {
    uint64_t state; /* any seed */
};

static inline uint64_t sample_random_bits(struct sample_random *r)
{
    uint64_t z = r->state += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

/* 0 <= u < 1, in steps of 2^-53. */
static inline double sample_random_unit(struct sample_random *r)
{
    return (double)(sample_random_bits(r) >> 11) * 0x1p-53;
}

#endif
