/* src/jinja/call.h - what can be called: filters, tests, methods, functions, macros; and how they get their arguments. For
 * src/jinja/ only.
 *
 * Thread: one; the tables are constant. Memory: the run's arena. */
#ifndef JINJA_CALL_H
#define JINJA_CALL_H

#include "jinja/node.h"

struct jinja_call {
    const struct jinja_value *args;
    uint32_t count;
    const struct jinja_pair *named; /* keys are STR */
    uint32_t named_count;
};

#define JINJA_PARAMS_MAX 6

/* self: what stands before the '|', 'is' or '.'; functions have none. args: by the names in params, MISSING where not given;
 * call: as it was written. */
typedef struct jinja_value (*jinja_fn)(struct jinja_run *r, struct jinja_value self, const struct jinja_value *args,
                                       const struct jinja_call *call);
#define JINJA_FN static struct jinja_value
#define JINJA_FN_ARGS                                                                                                  \
    struct jinja_run *r __attribute__((unused)), struct jinja_value self __attribute__((unused)),                      \
        const struct jinja_value *args __attribute__((unused)), const struct jinja_call *call __attribute__((unused))

struct jinja_builtin {
    const char *name;
    const char *params; /* "sep maxsplit"; NULL: it looks at call itself */
    uint32_t required;  /* the first so many must be given */
    jinja_fn fn;        /* NULL: it would change its value, which the sandbox refuses */
};

/* NULL: there is none of that name. */
const struct jinja_builtin *jinja_filter_find(kit_str name);
const struct jinja_builtin *jinja_test_find(kit_str name);
const struct jinja_builtin *jinja_method_find(struct jinja_value self, kit_str name);
const struct jinja_builtin *jinja_function_find(kit_str name);
/* For the tables of several files: the row of that name. */
const struct jinja_builtin *jinja_builtin_in(const struct jinja_builtin *table, size_t count, kit_str name);

struct jinja_value jinja_builtin_call(struct jinja_run *r, const struct jinja_builtin *b, struct jinja_value self,
                                      const struct jinja_call *call);

/* A value that can be called. */
struct jinja_callable {
    const struct jinja_builtin *builtin; /* NULL: a macro */
    struct jinja_value self;
    const struct jinja_node *macro;
    struct jinja_scope *scope; /* where the macro was defined */
};
struct jinja_value jinja_bound(struct jinja_run *r, const struct jinja_builtin *b, struct jinja_value self);
/* Calls any value; fails where it cannot be called. */
struct jinja_value jinja_call_value(struct jinja_run *r, struct jinja_value f, const struct jinja_call *call);
struct jinja_value jinja_call_filter(struct jinja_run *r, kit_str name, struct jinja_value self,
                                     const struct jinja_call *call);
bool jinja_call_test(struct jinja_run *r, kit_str name, struct jinja_value self, const struct jinja_call *call);

/* a.name, as templates have it: methods first, then items; a['name'] the other way round. Undefined when neither is there. */
struct jinja_value jinja_attr(struct jinja_run *r, struct jinja_value a, kit_str name);
struct jinja_value jinja_item(struct jinja_run *r, struct jinja_value a, struct jinja_value key);
/* "a.b.0" as `attribute=` of filters has it; MISSING, or none: v itself. An int is an index. */
struct jinja_value jinja_path(struct jinja_run *r, struct jinja_value v, struct jinja_value path);

/* --- arguments --- */

bool jinja_given(struct jinja_value arg); /* neither MISSING nor none */
int64_t jinja_arg_int(struct jinja_run *r, struct jinja_value arg, int64_t otherwise);
bool jinja_arg_bool(struct jinja_value arg, bool otherwise);
/* A STR; fails for other types. otherwise: where it is MISSING. */
struct jinja_value jinja_arg_str(struct jinja_run *r, struct jinja_value arg, const char *otherwise);

/* In order, equal ones as they were. key(ctx, item) gives what is compared. */
struct jinja_value
jinja_sorted(struct jinja_run *r, struct jinja_value list, bool reverse,
             struct jinja_value (*key)(struct jinja_run *r, const void *ctx, struct jinja_value item), const void *ctx);

#endif
