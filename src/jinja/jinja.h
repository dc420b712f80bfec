/* src/jinja/jinja.h - the template language that chat templates are written in: compile once, render many times.
 *
 * What is here is the part of Jinja 3.1 that chat templates use, with the settings that transformers gives it
 * (trim_blocks, lstrip_blocks, immutable sandbox, break and continue, its own tojson); tests/data/jinja holds what Python
 * prints for each of it. Not here, and a PARSE error: extends, include, import, block, autoescape, recursive loops.
 *
 * Provenance: each byte that is rendered is the template's or the user's, whatever filters, slices and methods it went
 * through on its way. A special token counts as one only where every byte of it is the template's.
 *
 * Thread: a template is immutable and shared; compile and render take time in the size of their input and block nothing
 * else. Memory: the template owns a copy of its source; what is rendered lies in the caller's arena, whose maximum is the
 * limit of a rendering's memory. */
#ifndef JINJA_JINJA_H
#define JINJA_JINJA_H

#include "kit/arena.h"
#include "kit/json.h"

#define JINJA_SOURCE_BYTES_MAX (256 * KIT_KIB)

struct jinja_template;

/* source: copied; UTF-8, at most JINJA_SOURCE_BYTES_MAX (TOO_LARGE). Errors: PARSE with the line and what was expected,
 * NOMEM. */
KIT_MUST_CHECK enum kit_status jinja_compile(kit_str source, struct jinja_template **ret, struct kit_err *err);
void jinja_free(struct jinja_template *t); /* NULL is fine */

/* A name that the template can use. A name that is given twice has its first value. */
struct jinja_binding {
    kit_str name;
    kit_json value; /* {NULL}: the name stays undefined */
    bool trusted;   /* its strings may be special tokens (bos_token); false for whatever a person wrote */
};

struct jinja_context {
    const struct jinja_binding *bindings;
    size_t count;
    int64_t now_s;      /* for strftime_now: seconds since 1970; 0: the clock */
    uint64_t steps_max; /* nodes evaluated, and work in proportion to bytes; 0: JINJA_STEPS_MAX */
    size_t output_max;  /* bytes of one string; 0: JINJA_OUTPUT_MAX */
};
#define JINJA_STEPS_MAX UINT64_C(5000000)
#define JINJA_OUTPUT_MAX (16 * KIT_MIB)

/* A run of bytes of one origin. */
struct jinja_piece {
    kit_str text;
    bool trusted;
};

struct jinja_text {
    kit_str bytes;                    /* all of it */
    const struct jinja_piece *pieces; /* the same bytes, in order; neighbours differ in origin */
    size_t count;
};

/* *ret lies in the arena and borrows from nothing else. Errors: INVALID, raise_exception's own words as they are, or
 * "line 3: …" where the template cannot deal with the values; TOO_LARGE (steps, depth, bytes), NOMEM. */
KIT_MUST_CHECK enum kit_status jinja_render(const struct jinja_template *t, const struct jinja_context *context,
                                            struct kit_arena *arena, struct jinja_text *ret, struct kit_err *err);

#endif
