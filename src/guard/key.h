/* src/guard/key.h - the one static key: where it comes from, whether it is good enough, whether it is the same.
 *
 * Thread: any. Memory: struct guard_key holds it by value; guard_key_done wipes it. */
#ifndef GUARD_KEY_H
#define GUARD_KEY_H

#include "kit/str.h"

#define GUARD_KEY_BYTES_MIN 16
#define GUARD_KEY_BYTES_MAX 512

struct guard_key {
    char bytes[GUARD_KEY_BYTES_MAX]; /* zeros behind the key, which compares need */
    size_t len;                      /* 0: there is no key */
};

/* text: the key, white space around it is cut off; empty: no key. from: its source, for messages. INVALID: shorter than
 * GUARD_KEY_BYTES_MIN, longer than GUARD_KEY_BYTES_MAX, or with bytes that no header field takes; the remedy is named. */
KIT_MUST_CHECK enum kit_status guard_key_set(struct guard_key *k, kit_str text, const char *from, struct kit_err *err);
/* The content of a file. INVALID also when it is empty; IO, NOT_FOUND, NOMEM. Blocking. */
KIT_MUST_CHECK enum kit_status guard_key_read(struct guard_key *k, const char *path, struct kit_err *err);
void guard_key_done(struct guard_key *k); /* zeros it */

/* Takes as long whatever stands in the key and however long it is: only the length of what is presented shows. */
bool guard_key_is(const struct guard_key *k, kit_str presented);

/* The command that makes one, for messages. */
#define GUARD_KEY_COMMAND "head -c 32 /dev/urandom | base64 > heimnetz.key"

#endif
