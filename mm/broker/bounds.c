/*
 * A limit that is reached is told once in an incarnation, whatever the realm does: else a flood of requests
 * would be a flood of events. Each refusal is answered, and costs its realm one of its packets of the second.
 *
 * Every realm has its own limit of channels; but a client's channels use up its server's, too, and a client
 * that may have many could leave nothing to the others. So once half of a server's are gone, a client gets
 * another one only while it holds fewer of them than are left: what one takes, it leaves to the rest. The
 * broker's own descriptors are shared out in the same way: a channel takes two, and half of all are for
 * channels.
 */
#include "mm/broker/bounds.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>
#include <realm/error.h>

#include "librealm/core/assert.h"
#include "mm/broker/explain.h"
#include "mm/broker/realms.h"
#include "mm/broker/state.h"

#define DESCRIPTORS_A_CHANNEL 4u /* two, of half of them */
/* Bits of limits_told behind those of the limits. */
#define TOLD_OF_BROKER  (1u << MM_LIMITS)
#define TOLD_OF_STARTS  (2u << MM_LIMITS)
#define TOLD_OF_RECORDS (4u << MM_LIMITS)

static const char *const keys[MM_LIMITS] = {
    [MM_LIMIT_MEMORY] = "memory",     [MM_LIMIT_ADDRESS_SPACE] = "address_space",
    [MM_LIMIT_THREADS] = "threads",   [MM_LIMIT_DESCRIPTORS] = "descriptors",
    [MM_LIMIT_CHANNELS] = "channels", [MM_LIMIT_WAITS] = "waits",
    [MM_LIMIT_LOG] = "log",           [MM_LIMIT_CPU_WEIGHT] = "cpu_weight",
};

static const struct mm_limits *limits_of(const struct broker_realm *realm)
{
    return &realms_declaration(realm)->limits;
}

static uint32_t at_most(uint32_t wanted, uint32_t most)
{
    return wanted < most ? wanted : most;
}

uint32_t bounds_channels(const struct broker_realm *realm)
{
    const struct mm_realm *declaration = realms_declaration(realm);

    if (declaration->limits.channels != 0)
        return at_most(declaration->limits.channels, BROKER_REALM_CHANNELS);
    return declaration->provider ? MM_CHANNELS_PROVIDER : MM_CHANNELS_CLIENT;
}

uint32_t bounds_waits(const struct broker_realm *realm)
{
    const uint32_t waits = limits_of(realm)->waits;

    return waits ? at_most(waits, BROKER_WAITS_MAX) : BROKER_REALM_WAITS;
}

uint32_t bounds_log_bytes(const struct broker_realm *realm)
{
    const uint32_t bytes = limits_of(realm)->log_bytes;

    return bytes ? bytes : LOGS_REALM_BYTES;
}

/* Those that the broker holds. */
static uint64_t value_of(const struct broker_realm *realm, enum mm_limit which)
{
    if (which == MM_LIMIT_CHANNELS)
        return bounds_channels(realm);
    if (which == MM_LIMIT_WAITS)
        return bounds_waits(realm);
    return bounds_log_bytes(realm);
}

/* What is told of a limit, whoever holds it. */
struct reached {
    uint32_t bit; /* of limits_told */
    const char *limit;
    uint64_t value;
    struct mm_place place; /* line 0: it stands in no scenario */
    const char *fix;
};

static void tell(struct broker_realm *realm, const struct reached *reached)
{
    char at[BROKER_PLACE_MAX];

    if (realm->limits_told & reached->bit)
        return;
    realm->limits_told |= reached->bit;
    broker_place(realm->broker, reached->place.line, reached->place.column, at);
    events_emit(realm->broker->events, "limited", "{s:s, s:s, s:I, s:s, s:s}", "realm", realm->name, "limit",
                reached->limit, "value", (json_int_t)reached->value, "at", at, "fix", reached->fix);
}

/* A default would be changed where its realm is declared. */
static struct mm_place place_or_default(const struct broker_realm *realm, struct mm_place place)
{
    return place.line ? place : realms_declaration(realm)->place;
}

void bounds_reached(struct broker_realm *realm, enum mm_limit which)
{
    const struct mm_realm *declaration = realms_declaration(realm);
    char fix[BROKER_FIX_MAX];

    snprintf(fix, sizeof fix, "raise `%s` in the `limits:` of realm `%s`", keys[which], declaration->name);
    tell(realm, &(struct reached){1u << which, keys[which], value_of(realm, which),
                                  place_or_default(realm, declaration->limits.places[which]), fix});
}

void bounds_starts_reached(struct broker_realm *realm)
{
    const struct mm_realm *declaration = realms_declaration(realm);
    char fix[BROKER_FIX_MAX];

    snprintf(fix, sizeof fix, "wait, or raise `count` in the `start_limit:` of realm `%s`",
             declaration->name);
    tell(realm, &(struct reached){TOLD_OF_STARTS, "start_limit", declaration->start_limit_count,
                                  place_or_default(realm, declaration->start_limit_place), fix});
}

void bounds_records_reached(struct broker_realm *realm)
{
    tell(realm, &(struct reached){TOLD_OF_RECORDS, "the broker's realms", BROKER_RECORDS_MAX,
                                  .fix = "end "
                                         "instances that are not needed any more: no scenario sets this"});
}

static uint32_t held_with(const struct broker_realm *client, const struct broker_realm *server)
{
    uint32_t held = 0;

    for (const struct broker_channel *channel = client->channels; channel;) {
        const bool as_client = channel->client.realm == client;
        held += as_client && channel->server.realm == server;
        channel = as_client ? channel->client.next_of_realm : channel->server.next_of_realm;
    }
    return held;
}

/* Of what many share: whether one who holds some must not get another. What it takes, it leaves to the rest.
 */
static bool scarce(uint64_t most, uint64_t used, uint64_t held)
{
    const uint64_t left = used < most ? most - used : 0;

    return left == 0 || (left < most / 2 && held >= left);
}

/* The kernel's limit of the broker's own descriptors stands in no scenario. */
static void say_broker_full(struct broker_realm *realm)
{
    tell(realm, &(struct reached){TOLD_OF_BROKER, "the broker's descriptors", realm->broker->descriptors_max,
                                  .fix = "raise the limit of open files (`ulimit -Hn`) of the user who "
                                         "starts the system"});
}

/* --- the policy's quotas --- */

static struct policy_event counting(const struct broker_realm *realm, enum policy_event_kind kind,
                                    enum policy_resource resource, uint64_t amount)
{
    return (struct policy_event){
        .kind = kind, .actor = realm->policy, .resource = resource, .amount = amount};
}

bool bounds_has_room(struct broker_realm *realm, enum policy_resource resource, uint64_t amount)
{
    const struct policy_event event = counting(realm, POLICY_CHARGE, resource, amount);
    struct policy_decision decision;

    policy_decide(realm->broker->policy, &event, &decision);
    if (decision.status)
        explain_refused(realm, &(struct explain_refusal){"charge", policy_resource_name(resource), &event},
                        &decision);
    return decision.status == 0;
}

/* Counting makes nothing, so there is nothing to reserve. */
static void count(struct broker_realm *realm, const struct policy_event *event)
{
    struct policy_decision decision;

    policy_decide(realm->broker->policy, event, &decision);
    if (decision.status == 0)
        policy_apply(realm->broker->policy, event, &decision, NULL);
    realm_assert(decision.status == 0 || event->kind == POLICY_RELEASE);
}

void bounds_charge(struct broker_realm *realm, enum policy_resource resource, uint64_t amount)
{
    const struct policy_event event = counting(realm, POLICY_CHARGE, resource, amount);

    count(realm, &event);
}

void bounds_release(struct broker_realm *realm, enum policy_resource resource, uint64_t amount)
{
    const struct policy_event event = counting(realm, POLICY_RELEASE, resource, amount);

    count(realm, &event);
}

/* --- channels and memory --- */

int bounds_channel(struct broker_realm *client, struct broker_realm *server)
{
    const struct broker *broker = client->broker;
    const uint32_t most = bounds_channels(server);
    const bool crowded = server->channels_count >= most / 2;

    if (client->channels_count >= bounds_channels(client)) {
        bounds_reached(client, MM_LIMIT_CHANNELS);
        return REALM_E_LIMIT;
    }
    if (crowded && scarce(most, server->channels_count, held_with(client, server))) {
        bounds_reached(server, MM_LIMIT_CHANNELS);
        return REALM_E_LIMIT;
    }
    if (scarce(broker->descriptors_max / DESCRIPTORS_A_CHANNEL, broker->channels_count,
               client->channels_count)) {
        say_broker_full(client);
        return REALM_E_LIMIT;
    }
    return bounds_has_room(client, POLICY_DESCRIPTORS, BOUNDS_CHANNEL_DESCRIPTORS) ? 0 : REALM_E_LIMIT;
}

/* A part is one descriptor; a quarter of all is for them. */
int bounds_memory(struct broker_realm *realm, uint32_t parts)
{
    const struct broker *broker = realm->broker;

    if (scarce(broker->descriptors_max / 4, broker->memory_parts + parts - 1, realm->memory_parts)) {
        say_broker_full(realm);
        return REALM_E_LIMIT;
    }
    return bounds_has_room(realm, POLICY_DESCRIPTORS, parts) ? 0 : REALM_E_LIMIT;
}

void bounds_moved(struct broker_realm *realm, uint64_t bytes, int error)
{
    if (error == 0) {
        realm->memory_bytes = bytes;
        /* Without a limit (UINT64_MAX) the number is as large as JSON's can be. */
        events_emit(realm->broker->events, "limit-moved", "{s:s, s:s, s:I}", "realm", realm->name, "limit",
                    keys[MM_LIMIT_MEMORY], "value", (json_int_t)(bytes > INT64_MAX ? INT64_MAX : bytes));
        return;
    }
    const char *why = strerrordesc_np(error);
    logs_say(realm->broker->logs, realm->name, "its limit of memory stays as it is: %s",
             why ? why : "unknown error");
}
