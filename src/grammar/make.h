/* src/grammar/make.h - a schema on its way to nodes: what its files share. For src/grammar/ only.
 *
 * A goal is a list of schemas that one value must meet at once. Applied in place ("allOf", "anyOf", "oneOf", "$ref") they
 * unfold to alternatives, each a list of schemas whose own keywords all count ("atoms"). Goals and alternatives become rules,
 * each once. Thread: one. Memory: the maker's arena. */
#ifndef GRAMMAR_MAKE_H
#define GRAMMAR_MAKE_H

#include "grammar/dfa.h"
#include "grammar/grammar.h"
#include "grammar/number.h"
#include "grammar/regex.h"

struct grammar_goal {
    const struct schema_node **node;
    uint32_t count;
};

struct grammar_alternative {
    const struct schema_node **atom;
    uint32_t count;
    uint32_t types;               /* that all of them allow; never 0 */
    const struct schema_node *at; /* for messages */
    bool whole;                   /* of a goal of one schema: "unevaluated…" of `at` sees all of it */
    struct grammar_alternative *next;
};

struct grammar_memo {
    const struct schema_node **node; /* sorted by address */
    uint32_t count;
    uint32_t rule;
    struct grammar_memo *next;
};

struct grammar_job {
    const struct grammar_alternative *alternative;
    uint32_t rule;
    struct grammar_job *next;
};

struct grammar_sharp { /* a schema whose oneOf has been looked at */
    const struct schema_node *node;
    struct grammar_sharp *next;
};

#define GRAMMAR_MEMO_SLOTS 512

struct grammar_maker {
    struct kit_arena arena;
    struct grammar_nodes *b;
    const struct grammar_options *options;
    struct grammar_memo *goals[GRAMMAR_MEMO_SLOTS], *alternatives[GRAMMAR_MEMO_SLOTS];
    struct grammar_job *first_job, *last_job;
    struct grammar_sharp *looked;
    uint32_t any, any_string, any_number, any_object, any_array, spaces; /* rules; GRAMMAR_NEVER until needed */
    uint32_t steps;                                                      /* of unfolding, against a limit */
    enum kit_status rc; /* the first failure; what is made after it is of no use */
    struct kit_err *err;
    struct kit_err why; /* the first thing found that nothing satisfies; code OK: none */
};

void grammar_maker_init(struct grammar_maker *m, struct grammar_nodes *b, const struct grammar_options *options,
                        struct kit_err *err);
void grammar_maker_done(struct grammar_maker *m);
void *grammar_maker_get(struct grammar_maker *m, size_t count, size_t bytes); /* cleared; NULL: m->rc is set */

/* Failures: the whole schema is refused. */
#define grammar_refuse(m, node, ...)                                                                                   \
    ((m)->rc = (m)->rc != KIT_OK ? (m)->rc : schema_fail((node), KIT_UNPROCESSABLE, (m)->err, __VA_ARGS__))
/* Nothing satisfies this place; others may go on. */
#define grammar_impossible(m, node, ...)                                                                               \
    ((void)((m)->why.code != KIT_OK || schema_fail((node), KIT_UNPROCESSABLE, &(m)->why, __VA_ARGS__)))
/* A step that answered rc: false ends the schema, with the place in front of the message. */
bool grammar_went(struct grammar_maker *m, const struct schema_node *at, enum kit_status rc);

/* make.c */
uint32_t grammar_goal_rule(struct grammar_maker *m, const struct grammar_goal *goal); /* queued; see grammar_make_all */
struct grammar_goal grammar_goal_one(struct grammar_maker *m, const struct schema_node *node);
void grammar_goal_add(struct grammar_maker *m, struct grammar_goal *goal, const struct schema_node *node);
void grammar_make_all(struct grammar_maker *m); /* works until nothing is queued */

/* unfold.c: NULL: none, or m->rc. */
struct grammar_alternative *grammar_unfold(struct grammar_maker *m, const struct grammar_goal *goal);

/* string.c: what strings an alternative allows, `wide` as regex.h has it. False: m->rc. */
bool grammar_string_dfa(struct grammar_maker *m, const struct grammar_alternative *a, enum grammar_reading reading,
                        struct grammar_dfa *ret, bool *ret_any);
uint32_t grammar_string_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next);

/* make_number.c */
bool grammar_number_dfa(struct grammar_maker *m, const struct grammar_alternative *a, struct grammar_dfa *ret);
uint32_t grammar_number_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next);

/* object.c, array.c */
uint32_t grammar_object_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next);
uint32_t grammar_array_node(struct grammar_maker *m, const struct grammar_alternative *a, uint32_t next);
/* What the value of a member, an item must meet; false: it cannot be there. */
bool grammar_member_goal(struct grammar_maker *m, const struct grammar_alternative *a, kit_str name,
                         struct grammar_goal *ret);
bool grammar_member_required(const struct grammar_alternative *a, kit_str name);
bool grammar_member_written(struct grammar_maker *m, const struct grammar_alternative *a, kit_str name);
bool grammar_item_goal(struct grammar_maker *m, const struct grammar_alternative *a, uint64_t index,
                       struct grammar_goal *ret);
void grammar_item_counts(const struct grammar_alternative *a, uint64_t *min, uint64_t *max);

/* literal.c: values and signs as they are written; rules for any value. */
uint32_t grammar_value_node(struct grammar_maker *m, kit_json value, uint32_t next);
uint32_t grammar_key_node(struct grammar_maker *m, kit_str key, uint32_t next); /* with quotes */
uint32_t grammar_sign_node(struct grammar_maker *m, char sign, uint32_t next);  /* one of {}[]:, with its spaces */
uint32_t grammar_any_rule(struct grammar_maker *m);
uint32_t grammar_any_string_rule(struct grammar_maker *m);
uint32_t grammar_any_number_rule(struct grammar_maker *m);
uint32_t grammar_any_object_rule(struct grammar_maker *m);
uint32_t grammar_any_array_rule(struct grammar_maker *m);
bool grammar_same_value(kit_json a, kit_json b);

/* fits.c, apart.c */
enum grammar_fit { GRAMMAR_FITS_NOT, GRAMMAR_FITS, GRAMMAR_FITS_PERHAPS };
enum grammar_fit grammar_fits_all(struct grammar_maker *m, const struct grammar_alternative *a, kit_json value);
/* True: nothing that is written for `one` is valid for `other`. */
bool grammar_apart(struct grammar_maker *m, const struct grammar_goal *one, const struct grammar_goal *other,
                   uint32_t depth);
/* The values that "const" or "enum" of an atom list; {NULL}, false: none do. constant: the first is no list. */
bool grammar_listed(const struct grammar_alternative *a, kit_json *values, bool *constant);

#endif
