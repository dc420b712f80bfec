/* src/sched/node.h - a ring of nodes inside other structs: everything in constant time, nothing allocated.
 *
 * A list is a node of its own that stands before the first and behind the last. Thread: the owner's. */
#ifndef SCHED_NODE_H
#define SCHED_NODE_H

#include "kit/base.h"

struct sched_node {
    struct sched_node *prev, *next;
};

static inline void sched_node_init(struct sched_node *list)
{
    list->prev = list;
    list->next = list;
}

static inline bool sched_node_empty(const struct sched_node *list)
{
    return list->next == list;
}

static inline bool sched_node_single(const struct sched_node *list)
{
    return list->next != list && list->next->next == list;
}

static inline void sched_node_append(struct sched_node *list, struct sched_node *n)
{
    n->prev = list->prev;
    n->next = list;
    list->prev->next = n;
    list->prev = n;
}

static inline void sched_node_prepend(struct sched_node *list, struct sched_node *n)
{
    sched_node_append(list->next, n);
}

static inline void sched_node_remove(struct sched_node *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    n->prev = NULL;
    n->next = NULL;
}

static inline void sched_node_to_back(struct sched_node *list, struct sched_node *n)
{
    sched_node_remove(n);
    sched_node_append(list, n);
}

#endif
