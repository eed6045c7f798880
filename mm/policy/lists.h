/*
 * Lists through records: what belongs together is linked by index inside the records themselves, so that
 * joining and leaving a list takes no memory and one step.
 *
 * A list is its head, an index (0: empty), and the offset of its struct policy_link in the records of one
 * table. The newest member comes first.
 */
#ifndef MM_POLICY_LISTS_H
#define MM_POLICY_LISTS_H

#include <stddef.h>
#include <stdint.h>

#include "mm/policy/tables.h"

struct policy_link {
    uint32_t previous, next; /* 0: none */
};

static inline struct policy_link *policy_list_link(const struct policy_table *table, size_t offset,
                                                   uint32_t index)
{
    unsigned char *record = policy_table_at(table, index);
    return (struct policy_link *)(void *)(record + offset);
}

static inline void policy_list_insert(const struct policy_table *table, size_t offset, uint32_t *head,
                                      uint32_t index)
{
    struct policy_link *link = policy_list_link(table, offset, index);
    *link = (struct policy_link){.next = *head};
    if (*head != 0)
        policy_list_link(table, offset, *head)->previous = index;
    *head = index;
}

static inline void policy_list_remove(const struct policy_table *table, size_t offset, uint32_t *head,
                                      uint32_t index)
{
    struct policy_link *link = policy_list_link(table, offset, index);
    if (link->next != 0)
        policy_list_link(table, offset, link->next)->previous = link->previous;
    if (link->previous != 0)
        policy_list_link(table, offset, link->previous)->next = link->next;
    else
        *head = link->next;
    *link = (struct policy_link){0};
}

#endif
