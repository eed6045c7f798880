/*
 * Lists through records: what belongs together is linked by index inside the records themselves, so that
 * joining and leaving a list takes no memory and one step.
 *
 * A list is its head, an index (0: empty), and the offset of its struct policy_link in the records of one
 * table. The newest member comes first. The links form a ring, so that the oldest is one step from the head.
 */
#ifndef MM_POLICY_LISTS_H
#define MM_POLICY_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "mm/policy/tables.h"

struct policy_link {
    uint32_t newer, older; /* of the ring; 0: on no list */
};

static inline struct policy_link *policy_list_link(const struct policy_table *table, size_t offset,
                                                   uint32_t index)
{
    unsigned char *record = policy_table_at(table, index);
    return (struct policy_link *)(void *)(record + offset);
}

static inline bool policy_list_has(const struct policy_table *table, size_t offset, uint32_t index)
{
    return policy_list_link(table, offset, index)->older != 0;
}

static inline void policy_list_insert(const struct policy_table *table, size_t offset, uint32_t *head,
                                      uint32_t index)
{
    struct policy_link *link = policy_list_link(table, offset, index);
    if (*head == 0) {
        *link = (struct policy_link){.newer = index, .older = index};
    } else {
        struct policy_link *first = policy_list_link(table, offset, *head);
        struct policy_link *last = policy_list_link(table, offset, first->newer);
        *link = (struct policy_link){.newer = first->newer, .older = *head};
        last->older = index;
        first->newer = index;
    }
    *head = index;
}

static inline void policy_list_remove(const struct policy_table *table, size_t offset, uint32_t *head,
                                      uint32_t index)
{
    struct policy_link *link = policy_list_link(table, offset, index);
    realm_assert(link->older != 0);
    if (*head == index)
        *head = link->older == index ? 0 : link->older;
    policy_list_link(table, offset, link->newer)->older = link->older;
    policy_list_link(table, offset, link->older)->newer = link->newer;
    *link = (struct policy_link){0};
}

/* The oldest member, or 0. */
static inline uint32_t policy_list_last(const struct policy_table *table, size_t offset, uint32_t head)
{
    return head != 0 ? policy_list_link(table, offset, head)->newer : 0;
}

/* The member after this one, or 0. */
static inline uint32_t policy_list_older(const struct policy_table *table, size_t offset, uint32_t head,
                                         uint32_t index)
{
    uint32_t older = policy_list_link(table, offset, index)->older;
    return older != head ? older : 0;
}

#endif
