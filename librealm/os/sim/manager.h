/*
 * The twin's Memory Manager: its records, and how it delivers packets (delivery.c).
 */
#ifndef REALM_OS_SIM_MANAGER_H
#define REALM_OS_SIM_MANAGER_H

#include "librealm/os/sim/world.h"

struct sim_endpoint {
    struct realm_os *realm;
    uint64_t cookie;
    struct realm_control_name name;
    struct sim_endpoint *next;
};

struct sim_channel_end {
    struct realm_os *realm;
    uint64_t cookie;
    struct sim_region region;
    uint32_t slot;
};

struct sim_channel {
    struct sim_channel_end ends[2]; /* the client's, the server's */
    struct sim_endpoint *endpoint;
    uint64_t xid, badge;
    int closing; /* its memory is taken away for this reason; both ends will be told */
    struct sim_channel *next;
};

struct sim_wait {
    struct realm_os *realm;
    uint64_t xid;
    bool for_registration;
    struct realm_control_name name;
    struct sim_wait *next;
};

struct sim_post {
    struct realm_os *realm;
    struct sim_packet *packet; /* NULL: the realm has ended */
    struct sim_post *next;
};

struct sim_manager {
    struct sim_world *world;
    struct sim_post *posts;
    struct sim_endpoint *endpoints;
    struct sim_channel *channels;
    struct sim_wait *waits;
    uint64_t last_id, last_badge;
    bool stopping;
    bool closing; /* there are channels whose ends are to be told */
};

/* Sends a packet, with descriptors (count of them, whose references it takes) when their turn comes. */
void sim_deliver(struct sim_manager *manager, struct realm_os *realm, const void *packet,
                 const struct sim_object *objects, unsigned count);
/* Sends the next packet with descriptors if none is in flight. */
void sim_deliver_next(struct sim_manager *manager, struct realm_os *realm);
/* Takes back the packet that would tell an end of its channel. False: it was sent. */
bool sim_withdraw(struct sim_manager *manager, struct realm_os *realm, uint64_t cookie);
/* Gives back what the Memory Manager keeps for a realm. */
void sim_record_release(struct sim_world *world, struct sim_record *record);

#endif
