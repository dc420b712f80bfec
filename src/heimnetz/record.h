/* src/heimnetz/record.h - what `heimnetz up` wrote down of a service: <state>/<service>.pid.
 *
 * The first line is the number of the process, as in any pid file; the second is JSON: when it started, program, address,
 * arguments. A file whose process is gone, or is another by now, is stale: reading it answers NOT_FOUND.
 * Thread: main. Memory: heimnetz_record_done frees. */
#ifndef HEIMNETZ_RECORD_H
#define HEIMNETZ_RECORD_H

#include "heimnetz/process.h"
#include "kit/json.h"

#define RECORD_URL_BYTES 512
#define RECORD_ARGUMENTS_MAX 256

struct heimnetz_record {
    struct heimnetz_process process;
    char url[RECORD_URL_BYTES];
    char *arguments[RECORD_ARGUMENTS_MAX + 1]; /* behind the program, NULL-ended; owned */
    uint32_t argument_count;
};

/* NOT_FOUND: none, or stale; arguments are read all the same, for a start like the last one. IO, PARSE, NOMEM. *ret is
 * filled or empty, and heimnetz_record_done is due, in any case. */
KIT_MUST_CHECK enum kit_status heimnetz_record_read(const char *service, struct heimnetz_record *ret,
                                                    struct kit_err *err);
/* Anew, at once and whole. The state folder must be there. */
KIT_MUST_CHECK enum kit_status heimnetz_record_write(const char *service, const struct heimnetz_record *r,
                                                     struct kit_err *err);
/* Appends a copy. FULL, NOMEM. */
KIT_MUST_CHECK enum kit_status heimnetz_record_argument(struct heimnetz_record *r, kit_str argument,
                                                        struct kit_err *err);
void heimnetz_record_done(struct heimnetz_record *r);
/* Takes the file away. */
void heimnetz_record_remove(const char *service);

#endif
