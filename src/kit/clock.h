/* src/kit/clock.h - time. Monotonic for durations and deadlines, wall clock for people.
 *
 * Thread: any. Tests may stop the clock and move it by hand. */
#ifndef KIT_CLOCK_H
#define KIT_CLOCK_H

#include "kit/base.h"

#define KIT_NS_PER_MS UINT64_C(1000000)
#define KIT_NS_PER_S UINT64_C(1000000000)
#define KIT_NEVER_NS UINT64_MAX /* a deadline that never comes */

uint64_t kit_clock_ns(void);      /* monotonic */
uint64_t kit_clock_wall_ns(void); /* since 1970, UTC */

#define KIT_CLOCK_TEXT_BYTES 32
/* RFC 3339 in UTC with milliseconds: "2026-11-23T05:40:28.123Z". Returns buf. */
char *kit_clock_text(uint64_t wall_ns, char buf[KIT_CLOCK_TEXT_BYTES]);

/* Tests only: from now on kit_clock_ns answers `ns` until it is called again; 0 gives the real clock back. */
void kit_clock_fake(uint64_t ns);

#endif
