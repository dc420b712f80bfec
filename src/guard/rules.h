/* src/guard/rules.h - who may ask what: one immutable snapshot, shared by all loops, replaced as a whole.
 *
 * Thread: any. Memory: shared; freed by the last guard_rules_unref. */
#ifndef GUARD_RULES_H
#define GUARD_RULES_H

#include "guard/key.h"

struct guard_options {
    struct guard_key key; /* copied; without one everybody may ask everything */
    const char *bind;     /* the address or name that is listened on */
    const char *hosts;    /* further names in Host: see guard_host_is_listed */
    const char *origins;  /* of pages that may ask: see guard_host_is_listed_origin */
};

#define GUARD_PRINCIPAL_BYTES 16 /* "key-1a2b3c4d" */

struct guard_rules;

/* INVALID: an origin that is none; NOMEM; UNSUPPORTED (crypt_hash_bytes). */
KIT_MUST_CHECK enum kit_status guard_rules_new(const struct guard_options *o, struct guard_rules **ret,
                                               struct kit_err *err);
struct guard_rules *guard_rules_ref(struct guard_rules *r); /* r, with one reference more */
void guard_rules_unref(struct guard_rules *r);              /* NULL is fine */

bool guard_rules_have_key(const struct guard_rules *r);
bool guard_rules_key_is(const struct guard_rules *r, kit_str presented); /* see guard_key_is; false without a key */
/* Who presents the key, for logs and fairness: stable, and says nothing of the key. */
kit_str guard_rules_principal(const struct guard_rules *r);
/* host: a Host field, "name:port". Loopback, addresses, what is listened on, what is listed; and, when others can reach us,
 * this machine's own name, alone and with ".local". A name that is none of these may be one that somebody has pointed at
 * us in order to reach us through a browser (DNS rebinding); an address cannot. */
bool guard_rules_allow_host(const struct guard_rules *r, kit_str host);
/* origin: an Origin field. Is it listed? Whether it is our own guard asks before (guard_host_is_own_origin). */
bool guard_rules_allow_origin(const struct guard_rules *r, kit_str origin);

/* An address of this machine only? host: as in server.host. */
bool guard_rules_is_loopback(const char *host);

#endif
