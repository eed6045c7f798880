/*
 * Restarts: the start limit and the back-off.
 */
#ifndef MM_BROKER_RESTART_H
#define MM_BROKER_RESTART_H

#include <stdbool.h>
#include <stdint.h>

struct broker_realm;

void restart_init(struct broker_realm *realm);

/* Whether the start limit lets it start at this time; and that it does start now. */
bool restart_allowed(const struct broker_realm *realm, uint64_t at_ns);
void restart_count(struct broker_realm *realm);

/* It has failed: plans its restart, if its declaration wants one and the start limit lets it. */
void restart_consider(struct broker_realm *realm);
void restart_cancel(struct broker_realm *realm);

#endif
