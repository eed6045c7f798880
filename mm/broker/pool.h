/*
 * A realm's pool: the regions it has mapped ahead of its connections, so that a connect needs no extra round
 * trip for the mapping.
 */
#ifndef MM_BROKER_POOL_H
#define MM_BROKER_POOL_H

#include <stdbool.h>
#include <stdint.h>

struct broker_realm;
struct broker_region;

/* Asks for more regions if half of the pool is used, or a connect found none of its size. */
void pool_refill(struct broker_realm *realm);

/* Whether a region of this size is ready. */
bool pool_has(const struct broker_realm *realm, uint32_t bytes);
/* A connect found none of this size: asks for one. */
void pool_want(struct broker_realm *realm, uint32_t bytes);

/* The launcher's answer to pool_refill: count writable descriptors, then count read-only ones, all taken;
 * count 0: it could make none. */
void pool_made(struct broker_realm *realm, const int *fds, uint32_t count);

/* The realm has mapped what it was sent: seals it. */
void pool_acknowledged(struct broker_realm *realm);

/* Takes a ready region of a size. There must be one. */
struct broker_region pool_take(struct broker_realm *realm, uint32_t bytes);
/* A region that no peer has seen. The pool has room: it came from there. */
void pool_give_back(struct broker_realm *realm, struct broker_region region);

void pool_close_region(struct broker_region *region);
void pool_clear(struct broker_realm *realm);

#endif
