/* tests/support/json_path.h - a place in a JSON value by a path. Thread: any. */
#ifndef SUPPORT_JSON_PATH_H
#define SUPPORT_JSON_PATH_H

#include "kit/json.h"

/* "choices.0.text": members and indices; {NULL}: there is no such place. */
kit_json test_json_path(kit_json v, const char *path);

#endif
