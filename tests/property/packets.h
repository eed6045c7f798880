/*
 * A generator of valid packets of both protocols: every type, with random fields within their ranges, names
 * of every length and of characters of one to four bytes, arguments up to the limits.
 */
#ifndef TESTS_PROPERTY_PACKETS_H
#define TESTS_PROPERTY_PACKETS_H

#include <stdbool.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/proto/control.h"
#include "librealm/proto/launch.h"
#include "tests/property/random.h"

union packet {
    union realm_control_request control_request;
    union realm_control_event control_event;
    union realm_launch_request launch_request;
    union realm_launch_event launch_event;
    struct realm_control_header header; /* both protocols have the same */
    uint8_t bytes[REALM_CONTROL_SIZE_MAX];
};

static inline struct realm_control_name packets_name(struct random *random)
{
    static const char *const characters[] = {
        "a", "Z", "0", ":", " ", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
    struct realm_control_name name = {0};
    size_t limit = random_below(random, 4) ? 12 : REALM_NAME_MAX;
    for (;;) {
        const char *next = characters[random_below(random, sizeof characters / sizeof characters[0])];
        if (name.size > 0 && (name.size + strlen(next) > limit || random_below(random, limit) == 0))
            return name;
        memcpy(name.text + name.size, next, strlen(next));
        name.size = (uint16_t)(name.size + strlen(next));
    }
}

static inline void packets_args(struct random *random, uint8_t *args, uint16_t *ret_count, uint16_t *ret_size)
{
    size_t count = random_below(random, REALM_SPAWN_ARGS_MAX + 1), size = 0;
    size_t longest = 1 + random_below(random, REALM_SPAWN_ARGS_BYTES / REALM_SPAWN_ARGS_MAX);
    for (size_t i = 0; i < count; i++) {
        for (size_t left = random_below(random, longest); left > 0; left--)
            args[size++] = (uint8_t)(1 + random_below(random, 255));
        args[size++] = 0;
    }
    *ret_count = (uint16_t)count;
    *ret_size = (uint16_t)size;
}

static inline uint32_t packets_region_bytes(struct random *random)
{
    return (uint32_t)(4096 * (1 + random_below(random, 256)));
}

/* Returns the packet's size. */
static inline size_t packets_control_request(struct random *random, enum realm_control_type type,
                                             union packet *ret_packet)
{
    union realm_control_request *request = &ret_packet->control_request;
    memset(ret_packet, 0, sizeof *ret_packet);
    random_fill(random, ret_packet, realm_control_size((uint16_t)type));
    bool asks = type < REALM_CONTROL_ACK || type > REALM_CONTROL_STATS;
    realm_control_header_init(&request->header, type, asks ? random_u64(random) : 0);
    switch (type) {
    case REALM_CONTROL_HELLO:
        request->hello.waiter = (uint32_t)(1 + random_below(random, 2));
        request->hello.reserved = 0;
        break;
    case REALM_CONTROL_REGISTER:
    case REALM_CONTROL_CONNECT:
    case REALM_CONTROL_KILL:
        request->named.flags = type == REALM_CONTROL_CONNECT ? (uint32_t)random_below(random, 2) : 0;
        request->named.reserved = 0;
        request->named.name = packets_name(random);
        break;
    case REALM_CONTROL_SPAWN:
        memset(&request->header + 1, 0, sizeof request->spawn - sizeof request->header);
        request->spawn.program = packets_name(random);
        if (random_below(random, 2))
            request->spawn.name = packets_name(random);
        packets_args(random, request->spawn.args, &request->spawn.args_count, &request->spawn.args_size);
        break;
    case REALM_CONTROL_GRANT:
        request->grant.child = packets_name(random);
        request->grant.service = packets_name(random);
        request->grant.rights = REALM_RIGHT_SEND;
        request->grant.reserved = 0;
        break;
    case REALM_CONTROL_FAULT:
        request->fault.kind = (uint32_t)(1 + random_below(random, 3));
        request->fault.reserved = 0;
        break;
    case REALM_CONTROL_REVOKE_CHILD:
        request->grant.child = packets_name(random);
        request->grant.service = packets_name(random);
        request->grant.rights = 0;
        request->grant.reserved = 0;
        break;
    case REALM_CONTROL_DERIVE:
    case REALM_CONTROL_OFFER:
        request->derive.via = type == REALM_CONTROL_OFFER ? random_u64(random) : 0;
        request->derive.rights &= 0x1ff;
        request->derive.mode = (uint32_t)(1 + random_below(random, 3));
        break;
    case REALM_CONTROL_WITHDRAW:
    case REALM_CONTROL_TAKE:
        request->ticket.ticket = (uint32_t)(1 + random_below(random, REALM_TICKET_MAX));
        request->ticket.reserved = 0;
        break;
    case REALM_CONTROL_GATE:
    case REALM_CONTROL_LOOK:
        request->number.number = type == REALM_CONTROL_GATE ? (uint32_t)random_below(random, 64) : 0;
        request->number.reserved = 0;
        break;
    case REALM_CONTROL_ALLOCATE:
        request->allocate.parts = (uint32_t)(1 + random_below(random, REALM_CONTROL_PARTS_MAX));
        request->allocate.bytes = (uint64_t)request->allocate.parts * packets_region_bytes(random);
        request->allocate.reserved = 0;
        break;
    case REALM_CONTROL_MAP:
        request->map.rights = REALM_RIGHT_READ | (random_below(random, 2) ? REALM_RIGHT_WRITE : 0);
        request->map.reserved = 0;
        break;
    default: /* those with a cookie alone, ACK, STATS, CREATE: any value will do */
        break;
    }
    return request->header.size;
}

static inline void packets_channel(struct random *random, struct realm_control_channel *channel)
{
    channel->has_hint &= 1;
    channel->rights = channel->header.type == REALM_CONTROL_CONNECTED ? channel->rights & 0x1ff : 0;
    channel->reserved = 0;
    channel->region_bytes = packets_region_bytes(random);
    channel->queue_messages = (uint32_t)(1 + random_below(random, REALM_CONTROL_QUEUE_MAX));
}

static inline size_t packets_control_event(struct random *random, enum realm_control_type type,
                                           union packet *ret_packet)
{
    union realm_control_event *event = &ret_packet->control_event;
    memset(ret_packet, 0, sizeof *ret_packet);
    random_fill(random, ret_packet, realm_control_size((uint16_t)type));
    bool answers = type == REALM_CONTROL_REPLY || type == REALM_CONTROL_WELCOME ||
                   type == REALM_CONTROL_CONNECTED || type == REALM_CONTROL_CAPABILITY ||
                   type == REALM_CONTROL_MAPPED;
    realm_control_header_init(&event->header, type, answers ? random_u64(random) : 0);
    switch (type) {
    case REALM_CONTROL_REPLY:
        event->reply.status = (int32_t)random_below(random, REALM_E_INCAPABLE + 1);
        event->reply.reserved = 0;
        break;
    case REALM_CONTROL_WELCOME:
        event->welcome.realm |= 1;
        event->welcome.name = packets_name(random);
        break;
    case REALM_CONTROL_POOL:
        event->pool.count = (uint32_t)(1 + random_below(random, REALM_CONTROL_FDS_MAX));
        event->pool.first &= 0x7fffffff;
        event->pool.region_bytes = packets_region_bytes(random);
        event->pool.reserved = 0;
        break;
    case REALM_CONTROL_CONNECTED:
        event->channel.endpoint = 0;
        event->channel.badge = 0;
        packets_channel(random, &event->channel);
        break;
    case REALM_CONTROL_ACCEPTED:
        packets_channel(random, &event->channel);
        break;
    case REALM_CONTROL_CLOSED:
        event->closed.reason = (int32_t)(REALM_E_PEER_DEAD + random_below(random, 3));
        event->closed.reserved = 0;
        break;
    case REALM_CONTROL_CHILD:
        event->child.state = (uint32_t)random_below(random, 3);
        event->child.name = packets_name(random);
        break;
    case REALM_CONTROL_CAPABILITY:
        event->capability.cookie |= 1;
        event->capability.kind = (uint32_t)(1 + random_below(random, 7));
        event->capability.rights &= 0x1ff;
        event->capability.gate &= 63;
        event->capability.sealed &= event->capability.kind == REALM_KIND_MEMORY;
        if (random_below(random, 2))
            event->capability.name = packets_name(random);
        else
            memset(&event->capability.name, 0, sizeof event->capability.name);
        break;
    case REALM_CONTROL_MAPPED:
        event->mapped.count = (uint32_t)(1 + random_below(random, REALM_CONTROL_PARTS_MAX));
        event->mapped.bytes = (uint64_t)event->mapped.count * packets_region_bytes(random);
        event->mapped.rights = REALM_RIGHT_READ | (random_below(random, 2) ? REALM_RIGHT_WRITE : 0);
        break;
    default: /* STOP, QUERY: a header */
        break;
    }
    return event->header.size;
}

static inline size_t packets_launch_request(struct random *random, enum realm_launch_type type,
                                            union packet *ret_packet)
{
    union realm_launch_request *request = &ret_packet->launch_request;
    memset(ret_packet, 0, sizeof *ret_packet);
    random_fill(random, ret_packet, type == REALM_LAUNCH_SPAWN ? 0 : realm_launch_size((uint16_t)type));
    realm_launch_header_init(&request->header, type, random_u64(random));
    switch (type) {
    case REALM_LAUNCH_SPAWN:
        request->spawn.realm = 1 | random_u64(random);
        request->spawn.program = (uint32_t)random_u64(random);
        request->spawn.name = packets_name(random);
        packets_args(random, request->spawn.args, &request->spawn.args_count, &request->spawn.args_size);
        break;
    case REALM_LAUNCH_KILL:
        request->kill.realm |= 1;
        break;
    case REALM_LAUNCH_LIMIT:
        request->limit.realm |= 1;
        break;
    case REALM_LAUNCH_REGIONS:
        request->regions.count = (uint32_t)(1 + random_below(random, REALM_LAUNCH_REGIONS_MAX));
        request->regions.bytes = (uint32_t)(4096 * (1 + random_below(random, 256)));
        break;
    case REALM_LAUNCH_MEMORY:
        request->memory.count = (uint32_t)(1 + random_below(random, REALM_CONTROL_PARTS_MAX));
        request->memory.bytes = packets_region_bytes(random);
        request->memory.way = (uint32_t)(REALM_LAUNCH_NEW + random_below(random, 5));
        request->memory.reserved = 0;
        break;
    default: /* STOP: a header */
        break;
    }
    return request->header.size;
}

static inline size_t packets_launch_event(struct random *random, enum realm_launch_type type,
                                          union packet *ret_packet)
{
    union realm_launch_event *event = &ret_packet->launch_event;
    memset(ret_packet, 0, sizeof *ret_packet);
    random_fill(random, ret_packet, realm_launch_size((uint16_t)type));
    realm_launch_header_init(&event->header, type, random_u64(random));
    switch (type) {
    case REALM_LAUNCH_SPAWNED:
        event->spawned.realm |= 1;
        event->spawned.pid = (int32_t)(1 + random_below(random, 1 << 22));
        event->spawned.has_hint &= 1;
        break;
    case REALM_LAUNCH_FAILED:
        event->failed.error = (int32_t)(1 + random_below(random, 133));
        event->failed.stage = (uint32_t)(1 + random_below(random, 5));
        event->failed.reserved = 0;
        break;
    case REALM_LAUNCH_LOADED:
        event->loaded.realm |= 1;
        event->loaded.shut = (uint32_t)(1 + random_below(random, 4));
        break;
    case REALM_LAUNCH_LIMITED:
        event->limited.realm |= 1;
        event->limited.error &= 0xff;
        event->limited.reserved = 0;
        break;
    case REALM_LAUNCH_EXITED:
        event->exited.realm |= 1;
        event->exited.reserved = 0;
        break;
    case REALM_LAUNCH_OPENED:
        event->opened.count = (uint32_t)(1 + random_below(random, REALM_CONTROL_PARTS_MAX));
        event->opened.bytes = packets_region_bytes(random);
        break;
    default: /* MADE */
        event->made.count = (uint32_t)(1 + random_below(random, REALM_LAUNCH_REGIONS_MAX));
        event->made.bytes = (uint32_t)(4096 * (1 + random_below(random, 256)));
        break;
    }
    return event->header.size;
}

#endif
