/*
 * What asks for capabilities shares (capability.c, memory.c).
 */
#ifndef REALM_CLIENT_CAPABILITY_H
#define REALM_CLIENT_CAPABILITY_H

#include "librealm/client/internal.h"

/* Asks for a capability. ret_channel NULL: it cannot be one that comes with a channel. Return: as
 * realm_derive. */
int realm_capability_ask(struct realm *realm, void *packet, enum realm_control_type type,
                         struct realm_capability *ret_capability, struct realm_channel **ret_channel);

/* MAPPED has come. Closes what came with it, mapped or not. */
void realm_memory_mapped(struct realm *realm, const struct realm_control_mapped *event, const int *handles,
                         unsigned count);
/* Unmaps all that is mapped. */
void realm_memory_close(struct realm *realm);

#endif
