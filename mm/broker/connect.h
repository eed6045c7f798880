/*
 * Connecting: asking the policy, and waiting for what is not there yet.
 */
#ifndef MM_BROKER_CONNECT_H
#define MM_BROKER_CONNECT_H

#include <stdint.h>

#include "librealm/proto/control.h"

struct broker;
struct broker_realm;
struct broker_service;

void connect_init(struct broker *broker);

void connect_request(struct broker_realm *realm, const struct realm_control_named *packet);

/* The channel of a connect ended before its client heard of it: decide anew. */
void connect_again(struct broker_realm *realm, struct broker_service *service, uint64_t xid, uint32_t flags);

/* Tries those that wait, if anything has happened that they may wait for. */
void connect_retry(struct broker *broker);

/* The realm ends: forgets what it waits for. */
void connect_drop(struct broker_realm *realm);

#endif
