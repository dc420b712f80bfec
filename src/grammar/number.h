/* src/grammar/number.h - which decimal numbers lie between bounds, as an automaton over their digits. For src/grammar/ only.
 *
 * Whole numbers have at most 18 digits and are exact. Other numbers have at most 15 digits in all, without an exponent where
 * there is a bound, so that reading them as a double changes no comparison. Never "-0". Thread: one. Memory: the arena's. */
#ifndef GRAMMAR_NUMBER_H
#define GRAMMAR_NUMBER_H

#include "grammar/dfa.h"
#include "kit/json.h"

struct grammar_bounds {
    bool whole;                /* no fraction */
    const kit_json *multiples; /* [multiple_count] numbers above 0 */
    uint32_t multiple_count;
    const kit_json *least, *most;  /* inclusive */
    const kit_json *above, *below; /* exclusive */
    uint32_t least_count, most_count, above_count, below_count;
};

/* Errors: UNPROCESSABLE (a bound or a multiple that digits cannot express), NOMEM. Nothing between the bounds: an empty one. */
KIT_MUST_CHECK enum kit_status grammar_number(struct kit_arena *arena, const struct grammar_bounds *bounds,
                                              struct grammar_dfa *ret, struct kit_err *err);

#endif
