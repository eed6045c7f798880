/*
 * The launch protocol's checks: the same method as the control protocol's (copy once, check the copy, hand
 * out the copy; header, reserved fields, then values).
 *
 * The launcher holds every power of the system, so it believes the broker nothing; the broker checks what the
 * launcher says only because a wrong number is better found here than later. What a pure check cannot know
 * (is there a declaration of this number? is this realm mine?) the receiver checks against its own tables.
 */
#include "librealm/proto/launch.h"

#include <realm/error.h>

#include <stdbool.h>
#include <string.h>

#include "librealm/core/assert.h"
#include "librealm/proto/fields.h"

_Static_assert(sizeof(union realm_launch_request) <= REALM_CONTROL_SIZE_MAX, "a packet fits its buffer");
_Static_assert(REALM_LAUNCH_FDS_MAX >= 2 * REALM_LAUNCH_REGIONS_MAX, "two descriptors a region");

enum direction { FROM_BROKER = 1, TO_BROKER };

struct type_entry {
    uint16_t size;
    uint16_t direction;
};

static const struct type_entry types[] = {
    [REALM_LAUNCH_SPAWN] = {sizeof(struct realm_launch_spawn), FROM_BROKER},
    [REALM_LAUNCH_KILL] = {sizeof(struct realm_launch_kill), FROM_BROKER},
    [REALM_LAUNCH_REGIONS] = {sizeof(struct realm_launch_regions), FROM_BROKER},
    [REALM_LAUNCH_STOP] = {sizeof(struct realm_launch_header), FROM_BROKER},
    [REALM_LAUNCH_LIMIT] = {sizeof(struct realm_launch_limit), FROM_BROKER},
    [REALM_LAUNCH_MEMORY] = {sizeof(struct realm_launch_memory), FROM_BROKER},
    [REALM_LAUNCH_SPAWNED] = {sizeof(struct realm_launch_spawned), TO_BROKER},
    [REALM_LAUNCH_FAILED] = {sizeof(struct realm_launch_failed), TO_BROKER},
    [REALM_LAUNCH_EXITED] = {sizeof(struct realm_launch_exited), TO_BROKER},
    [REALM_LAUNCH_MADE] = {sizeof(struct realm_launch_made), TO_BROKER},
    [REALM_LAUNCH_LOADED] = {sizeof(struct realm_launch_loaded), TO_BROKER},
    [REALM_LAUNCH_LIMITED] = {sizeof(struct realm_launch_limited), TO_BROKER},
    [REALM_LAUNCH_OPENED] = {sizeof(struct realm_launch_opened), TO_BROKER},
    [REALM_LAUNCH_END] = {sizeof(struct realm_launch_header), TO_BROKER},
};

size_t realm_launch_size(uint16_t type)
{
    return type < sizeof types / sizeof types[0] ? types[type].size : 0;
}

void realm_launch_header_init(struct realm_launch_header *header, enum realm_launch_type type, uint64_t xid)
{
    size_t size = realm_launch_size((uint16_t)type);
    realm_assert(size != 0);
    *header = (struct realm_launch_header){
        .version = REALM_LAUNCH_VERSION, .type = (uint16_t)type, .size = (uint32_t)size, .xid = xid};
}

static bool regions_valid(uint32_t count, uint32_t bytes)
{
    return count > 0 && count <= REALM_LAUNCH_REGIONS_MAX &&
           realm_field_region_bytes(bytes, REALM_LAUNCH_REGION_BYTES_MAX);
}

static bool parts_valid(uint32_t count, uint32_t bytes)
{
    return count > 0 && count <= REALM_CONTROL_PARTS_MAX &&
           realm_field_region_bytes(bytes, REALM_LAUNCH_REGION_BYTES_MAX);
}

unsigned realm_launch_request_fds(const union realm_launch_request *request)
{
    bool brings = request->header.type == REALM_LAUNCH_MEMORY && request->memory.way != REALM_LAUNCH_NEW;
    return brings ? request->memory.count : 0;
}

static int check_request(const union realm_launch_request *request)
{
    bool valid = true;
    switch (request->header.type) {
    case REALM_LAUNCH_SPAWN:
        if (!realm_field_name_reserved(&request->spawn.name))
            return REALM_E_PROTOCOL;
        valid =
            request->spawn.realm != 0 && realm_field_name_valid(&request->spawn.name) &&
            realm_field_args_valid(request->spawn.args, request->spawn.args_count, request->spawn.args_size);
        break;
    case REALM_LAUNCH_KILL:
        valid = request->kill.realm != 0;
        break;
    case REALM_LAUNCH_REGIONS:
        valid = regions_valid(request->regions.count, request->regions.bytes);
        break;
    case REALM_LAUNCH_LIMIT:
        valid = request->limit.realm != 0;
        break;
    case REALM_LAUNCH_MEMORY:
        if (request->memory.reserved != 0)
            return REALM_E_PROTOCOL;
        valid = parts_valid(request->memory.count, request->memory.bytes) &&
                request->memory.way >= REALM_LAUNCH_NEW && request->memory.way <= REALM_LAUNCH_SEAL;
        break;
    default:
        break;
    }
    return valid ? 0 : REALM_E_BAD_ARGUMENT;
}

static int check_event(const union realm_launch_event *event)
{
    bool valid = true;
    switch (event->header.type) {
    case REALM_LAUNCH_SPAWNED:
        valid = event->spawned.realm != 0 && event->spawned.pid > 0 && event->spawned.has_hint <= 1;
        break;
    case REALM_LAUNCH_FAILED:
        if (event->failed.reserved != 0)
            return REALM_E_PROTOCOL;
        valid = event->failed.error > 0 && event->failed.stage >= REALM_STAGE_RESOURCES &&
                event->failed.stage <= REALM_STAGE_REGIONS;
        break;
    case REALM_LAUNCH_EXITED:
        if (event->exited.reserved != 0)
            return REALM_E_PROTOCOL;
        valid = event->exited.realm != 0;
        break;
    case REALM_LAUNCH_MADE:
        valid = regions_valid(event->made.count, event->made.bytes);
        break;
    case REALM_LAUNCH_LOADED:
        valid = event->loaded.realm != 0 && event->loaded.shut >= REALM_SHUT_STATIC &&
                event->loaded.shut <= REALM_SHUT_DEADLINE;
        break;
    case REALM_LAUNCH_LIMITED:
        if (event->limited.reserved != 0)
            return REALM_E_PROTOCOL;
        valid = event->limited.realm != 0 && event->limited.error >= 0;
        break;
    case REALM_LAUNCH_OPENED:
        valid = parts_valid(event->opened.count, event->opened.bytes);
        break;
    default:
        break;
    }
    return valid ? 0 : REALM_E_BAD_ARGUMENT;
}

/* Copies the header out of a packet and checks it. On success size is the type's own. */
static int check_header(const void *packet, size_t size, enum direction direction,
                        struct realm_launch_header *ret_header)
{
    struct realm_launch_header header;
    if (size < sizeof header)
        return REALM_E_PROTOCOL;
    memcpy(&header, packet, sizeof header);
    size_t expected = realm_launch_size(header.type);
    if (header.version != REALM_LAUNCH_VERSION || expected == 0 || types[header.type].direction != direction)
        return REALM_E_PROTOCOL;
    if (header.size != expected || size != expected)
        return REALM_E_PROTOCOL;
    *ret_header = header;
    return 0;
}

int realm_launch_decode_request(const void *packet, size_t size, union realm_launch_request *ret_request)
{
    struct realm_launch_header header;
    int error = check_header(packet, size, FROM_BROKER, &header);
    if (error)
        return error;

    union realm_launch_request request;
    memset(&request, 0, sizeof request);
    memcpy(&request, packet, size);
    request.header = header;
    error = check_request(&request);
    if (error == REALM_E_PROTOCOL)
        return error;
    if (error) {
        memset(&request, 0, sizeof request);
        request.header = header;
    }
    *ret_request = request;
    return error;
}

int realm_launch_decode_event(const void *packet, size_t size, union realm_launch_event *ret_event)
{
    struct realm_launch_header header;
    int error = check_header(packet, size, TO_BROKER, &header);
    if (error)
        return error;

    union realm_launch_event event;
    memset(&event, 0, sizeof event);
    memcpy(&event, packet, size);
    event.header = header;
    error = check_event(&event);
    if (error == REALM_E_PROTOCOL)
        return error;
    if (error) {
        memset(&event, 0, sizeof event);
        event.header = header;
    }
    *ret_event = event;
    return error;
}
