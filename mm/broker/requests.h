/*
 * What a realm may ask for besides registering and connecting. Each function answers its request.
 */
#ifndef MM_BROKER_REQUESTS_H
#define MM_BROKER_REQUESTS_H

#include "librealm/proto/control.h"

struct broker_realm;

void requests_disconnect(struct broker_realm *realm, const struct realm_control_cookie *request);
void requests_spawn(struct broker_realm *realm, const struct realm_control_spawn *request);
void requests_kill(struct broker_realm *realm, const struct realm_control_named *request);
void requests_grant(struct broker_realm *realm, const struct realm_control_grant *request);
/* GATE and LOOK: may it? Whoever acts on the answer is the realm that asks on another's behalf (Anos'
 * SYSTEM). */
void requests_ask(struct broker_realm *realm, const struct realm_control_number *request);
/* These two have no answer. */
void requests_ack(struct broker_realm *realm, const struct realm_control_ack *request);
void requests_fault(struct broker_realm *realm, const struct realm_control_fault *request);

#endif
