/* tests/support/canned.h - a server on loopback that answers with prepared bytes, for what sends requests.
 *
 * Each connection gets the next answer of the list (the last one again and again): its bytes are sent when the head of a
 * request has come; then the connection is closed, or held open and silent. Thread: the caller's; the server has one of its
 * own. Memory: answers are copied, their bytes borrowed until canned_stop. */
#ifndef SUPPORT_CANNED_H
#define SUPPORT_CANNED_H

#include "kit/str.h"
#include "kit/sync.h"

#define CANNED_ANSWERS_MAX 8
#define CANNED_REQUESTS_MAX 16
#define CANNED_REQUEST_BYTES 1024

struct canned_answer {
    kit_str bytes;
    uint32_t drip_ms; /* > 0: one byte every so often */
    bool hold;        /* stays open until the other side closes */
};

struct canned {
    struct canned_answer answers[CANNED_ANSWERS_MAX];
    uint32_t count;
    uint16_t port;
    int listener;
    struct kit_thread thread;
    /* after canned_stop */
    uint32_t requests; /* that came */
    char request[CANNED_REQUESTS_MAX][CANNED_REQUEST_BYTES];
};

void canned_start(struct canned *c, const struct canned_answer *answers, uint32_t count);
void canned_stop(struct canned *c); /* waits for a connection that is being answered */

#endif
