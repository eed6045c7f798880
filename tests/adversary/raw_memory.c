/*
 * Asking for memory, raw: what comes is kept, and nothing is closed.
 */
#include <string.h>

#include "tests/adversary/raw.h"

const char *raw_status_word(int status)
{
    static const char *const words[] = {
        "allowed",     "DENIED",   "NO_SERVICE",  "EXISTS",       "BAD_NAME",   "TIMEOUT",
        "QUEUE_FULL",  "TOO_BIG",  "PEER_DEAD",   "REVOKED",      "PEER_FAULT", "MM_GONE",
        "STALE",       "LIMIT",    "WOULD_BLOCK", "BAD_ARGUMENT", "SHORT",      "NOT_CHILD",
        "NOT_STARTED", "PROTOCOL", "STOPPED",     "INCAPABLE"};
    return status >= 0 && (size_t)status < sizeof words / sizeof *words ? words[status] : "another status";
}

/* Of what was asked last: CAPABILITY, MAPPED and REPLY are answers; what else comes is not waited for. */
static int answer(void)
{
    for (;;) {
        raw_await_any();
        if (raw_in.header.type == REALM_CONTROL_REPLY)
            return raw_in.reply.status;
        if (raw_in.header.type == REALM_CONTROL_CAPABILITY || raw_in.header.type == REALM_CONTROL_MAPPED)
            return 0;
    }
}

static int answer_with_cookie(uint64_t *ret_cookie)
{
    int status = answer();
    if (status == 0 && ret_cookie)
        *ret_cookie = raw_in.capability.cookie;
    return status;
}

int raw_allocate(uint64_t bytes, uint32_t parts, uint64_t *ret_cookie)
{
    struct realm_control_allocate packet = {.bytes = bytes, .parts = parts};
    raw_header(&packet.header, REALM_CONTROL_ALLOCATE, sizeof packet);
    raw_send(&packet, sizeof packet);
    return answer_with_cookie(ret_cookie);
}

static struct realm_control_derive derivation(unsigned type, uint64_t source, uint64_t offset, uint64_t bytes,
                                              uint32_t rights)
{
    struct realm_control_derive packet = {
        .source = source,
        .offset = offset,
        .bytes = rights ? bytes : 0,
        .rights = rights,
        .mode = rights ? REALM_COPY : REALM_MOVE,
    };
    raw_header(&packet.header, type, sizeof packet);
    return packet;
}

int raw_derive(uint64_t source, uint64_t offset, uint64_t bytes, uint32_t rights, uint64_t *ret_cookie)
{
    struct realm_control_derive packet = derivation(REALM_CONTROL_DERIVE, source, offset, bytes, rights);
    raw_send(&packet, sizeof packet);
    return answer_with_cookie(ret_cookie);
}

int raw_offer(uint64_t via, uint64_t source, uint64_t bytes, uint32_t rights, uint32_t *ret_ticket)
{
    struct realm_control_derive packet = derivation(REALM_CONTROL_OFFER, source, 0, bytes, rights);
    packet.via = via;
    raw_send(&packet, sizeof packet);
    int status = answer();
    if (status == 0)
        *ret_ticket = (uint32_t)raw_in.reply.value;
    return status;
}

int raw_redeem(uint64_t via, uint32_t ticket, uint64_t *ret_cookie)
{
    struct realm_control_ticket packet = {.via = via, .ticket = ticket};
    raw_header(&packet.header, REALM_CONTROL_TAKE, sizeof packet);
    raw_send(&packet, sizeof packet);
    return answer_with_cookie(ret_cookie);
}

int raw_map(uint64_t cookie, uint32_t rights)
{
    struct realm_control_map packet = {.cookie = cookie, .rights = rights};
    raw_header(&packet.header, REALM_CONTROL_MAP, sizeof packet);
    raw_send(&packet, sizeof packet);
    int status = answer();
    if (status == 0)
        raw_ack(raw_in.mapped.sequence);
    return status;
}

int raw_dispose(unsigned type, uint64_t cookie)
{
    raw_cookie(type, cookie);
    return answer();
}
