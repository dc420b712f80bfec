/* src/jinja/build.h - a string that grows, byte by byte of known origin. For src/jinja/ only.
 *
 * Thread: one. Memory: the run's arena; a string that would pass the run's output_max fails it. */
#ifndef JINJA_BUILD_H
#define JINJA_BUILD_H

#include "jinja/value.h"

struct jinja_build {
    struct jinja_run *r;
    char *ptr;
    uint8_t *marks; /* NULL while all bytes have one origin: `user` */
    size_t len, room;
    bool user;
};

void jinja_build_init(struct jinja_build *b, struct jinja_run *r);
void jinja_build_add(struct jinja_build *b, kit_str s, bool user);
void jinja_build_c(struct jinja_build *b, const char *text);       /* the template's */
void jinja_build_str(struct jinja_build *b, struct jinja_value s); /* a STR, with its marks */
/* Such as an escape that stands for a byte of `s`. */
void jinja_build_as(struct jinja_build *b, kit_str text, struct jinja_value s, size_t at);
struct jinja_value jinja_build_value(const struct jinja_build *b); /* shares its bytes: add nothing after it */
bool jinja_is_user(struct jinja_value s, size_t at);               /* of the byte there */

#endif
