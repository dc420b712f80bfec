/* src/kit/config_inner.h - what config.c (rows, values, environment) and config_yaml.c (files) share. For src/kit/ only.
 *
 * Thread, memory: as config.h says. */
#ifndef KIT_CONFIG_INNER_H
#define KIT_CONFIG_INNER_H

#include "kit/config.h"

#define KIT_CONFIG_KEY_BYTES_MAX 128

struct kit_config_value {
    int64_t number; /* INT, BOOL, BYTES, MS; the word's index for an ENUM */
    char *text;     /* STRING: owned; NULL while empty */
    unsigned line;  /* of the file that is being read; 0: not set by it */
};

/* A value of a row with a '*'. */
struct kit_config_named {
    struct kit_config_named *next; /* owned; in order of names, then of rows */
    size_t row;
    char name[KIT_CONFIG_NAME_BYTES];
    struct kit_config_value value;
};

struct kit_config {
    const struct kit_config_row *rows; /* borrowed */
    size_t count;
    struct kit_config_named *named; /* owned */
    size_t named_count;
    struct kit_config_value values[]; /* one a row */
};

/* Where the value of this key is; NULL: there is no such key, or nothing has set it by name yet. */
struct kit_config_value *kit_config_place(struct kit_config *c, kit_str key);
/* Of "remote.*.url" the bytes before the '*'; of a key without one all of them. */
size_t kit_config_star(const struct kit_config_row *row);
/* Writes what a value must be: "a whole number from 1 to 64". At most size-1 bytes and a NUL. */
void kit_config_demand(const struct kit_config_row *row, char *to, size_t size);

#endif
