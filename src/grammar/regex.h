/* src/grammar/regex.h - regular expressions as JSON Schema's "pattern" has them: a subset of ECMA-262 that Python's re reads in
 * the same way. For src/grammar/ only.
 *
 * Taken: characters, '.', classes, \d \w \s \D \W \S, \t \n \r \f \v \0 \xHH \uHHHH, escaped signs, groups (with names or
 * without), alternatives, * + ? {m} {m,} {m,n} (lazy ones too), ^ and $ at the ends of an alternative. As the standard has it a
 * pattern may match anywhere unless it is anchored. Refused, with the place: look-around, references back, \b, flags, \p.
 * Engines differ in what \d, \w, \s and '.' are beyond ASCII, so there are two readings: the narrow one has only what all of
 * them take, the wide one all that any takes. Thread: one. Memory: of the arena. */
#ifndef GRAMMAR_REGEX_H
#define GRAMMAR_REGEX_H

#include "grammar/dfa.h"

enum grammar_reading { GRAMMAR_NARROW, GRAMMAR_WIDE };

/* Errors: UNPROCESSABLE (not a pattern, or more than is taken here: says which byte), NOMEM. */
KIT_MUST_CHECK enum kit_status grammar_regex(struct kit_arena *arena, kit_str pattern, enum grammar_reading reading,
                                             struct grammar_dfa *ret, struct kit_err *err);

#endif
