/*
 * Connecting: asking the policy, and waiting for what is not there yet.
 */
#ifndef MM_BROKER_CONNECT_H
#define MM_BROKER_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "librealm/proto/control.h"

struct broker;
struct broker_realm;
struct broker_service;
struct policy_event;

void connect_init(struct broker *broker);

void connect_request(struct broker_realm *realm, const struct realm_control_named *packet);

/* The channel of a connect ended before its client heard of it: decide anew. */
void connect_again(struct broker_realm *realm, struct broker_service *service, uint64_t xid, uint32_t flags);

/* Whether both realms have a region of the size ready; of one that has none, what holds it up is hurried. */
bool connect_regions_ready(struct broker_realm *client, struct broker_realm *server, uint32_t bytes);
/* The same, and asks for what is missing. */
bool connect_have_regions(struct broker_realm *client, struct broker_realm *server, uint32_t bytes);
/* A DERIVE, or with a ticket a TAKE, waits for regions, as a connect does. */
void connect_wait(struct broker_realm *realm, const struct policy_event *event, uint64_t via, uint32_t ticket,
                  uint64_t xid);

/* Tries those that wait, if anything has happened that they may wait for. */
void connect_retry(struct broker *broker);

/* The realm ends: forgets what it waits for. */
void connect_drop(struct broker_realm *realm);

#endif
