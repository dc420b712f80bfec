/* src/jinja/value.h - the values of a rendering, as Python has them. For src/jinja/ only.
 *
 * A value is passed by value. Strings, lists and dicts are immutable once they are a value of the template, so that slices
 * share their bytes. Thread: one. Memory: the run's arena, or borrowed from the template and the JSON of the context. */
#ifndef JINJA_VALUE_H
#define JINJA_VALUE_H

#include "jinja/run.h"
#include "kit/json.h"

enum jinja_type {
    JINJA_MISSING, /* an argument that was not given; never seen by a template */
    JINJA_UNDEFINED,
    JINJA_NONE,
    JINJA_BOOL,
    JINJA_INT,
    JINJA_FLOAT,
    JINJA_STR,
    JINJA_LIST,
    JINJA_TUPLE, /* a list that prints as (a, b) */
    JINJA_DICT,
    JINJA_NAMESPACE,
    JINJA_LOOP,
    JINJA_CALLABLE
};

struct jinja_value {
    uint8_t type;
    bool user;    /* STR without marks: all of it is the user's */
    uint32_t len; /* STR, UNDEFINED */
    union {
        bool b;
        int64_t i;
        double f;
        const char *bytes; /* STR: UTF-8; UNDEFINED: the name that is not there */
        struct jinja_list *list;
        struct jinja_dict *dict; /* DICT, NAMESPACE */
        struct jinja_loop *loop;
        struct jinja_callable *call;
    };
    const uint8_t *marks; /* STR: NULL, or of each byte whether it is the user's (1) */
};

struct jinja_list {
    uint32_t count, room;
    struct jinja_value *items;
};

struct jinja_pair {
    struct jinja_value key, value;
};

/* In the order of insertion. */
struct jinja_dict {
    uint32_t count, room;
    struct jinja_pair *pairs;
};

struct jinja_value jinja_undefined(kit_str name);
struct jinja_value jinja_none(void);
struct jinja_value jinja_bool(bool b);
struct jinja_value jinja_int(int64_t i);
struct jinja_value jinja_float(double f);
struct jinja_value jinja_str(kit_str s, bool user); /* borrowed */
struct jinja_value jinja_c(const char *text);       /* the template's */
kit_str jinja_bytes(struct jinja_value v);          /* of a STR or UNDEFINED; otherwise empty */
struct jinja_value jinja_part(struct jinja_value s, size_t from,
                              size_t bytes); /* of a STR, clamped; shares its bytes */

/* type: LIST or TUPLE. After a failure: an empty one. */
struct jinja_value jinja_list_new(struct jinja_run *r, enum jinja_type type, size_t room);
void jinja_list_add(struct jinja_run *r, struct jinja_value list, struct jinja_value item);
struct jinja_value jinja_pair_new(struct jinja_run *r, struct jinja_value a, struct jinja_value b); /* a tuple */
bool jinja_is_list(struct jinja_value v);                                                           /* LIST or TUPLE */

struct jinja_value jinja_dict_new(struct jinja_run *r, enum jinja_type type, size_t room);
/* Replaces the value of an equal key. Fails for a key that is a list or a dict. */
void jinja_dict_set(struct jinja_run *r, struct jinja_value dict, struct jinja_value key, struct jinja_value value);
/* NULL: no such key. */
struct jinja_pair *jinja_dict_find(struct jinja_run *r, struct jinja_value dict, struct jinja_value key);

/* Strings borrow from the document. user: whether they are the user's. */
struct jinja_value jinja_from_json(struct jinja_run *r, kit_json json, bool user);

bool jinja_truth(struct jinja_value v);
bool jinja_is_number(struct jinja_value v); /* BOOL counts, as in Python */
double jinja_number(struct jinja_value v);  /* of a number */
bool jinja_equal(struct jinja_run *r, struct jinja_value a, struct jinja_value b);
/* < 0, 0, > 0; fails where Python cannot order the two. */
int jinja_compare(struct jinja_run *r, struct jinja_value a, struct jinja_value b);
bool jinja_contains(struct jinja_run *r, struct jinja_value container, struct jinja_value item);

/* "str", "NoneType", … */
const char *jinja_type_name(struct jinja_value v);
/* Characters of a STR, items of a list or dict; -1: it has no length. */
int64_t jinja_length(struct jinja_value v);
/* What a for loop goes over: a list as it is, a dict's keys, a string's characters, nothing for undefined. Fails else. */
struct jinja_value jinja_items(struct jinja_run *r, struct jinja_value v);
/* Fails for an undefined value ("'x' is undefined"); false: failed. */
bool jinja_need(struct jinja_run *r, struct jinja_value v);

/* --- characters --- */

size_t jinja_char_at(kit_str s, size_t from, size_t chars); /* byte that lies so many characters behind byte `from` */
size_t jinja_char_bytes(kit_str s, size_t at);              /* bytes of the character there, 1 … 4 */
/* White space as Python's str.strip has it: bytes of the space that begins at `at`, 0: none does. */
size_t jinja_space_at(kit_str s, size_t at);
size_t jinja_spaces_before(kit_str s); /* bytes */
size_t jinja_spaces_after(kit_str s);

#endif
