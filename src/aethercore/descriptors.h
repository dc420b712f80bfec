/* src/aethercore/descriptors.h - open files: as many as the system allows, and never all of them for connections.
 *
 * A shell's usual limit is 1,024, which a thousand idle clients would use up; then no model could be opened. Thread: main,
 * before others start. */
#ifndef AETHERCORE_DESCRIPTORS_H
#define AETHERCORE_DESCRIPTORS_H

#include "kit/base.h"

/* Raises this process' limit to the most that it may have, and answers how many connections each of `loops` may hold:
 * `wanted`, or less, with a warning, when the limit leaves no room for them and 256 files besides. */
uint32_t aethercore_descriptors_connections(uint32_t wanted, uint32_t loops);

#endif
