/* src/kit/num.h - numbers to text: the fewest digits that read back as the same number.
 *
 * The text is a JSON number (RFC 8259, section 6): plain up to 16 places, else with an exponent. Whole numbers have
 * no ".0" ("3"), but negative zero is "-0.0", so that a reader keeps its sign. Nothing here depends on the locale.
 * Thread: any; pure. Memory: none. */
#ifndef KIT_NUM_H
#define KIT_NUM_H

#include "kit/base.h"

#define KIT_NUM_BYTES 32 /* room for any text below; a NUL only where it is said */

/* Each writes to buf and returns the bytes written. x: finite. */
size_t kit_num_f32(float x, char buf[KIT_NUM_BYTES]);  /* strtof reads the same bits back */
size_t kit_num_f64(double x, char buf[KIT_NUM_BYTES]); /* strtod reads the same bits back */
size_t kit_num_u64(uint64_t n, char buf[KIT_NUM_BYTES]);

/* Bytes as people read them, in powers of a thousand, with a NUL: "91.0 MB", "512 B". Returns buf. */
char *kit_num_human(uint64_t bytes, char buf[KIT_NUM_BYTES]);

#endif
