/*
 * The control protocol's checks.
 *
 * A packet is copied once, the copy is checked, the copy is handed out: what was checked is what is used.
 * The order of the checks is fixed: header (version, type, size, xid), then reserved fields, then names, then
 * numbers. Whatever is not the protocol at all is so found before a field's value is looked at, and one
 * packet always gets the same answer.
 */
#include "librealm/proto/control.h"

#include <realm/error.h>

#include <stdbool.h>
#include <string.h>

#include "librealm/core/assert.h"
#include "librealm/core/name.h"
#include "librealm/proto/fields.h"

/* A ring's cursors and the launcher's requests know no larger region. */
#define REGION_BYTES_MAX (1024u * 1024u)

enum direction { FROM_REALM = 1, TO_REALM };

struct type_entry {
    const char *name;
    uint16_t size;
    uint8_t direction;
    bool has_xid; /* it asks for an answer or is one; all others carry 0 */
};

static const struct type_entry types[] = {
    [REALM_CONTROL_HELLO] = {"hello", sizeof(struct realm_control_hello), FROM_REALM, true},
    [REALM_CONTROL_REGISTER] = {"register", sizeof(struct realm_control_named), FROM_REALM, true},
    [REALM_CONTROL_UNREGISTER] = {"unregister", sizeof(struct realm_control_cookie), FROM_REALM, true},
    [REALM_CONTROL_CONNECT] = {"connect", sizeof(struct realm_control_named), FROM_REALM, true},
    [REALM_CONTROL_DISCONNECT] = {"disconnect", sizeof(struct realm_control_cookie), FROM_REALM, true},
    [REALM_CONTROL_SPAWN] = {"spawn", sizeof(struct realm_control_spawn), FROM_REALM, true},
    [REALM_CONTROL_KILL] = {"kill", sizeof(struct realm_control_named), FROM_REALM, true},
    [REALM_CONTROL_GRANT] = {"grant", sizeof(struct realm_control_grant), FROM_REALM, true},
    [REALM_CONTROL_ACK] = {"ack", sizeof(struct realm_control_ack), FROM_REALM, false},
    [REALM_CONTROL_FAULT] = {"fault", sizeof(struct realm_control_fault), FROM_REALM, false},
    [REALM_CONTROL_STATS] = {"stats", sizeof(struct realm_control_stats), FROM_REALM, false},
    [REALM_CONTROL_DERIVE] = {"derive", sizeof(struct realm_control_derive), FROM_REALM, true},
    [REALM_CONTROL_OFFER] = {"offer", sizeof(struct realm_control_derive), FROM_REALM, true},
    [REALM_CONTROL_WITHDRAW] = {"withdraw", sizeof(struct realm_control_ticket), FROM_REALM, true},
    [REALM_CONTROL_TAKE] = {"take", sizeof(struct realm_control_ticket), FROM_REALM, true},
    [REALM_CONTROL_REVOKE] = {"revoke", sizeof(struct realm_control_cookie), FROM_REALM, true},
    [REALM_CONTROL_REVOKE_CHILD] = {"revoke-child", sizeof(struct realm_control_grant), FROM_REALM, true},
    [REALM_CONTROL_DELETE] = {"delete", sizeof(struct realm_control_cookie), FROM_REALM, true},
    [REALM_CONTROL_CREATE] = {"create", sizeof(struct realm_control_header), FROM_REALM, true},
    [REALM_CONTROL_HELD] = {"held", sizeof(struct realm_control_cookie), FROM_REALM, true},
    [REALM_CONTROL_GATE] = {"gate", sizeof(struct realm_control_number), FROM_REALM, true},
    [REALM_CONTROL_LOOK] = {"look", sizeof(struct realm_control_number), FROM_REALM, true},
    [REALM_CONTROL_ALLOCATE] = {"allocate", sizeof(struct realm_control_allocate), FROM_REALM, true},
    [REALM_CONTROL_MAP] = {"map", sizeof(struct realm_control_map), FROM_REALM, true},
    [REALM_CONTROL_SEAL] = {"seal", sizeof(struct realm_control_cookie), FROM_REALM, true},
    [REALM_CONTROL_REPLY] = {"reply", sizeof(struct realm_control_reply), TO_REALM, true},
    [REALM_CONTROL_WELCOME] = {"welcome", sizeof(struct realm_control_welcome), TO_REALM, true},
    [REALM_CONTROL_POOL] = {"pool", sizeof(struct realm_control_pool), TO_REALM, false},
    [REALM_CONTROL_CONNECTED] = {"connected", sizeof(struct realm_control_channel), TO_REALM, true},
    [REALM_CONTROL_ACCEPTED] = {"accepted", sizeof(struct realm_control_channel), TO_REALM, false},
    [REALM_CONTROL_CLOSED] = {"closed", sizeof(struct realm_control_closed), TO_REALM, false},
    [REALM_CONTROL_CHILD] = {"child", sizeof(struct realm_control_child), TO_REALM, false},
    [REALM_CONTROL_STOP] = {"stop", sizeof(struct realm_control_header), TO_REALM, false},
    [REALM_CONTROL_QUERY] = {"query", sizeof(struct realm_control_header), TO_REALM, false},
    [REALM_CONTROL_CAPABILITY] = {"capability", sizeof(struct realm_control_capability), TO_REALM, true},
    [REALM_CONTROL_MAPPED] = {"mapped", sizeof(struct realm_control_mapped), TO_REALM, true},
};

_Static_assert(sizeof(union realm_control_request) <= REALM_CONTROL_SIZE_MAX, "a packet fits its buffer");
_Static_assert(sizeof(union realm_control_event) <= REALM_CONTROL_SIZE_MAX, "a packet fits its buffer");

static const struct type_entry *find_type(uint16_t type)
{
    if (type >= sizeof types / sizeof types[0] || !types[type].name)
        return NULL;
    return &types[type];
}

size_t realm_control_size(uint16_t type)
{
    const struct type_entry *entry = find_type(type);
    return entry ? entry->size : 0;
}

const char *realm_control_type_name(uint16_t type)
{
    const struct type_entry *entry = find_type(type);
    return entry ? entry->name : "?";
}

void realm_control_header_init(struct realm_control_header *header, enum realm_control_type type,
                               uint64_t xid)
{
    const struct type_entry *entry = find_type((uint16_t)type);
    realm_assert(entry != NULL);
    *header = (struct realm_control_header){
        .version = REALM_CONTROL_VERSION, .type = (uint16_t)type, .size = entry->size, .xid = xid};
}

int realm_control_name_init(struct realm_control_name *ret_name, const char *text, size_t size)
{
    if (!realm_name_valid(text, size))
        return REALM_E_BAD_NAME;
    memset(ret_name, 0, sizeof *ret_name);
    ret_name->size = (uint16_t)size;
    memcpy(ret_name->text, text, size);
    return 0;
}

/* --- what a realm sent --- */

/* Whether every field that has no use yet is zero. */
static bool request_reserved(const union realm_control_request *request)
{
    switch (request->header.type) {
    case REALM_CONTROL_HELLO:
        return request->hello.reserved == 0;
    case REALM_CONTROL_REGISTER:
    case REALM_CONTROL_CONNECT:
    case REALM_CONTROL_KILL:
        return request->named.reserved == 0 && realm_field_name_reserved(&request->named.name);
    case REALM_CONTROL_SPAWN:
        return request->spawn.reserved == 0 && realm_field_name_reserved(&request->spawn.program) &&
               realm_field_name_reserved(&request->spawn.name);
    case REALM_CONTROL_GRANT:
    case REALM_CONTROL_REVOKE_CHILD:
        return request->grant.reserved == 0 && realm_field_name_reserved(&request->grant.child) &&
               realm_field_name_reserved(&request->grant.service);
    case REALM_CONTROL_FAULT:
        return request->fault.reserved == 0;
    case REALM_CONTROL_WITHDRAW:
    case REALM_CONTROL_TAKE:
        return request->ticket.reserved == 0;
    case REALM_CONTROL_GATE:
    case REALM_CONTROL_LOOK:
        return request->number.reserved == 0;
    case REALM_CONTROL_ALLOCATE:
        return request->allocate.reserved == 0;
    case REALM_CONTROL_MAP:
        return request->map.reserved == 0;
    default:
        return true;
    }
}

static bool request_names(const union realm_control_request *request)
{
    switch (request->header.type) {
    case REALM_CONTROL_REGISTER:
    case REALM_CONTROL_CONNECT:
    case REALM_CONTROL_KILL:
        return realm_field_name_valid(&request->named.name);
    case REALM_CONTROL_SPAWN:
        return realm_field_name_valid(&request->spawn.program) &&
               realm_field_name_optional(&request->spawn.name);
    case REALM_CONTROL_GRANT:
    case REALM_CONTROL_REVOKE_CHILD:
        return realm_field_name_valid(&request->grant.child) &&
               realm_field_name_valid(&request->grant.service);
    default:
        return true;
    }
}

#define RIGHTS_ALL                                                                                           \
    (REALM_RIGHT_SEND | REALM_RIGHT_RECV | REALM_RIGHT_MANAGE | REALM_RIGHT_READ | REALM_RIGHT_WRITE |       \
     REALM_RIGHT_EXEC | REALM_RIGHT_GRANT | REALM_RIGHT_MINT | REALM_RIGHT_REVOKE)

/* What fits together is the policy's to say; here only what no capability can have is turned away. */
static bool derive_numbers(const struct realm_control_derive *derive)
{
    return derive->mode >= REALM_COPY && derive->mode <= REALM_MOVE && (derive->rights & ~RIGHTS_ALL) == 0 &&
           (derive->header.type == REALM_CONTROL_OFFER || derive->via == 0);
}

/* Whether so many bytes are so many equal parts of whole pages. */
static bool parts_valid(uint64_t bytes, uint32_t parts)
{
    if (parts == 0 || parts > REALM_CONTROL_PARTS_MAX || bytes == 0 || bytes % parts != 0)
        return false;
    return bytes / parts % REALM_CONTROL_PAGE_BYTES == 0 && bytes / parts <= REALM_CONTROL_PART_BYTES_MAX;
}

/* Memory that can be written but not read is no mapping that a machine has. */
static bool map_rights_valid(uint32_t rights)
{
    return (rights & REALM_RIGHT_READ) && (rights & ~(REALM_RIGHT_READ | REALM_RIGHT_WRITE)) == 0;
}

static bool request_numbers(const union realm_control_request *request)
{
    switch (request->header.type) {
    case REALM_CONTROL_HELLO:
        /* REALM_WAITER_URING or REALM_WAITER_PIPE: the seam that names them stands above this folder. */
        return request->hello.waiter == 1 || request->hello.waiter == 2;
    case REALM_CONTROL_CONNECT:
        return (request->named.flags & ~REALM_CONNECT_WAIT) == 0;
    case REALM_CONTROL_REGISTER:
    case REALM_CONTROL_KILL:
        return request->named.flags == 0;
    case REALM_CONTROL_SPAWN:
        return realm_field_args_valid(request->spawn.args, request->spawn.args_count,
                                      request->spawn.args_size);
    case REALM_CONTROL_GRANT:
        return request->grant.rights == REALM_RIGHT_SEND;
    case REALM_CONTROL_REVOKE_CHILD:
        return request->grant.rights == 0;
    case REALM_CONTROL_DERIVE:
    case REALM_CONTROL_OFFER:
        return derive_numbers(&request->derive);
    case REALM_CONTROL_WITHDRAW:
    case REALM_CONTROL_TAKE:
        return request->ticket.ticket >= 1 && request->ticket.ticket <= REALM_TICKET_MAX;
    case REALM_CONTROL_GATE:
        return request->number.number < REALM_CONTROL_GATES;
    case REALM_CONTROL_LOOK:
        return request->number.number == 0;
    case REALM_CONTROL_ALLOCATE:
        return parts_valid(request->allocate.bytes, request->allocate.parts);
    case REALM_CONTROL_MAP:
        return map_rights_valid(request->map.rights);
    case REALM_CONTROL_FAULT:
        return request->fault.kind >= REALM_FAULT_CLAIM && request->fault.kind <= REALM_FAULT_UNMAPPED;
    default:
        return true;
    }
}

static int check_request(const union realm_control_request *request)
{
    if (!request_reserved(request))
        return REALM_E_PROTOCOL;
    if (!request_names(request))
        return REALM_E_BAD_NAME;
    return request_numbers(request) ? 0 : REALM_E_BAD_ARGUMENT;
}

/* --- what the broker sent --- */

static bool event_reserved(const union realm_control_event *event)
{
    switch (event->header.type) {
    case REALM_CONTROL_REPLY:
        return event->reply.reserved == 0;
    case REALM_CONTROL_WELCOME:
        return realm_field_name_reserved(&event->welcome.name);
    case REALM_CONTROL_POOL:
        return event->pool.reserved == 0;
    case REALM_CONTROL_CONNECTED:
    case REALM_CONTROL_ACCEPTED:
        return event->channel.reserved == 0;
    case REALM_CONTROL_CLOSED:
        return event->closed.reserved == 0;
    case REALM_CONTROL_CHILD:
        return realm_field_name_reserved(&event->child.name);
    case REALM_CONTROL_CAPABILITY:
        return realm_field_name_reserved(&event->capability.name);
    default:
        return true;
    }
}

static bool event_names(const union realm_control_event *event)
{
    switch (event->header.type) {
    case REALM_CONTROL_WELCOME:
        return realm_field_name_valid(&event->welcome.name);
    case REALM_CONTROL_CHILD:
        return realm_field_name_valid(&event->child.name);
    case REALM_CONTROL_CAPABILITY:
        return realm_field_name_optional(&event->capability.name);
    default:
        return true;
    }
}

static bool welcome_numbers(const struct realm_control_welcome *welcome)
{
    return welcome->realm != 0;
}

static bool pool_numbers(const struct realm_control_pool *pool)
{
    return pool->count > 0 && pool->count <= REALM_CONTROL_FDS_MAX &&
           pool->first <= UINT32_MAX - pool->count &&
           realm_field_region_bytes(pool->region_bytes, REGION_BYTES_MAX);
}

static bool channel_numbers(const struct realm_control_channel *channel)
{
    if (channel->has_hint > 1 || channel->queue_messages == 0 ||
        channel->queue_messages > REALM_CONTROL_QUEUE_MAX ||
        !realm_field_region_bytes(channel->region_bytes, REGION_BYTES_MAX))
        return false;
    if (channel->header.type == REALM_CONTROL_ACCEPTED)
        return channel->rights == 0;
    return channel->endpoint == 0 && channel->badge == 0 && (channel->rights & ~RIGHTS_ALL) == 0;
}

static bool capability_numbers(const struct realm_control_capability *capability)
{
    return capability->cookie != 0 && capability->kind >= REALM_KIND_ENDPOINT &&
           capability->kind <= REALM_KIND_GATE && (capability->rights & ~RIGHTS_ALL) == 0 &&
           capability->gate < REALM_CONTROL_GATES &&
           capability->sealed <= (capability->kind == REALM_KIND_MEMORY);
}

static bool event_numbers(const union realm_control_event *event)
{
    switch (event->header.type) {
    case REALM_CONTROL_REPLY:
        return event->reply.status >= 0 && event->reply.status <= REALM_E_INCAPABLE;
    case REALM_CONTROL_WELCOME:
        return welcome_numbers(&event->welcome);
    case REALM_CONTROL_POOL:
        return pool_numbers(&event->pool);
    case REALM_CONTROL_CONNECTED:
    case REALM_CONTROL_ACCEPTED:
        return channel_numbers(&event->channel);
    case REALM_CONTROL_CLOSED:
        return event->closed.reason >= REALM_E_PEER_DEAD && event->closed.reason <= REALM_E_PEER_FAULT;
    case REALM_CONTROL_CHILD:
        return event->child.state <= REALM_STATE_TERMINATED;
    case REALM_CONTROL_CAPABILITY:
        return capability_numbers(&event->capability);
    case REALM_CONTROL_MAPPED:
        return parts_valid(event->mapped.bytes, event->mapped.count) &&
               map_rights_valid(event->mapped.rights);
    default:
        return true;
    }
}

static int check_event(const union realm_control_event *event)
{
    if (!event_reserved(event))
        return REALM_E_PROTOCOL;
    if (!event_names(event))
        return REALM_E_BAD_NAME;
    return event_numbers(event) ? 0 : REALM_E_BAD_ARGUMENT;
}

/* --- both --- */

/* Copies the header out of a packet and checks it. On success size is the type's own. */
static int check_header(const void *packet, size_t size, enum direction direction,
                        struct realm_control_header *ret_header)
{
    struct realm_control_header header;
    if (size < sizeof header)
        return REALM_E_PROTOCOL;
    memcpy(&header, packet, sizeof header);
    const struct type_entry *entry = find_type(header.type);
    if (header.version != REALM_CONTROL_VERSION || !entry || entry->direction != direction)
        return REALM_E_PROTOCOL;
    if (header.size != entry->size || size != entry->size)
        return REALM_E_PROTOCOL;
    if (!entry->has_xid && header.xid != 0)
        return REALM_E_PROTOCOL;
    *ret_header = header;
    return 0;
}

int realm_control_decode_request(const void *packet, size_t size, union realm_control_request *ret_request)
{
    struct realm_control_header header;
    int error = check_header(packet, size, FROM_REALM, &header);
    if (error)
        return error;

    /* No byte of an earlier packet stays behind a shorter one. */
    union realm_control_request request;
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

int realm_control_decode_event(const void *packet, size_t size, union realm_control_event *ret_event)
{
    struct realm_control_header header;
    int error = check_header(packet, size, TO_REALM, &header);
    if (error)
        return error;

    union realm_control_event event;
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
