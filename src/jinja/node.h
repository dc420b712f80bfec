/* src/jinja/node.h - a template as a tree. For src/jinja/ only.
 *
 * Names are interned: two names are the same name when their text.ptr is the same. Thread: immutable once parsed. Memory:
 * the template's arena. */
#ifndef JINJA_NODE_H
#define JINJA_NODE_H

#include "jinja/value.h"

/* What each field holds stands behind the kind; "list" are nodes linked by next. */
enum jinja_node_kind {
    /* expressions */
    JINJA_NODE_CONST,   /* value */
    JINJA_NODE_NAME,    /* text */
    JINJA_NODE_LIST,    /* list */
    JINJA_NODE_TUPLE,   /* list */
    JINJA_NODE_DICT,    /* list: key, value, key, value, … */
    JINJA_NODE_ATTR,    /* a.text */
    JINJA_NODE_ITEM,    /* a[b] */
    JINJA_NODE_SLICE,   /* a[b:c:list], each but a may be NULL */
    JINJA_NODE_CALL,    /* a(list of ARG) */
    JINJA_NODE_FILTER,  /* a|text(list of ARG); a is NULL in a filter block */
    JINJA_NODE_TEST,    /* a is text(list of ARG) */
    JINJA_NODE_SIGN,    /* op a */
    JINJA_NODE_NOT,     /* not a */
    JINJA_NODE_OP,      /* a op b */
    JINJA_NODE_AND,     /* a, b */
    JINJA_NODE_OR,      /* a, b */
    JINJA_NODE_COMPARE, /* a, then list of OPERAND */
    JINJA_NODE_OPERAND, /* op a: '=', '!', '<', '>', 'l' <=, 'g' >=, 'i' in, 'n' not in */
    JINJA_NODE_CONCAT,  /* list */
    JINJA_NODE_CHOICE,  /* a if b else c; c may be NULL */
    JINJA_NODE_ARG,     /* a; op: 0 by place, '=' by name (text), '*', 'd' for ** */
    /* statements */
    JINJA_NODE_DATA,         /* text */
    JINJA_NODE_PRINT,        /* a */
    JINJA_NODE_BODY,         /* list */
    JINJA_NODE_IF,           /* a, then b, else c (NULL, or another IF, or a BODY) */
    JINJA_NODE_FOR,          /* for a in b if list: c, otherwise d */
    JINJA_NODE_SET,          /* a = b */
    JINJA_NODE_SET_BLOCK,    /* a = c, through filter b or NULL */
    JINJA_NODE_MACRO,        /* text(list of PARAM): c */
    JINJA_NODE_PARAM,        /* text = a or NULL */
    JINJA_NODE_CALL_BLOCK,   /* call(d: a MACRO) a */
    JINJA_NODE_FILTER_BLOCK, /* filter b: c */
    JINJA_NODE_WITH,         /* list: target, value, target, value, …; c */
    JINJA_NODE_BREAK,
    JINJA_NODE_CONTINUE
};

struct jinja_node {
    enum jinja_node_kind kind;
    char op;
    bool plain; /* MACRO: its body asks for varargs */
    bool named; /* MACRO: its body asks for kwargs */
    bool calls; /* MACRO: its body asks for caller */
    uint32_t line;
    uint32_t height; /* levels below, itself included */
    kit_str text;
    struct jinja_value value;
    struct jinja_node *a, *b, *c, *d, *list, *next;
};

/* Names that the evaluator knows. */
struct jinja_names {
    kit_str loop, caller, varargs, kwargs;
};

struct jinja_symbol {
    struct jinja_symbol *next; /* of its bucket */
    kit_str text;
};

#define JINJA_SYMBOL_BUCKETS 256
struct jinja_symbols {
    struct jinja_symbol *bucket[JINJA_SYMBOL_BUCKETS];
};

struct jinja_template {
    struct kit_arena arena;
    struct jinja_node *root; /* BODY */
    struct jinja_symbols symbols;
    struct jinja_names names;
};

#endif
