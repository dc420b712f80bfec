/* tests/support/temp.h - files for a test, in a folder of this process' own that goes when the process ends.
 *
 * Thread: one. Memory: paths lie in the caller's buffer. A failure here ends the test. */
#ifndef SUPPORT_TEMP_H
#define SUPPORT_TEMP_H

#include "kit/str.h"

#define TEST_PATH_BYTES 512

const char *test_temp_folder(void); /* lives until the process ends */
/* The path of `name` (which may hold folders, "a/b.txt") in that folder; nothing is made. Returns buf. */
const char *test_temp_path(char buf[TEST_PATH_BYTES], const char *name);
/* Writes that file anew, its folders too. Returns buf. */
const char *test_temp_write(char buf[TEST_PATH_BYTES], const char *name, kit_str bytes);

#endif
