/*
 * Capabilities that are derived, and that change hands: offered over a channel, taken at its other end.
 */
#ifndef MM_BROKER_DELEGATE_H
#define MM_BROKER_DELEGATE_H

#include <stdbool.h>

#include "librealm/proto/control.h"

struct broker_end;
struct broker_realm;
struct broker_wait;

/* Each answers its request, now or (but for OFFER and WITHDRAW) when there are regions for the channel. */
void delegate_derive(struct broker_realm *realm, const struct realm_control_derive *request);
void delegate_offer(struct broker_realm *realm, const struct realm_control_derive *request);
void delegate_withdraw(struct broker_realm *realm, const struct realm_control_ticket *request);
void delegate_take(struct broker_realm *realm, const struct realm_control_ticket *request);

/* Whether there are regions for what waits, or whether it can no longer be had. */
bool delegate_ripe(const struct broker_wait *wait);
/* Tries again what waited for regions. false: it has to wait on; else it is answered. */
bool delegate_again(const struct broker_wait *wait);

/* The end closes: what it offered is no more. */
void delegate_forget(struct broker_end *end);

#endif
