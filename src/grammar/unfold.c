#include "grammar/make.h"

#define DEPTH_MAX 100
#define STEPS_MAX 200000
#define ALTERNATIVES_MAX 512
#define ATOMS_MAX 64

/* Schemas still to be taken into an alternative, and through which each was reached. */
struct todo {
    const struct schema_node *node;
    const struct todo *through;
    const struct todo *next;
};

struct unfolding {
    struct grammar_maker *m;
    const struct grammar_goal *goal;
    const struct schema_node *atom[ATOMS_MAX];
    uint32_t atoms, depth, found;
    struct grammar_alternative *first, *last;
};

static bool says_something(const struct schema_node *n)
{
    return n->types != SCHEMA_TYPES || n->constant.v != NULL || n->values.v != NULL || n->minimum.v != NULL ||
           n->maximum.v != NULL || n->exclusive_minimum.v != NULL || n->exclusive_maximum.v != NULL ||
           n->multiple_of.v != NULL || n->length_min > 0 || n->length_max != SCHEMA_NO_MAX || n->pattern.ptr != NULL ||
           n->format.ptr != NULL || n->prefix_items.count > 0 || n->items != NULL || n->items_min > 0 ||
           n->items_max != SCHEMA_NO_MAX || n->unique || n->properties.count > 0 || n->pattern_properties.count > 0 ||
           n->additional != NULL || n->names != NULL || n->unevaluated != NULL || n->required.count > 0 ||
           n->properties_min > 0 || n->properties_max != SCHEMA_NO_MAX || n->not != NULL;
}

/* Keywords that no grammar here expresses. */
static const char *beyond(const struct schema_node *n)
{
    if (n->condition != NULL && (n->then != NULL || n->otherwise != NULL)) {
        return "if";
    }
    if (n->contains != NULL) {
        return "contains";
    }
    if (n->unevaluated_items != NULL) {
        return "unevaluatedItems";
    }
    if (n->dependent_count > 0) {
        return "dependentRequired";
    }
    return n->dependent_schemas.count > 0 ? "dependentSchemas" : NULL;
}

static bool only_types(const struct schema_node *n)
{
    struct schema_node plain = *n;
    plain.types = SCHEMA_TYPES;
    return !says_something(&plain) && beyond(n) == NULL && n->all_of.count + n->any_of.count + n->one_of.count == 0 &&
           n->ref == NULL && n->dynamic_ref == NULL;
}

static bool only_values(const struct schema_node *n)
{
    struct schema_node plain = *n;
    plain.values = plain.constant = (kit_json){NULL};
    return only_types(&plain) && n->types == SCHEMA_TYPES && (n->values.v != NULL) != (n->constant.v != NULL);
}

static bool check_atom(struct grammar_maker *m, const struct schema_node *n)
{
    const char *keyword = beyond(n);
    if (keyword != NULL) {
        grammar_refuse(m, n, "'%s' cannot be expressed as a grammar", keyword);
    } else if (n->not != NULL && !only_types(n->not ) && !only_values(n->not ) && !n->not ->never) {
        grammar_refuse(m, n, "'not' can be expressed with 'type', 'const' or 'enum' in it only");
    }
    return m->rc == KIT_OK;
}

static uint32_t types_of(const struct schema_node *n)
{
    uint32_t types = n->types;
    if (n->not != NULL && !n->not ->never && only_types(n->not )) {
        types &= ~n->not ->types; /* without "type" that is all of them */
    }
    return types;
}

static void emit(struct unfolding *u)
{
    struct grammar_alternative *a = grammar_maker_get(u->m, 1, sizeof(*a));
    const struct schema_node **atom = grammar_maker_get(u->m, u->atoms + 1, sizeof(const struct schema_node *));
    if (a == NULL || atom == NULL) {
        return;
    }
    *a = (struct grammar_alternative){.atom = atom, .types = SCHEMA_TYPES, .at = u->goal->node[0]};
    for (uint32_t i = 0; i < u->atoms; i++) {
        a->types &= types_of(u->atom[i]);
        if (says_something(u->atom[i])) {
            atom[a->count++] = u->atom[i];
        }
    }
    if (a->types == 0) {
        grammar_impossible(u->m, a->at, "no type is left that satisfies it");
        return;
    }
    if (u->found++ == ALTERNATIVES_MAX) {
        grammar_refuse(u->m, a->at, "more than %d alternatives", ALTERNATIVES_MAX);
        return;
    }
    a->whole = u->goal->count == 1;
    if (u->last == NULL) {
        u->first = a;
    } else {
        u->last->next = a;
    }
    u->last = a;
}

static void unfold(struct unfolding *u, const struct todo *list);

static void unfold_branches(struct unfolding *u, const struct schema_list *branches, const struct todo *through,
                            const struct todo *rest)
{
    for (uint32_t i = 0; i < branches->count && u->m->rc == KIT_OK; i++) {
        struct todo branch = {branches->node[i], through, rest};
        unfold(u, &branch);
    }
}

/* "oneOf" may be read as "anyOf" where nothing that is written for one branch is valid for another. */
static bool check_one_of(struct grammar_maker *m, const struct schema_node *n)
{
    for (const struct grammar_sharp *s = m->looked; s != NULL; s = s->next) {
        if (s->node == n) {
            return true;
        }
    }
    struct grammar_sharp *s = grammar_maker_get(m, 1, sizeof(*s));
    if (s == NULL) {
        return false;
    }
    *s = (struct grammar_sharp){n, m->looked};
    m->looked = s;
    for (uint32_t i = 0; i < n->one_of.count && m->rc == KIT_OK; i++) {
        struct grammar_goal one = grammar_goal_one(m, n->one_of.node[i]);
        for (uint32_t k = 0; k < n->one_of.count && m->rc == KIT_OK; k++) {
            struct grammar_goal other = grammar_goal_one(m, n->one_of.node[k]);
            if (k != i && m->rc == KIT_OK && !grammar_apart(m, &one, &other, 0)) {
                grammar_refuse(m, n,
                               "'oneOf': what fits branch %u may fit branch %u as well; tell them apart by type, by a "
                               "'const' or by required properties, or say 'anyOf'",
                               i, k);
            }
        }
    }
    return m->rc == KIT_OK;
}

/* allOf, $ref: all join; then one branch each of anyOf and oneOf. */
static void unfold_inside(struct unfolding *u, const struct todo *t, const struct todo *rest, uint32_t joined)
{
    const struct schema_node *n = t->node;
    if (n->all_of.count > ATOMS_MAX) {
        grammar_refuse(u->m, n, "more than %d schemas apply at once", ATOMS_MAX);
    } else if (joined < n->all_of.count) {
        struct todo one = {n->all_of.node[joined], t, rest};
        unfold_inside(u, t, &one, joined + 1);
    } else if (joined == n->all_of.count && n->ref != NULL) {
        struct todo one = {n->ref, t, rest};
        unfold_inside(u, t, &one, joined + 1);
    } else if (joined <= n->all_of.count + 1 && n->dynamic_ref != NULL) {
        struct todo one = {n->dynamic_ref, t, rest};
        unfold_inside(u, t, &one, n->all_of.count + 2);
    } else if (n->any_of.count > 0 && joined <= n->all_of.count + 2) {
        for (uint32_t i = 0; i < n->any_of.count && u->m->rc == KIT_OK; i++) {
            struct todo one = {n->any_of.node[i], t, rest};
            unfold_inside(u, t, &one, n->all_of.count + 3);
        }
    } else if (n->one_of.count > 0) {
        if (check_one_of(u->m, n)) {
            unfold_branches(u, &n->one_of, t, rest);
        }
    } else {
        unfold(u, rest);
    }
}

static bool in_a_circle(const struct todo *t)
{
    for (const struct todo *i = t->through; i != NULL; i = i->through) {
        if (i->node == t->node) {
            return true;
        }
    }
    return false;
}

static void unfold_one(struct unfolding *u, const struct todo *t)
{
    if (in_a_circle(t)) {
        grammar_refuse(u->m, t->node, "it refers to itself with nothing in between");
        return;
    }
    if (t->node->never) {
        grammar_impossible(u->m, t->node, "nothing satisfies 'false'");
        return;
    }
    if (!check_atom(u->m, t->node)) {
        return;
    }
    if (u->atoms == ATOMS_MAX) {
        grammar_refuse(u->m, t->node, "more than %d schemas apply at once", ATOMS_MAX);
        return;
    }
    uint32_t atoms = u->atoms;
    u->atom[u->atoms++] = t->node;
    for (uint32_t i = 0; i < atoms; i++) {
        if (u->atom[i] == t->node) {
            u->atoms = atoms; /* it counts already; its branches are chosen anew */
            break;
        }
    }
    unfold_inside(u, t, t->next, 0);
    u->atoms = atoms;
}

static void unfold(struct unfolding *u, const struct todo *list)
{
    if (list == NULL) {
        emit(u);
        return;
    }
    if (u->m->steps++ > STEPS_MAX || u->depth == DEPTH_MAX) {
        grammar_refuse(u->m, list->node, "too many schemas apply in place");
        return;
    }
    u->depth++;
    unfold_one(u, list);
    u->depth--;
}

struct grammar_alternative *grammar_unfold(struct grammar_maker *m, const struct grammar_goal *goal)
{
    struct unfolding u = {.m = m, .goal = goal};
    struct todo todo[ATOMS_MAX];
    if (m->rc != KIT_OK) {
        return NULL;
    }
    if (goal->count > ATOMS_MAX) {
        grammar_refuse(m, goal->node[0], "more than %d schemas apply at once", ATOMS_MAX);
        return NULL;
    }
    for (uint32_t i = goal->count; i-- > 0;) {
        todo[i] = (struct todo){goal->node[i], NULL, i + 1 < goal->count ? &todo[i + 1] : NULL};
    }
    unfold(&u, &todo[0]);
    return m->rc == KIT_OK ? u.first : NULL;
}
