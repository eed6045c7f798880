/*
 * What must hold of a packet that a decoder has let through, written from the protocols' headers and not from
 * the decoders: property tests and fuzzers ask it of whatever comes out.
 *
 * Each function returns NULL, or the sentence that does not hold.
 */
#ifndef TESTS_PROPERTY_INVARIANTS_H
#define TESTS_PROPERTY_INVARIANTS_H

#include <string.h>

#include <realm/error.h>

#include "librealm/core/name.h"
#include "librealm/proto/control.h"
#include "librealm/proto/launch.h"

#define HOLDS(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            return #condition;                                                                               \
    } while (0)

static inline const char *invariants_zero(const void *from, const void *to)
{
    static const uint8_t zero[REALM_CONTROL_SIZE_MAX];
    size_t size = (size_t)((const uint8_t *)to - (const uint8_t *)from);
    HOLDS(size <= sizeof zero && memcmp(from, zero, size) == 0);
    return NULL;
}

static inline const char *invariants_name(const struct realm_control_name *name)
{
    const char *text = (const char *)name->text;
    HOLDS(memchr(text, 0, sizeof name->text) != NULL);
    HOLDS(strlen(text) == name->size);
    HOLDS(name->size >= 1 && name->size <= REALM_NAME_MAX);
    HOLDS(realm_name_valid(text, name->size));
    return invariants_zero(name->text + name->size, name + 1);
}

/* Walks the arguments as whoever builds an argv would. */
static inline const char *invariants_args(const uint8_t *args, size_t count, size_t size)
{
    HOLDS(count <= REALM_SPAWN_ARGS_MAX);
    HOLDS(size <= REALM_SPAWN_ARGS_BYTES);
    const char *at = (const char *)args, *end = at + size;
    for (size_t i = 0; i < count; i++) {
        HOLDS(at < end);
        HOLDS(memchr(at, 0, (size_t)(end - at)) != NULL);
        at += strlen(at) + 1;
    }
    HOLDS(at == end);
    return invariants_zero(end, args + REALM_SPAWN_ARGS_BYTES);
}

static inline const char *invariants_parts(uint64_t bytes, uint32_t parts)
{
    HOLDS(parts >= 1 && parts <= 8);
    HOLDS(bytes >= UINT64_C(4096) * parts && bytes <= (UINT64_C(1) << 20) * parts);
    HOLDS(bytes % (UINT64_C(4096) * parts) == 0);
    return NULL;
}

static inline const char *invariants_control_request(const union realm_control_request *request)
{
    const char *broken = NULL;
    size_t size = request->header.size;
    HOLDS(request->header.version == REALM_CONTROL_VERSION);
    HOLDS(size == realm_control_size(request->header.type));
    HOLDS(invariants_zero((const char *)request + size, request + 1) == NULL);
    switch (request->header.type) {
    case REALM_CONTROL_HELLO:
        HOLDS(size == sizeof request->hello && request->hello.reserved == 0);
        HOLDS(request->hello.waiter == 1 || request->hello.waiter == 2);
        return NULL;
    case REALM_CONTROL_REGISTER:
    case REALM_CONTROL_CONNECT:
    case REALM_CONTROL_KILL:
        HOLDS(size == sizeof request->named && request->named.reserved == 0);
        HOLDS(request->named.flags == 0 ||
              (request->named.flags == REALM_CONNECT_WAIT && request->header.type == REALM_CONTROL_CONNECT));
        return invariants_name(&request->named.name);
    case REALM_CONTROL_UNREGISTER:
    case REALM_CONTROL_DISCONNECT:
    case REALM_CONTROL_REVOKE:
    case REALM_CONTROL_DELETE:
    case REALM_CONTROL_HELD:
    case REALM_CONTROL_SEAL:
        HOLDS(size == sizeof request->cookie);
        return NULL;
    case REALM_CONTROL_SPAWN:
        HOLDS(size == sizeof request->spawn && request->spawn.reserved == 0);
        broken = invariants_name(&request->spawn.program);
        if (!broken && request->spawn.name.size == 0)
            broken = invariants_zero(&request->spawn.name, &request->spawn.name + 1);
        else if (!broken)
            broken = invariants_name(&request->spawn.name);
        return broken ? broken
                      : invariants_args(request->spawn.args, request->spawn.args_count,
                                        request->spawn.args_size);
    case REALM_CONTROL_GRANT:
        HOLDS(size == sizeof request->grant && request->grant.reserved == 0);
        HOLDS(request->grant.rights == REALM_RIGHT_SEND);
        broken = invariants_name(&request->grant.child);
        return broken ? broken : invariants_name(&request->grant.service);
    case REALM_CONTROL_REVOKE_CHILD:
        HOLDS(size == sizeof request->grant && request->grant.reserved == 0 && request->grant.rights == 0);
        broken = invariants_name(&request->grant.child);
        return broken ? broken : invariants_name(&request->grant.service);
    case REALM_CONTROL_DERIVE:
        HOLDS(request->derive.via == 0);
        /* fall through */
    case REALM_CONTROL_OFFER:
        HOLDS(size == sizeof request->derive);
        HOLDS(request->derive.mode >= 1 && request->derive.mode <= 3 && request->derive.rights < 512);
        return NULL;
    case REALM_CONTROL_WITHDRAW:
    case REALM_CONTROL_TAKE:
        HOLDS(size == sizeof request->ticket && request->ticket.reserved == 0);
        HOLDS(request->ticket.ticket != 0 && request->ticket.ticket >> 31 == 0);
        return NULL;
    case REALM_CONTROL_CREATE:
        HOLDS(size == sizeof request->header);
        return NULL;
    case REALM_CONTROL_GATE:
    case REALM_CONTROL_LOOK:
        HOLDS(size == sizeof request->number && request->number.reserved == 0);
        HOLDS(request->number.number < (request->header.type == REALM_CONTROL_GATE ? 64u : 1u));
        return NULL;
    case REALM_CONTROL_ALLOCATE:
        HOLDS(size == sizeof request->allocate && request->allocate.reserved == 0);
        return invariants_parts(request->allocate.bytes, request->allocate.parts);
    case REALM_CONTROL_MAP:
        HOLDS(size == sizeof request->map && request->map.reserved == 0);
        HOLDS(request->map.rights == 8 || request->map.rights == 24);
        return NULL;
    case REALM_CONTROL_FAULT:
        HOLDS(size == sizeof request->fault && request->fault.reserved == 0);
        HOLDS(request->fault.kind == REALM_FAULT_CLAIM || request->fault.kind == REALM_FAULT_WAKES ||
              request->fault.kind == REALM_FAULT_UNMAPPED);
        HOLDS(request->header.xid == 0);
        return NULL;
    case REALM_CONTROL_ACK:
    case REALM_CONTROL_STATS:
        HOLDS(request->header.xid == 0);
        return NULL;
    default:
        return "the type is one that a realm sends";
    }
}

static inline const char *invariants_region(uint32_t bytes)
{
    HOLDS(bytes >= 4096 && bytes <= 1024 * 1024 && bytes % 4096 == 0);
    return NULL;
}

static inline const char *invariants_control_event(const union realm_control_event *event)
{
    size_t size = event->header.size;
    HOLDS(event->header.version == REALM_CONTROL_VERSION);
    HOLDS(size == realm_control_size(event->header.type));
    HOLDS(invariants_zero((const char *)event + size, event + 1) == NULL);
    switch (event->header.type) {
    case REALM_CONTROL_REPLY:
        HOLDS(size == sizeof event->reply && event->reply.reserved == 0);
        HOLDS(strcmp(realm_error_name(event->reply.status), "REALM_E_?") != 0);
        return NULL;
    case REALM_CONTROL_WELCOME:
        HOLDS(size == sizeof event->welcome);
        HOLDS(event->welcome.realm != 0);
        return invariants_name(&event->welcome.name);
    case REALM_CONTROL_POOL:
        HOLDS(size == sizeof event->pool);
        HOLDS(event->pool.count >= 1 && event->pool.count <= REALM_CONTROL_FDS_MAX);
        HOLDS((uint64_t)event->pool.first + event->pool.count <= UINT32_MAX);
        HOLDS(event->header.xid == 0 && event->pool.reserved == 0);
        return invariants_region(event->pool.region_bytes);
    case REALM_CONTROL_CONNECTED:
        HOLDS(event->channel.endpoint == 0 && event->channel.badge == 0);
        HOLDS(event->channel.rights < 512 && event->channel.reserved == 0);
        HOLDS(event->channel.has_hint == 0 || event->channel.has_hint == 1);
        HOLDS(event->channel.queue_messages >= 1 && event->channel.queue_messages <= 4096);
        return invariants_region(event->channel.region_bytes);
    case REALM_CONTROL_ACCEPTED:
        HOLDS(event->channel.rights == 0 && event->channel.reserved == 0);
        HOLDS(event->channel.has_hint == 0 || event->channel.has_hint == 1);
        HOLDS(event->channel.queue_messages >= 1 && event->channel.queue_messages <= 4096);
        HOLDS(event->header.xid == 0);
        return invariants_region(event->channel.region_bytes);
    case REALM_CONTROL_CLOSED:
        HOLDS(size == sizeof event->closed && event->closed.reserved == 0);
        HOLDS(event->closed.reason == REALM_E_PEER_DEAD || event->closed.reason == REALM_E_REVOKED ||
              event->closed.reason == REALM_E_PEER_FAULT);
        HOLDS(event->header.xid == 0);
        return NULL;
    case REALM_CONTROL_CHILD:
        HOLDS(size == sizeof event->child && event->header.xid == 0);
        HOLDS(event->child.state <= REALM_STATE_TERMINATED);
        return invariants_name(&event->child.name);
    case REALM_CONTROL_CAPABILITY:
        HOLDS(size == sizeof event->capability && event->capability.sealed <= 1);
        HOLDS(event->capability.sealed == 0 || event->capability.kind == 3);
        HOLDS(event->capability.cookie != 0 && event->capability.rights < 512);
        HOLDS(event->capability.kind >= 1 && event->capability.kind <= 7 && event->capability.gate < 64);
        return event->capability.name.size != 0
                   ? invariants_name(&event->capability.name)
                   : invariants_zero(&event->capability.name, &event->capability.name + 1);
    case REALM_CONTROL_MAPPED:
        HOLDS(size == sizeof event->mapped && (event->mapped.rights == 8 || event->mapped.rights == 24));
        return invariants_parts(event->mapped.bytes, event->mapped.count);
    case REALM_CONTROL_STOP:
    case REALM_CONTROL_QUERY:
        HOLDS(size == sizeof event->header && event->header.xid == 0);
        return NULL;
    default:
        return "the type is one that the broker sends";
    }
}

static inline const char *invariants_regions(uint32_t count, uint32_t bytes)
{
    HOLDS(count >= 1 && count <= REALM_LAUNCH_REGIONS_MAX);
    HOLDS(bytes >= 4096 && bytes <= REALM_LAUNCH_REGION_BYTES_MAX && bytes % 4096 == 0);
    return NULL;
}

static inline const char *invariants_launch_request(const union realm_launch_request *request)
{
    const char *broken = NULL;
    size_t size = request->header.size;
    HOLDS(request->header.version == REALM_LAUNCH_VERSION);
    HOLDS(size == realm_launch_size(request->header.type));
    HOLDS(invariants_zero((const char *)request + size, request + 1) == NULL);
    switch (request->header.type) {
    case REALM_LAUNCH_SPAWN:
        HOLDS(size == sizeof request->spawn && request->spawn.realm != 0);
        broken = invariants_name(&request->spawn.name);
        return broken ? broken
                      : invariants_args(request->spawn.args, request->spawn.args_count,
                                        request->spawn.args_size);
    case REALM_LAUNCH_KILL:
        HOLDS(size == sizeof request->kill && request->kill.realm != 0);
        return NULL;
    case REALM_LAUNCH_REGIONS:
        HOLDS(size == sizeof request->regions);
        return invariants_regions(request->regions.count, request->regions.bytes);
    case REALM_LAUNCH_LIMIT:
        HOLDS(size == sizeof request->limit && request->limit.realm != 0);
        return NULL;
    case REALM_LAUNCH_MEMORY:
        HOLDS(size == sizeof request->memory && request->memory.reserved == 0);
        HOLDS(request->memory.way >= REALM_LAUNCH_NEW && request->memory.way <= REALM_LAUNCH_SEAL);
        return invariants_parts((uint64_t)request->memory.bytes * request->memory.count,
                                request->memory.count);
    case REALM_LAUNCH_STOP:
        HOLDS(size == sizeof request->header);
        return NULL;
    default:
        return "the type is one that the broker sends";
    }
}

static inline const char *invariants_launch_event(const union realm_launch_event *event)
{
    size_t size = event->header.size;
    HOLDS(event->header.version == REALM_LAUNCH_VERSION);
    HOLDS(size == realm_launch_size(event->header.type));
    HOLDS(invariants_zero((const char *)event + size, event + 1) == NULL);
    switch (event->header.type) {
    case REALM_LAUNCH_SPAWNED:
        HOLDS(size == sizeof event->spawned && event->spawned.realm != 0 && event->spawned.pid > 0);
        HOLDS(event->spawned.has_hint == 0 || event->spawned.has_hint == 1);
        return NULL;
    case REALM_LAUNCH_FAILED:
        HOLDS(size == sizeof event->failed && event->failed.error > 0 && event->failed.reserved == 0);
        HOLDS(event->failed.stage >= REALM_STAGE_RESOURCES && event->failed.stage <= REALM_STAGE_REGIONS);
        return NULL;
    case REALM_LAUNCH_EXITED:
        HOLDS(size == sizeof event->exited && event->exited.realm != 0 && event->exited.reserved == 0);
        return NULL;
    case REALM_LAUNCH_MADE:
        HOLDS(size == sizeof event->made);
        return invariants_regions(event->made.count, event->made.bytes);
    case REALM_LAUNCH_OPENED:
        HOLDS(size == sizeof event->opened);
        return invariants_parts((uint64_t)event->opened.bytes * event->opened.count, event->opened.count);
    case REALM_LAUNCH_LOADED:
        HOLDS(size == sizeof event->loaded && event->loaded.realm != 0);
        HOLDS(event->loaded.shut >= REALM_SHUT_STATIC && event->loaded.shut <= REALM_SHUT_DEADLINE);
        return NULL;
    case REALM_LAUNCH_LIMITED:
        HOLDS(size == sizeof event->limited && event->limited.realm != 0);
        HOLDS(event->limited.error >= 0 && event->limited.reserved == 0);
        return NULL;
    case REALM_LAUNCH_END:
        HOLDS(size == sizeof event->header);
        return NULL;
    default:
        return "the type is one that the launcher sends";
    }
}

#undef HOLDS

#endif
