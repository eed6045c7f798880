/*
 * What the twin's Memory Manager lets realms do: the broker's own policy engine, asked with the events that
 * the broker asks it with, and what stands behind capabilities here.
 *
 * Every realm is a child of init. It is declared with a few services that everybody may connect to with all
 * rights, and the names that it registers are bound to those: so the twin allows every connect, as its worlds
 * have no scenario, and decides all that follows as the real system does.
 */
#ifndef REALM_OS_SIM_AUTHORITY_H
#define REALM_OS_SIM_AUTHORITY_H

#include "librealm/os/sim/manager.h"

#define SIM_SERVICES_MAX 8u /* that a realm can have registered at a time */
#define SIM_OFFERS_MAX   16u

/* A capability that is neither a channel nor an endpoint. */
struct sim_holding {
    struct realm_os *realm;
    uint64_t cookie;
    struct policy_capability capability;
    struct sim_holding *next;  /* in the realm's record */
    struct sim_shared *shared; /* NULL: it is no memory */
    unsigned window;           /* bit n: part n is its own */
    unsigned mapped, loose;    /* … and may be mapped somewhere */
    struct sim_holding *next_of_shared;
};

/* A memory object (shared.c). */
struct sim_shared {
    struct policy_capability root;
    struct sim_part *parts[REALM_CONTROL_PARTS_MAX]; /* NULL: never mapped yet */
    unsigned parts_count;
    size_t part_bytes;
    struct sim_holding *holdings;
    bool sealed, ended;
};

/* --- deciding (authority.c) --- */

void sim_authority_init(struct sim_manager *manager);
void sim_authority_deinit(struct sim_manager *manager);
/* Decides, and applies what is allowed. ret_outcome may be NULL. Return: 0; REALM_E_*. */
int sim_decide(struct sim_manager *manager, const struct policy_event *event,
               struct policy_outcome *ret_outcome);
void sim_authority_started(struct sim_manager *manager, struct realm_os *realm);
/* What the realm held is dead from here on; what was derived from it goes with sim_authority_clear. */
void sim_authority_ended(struct sim_manager *manager, struct realm_os *realm);
/* Binds an endpoint's name, or with an empty name makes one without. Return: 0; REALM_E_LIMIT. */
int sim_authority_bind(struct sim_manager *manager, struct sim_endpoint *endpoint);
/* What a CONNECT comes to. {0,0}: a realm's channel to itself, which the policy knows nothing of. */
int sim_authority_connect(struct sim_manager *manager, const struct realm_os *client,
                          const struct sim_endpoint *endpoint, struct policy_outcome *ret_outcome);
/* One capability of the realm's is given up: kind DISCONNECT, UNREGISTER or DELETE. */
void sim_authority_let_go(struct sim_manager *manager, const struct realm_os *realm,
                          enum policy_event_kind kind, struct policy_capability capability);
/* Closes what stands behind all that is dead. */
void sim_authority_clear(struct sim_manager *manager);

struct sim_holding *sim_holding_new(struct sim_manager *manager, struct realm_os *realm,
                                    struct policy_capability capability);
void sim_holding_free(struct sim_holding *holding);
struct sim_holding *sim_holding_of(const struct sim_manager *manager, uint64_t cookie); /* NULL: none */
void sim_holding_tell(struct sim_manager *manager, struct realm_os *realm, uint64_t cookie,
                      struct policy_capability capability, uint64_t xid);

/* --- requests (grants.c) --- */

/* Whether the realm has something by this cookie. */
bool sim_grants_has(struct sim_manager *manager, const struct realm_os *realm, uint64_t cookie);
/* False: it is no request about capabilities. */
bool sim_grants_handle(struct sim_manager *manager, struct realm_os *realm,
                       const union realm_control_request *request);
/* One that waited for a region. False: it still does. */
bool sim_grants_again(struct sim_manager *manager, const struct sim_wait *wait);
void sim_grants_forget(struct sim_channel_end *end); /* its offers */

/* --- memory (shared.c) --- */

struct sim_shared *sim_shared_new(const struct realm_control_allocate *request);
/* Whether a window is whole parts. */
bool sim_shared_fits(const struct sim_shared *shared, struct policy_window window);
void sim_shared_join(struct sim_shared *shared, struct sim_holding *holding, struct policy_window window);
void sim_shared_part_from(struct sim_holding *holding); /* the last frees it */
/* As memory_take_away, memory_cleared, memory_revoked, memory_leave of the broker. */
void sim_shared_take_away(const struct sim_world *world, struct sim_holding *holding);
void sim_shared_cleared(const struct sim_world *world, struct sim_holding *holding);
void sim_shared_revoked(const struct sim_world *world, struct sim_holding *holding);
void sim_shared_leave(const struct sim_world *world, struct sim_holding *holding, struct sim_holding *heir);
/* What it was derived from; of_another: the nearest above that is another realm's, or the root. */
struct sim_holding *sim_shared_heir(const struct sim_manager *manager, const struct sim_holding *holding,
                                    bool of_another);
void sim_shared_allocate(struct sim_manager *manager, struct realm_os *realm,
                         const struct realm_control_allocate *request);
void sim_shared_seal(struct sim_manager *manager, struct realm_os *realm,
                     const struct realm_control_cookie *request);
void sim_shared_map(struct sim_manager *manager, struct realm_os *realm,
                    const struct realm_control_map *request);

#endif
