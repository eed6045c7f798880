/*
 * Mapping memory: the MAP of a realm, from the request to the descriptors.
 */
#ifndef MM_BROKER_MAPPING_H
#define MM_BROKER_MAPPING_H

#include <stdbool.h>

#include "librealm/proto/control.h"

struct broker_memory;
struct broker_realm;
struct launch_memory;

/* MAP. It is answered when the launcher has done its part; until then the realm's socket is not read. */
void mapping_request(struct broker_realm *realm, const struct realm_control_map *request);
/* The realm has mapped what it was sent. */
void mapping_acknowledged(struct broker_realm *realm);
/* The realm ends: what it waits for is nobody's any more. */
void mapping_drop(struct broker_realm *realm);

/* Parts of this memory are there, or (failed) cannot be had: for those who wait for them. */
void mapping_go_on(struct broker_memory *memory, bool failed);
/* Descriptors were opened for a realm, which are taken over; NULL: they could not be. */
void mapping_opened(const struct launch_memory *asked, const int *fds);

#endif
