/*
 * The twin's Memory Manager: its records, and how it delivers packets (delivery.c).
 */
#ifndef REALM_OS_SIM_MANAGER_H
#define REALM_OS_SIM_MANAGER_H

#include "librealm/os/sim/world.h"

struct sim_endpoint {
    struct realm_os *realm;
    uint64_t cookie;
    struct realm_control_name name; /* size 0: it has none */
    unsigned service;               /* with a name: which of the realm's services in the policy it is */
    struct policy_capability capability;
    struct sim_endpoint *next;
};

/* What one end of a channel would give the other. */
struct sim_offer {
    struct sim_offer *next;
    uint32_t ticket;
    struct policy_event event; /* the DERIVE that TAKE decides and does */
};

struct sim_channel_end {
    struct realm_os *realm;
    uint64_t cookie;
    struct sim_region region;
    uint32_t slot;
    struct sim_offer *offers; /* made by this end */
    unsigned offers_count;
    uint32_t last_ticket;
};

struct sim_channel {
    struct sim_channel_end ends[2]; /* the client's, the server's */
    struct sim_endpoint *endpoint;
    uint64_t xid, badge;
    struct policy_capability capability; /* that the client holds */
    bool derived;                        /* there was no CONNECT */
    int closing; /* its memory is taken away for this reason; both ends will be told */
    struct sim_channel *next;
};

struct sim_wait {
    struct realm_os *realm;
    uint64_t xid;
    bool for_registration;
    struct realm_control_name name;
    bool derives; /* it waits for a region, and there is no name: */
    struct policy_event event;
    struct realm_control_ticket taken; /* ticket 0: it was no TAKE */
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
    struct policy *policy;
    uint64_t last_id, last_own_badge;
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
void sim_answer(struct sim_manager *manager, struct realm_os *realm, uint64_t xid, int status,
                uint64_t value);
/* A cookie that was the realm's own until now; and what is said of one that is not: that it was, or
 * INCAPABLE.
 */
void sim_let_go(struct realm_os *realm, uint64_t cookie);
int sim_not_held(const struct realm_os *realm, uint64_t cookie);
/* A connect, or a derivation that needs a channel, is tried at each step until it is answered. */
void sim_wait_add(struct sim_manager *manager, const struct sim_wait *wait);
/* Fills a pool of which half is gone. */
void sim_pool_refill(struct sim_manager *manager, struct realm_os *realm);

/* --- channels (channels.c) --- */

/* Whether there is a region of each; else they are asked for. */
bool sim_channel_has_regions(struct sim_manager *manager, struct realm_os *client, struct realm_os *server);
/* Whether both can have one more; else it is LIMIT. */
bool sim_channel_has_slots(const struct realm_os *client, const struct realm_os *server);
/* There must be both. Nobody is told of it yet. */
struct sim_channel *sim_channel_new(struct sim_manager *manager, struct realm_os *client,
                                    struct sim_endpoint *endpoint, const struct policy_outcome *outcome,
                                    uint64_t xid);
void sim_channel_tell(struct sim_manager *manager, struct sim_channel *channel);
struct sim_channel *sim_channel_find(struct sim_manager *manager, const struct realm_os *realm,
                                     uint64_t cookie);
/* Its memory goes now, and whoever sleeps there is woken; it is still to be closed. */
void sim_channel_take_away(struct sim_manager *manager, struct sim_channel *channel, int reason);
/* quiet: the realm that ended it and need not be told; NULL: both are. The channel is freed. */
void sim_channel_close(struct sim_manager *manager, struct sim_channel *channel, int reason,
                       const struct realm_os *quiet);
void sim_channel_revoke(struct sim_manager *manager, struct sim_channel *channel); /* both */
/* The endpoint and all its channels. */
void sim_endpoint_withdraw(struct sim_manager *manager, struct sim_endpoint *endpoint,
                           const struct realm_os *quiet);

/* --- packets (delivery.c) --- */

/* Gives back what the Memory Manager keeps for a realm. */
void sim_record_release(struct sim_world *world, struct sim_record *record);

#endif
