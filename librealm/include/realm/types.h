/*
 * Limits, units and ids that the public interface shares.
 *
 * Time is in nanoseconds. A timeout is relative and is counted from the moment the operation first finds
 * that it has to wait, so an operation that need not wait never reads the clock.
 */
#ifndef REALM_TYPES_H
#define REALM_TYPES_H

#include <stdint.h>

#define REALM_NAME_MAX    255u  /* bytes of a service or realm name, without a terminator */
#define REALM_PAYLOAD_MAX 4096u /* bytes of one inline message (Anos: one page) */

#define REALM_POLL    UINT64_C(0) /* timeout: look once, never sleep */
#define REALM_FOREVER UINT64_MAX  /* timeout: until it happens, the peer dies, or the realm is stopped */
#define REALM_MSEC    UINT64_C(1000000)
#define REALM_SEC     UINT64_C(1000000000)

/* Rights of a capability (HNX; ORIGINS.md). They are only ever removed along a derivation, never added. */
#define REALM_RIGHT_SEND   UINT32_C(1)
#define REALM_RIGHT_RECV   UINT32_C(2)
#define REALM_RIGHT_MANAGE UINT32_C(4)
#define REALM_RIGHT_READ   UINT32_C(8)
#define REALM_RIGHT_WRITE  UINT32_C(16)
#define REALM_RIGHT_EXEC   UINT32_C(32)
#define REALM_RIGHT_GRANT  UINT32_C(64)  /* give it, or what is derived from it, to another realm */
#define REALM_RIGHT_MINT   UINT32_C(128) /* derive a send capability with a badge of one's own choice */
#define REALM_RIGHT_REVOKE UINT32_C(256) /* remove everything that was derived from it */

/*
 * How urgent a message is (HNX). A service takes the most urgent first, whoever sent it; REALM_NORMAL is
 * what calls and sends have that say nothing else.
 */
enum realm_priority { REALM_LOW = 0, REALM_NORMAL = 1, REALM_HIGH = 2, REALM_CRITICAL = 3 };

/* What a capability is (docs/design/capabilities.md, 1). */
enum realm_kind {
    REALM_KIND_ENDPOINT = 1, /* receives */
    REALM_KIND_SEND,         /* calls: a channel */
    REALM_KIND_MEMORY,       /* a window of memory */
    REALM_KIND_REALM,        /* a running realm */
    REALM_KIND_NAME,         /* the right to register a declared service */
    REALM_KIND_DEBUG,        /* looking at others */
    REALM_KIND_GATE,         /* a numbered call (Anos) */
};

/* How a capability is made from another one. */
enum realm_derivation {
    REALM_COPY = 1, /* a copy of an endpoint is a send with a badge of its own; else kind and badge stay */
    REALM_MINT,     /* of an endpoint or a send: a send with a badge that the maker chooses */
    REALM_MOVE,     /* nothing new: it changes its holder */
};

/* A capability that came with a message, for realm_take (capability.h); number 0: none came. */
struct realm_ticket {
    uint64_t via; /* the own end of the channel */
    uint32_t number;
};

/* A realm as its peers see it: assigned by the Memory Manager, never reused. 0 is nobody, 1 is init. */
struct realm_id {
    uint64_t value;
};

#endif
