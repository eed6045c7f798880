/*
 * A script for the broker: bytes that say what hostile realms and an administrator's clients do, step by
 * step. Each choice takes a byte; when the bytes are used up, each choice is the first. Where a field has
 * sense only if it names something that is there (a cookie, a ticket, a realm), it is mostly chosen among
 * what was seen, so that a few bytes get deep into the broker; the rest of the time it is anything.
 */
#ifndef TESTS_FUZZ_BROKER_SCRIPT_H
#define TESTS_FUZZ_BROKER_SCRIPT_H

#include <stdint.h>

#include <jansson.h>

#include "librealm/proto/control.h"
#include "tools/fuzz/draw.h"

#define SCRIPT_SEEN 32u

/* What the realms were told, the newest last, and which of them; full means that the oldest goes. */
struct script_seen {
    uint64_t numbers[SCRIPT_SEEN], owners[SCRIPT_SEEN];
    unsigned count;
};

struct script {
    struct draw draw;
    struct script_seen cookies, values; /* values: of replies (cookies, tickets, ids) */
    uint64_t sequence;                  /* of the last packet with descriptors */
    uint64_t xid, actor;                /* id of the realm that speaks */
};

/* A realm was sent this. */
void script_saw(struct script *script, uint64_t realm, const union realm_control_event *packet);

/* A request of any type, nearly always with fields that the decoder takes. Return: its size. */
size_t script_packet(struct script *script, uint8_t ret_packet[REALM_CONTROL_SIZE_MAX]);

/* Bytes of the script as they are. Return: how many. */
size_t script_bytes(struct script *script, uint8_t *ret_bytes, size_t limit);

/* A command for the admin socket, mostly with the arguments that it takes. The caller frees it. */
json_t *script_command(struct script *script);

#endif
