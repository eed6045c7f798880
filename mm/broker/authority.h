/*
 * Taking authority back: what realms ask for, and what follows from it.
 */
#ifndef MM_BROKER_AUTHORITY_H
#define MM_BROKER_AUTHORITY_H

#include "librealm/proto/control.h"

struct broker;
struct broker_realm;

void authority_init(struct broker *broker);
/* Clears one portion away, and what stood behind it. If more is left, the next round comes at once. */
void authority_clear(struct broker *broker);

/* Each answers its request; if it is allowed, when nothing passes through what was removed any more. */
void authority_revoke(struct broker_realm *realm, const struct realm_control_cookie *request);
void authority_revoke_child(struct broker_realm *realm, const struct realm_control_grant *request);
void authority_delete(struct broker_realm *realm, const struct realm_control_cookie *request);

#endif
