/*
 * What a realm holds besides channels and services' endpoints, and how it is told of it.
 */
#ifndef MM_BROKER_HOLDINGS_H
#define MM_BROKER_HOLDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "librealm/proto/control.h"
#include "mm/policy/policy.h"

struct broker_holding;
struct broker_realm;
struct broker_token;

/* Makes a record with a cookie for a capability that is still to come. Return: 0; REALM_E_LIMIT; -errno. */
int holdings_make(struct broker_realm *realm, struct broker_holding **ret_holding);
/* The capability is there: from now on each leads to the other. */
void holdings_bind(struct broker_realm *realm, struct broker_holding *holding,
                   struct policy_capability capability);
void holdings_free(struct broker_holding *holding);
void holdings_drop(struct broker_realm *realm); /* all of them: the realm has ended */

struct broker_holding *holdings_of_token(struct broker_token *token);
/* The capability that a token stands for. false: none (a server's end of a channel). */
bool holdings_capability(struct broker_token *token, struct policy_capability *ret_capability);
/* What an anonymous endpoint's clients are closed with: false, it is none. */
bool holdings_is_endpoint(const struct broker_realm *realm, const struct broker_holding *holding);

/* Sends CAPABILITY, in answer to xid. */
void holdings_tell(struct broker_realm *realm, uint64_t cookie, struct policy_capability capability,
                   uint64_t xid);

/* CREATE and HELD. */
void holdings_create(struct broker_realm *realm, uint64_t xid);
void holdings_next(struct broker_realm *realm, const struct realm_control_cookie *request);

#endif
