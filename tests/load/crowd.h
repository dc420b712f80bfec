/* tests/load/crowd.h - many connections at a time, driven by one thread with poll(2), and a witness who asks the server
 * something ordinary meanwhile.
 *
 * Thread: one. A failure ends the test. */
#ifndef LOAD_CROWD_H
#define LOAD_CROWD_H

#include "server.h"

struct crowd_member {
    int fd;         /* -1: closed */
    size_t got;     /* bytes that have come */
    char head[128]; /* the first of them, NUL-ended */
    char tail[8];   /* the last of them, NUL-ended */
    int answers;    /* with 2xx, begun */
    int matched;    /* of the beginning of such an answer */
    bool ended;     /* the server closed it, or reset it */
};

struct crowd {
    const struct server *server;
    int count;
    struct crowd_member *member; /* [count] */
};

/* Asks the system for so many descriptors, for this process and the servers that it starts; what it may have, less some for
 * the test itself. */
int crowd_descriptors(int wanted);
bool crowd_is_long(void); /* SOAK=1 */

void crowd_open(struct crowd *c, const struct server *s, int count);
void crowd_close(struct crowd *c);
/* Sends these bytes on connection i, as far as the socket takes them at once. False: it is closed. */
bool crowd_send(struct crowd *c, int i, const char *bytes, size_t len);
/* Reads what has come on all connections, waiting up to wait_ms for something. */
void crowd_read(struct crowd *c, int wait_ms);
void crowd_forget(struct crowd *c); /* what has come so far */
/* HTTP status of what has come on connection i; 0: none yet. */
int crowd_status(const struct crowd *c, int i);
int crowd_count_status(const struct crowd *c, int status);
int crowd_count_ended(const struct crowd *c);

/* --- the witness --- */

struct witness {
    struct server *server;
    int fd;
    uint64_t took_ns[4096]; /* the last of them */
    int asked;
};

void witness_start(struct witness *w, struct server *s);
void witness_ask(struct witness *w); /* one GET /health/live; must be answered with 200 */
void witness_end(struct witness *w);
double witness_ms(const struct witness *w, double quantile);

/* One line of the table. */
void crowd_row(const char *what, const char *format, ...) KIT_PRINTF(2, 3);

#endif
