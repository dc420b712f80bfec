/* tests/support/json_near.h - is one JSON value another, but for the last digits of its numbers?
 *
 * Thread: one. A difference ends the test, naming its path. */
#ifndef SUPPORT_JSON_NEAR_H
#define SUPPORT_JSON_NEAR_H

#include "kit/json.h"

/* Objects must have the same members, arrays the same length, texts and booleans be equal; numbers may differ by
 * `tolerance`. */
void test_json_near(kit_json got, kit_json expected, double tolerance);
/* The same for texts, which must be JSON. */
void test_json_near_text(kit_str got, const char *expected, double tolerance);

#endif
