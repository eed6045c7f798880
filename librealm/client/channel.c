/*
 * Channels, as far as the Memory Manager takes part: connecting and disconnecting.
 *
 * A connect whose time is up here may still wait at the broker for the service to be registered. It is not
 * asked for twice: the next connect to the same name takes it over; if nobody does, a channel that comes
 * late is given back at once.
 */
#include "librealm/client/internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void realm_channel_free(struct realm_channel *channel)
{
    realm_list_remove(&channel->of_realm);
    realm_link_close(&channel->link);
    free(channel);
}

void realm_channel_connected(struct realm *realm, const struct realm_control_channel *event,
                             const int *handles, unsigned handles_count)
{
    struct realm_ask *ask = realm->ask;
    bool awaited = ask && ask->xid == event->header.xid;
    struct realm_channel *channel = awaited ? calloc(1, sizeof *channel) : NULL;
    if (!channel) {
        realm_link_discard(realm, event, handles, handles_count);
        realm_channel_refused(realm, event->header.xid);
        realm_control_give_back(realm, event->cookie);
        if (awaited) {
            ask->answered = true;
            ask->status = -ENOMEM;
        }
        return;
    }
    realm_list_init(&channel->started);
    realm_list_init(&channel->of_calling);
    channel->rights = event->rights;
    ask->answered = true;
    ask->status = realm_link_open(realm, &channel->link, event, handles, handles_count);
    realm_list_init(&channel->of_realm);
    if (ask->status) {
        realm_control_fault(realm, event->cookie, REALM_FAULT_UNMAPPED);
        realm_channel_free(channel);
        return;
    }
    realm_list_insert(&realm->channels, &channel->of_realm);
    ask->channel = channel;
}

/* --- connects that were given up --- */

void realm_channel_refused(struct realm *realm, uint64_t xid)
{
    for (unsigned i = 0; i < REALM_ABANDONED_MAX; i++) {
        if (realm->abandoned[i].xid == xid)
            realm->abandoned[i].xid = 0;
    }
}

static void abandon(struct realm *realm, uint64_t xid, const struct realm_control_name *name)
{
    for (unsigned i = 0; i < REALM_ABANDONED_MAX; i++) {
        if (realm->abandoned[i].xid == 0) {
            realm->abandoned[i] = (struct realm_abandoned){.xid = xid, .name = *name};
            return;
        }
    }
    /* The broker lets no realm have more of them. */
}

/* The xid of an abandoned connect to this name, now the caller's; 0: none. */
static uint64_t take_over(struct realm *realm, const struct realm_control_name *name)
{
    for (unsigned i = 0; i < REALM_ABANDONED_MAX; i++) {
        struct realm_abandoned *abandoned = &realm->abandoned[i];
        if (abandoned->xid != 0 && abandoned->name.size == name->size &&
            memcmp(abandoned->name.text, name->text, name->size) == 0) {
            uint64_t xid = abandoned->xid;
            abandoned->xid = 0;
            return xid;
        }
    }
    return 0;
}

int realm_connect(struct realm *realm, const char *service, uint64_t timeout_ns,
                  struct realm_channel **ret_channel)
{
    struct realm_control_named request = {0};
    int error = realm_control_name(&request.name, service);
    if (error)
        return error;
    if (realm->stopped)
        return REALM_E_STOPPED;
    /* Polling means not to wait for a registration; the broker's answer takes its time all the same. */
    bool waits = timeout_ns != REALM_POLL;
    request.flags = waits ? REALM_CONNECT_WAIT : 0;
    uint64_t deadline_ns = realm_deadline(realm, waits ? timeout_ns : REALM_CONTROL_TIMEOUT_NS);
    struct realm_ask ask = {.xid = waits ? take_over(realm, &request.name) : 0};
    error = realm_control_ask(realm, &ask, ask.xid != 0 ? NULL : &request, REALM_CONTROL_CONNECT, deadline_ns,
                              true);
    if (error) {
        if (error == REALM_E_TIMEOUT)
            abandon(realm, ask.xid, &request.name);
        return error;
    }
    if (ask.status)
        return ask.status;
    if (!ask.channel)
        return REALM_E_PROTOCOL;
    *ret_channel = ask.channel;
    return 0;
}

void realm_disconnect(struct realm_channel *channel)
{
    if (!channel)
        return;
    struct realm_link *link = &channel->link;
    realm_pending_end_all(channel, REALM_E_CANCELLED);
    /* A channel whose server is gone: the Memory Manager keeps its memory until the last look is done. */
    if (!link->state || (link->state == REALM_E_PEER_DEAD && !link->realm->gone)) {
        /* Waiting for the answer keeps the answers from piling up; which it is does not matter. */
        struct realm_control_cookie request = {.cookie = link->cookie};
        realm_control_simple(link->realm, &request, REALM_CONTROL_DISCONNECT, NULL);
    }
    realm_channel_free(channel);
}

int realm_channel_state(const struct realm_channel *channel)
{
    return channel->link.state;
}

uint64_t realm_channel_late_replies(const struct realm_channel *channel)
{
    return channel->late_replies;
}
