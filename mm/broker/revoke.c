/*
 * The axe. A descriptor that was passed cannot be taken back, so the memory itself goes away: the broker kept
 * the writable descriptor of each region, truncates through it, and every mapping of the region faults from
 * then on, in whichever process. F_SEAL_GROW keeps the region empty, and F_SEAL_SEAL has kept anybody from
 * forbidding the truncation.
 *
 * The rule is the order: what a realm needs to know lies in its control page before its memory goes, and the
 * wake comes after. A sleeper on the region itself can no longer be found by then, so every sleeper waits on
 * its epoch as well.
 *
 * A server that ends by itself may have replied right before. Its regions linger, for a second at most and a
 * few at a time, so that the client can take what is there. Nothing lingers over a revocation.
 */
#include "mm/broker/revoke.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/broker/channels.h"
#include "mm/broker/lifecycle.h"
#include "mm/broker/page.h"
#include "mm/broker/pool.h"
#include "mm/broker/state.h"
#include "mm/config/stop_point.h"

#define LINGER_NS  REALM_SEC
#define LINGER_MAX 64u /* … and no more descriptors than for so many channels */

_Static_assert(BROKER_REALM_CHANNELS <= REALM_CONTROL_SLOTS, "every slot has its bit");

static void announce(const struct broker_end *end, int reason)
{
    struct realm_control_page *page = end->realm->page;
    if (!page)
        return;
    if (reason == REALM_E_REVOKED)
        page_set_revoked(page, end->slot);
    else if (reason == REALM_E_PEER_DEAD)
        page_set_dead(page, end->slot);
    page_change(page);
}

void revoke_take_away(struct broker_channel *channel, int reason)
{
    struct broker_realm *client = channel->client.realm, *server = channel->server.realm;
    announce(&channel->client, reason);
    announce(&channel->server, reason);
    MM_STOP_POINT("broker-revoke");
    bool gone = ftruncate(channel->client.region.write_fd, 0) == 0;
    gone = ftruncate(channel->server.region.write_fd, 0) == 0 && gone;
    if (client->page)
        page_wake(client->page);
    if (server->page)
        page_wake(server->page);
    if (gone)
        return;
    /* The seals were looked at before a peer saw the region, so this does not happen. If it does, only the
     * end of both realms keeps the promise. */
    lifecycle_offend(client, "shares memory that cannot be taken away");
    lifecycle_offend(server, "shares memory that cannot be taken away");
}

/* --- lingering --- */

struct revoke_lingering {
    struct revoke_lingering *next;
    struct broker_region regions[2];
    uint64_t client; /* struct realm_id: it may have ended meanwhile */
    uint64_t cookie;
    const struct broker_service *service; /* NULL: an anonymous endpoint's */
    uint64_t endpoint;
    bool derived;
    uint32_t declaration; /* of the server */
    uint64_t deadline_ns;
};

static void take_lingering(struct broker *broker, struct revoke_lingering **at)
{
    struct revoke_lingering *lingering = *at;
    for (unsigned i = 0; i < 2; i++) {
        if (ftruncate(lingering->regions[i].write_fd, 0) != 0)
            logs_say(broker->logs, broker->config->realms[lingering->declaration].name,
                     "a region of a channel that ended could not be taken away");
        pool_close_region(&lingering->regions[i]);
    }
    *at = lingering->next;
    broker->lingering_count--;
    free(lingering);
}

static void set_timer(struct broker *broker)
{
    if (broker->lingering)
        poll_timer_start(broker->poll, &broker->lingering_timer, broker->lingering->deadline_ns);
    else
        poll_timer_stop(broker->poll, &broker->lingering_timer);
}

static void deadline_passed(struct poll_timer *timer)
{
    struct broker *broker = broker_container(timer, struct broker, lingering_timer);
    uint64_t now_ns = poll_now_ns();
    while (broker->lingering && broker->lingering->deadline_ns <= now_ns)
        take_lingering(broker, &broker->lingering);
    set_timer(broker);
}

void revoke_linger(struct broker_channel *channel)
{
    struct broker *broker = channel->client.realm->broker;
    struct revoke_lingering *lingering = malloc(sizeof(*lingering));
    if (!lingering) {
        revoke_take_away(channel, REALM_E_PEER_DEAD);
        return;
    }
    if (broker->lingering_count >= LINGER_MAX)
        take_lingering(broker, &broker->lingering);
    *lingering = (struct revoke_lingering){
        .regions = {channel->client.region, channel->server.region},
        .client = channel->client.realm->id,
        .cookie = channel->client.token.cookie,
        .service = channel->service,
        .endpoint = channel->endpoint,
        .derived = channel->derived,
        .declaration = channel->server.realm->declaration,
        .deadline_ns = poll_now_ns() + LINGER_NS,
    };
    channel->client.region = channel->server.region = (struct broker_region){.write_fd = -1, .read_fd = -1};
    struct revoke_lingering **at = &broker->lingering;
    while (*at)
        at = &(*at)->next;
    *at = lingering;
    broker->lingering_count++;
    set_timer(broker);
}

void revoke_acknowledged(struct broker *broker, uint64_t cookie)
{
    struct revoke_lingering **at = &broker->lingering;
    while (*at && (*at)->cookie != cookie)
        at = &(*at)->next;
    if (*at)
        take_lingering(broker, at);
    set_timer(broker);
}

/* Those of a client, of one service or (NULL) of all. */
static void take_lingering_of(struct broker_realm *client, const struct broker_service *service)
{
    struct broker *broker = client->broker;
    for (struct revoke_lingering **at = &broker->lingering; *at;) {
        if ((*at)->client == client->id && (!service || (*at)->service == service))
            take_lingering(broker, at);
        else
            at = &(*at)->next;
    }
    set_timer(broker);
}

/* Who may revoke has had no part in the channels of others that were connected: those keep their second. */
void revoke_lingering_to(struct broker *broker, uint64_t endpoint, bool all)
{
    for (struct revoke_lingering **at = &broker->lingering; *at;) {
        if ((*at)->endpoint == endpoint && (all || (*at)->derived))
            take_lingering(broker, at);
        else
            at = &(*at)->next;
    }
    set_timer(broker);
}

void revoke_ended(struct broker_realm *client)
{
    take_lingering_of(client, NULL);
}

void revoke_init(struct broker *broker)
{
    broker->lingering_timer.fire = deadline_passed;
}

void revoke_deinit(struct broker *broker)
{
    while (broker->lingering)
        take_lingering(broker, &broker->lingering);
}

/* --- on request --- */

/*
 * A client keeps what it was given of its server's hint pipe, and neither can be made to close it: so the
 * pipe is cut, whoever else uses it. Whether the client was connected does not matter: it may have been
 * before.
 */
void revoke_cut_hint(const struct broker_realm *server)
{
    if (server->hint_fd >= 0)
        (void)shutdown(server->hint_fd, SHUT_RDWR);
}

static void cut_hints(struct broker *broker, const struct broker_service *service)
{
    for (struct broker_realm *realm = broker->realms; realm; realm = realm->next) {
        if (realm->declaration == service->config->provider)
            revoke_cut_hint(realm);
    }
}

uint32_t revoke_closes(struct broker_realm *client, struct broker_service *service)
{
    cut_hints(client->broker, service);
    take_lingering_of(client, service);
    uint32_t count = 0;
    struct broker_channel *next;
    for (struct broker_channel *channel = client->channels; channel; channel = next) {
        bool is_client = channel->client.realm == client;
        next = is_client ? channel->client.next_of_realm : channel->server.next_of_realm;
        if (!is_client || channel->service != service)
            continue;
        channels_close(channel, REALM_E_REVOKED, NULL, 0);
        count++;
    }
    return count;
}

int revoke_channels(struct broker_realm *client, struct broker_service *service, uint32_t *ret_count)
{
    struct broker *broker = client->broker;
    const char *name = service->config->name;
    struct policy_event event = {.kind = POLICY_REVOKE_CHILD,
                                 .actor = policy_init_realm(broker->policy),
                                 .subject = client->policy,
                                 .service = {name, strlen(name)}};
    struct policy_decision decision;
    int error = policy_reserve(broker->policy, &event);
    if (error)
        return error;
    policy_decide(broker->policy, &event, &decision);
    broker->decisions++;
    if (decision.status == 0)
        policy_apply(broker->policy, &event, &decision, NULL);
    *ret_count = revoke_closes(client, service);
    return 0;
}
