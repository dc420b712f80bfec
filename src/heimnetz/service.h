/* src/heimnetz/service.h - the services of a deployment: which there are, and how each one is.
 *
 * aethercore and contextforge are looked for at their usual addresses; the others, and these elsewhere, by a variable in the
 * environment. All are asked at the same time, each within two seconds. Thread: main. Memory: heimnetz_services_done. */
#ifndef HEIMNETZ_SERVICE_H
#define HEIMNETZ_SERVICE_H

#include "heimnetz/command.h"

enum heimnetz_service_id {
#define SERVICE(id, name, variable, address, probe, path, role) HEIMNETZ_SERVICE_##id,
#include "heimnetz/services.def"
#undef SERVICE
    HEIMNETZ_SERVICE_COUNT
};

struct heimnetz_service_row {
    const char *name, *variable, *address, *role;
};
extern const struct heimnetz_service_row heimnetz_service_rows[HEIMNETZ_SERVICE_COUNT];

#define SERVICE_ADDRESS_BYTES 512

struct heimnetz_service {
    enum heimnetz_service_id id;
    bool set_up;    /* somebody wants it: a variable, a flag, or its program lies beside heimnetz */
    bool answers;   /* something of its kind does */
    char state[24]; /* ok, degraded, failing, starting, no access, down, not set up */
    char address[SERVICE_ADDRESS_BYTES];                       /* to connect to; may hold a password: never print it */
    char shown[SERVICE_ADDRESS_BYTES];                         /* to print; "" when there is none */
    char version[48];                                          /* "" not known */
    char reason[KIT_ERR_MSG_BYTES], remedy[KIT_ERR_MSG_BYTES]; /* why it is not well, what to do; "" */
    double latency_ms;                                         /* of the question */
    struct client_answer answer;                               /* owned: what it said of itself, where it speaks JSON */
};

struct heimnetz_services {
    struct heimnetz_service list[HEIMNETZ_SERVICE_COUNT];
};

/* Asks every service; with `only_suite` just aethercore and contextforge. */
void heimnetz_services_ask(struct heimnetz *h, bool only_suite, struct heimnetz_services *ret);
void heimnetz_services_done(struct heimnetz_services *s);

/* Of services that are set up: FAILING one that answers is failing, NOBODY one does not answer, REFUSED one wants another
 * key; else GOOD. */
int heimnetz_services_code(const struct heimnetz_services *s);
/* One word for all: "ok", "degraded", "failing", "down". */
const char *heimnetz_services_verdict(const struct heimnetz_services *s);

/* Where a service of the suite is: the flag, the variable, what `heimnetz up` wrote down, the usual address. *said: the
 * user said so, by the first two. */
void heimnetz_service_address(const struct heimnetz *h, enum heimnetz_service_id id, char ret[SERVICE_ADDRESS_BYTES],
                              bool *said);
/* What starts a server of the suite at an address of this machine, behind "heimnetz ": "up", "up --port 9000". NULL: the
 * address is another machine's, or the program is not installed here. Returns buf. */
#define SERVICE_START_BYTES 64
const char *heimnetz_service_start(enum heimnetz_service_id id, const char *address, char buf[SERVICE_START_BYTES]);
/* Its number by name; HEIMNETZ_SERVICE_COUNT: there is none. */
enum heimnetz_service_id heimnetz_service_find(const char *name);

#endif
