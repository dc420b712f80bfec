/* src/kit/config.h - settings from one table: defaults < file (YAML) < environment < command line.
 *
 * A program's config.def holds one row a key; parser, --help, the sample file and the reference page come from it.
 * A key with a '*' in it ("remote.*.url") stands for as many as there are names: whoever fills the configuration chooses
 * them, [a-z0-9_-], and each has all keys of its kind, those that are not set with their default.
 * A configuration is filled once and then only read. Thread: one while filling, then any. Memory: owned by the
 * configuration; strings that it answers are borrowed from it. */
#ifndef KIT_CONFIG_H
#define KIT_CONFIG_H

#include "kit/buf.h"

/* BYTES takes "64MiB", "2GB", "512"; MS takes "250ms", "30s", "5m", "2h", "250"; ENUM's words stand in `range`. */
enum kit_config_type {
    KIT_CONFIG_INT,
    KIT_CONFIG_BOOL,
    KIT_CONFIG_STRING,
    KIT_CONFIG_BYTES,
    KIT_CONFIG_MS,
    KIT_CONFIG_ENUM
};

struct kit_config_row {
    const char *key; /* "http.body_bytes_max" */
    enum kit_config_type type;
    const char *initial; /* the default, as one would write it */
    int64_t min, max;    /* INT, BYTES, MS; for a STRING max is its length in bytes */
    const char *range;   /* ENUM: "pretty|logfmt|json"; else NULL */
    bool reloadable;
    const char *help;
};

struct kit_config;

/* rows: borrowed for ever; a default that breaks its own row is a bug (assert). NOMEM. */
KIT_MUST_CHECK enum kit_status kit_config_new(const struct kit_config_row *rows, size_t count, struct kit_config **ret);
void kit_config_free(struct kit_config *c); /* NULL is fine */

/* INVALID: unknown key (the message offers the nearest one) or bad value (key, what it must be, what it was). */
KIT_MUST_CHECK enum kit_status kit_config_set(struct kit_config *c, kit_str key, kit_str value, struct kit_err *err);
/* "key=value". */
KIT_MUST_CHECK enum kit_status kit_config_set_pair(struct kit_config *c, kit_str pair, struct kit_err *err);
/* A YAML file of nested maps: {http: {body_bytes_max: 1MiB}}. Errors name file, line and key. */
KIT_MUST_CHECK enum kit_status kit_config_load_file(struct kit_config *c, const char *path, struct kit_err *err);
/* PREFIX_A__B=value sets a.b. An unknown key is not an error: `warn` is called with a line for the log, unless its name
 * ends in _URL. */
KIT_MUST_CHECK enum kit_status kit_config_load_env(struct kit_config *c, const char *prefix, char *const *environment,
                                                   void (*warn)(const char *line), struct kit_err *err);

/* Reads by key; a key that is not in the table or has another type is a bug (assert). An ENUM answers the index of
 * its word. */
int64_t kit_config_int(const struct kit_config *c, const char *key); /* INT, BYTES, MS, ENUM */
bool kit_config_bool(const struct kit_config *c, const char *key);
const char *kit_config_str(const struct kit_config *c, const char *key); /* "" when empty; borrowed */

/* The same of a key with a '*', for one of its names: kit_config_int_of(c, "remote.*.stall", "gpu"). */
int64_t kit_config_int_of(const struct kit_config *c, const char *key, const char *name);
const char *kit_config_str_of(const struct kit_config *c, const char *key, const char *name);
#define KIT_CONFIG_NAME_BYTES 32 /* 1 … 31 and a NUL */
#define KIT_CONFIG_NAMED_MAX 256 /* keys that are set by name */
/* The index-th name under which something of "remote.*" is set, in the order of the alphabet; NULL: there are not so many. */
const char *kit_config_name(const struct kit_config *c, const char *prefix, size_t index);

/* Calls fn for each row that the two have different values in. Both were made from the same rows. */
void kit_config_compare(const struct kit_config *a, const struct kit_config *b,
                        void (*fn)(void *ctx, const struct kit_config_row *row), void *ctx);

/* A commented YAML sample with every key and its default. */
enum kit_status kit_config_sample(const struct kit_config *c, struct kit_buf *out);

#endif
