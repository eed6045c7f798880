/*
 * The registry: which realm has registered which declared service.
 */
#ifndef MM_BROKER_REGISTRY_H
#define MM_BROKER_REGISTRY_H

#include "librealm/proto/control.h"

struct broker_realm;

void registry_register(struct broker_realm *realm, const struct realm_control_named *request);
void registry_unregister(struct broker_realm *realm, const struct realm_control_cookie *request);
/* The realm ends: its endpoints end, and their channels with them. The policy is told by the caller. */
void registry_withdraw_all(struct broker_realm *realm);

#endif
