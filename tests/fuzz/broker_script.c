/*
 * Packets and commands for the broker's fuzz target.
 */
#include "tests/fuzz/broker_script.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static const char *const names[] = {
    "database", "logger", "network", "endpoint:1", "witness", "A",  "B", "C",          "D",
    "C1",       "T",      "U",       "t1",         "t2",      "u1", "*", "no service", "\xc3\xa4",
};

static void saw(struct script_seen *seen, uint64_t realm, uint64_t number)
{
    if (number == 0)
        return;
    seen->owners[seen->count % SCRIPT_SEEN] = realm;
    seen->numbers[seen->count++ % SCRIPT_SEEN] = number;
}

void script_saw(struct script *script, uint64_t realm, const union realm_control_event *packet)
{
    switch (packet->header.type) {
    case REALM_CONTROL_REPLY:
        saw(&script->values, realm, packet->reply.value);
        break;
    case REALM_CONTROL_CONNECTED:
    case REALM_CONTROL_ACCEPTED:
        saw(&script->cookies, realm, packet->channel.cookie);
        saw(&script->cookies, realm, packet->channel.endpoint);
        script->sequence = packet->channel.sequence;
        break;
    case REALM_CONTROL_CAPABILITY:
        saw(&script->cookies, realm, packet->capability.cookie);
        break;
    case REALM_CONTROL_WELCOME:
    case REALM_CONTROL_POOL:
    case REALM_CONTROL_MAPPED:
        script->sequence = packet->pool.sequence; /* the same place in each */
        break;
    default:
        break;
    }
}

/* Mostly the actor's own, now and then another's, and seldom what never was. */
static uint64_t draw_seen(struct script *script, const struct script_seen *seen, bool own)
{
    unsigned choice = draw_byte(&script->draw), there[SCRIPT_SEEN], fitting = 0;
    unsigned count = seen->count < SCRIPT_SEEN ? seen->count : SCRIPT_SEEN;
    if (choice >= 252)
        return choice == 252 ? 0 : draw_wide(&script->draw);
    for (unsigned i = 0; i < count; i++)
        if (!own || choice >= 240 || seen->owners[i] == script->actor)
            there[fitting++] = i;
    return fitting > 0 ? seen->numbers[there[choice % fitting]] : choice;
}

/* A cookie comes with a channel or capability, or, an endpoint's, as the value of a reply. */
static uint64_t draw_cookie(struct script *script)
{
    return draw_seen(script, draw_chance(&script->draw, 64) ? &script->values : &script->cookies, true);
}

static const char *draw_name(struct script *script)
{
    return names[draw_below(&script->draw, COUNT(names))];
}

static uint32_t draw_rights(struct script *script)
{
    static const uint32_t likely[] = {REALM_RIGHT_SEND, REALM_RIGHT_SEND | REALM_RIGHT_GRANT,
                                      REALM_RIGHT_SEND | REALM_RIGHT_GRANT | REALM_RIGHT_MINT |
                                          REALM_RIGHT_REVOKE};
    unsigned choice = draw_byte(&script->draw);
    return choice < 192 ? likely[choice % COUNT(likely)] : (uint32_t)draw_wide(&script->draw) >> choice % 32;
}

size_t script_bytes(struct script *script, uint8_t *ret_bytes, size_t limit)
{
    size_t size = draw_byte(&script->draw) * (draw_chance(&script->draw, 16) ? 16u : 1u);
    if (size > limit)
        size = limit;
    for (size_t i = 0; i < size; i++)
        ret_bytes[i] = (uint8_t)draw_byte(&script->draw);
    return size;
}

static void fill_name(struct script *script, struct realm_control_name *ret_name)
{
    const char *name = draw_name(script);
    (void)realm_control_name_init(ret_name, name, strlen(name));
}

static void fill_spawn(struct script *script, struct realm_control_spawn *packet)
{
    fill_name(script, &packet->program);
    if (draw_chance(&script->draw, 192))
        fill_name(script, &packet->name);
    packet->args_count = (uint16_t)draw_below(&script->draw, 4);
    for (unsigned i = 0; i < packet->args_count; i++) {
        packet->args[packet->args_size++] = 'a';
        packet->args[packet->args_size++] = 0;
    }
}

static void fill_derive(struct script *script, struct realm_control_derive *packet)
{
    packet->source = draw_cookie(script);
    if (packet->header.type == REALM_CONTROL_OFFER)
        packet->via = draw_cookie(script);
    packet->mode = 1 + draw_below(&script->draw, 3);
    packet->rights = packet->mode == 3 && draw_chance(&script->draw, 200) ? 0 : draw_rights(script);
    if (packet->mode == 2)
        packet->badge = draw_chance(&script->draw, 200) ? 7 : draw_wide(&script->draw);
    if (draw_chance(&script->draw, 24)) {
        packet->offset = 4096u * draw_below(&script->draw, 3);
        packet->bytes = draw_chance(&script->draw, 200) ? 4096 : draw_wide(&script->draw);
    }
}

static void fill(struct script *script, union realm_control_request *packet, size_t size)
{
    switch (packet->header.type) {
    case REALM_CONTROL_HELLO:
        packet->hello.waiter = 1 + draw_below(&script->draw, 3);
        break;
    case REALM_CONTROL_REGISTER:
    case REALM_CONTROL_CONNECT:
    case REALM_CONTROL_KILL:
        packet->named.flags = packet->header.type == REALM_CONTROL_CONNECT && draw_chance(&script->draw, 64);
        fill_name(script, &packet->named.name);
        break;
    case REALM_CONTROL_UNREGISTER:
    case REALM_CONTROL_DISCONNECT:
    case REALM_CONTROL_REVOKE:
    case REALM_CONTROL_DELETE:
    case REALM_CONTROL_HELD:
    case REALM_CONTROL_SEAL:
        packet->cookie.cookie = draw_cookie(script);
        break;
    case REALM_CONTROL_ALLOCATE:
        packet->allocate.parts = draw_chance(&script->draw, 200) ? 1 + draw_below(&script->draw, 3) : 9;
        packet->allocate.bytes = draw_chance(&script->draw, 240) ? UINT64_C(4096) * packet->allocate.parts
                                                                 : draw_wide(&script->draw);
        break;
    case REALM_CONTROL_MAP:
        packet->map.cookie = draw_cookie(script);
        packet->map.rights = draw_chance(&script->draw, 24)    ? draw_rights(script)
                             : draw_chance(&script->draw, 128) ? REALM_RIGHT_READ
                                                               : REALM_RIGHT_READ | REALM_RIGHT_WRITE;
        break;
    case REALM_CONTROL_SPAWN:
        fill_spawn(script, &packet->spawn);
        break;
    case REALM_CONTROL_GRANT:
    case REALM_CONTROL_REVOKE_CHILD:
        fill_name(script, &packet->grant.child);
        fill_name(script, &packet->grant.service);
        packet->grant.rights = packet->header.type == REALM_CONTROL_GRANT ? 1 : 0;
        break;
    case REALM_CONTROL_ACK:
        packet->ack.sequence = script->sequence + draw_below(&script->draw, 2);
        break;
    case REALM_CONTROL_FAULT:
        packet->fault.cookie = draw_cookie(script);
        packet->fault.kind = 1 + draw_below(&script->draw, 3);
        break;
    case REALM_CONTROL_DERIVE:
    case REALM_CONTROL_OFFER:
        fill_derive(script, &packet->derive);
        break;
    case REALM_CONTROL_WITHDRAW:
    case REALM_CONTROL_TAKE:
        packet->ticket.via = draw_cookie(script);
        packet->ticket.ticket = (uint32_t)draw_seen(script, &script->values, false) & REALM_TICKET_MAX;
        break;
    case REALM_CONTROL_GATE:
        packet->number.number = draw_below(&script->draw, 4);
        break;
    case REALM_CONTROL_LOOK:
    case REALM_CONTROL_CREATE:
        break;
    default: /* no field that wants a choice */
        (void)script_bytes(script, (uint8_t *)packet + sizeof packet->header, size - sizeof packet->header);
        break;
    }
}

size_t script_packet(struct script *script, uint8_t ret_packet[REALM_CONTROL_SIZE_MAX])
{
    union realm_control_request packet;
    uint16_t type = (uint16_t)(1 + draw_below(&script->draw, REALM_CONTROL_REPLY - 1));
    while (realm_control_size(type) == 0) /* not all numbers are types; 2 is one */
        type = type > 3 ? type / 2 : 2;
    if (type == REALM_CONTROL_HELLO && draw_chance(&script->draw, 224)) /* twice is an offence */
        type = REALM_CONTROL_CONNECT;
    memset(&packet, 0, sizeof packet);
    bool silent = type == REALM_CONTROL_ACK || type == REALM_CONTROL_FAULT || type == REALM_CONTROL_STATS;
    realm_control_header_init(&packet.header, (enum realm_control_type)type, silent ? 0 : ++script->xid);
    size_t size = packet.header.size;
    fill(script, &packet, size);
    memcpy(ret_packet, &packet, size);
    if (draw_chance(&script->draw, 12))
        ret_packet[draw_wide(&script->draw) % size] ^= (uint8_t)(1u << draw_below(&script->draw, 8));
    return size;
}

static json_t *draw_value(struct script *script)
{
    switch (draw_below(&script->draw, 5)) {
    case 0:
        return json_true();
    case 1:
        return json_integer((json_int_t)draw_wide(&script->draw));
    case 2:
        return json_integer((json_int_t)1 << draw_below(&script->draw, 63));
    case 3:
        return json_pack("[s, i]", draw_name(script), 1);
    default:
        return json_string("17");
    }
}

static json_t *draw_argument(struct script *script, const char *key)
{
    static const char *const rights[] = {"send", "grant", "mint", "revoke", "fly"};
    if (draw_chance(&script->draw, 12))
        return draw_value(script);
    if (strcmp(key, "right") == 0)
        return json_string(rights[draw_below(&script->draw, COUNT(rights))]);
    if (strcmp(key, "number") == 0)
        return json_sprintf("%u", draw_below(&script->draw, 16));
    if (strcmp(key, "memory") == 0)
        return json_integer((json_int_t)1 << (20 + draw_below(&script->draw, 24)));
    if (strcmp(key, "args") == 0)
        return json_pack("[s, s]", draw_name(script), "");
    if (strcmp(key, "follow") == 0)
        return json_true();
    return json_string(draw_name(script));
}

json_t *script_command(struct script *script)
{
    static const struct {
        const char *name, *keys[3];
    } commands[] = {
        {"ps", {0}},
        {"services", {0}},
        {"channels", {0}},
        {"caps", {0}},
        {"rules", {0}},
        {"counts", {0}},
        {"explain", {"realm", "service", "right"}},
        {"explain", {"realm", "service"}},
        {"decision", {"number"}},
        {"spawn", {"realm", "name", "args"}},
        {"spawn", {"realm"}},
        {"kill", {"realm"}},
        {"limit", {"realm", "memory"}},
        {"revoke", {"realm", "service"}},
        {"logs", {"realm"}},
        {"logs", {"realm", "follow"}},
        {"logs", {0}},
        {"stop", {0}},
    };
    unsigned which = draw_below(&script->draw, COUNT(commands));
    json_t *object = json_pack("{s:s}", "command", commands[which].name);
    for (unsigned i = 0; i < COUNT(commands[0].keys) && commands[which].keys[i]; i++)
        if (draw_chance(&script->draw, 244))
            json_object_set_new(object, commands[which].keys[i],
                                draw_argument(script, commands[which].keys[i]));
    if (draw_chance(&script->draw, 8))
        json_object_set_new(object, draw_name(script), draw_value(script));
    return object;
}
