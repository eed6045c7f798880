/*
 * Memory that is a capability: made, mapped by who holds it, and taken away.
 */
#ifndef MM_BROKER_MEMORY_H
#define MM_BROKER_MEMORY_H

#include <stdbool.h>

#include "librealm/proto/control.h"
#include "librealm/proto/launch.h"
#include "mm/policy/policy.h"

struct broker;
struct broker_holding;
struct broker_memory;
struct broker_realm;

/* ALLOCATE. */
void memory_allocate(struct broker_realm *realm, const struct realm_control_allocate *request);

/* Whether this is a window that can be mapped: descriptors are those of whole parts. */
bool memory_fits(const struct broker_memory *memory, struct policy_window window);
/* The holding is one of this memory, with this window. */
void memory_share(struct broker_holding *holding, struct broker_memory *memory, struct policy_window window);
/* The holding goes. */
void memory_unshare(struct broker_holding *holding);

/* --- what becomes of mappings; no-ops for holdings of anything else --- */

/* What it was derived from, as long as the policy has it. NULL: a root, or it is dead. */
struct broker_holding *memory_heir(const struct broker_holding *holding);
/* The nearest of those above it that does not end with its own holder; or the root, with which all ends. */
struct broker_holding *memory_survivor(const struct broker_holding *holding);
/* Its holder gives it up or has ended: what may still be mapped is from now on the heir's affair. */
void memory_leave(struct broker_holding *holding, struct broker_holding *heir);
/* It was moved away: its mappings go. */
void memory_take_away(struct broker_holding *holding);
/* It was revoked, or what it is about is no more: the same. */
void memory_cleared(struct broker_holding *holding);
/* All that was derived from it is gone, and so is what those left who gave theirs up before. */
void memory_revoked(struct broker_holding *holding);

/* What is asked of the launcher, and comes back with its answer. */
struct launch_memory {
    struct broker_memory *memory; /* it lives until the answer has come */
    enum realm_launch_way way;
    unsigned parts; /* bit n: part n */
    uint64_t realm; /* id of who maps it: READ, WRITE; of who seals it: SEAL; 0: of nobody */
};
/* Whether it makes successors of parts that somebody's mapping is to be taken from. */
bool memory_is_renewal(const struct launch_memory *asked);
int memory_ask(struct broker_memory *memory, enum realm_launch_way way, unsigned parts, uint64_t realm);
/* fds: one for each part, taken over; NULL: the launcher could not. */
void memory_opened(const struct launch_memory *asked, const int *fds);

/* The holding of memory that a realm names so. NULL: it holds none of that name any more, or it has ended. */
struct broker_holding *memory_held(const struct broker_realm *realm, uint64_t cookie);

/* Whether these are copies of parts that nobody can write, to which all other seals were added now. */
bool memory_check_sealed(const struct broker_memory *memory, const int *fds, unsigned count);
/* Puts such copies, which it takes over, one for each of these parts, in their places. */
void memory_seal(struct broker_memory *memory, unsigned parts, const int *fds);

/* Which of these parts have no memory yet, or none any more; and which will or may be replaced. */
unsigned memory_missing(const struct broker_memory *memory, unsigned parts);
unsigned memory_changing(const struct broker_memory *memory, unsigned parts);

/* At the end of the broker, when no realm holds anything. */
void memory_deinit(struct broker *broker);

#endif
