/*
 * The limits of the scenario that the broker holds itself: ends of channels, connects that wait, kept output.
 */
#ifndef MM_BROKER_BOUNDS_H
#define MM_BROKER_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "mm/config/config.h"
#include "mm/policy/policy.h"

/* What a channel takes of the quota `descriptors`, of the realm that is its client; a part of memory takes
 * one. */
#define BOUNDS_CHANNEL_DESCRIPTORS 2u

struct broker_realm;

uint32_t bounds_channels(const struct broker_realm *realm);
uint32_t bounds_waits(const struct broker_realm *realm);
uint32_t bounds_log_bytes(const struct broker_realm *realm);

/*
 * May there be one more channel between the two? Return: 0; REALM_E_LIMIT: no, and the event `limited` has
 * said whose limit it is, unless it has done so before.
 */
int bounds_channel(struct broker_realm *client, struct broker_realm *server);

/*
 * What the broker itself counts in the policy's quotas: requests that wait, and descriptors that it keeps for
 * the realm. Whether there is room (if not, it has been told); counting what there is room for; giving it
 * back, a no-op for a realm that has ended, with which all went.
 */
bool bounds_has_room(struct broker_realm *realm, enum policy_resource resource, uint64_t amount);
void bounds_charge(struct broker_realm *realm, enum policy_resource resource, uint64_t amount);
void bounds_release(struct broker_realm *realm, enum policy_resource resource, uint64_t amount);

/* The realm has reached this limit: tells of it in the event `limited`, once in an incarnation. */
void bounds_reached(struct broker_realm *realm, enum mm_limit which);

/* The realm cannot start because of its `start_limit`, or a realm can have no instance made, as there are too
 * many realms in all: the same. */
void bounds_starts_reached(struct broker_realm *realm);
void bounds_records_reached(struct broker_realm *realm);

/* The launcher has moved the limit of private memory, or (error, a positive errno) could not: tells of it. */
void bounds_moved(struct broker_realm *realm, uint64_t bytes, int error);

/* Whether the realm may have one more memory object of so many parts. Return: 0; REALM_E_LIMIT. */
int bounds_memory(struct broker_realm *realm, uint32_t parts);

#endif
