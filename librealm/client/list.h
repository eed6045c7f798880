/*
 * A doubly linked ring of nodes that are members of what they link. A node alone is linked to itself, so
 * taking it out twice does no harm.
 */
#ifndef REALM_CLIENT_LIST_H
#define REALM_CLIENT_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct realm_list {
    struct realm_list *next, *previous;
};

/* The struct of which a node is the named member. */
#define REALM_LIST_OF(node, type, member) ((type *)(void *)((char *)(node)-offsetof(type, member)))

static inline void realm_list_init(struct realm_list *node)
{
    node->next = node->previous = node;
}

static inline bool realm_list_empty(const struct realm_list *list)
{
    return list->next == list;
}

/* Puts a node that is in no list before another; before the head of a list means at its end. */
static inline void realm_list_insert(struct realm_list *before, struct realm_list *node)
{
    node->next = before;
    node->previous = before->previous;
    before->previous->next = node;
    before->previous = node;
}

static inline void realm_list_remove(struct realm_list *node)
{
    node->previous->next = node->next; /* NOLINT(clang-analyzer-unix.Malloc): it loses track of rings */
    node->next->previous = node->previous;
    realm_list_init(node);
}

/* Moves the first node to the end: how a round goes on from where the last one stopped. */
static inline void realm_list_rotate(struct realm_list *list)
{
    struct realm_list *first = list->next;
    if (first->next == list)
        return;
    realm_list_remove(first);
    realm_list_insert(list, first);
}

#endif
