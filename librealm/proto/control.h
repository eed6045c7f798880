/*
 * The control protocol: what a realm and the Memory Manager's broker say to each other.
 *
 * It runs over the realm's control socket (SOCK_SEQPACKET, descriptor 3), one struct a packet, in the
 * machine's own byte order: both ends are on one machine and built from this file. Every struct has a
 * fixed size and no hole; a packet of any other size, version or type, with a reserved field that is not
 * zero, or with a name that is not well formed, is refused whole, before anything acts on it.
 *
 * A realm's identity is the socket that its request came in on: no request carries one.
 *
 * Descriptors travel only from the broker to the realm, at most one packet with descriptors in flight for
 * each realm: such a packet carries a sequence number, and the next is sent when the realm has answered
 * ACK with it, that is, has mapped and closed what it was sent (descriptors in flight count per user).
 *
 * This file is pure: it declares layouts and checks them. docs/control-protocol.md tells the whole story.
 */
#ifndef REALM_PROTO_CONTROL_H
#define REALM_PROTO_CONTROL_H

#include <stddef.h>
#include <stdint.h>

#include <realm/types.h>

#define REALM_CONTROL_VERSION  1u
#define REALM_CONTROL_FD       3 /* where a realm finds its control socket */
#define REALM_CONTROL_SIZE_MAX 4096u
#define REALM_CONTROL_FDS_MAX  8u /* descriptors in one packet */
#define REALM_SPAWN_ARGS_MAX   64u
#define REALM_SPAWN_ARGS_BYTES 2048u

enum realm_control_type {
    /* from the realm */
    REALM_CONTROL_HELLO = 1,    /* struct realm_control_hello      → WELCOME, or REPLY with an error */
    REALM_CONTROL_REGISTER = 2, /* struct realm_control_named      → REPLY, value: the endpoint's cookie */
    REALM_CONTROL_UNREGISTER = 3, /* struct realm_control_cookie     → REPLY */
    REALM_CONTROL_CONNECT = 4,    /* struct realm_control_named      → CONNECTED, or REPLY with an error */
    REALM_CONTROL_DISCONNECT = 5, /* struct realm_control_cookie     → REPLY */
    REALM_CONTROL_SPAWN = 6,      /* struct realm_control_spawn      → REPLY, value: the child's id */
    REALM_CONTROL_KILL = 7,       /* struct realm_control_named      → REPLY */
    REALM_CONTROL_GRANT = 8,      /* struct realm_control_grant      → REPLY */
    REALM_CONTROL_ACK = 9,        /* struct realm_control_ack        no reply */
    REALM_CONTROL_FAULT = 10,     /* struct realm_control_fault      no reply; the channel is closed */
    REALM_CONTROL_STATS = 11,     /* struct realm_control_stats      no reply */
    REALM_CONTROL_DERIVE = 12,    /* struct realm_control_derive     → CAPABILITY or CONNECTED, or REPLY */
    REALM_CONTROL_OFFER = 13,     /* struct realm_control_derive     → REPLY, value: the ticket */
    REALM_CONTROL_WITHDRAW = 14,  /* struct realm_control_ticket     → REPLY */
    REALM_CONTROL_TAKE = 15,      /* struct realm_control_ticket     → CAPABILITY or CONNECTED, or REPLY */
    REALM_CONTROL_REVOKE = 16,    /* struct realm_control_cookie     → REPLY, once nothing of it is left */
    REALM_CONTROL_REVOKE_CHILD = 17, /* struct realm_control_grant   → REPLY, the same */
    REALM_CONTROL_DELETE = 18,       /* struct realm_control_cookie  → REPLY, the same */
    REALM_CONTROL_CREATE = 19,       /* struct realm_control_header  → CAPABILITY: an anonymous endpoint */
    REALM_CONTROL_HELD = 20,         /* struct realm_control_cookie  → CAPABILITY: the next, or REPLY */
    REALM_CONTROL_GATE = 21,         /* struct realm_control_number  → REPLY */
    REALM_CONTROL_LOOK = 22,         /* struct realm_control_number  → REPLY */
    REALM_CONTROL_ALLOCATE = 23,     /* struct realm_control_allocate → CAPABILITY, or REPLY */
    REALM_CONTROL_MAP = 24,          /* struct realm_control_map      → MAPPED, or REPLY */
    REALM_CONTROL_SEAL = 25,         /* struct realm_control_cookie  → REPLY, once nobody can write it */
    /* to the realm */
    REALM_CONTROL_REPLY = 128,      /* struct realm_control_reply */
    REALM_CONTROL_WELCOME = 129,    /* struct realm_control_welcome    + control page (read-only) */
    REALM_CONTROL_POOL = 130,       /* struct realm_control_pool       + `count` regions (read-write) */
    REALM_CONTROL_CONNECTED = 131,  /* struct realm_control_channel    + peer's region (read-only) [+ hint] */
    REALM_CONTROL_ACCEPTED = 132,   /* struct realm_control_channel    + peer's region (read-only) [+ hint] */
    REALM_CONTROL_CLOSED = 133,     /* struct realm_control_closed     a channel ended, and why */
    REALM_CONTROL_CHILD = 134,      /* struct realm_control_child      a child changed state */
    REALM_CONTROL_STOP = 135,       /* struct realm_control_header     clean up and exit */
    REALM_CONTROL_QUERY = 136,      /* struct realm_control_header     send STATS when convenient */
    REALM_CONTROL_CAPABILITY = 137, /* struct realm_control_capability: one that is no channel */
    REALM_CONTROL_MAPPED = 138,     /* struct realm_control_mapped     + `count` parts of memory */
};

struct realm_control_header {
    uint16_t version; /* REALM_CONTROL_VERSION */
    uint16_t type;
    uint32_t size; /* of the whole packet */
    uint64_t xid;  /* chosen by the asker, returned in the answer; 0 where no answer is due */
};
_Static_assert(sizeof(struct realm_control_header) == 16, "layout");

/* A name: UTF-8, 1 to REALM_NAME_MAX bytes, no control characters; the rest of text is zero. */
struct realm_control_name {
    uint16_t size;
    uint8_t text[REALM_NAME_MAX + 1];
    uint8_t reserved[6];
};
_Static_assert(sizeof(struct realm_control_name) == 264, "layout");

struct realm_control_hello {
    struct realm_control_header header;
    uint32_t waiter; /* enum realm_waiter_kind that this realm's loop uses: uring or pipe */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_hello) == 24, "layout");

/* REGISTER: a service; CONNECT: a service; KILL: a child. */
struct realm_control_named {
    struct realm_control_header header;
    uint32_t flags; /* CONNECT: REALM_CONNECT_WAIT */
    uint32_t reserved;
    struct realm_control_name name;
};
_Static_assert(sizeof(struct realm_control_named) == 288, "layout");
#define REALM_CONNECT_WAIT UINT32_C(1) /* allowed but not registered yet: answer when it is */

/* UNREGISTER: an endpoint; DISCONNECT: a channel; REVOKE, DELETE: any capability; SEAL: a root of memory;
 * HELD: the last told, or 0. */
struct realm_control_cookie {
    struct realm_control_header header;
    uint64_t cookie;
};
_Static_assert(sizeof(struct realm_control_cookie) == 24, "layout");

struct realm_control_spawn {
    struct realm_control_header header;
    struct realm_control_name program;
    struct realm_control_name name; /* size 0: the declaration's own */
    uint16_t args_count;            /* at most REALM_SPAWN_ARGS_MAX */
    uint16_t args_size;             /* bytes used in args: args_count strings, each ended by a NUL */
    uint32_t reserved;
    uint8_t args[REALM_SPAWN_ARGS_BYTES];
};
_Static_assert(sizeof(struct realm_control_spawn) == 2600, "layout");

struct realm_control_grant {
    struct realm_control_header header;
    struct realm_control_name child;
    struct realm_control_name service;
    uint32_t rights; /* GRANT: REALM_RIGHT_SEND, for now the only one that can be granted; REVOKE_CHILD: 0 */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_grant) == 552, "layout");

struct realm_control_ack {
    struct realm_control_header header;
    uint64_t sequence; /* of the packet whose descriptors are mapped and closed */
};
_Static_assert(sizeof(struct realm_control_ack) == 24, "layout");

struct realm_control_fault {
    struct realm_control_header header;
    uint64_t cookie; /* the channel whose peer made an impossible claim or woke without end */
    uint32_t kind;   /* enum realm_fault_kind */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_fault) == 32, "layout");

enum realm_fault_kind {
    REALM_FAULT_CLAIM = 1,    /* an impossible cursor, length or kind in its region */
    REALM_FAULT_WAKES = 2,    /* spurious wakes above the limit */
    REALM_FAULT_UNMAPPED = 3, /* the region that came could not be mapped */
};

/* DERIVE: for the asker itself; OFFER: for the realm at the other end of a channel. */
struct realm_control_derive {
    struct realm_control_header header;
    uint64_t source;        /* cookie of what it is derived from */
    uint64_t via;           /* OFFER: cookie of the own end of a channel; DERIVE: 0 */
    uint64_t badge;         /* MINT: the number chosen; else 0 */
    uint64_t offset, bytes; /* memory: the window; else 0 */
    uint32_t rights;        /* of the new one; MOVE: 0 */
    uint32_t mode;          /* enum realm_derivation */
};
_Static_assert(sizeof(struct realm_control_derive) == 64, "layout");

/* WITHDRAW: of an own offer; TAKE: of the other end's. */
struct realm_control_ticket {
    struct realm_control_header header;
    uint64_t via;    /* cookie of the own end of the channel */
    uint32_t ticket; /* 1 to REALM_TICKET_MAX */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_ticket) == 32, "layout");
#define REALM_TICKET_MAX UINT32_C(0x7fffffff)

struct realm_control_number {
    struct realm_control_header header;
    uint32_t number; /* GATE: below 64; LOOK: 0 */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_number) == 24, "layout");
#define REALM_CONTROL_GATES 64u

/* Memory of so many bytes in so many parts of one size, each whole pages and at most 1 MiB. */
struct realm_control_allocate {
    struct realm_control_header header;
    uint64_t bytes;
    uint32_t parts; /* 1 to REALM_CONTROL_PARTS_MAX */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_allocate) == 32, "layout");
#define REALM_CONTROL_PARTS_MAX      8u
#define REALM_CONTROL_PART_BYTES_MAX (1024u * 1024u)
#define REALM_CONTROL_PAGE_BYTES     4096u

struct realm_control_map {
    struct realm_control_header header;
    uint64_t cookie; /* of memory */
    uint32_t rights; /* REALM_RIGHT_READ, with or without REALM_RIGHT_WRITE */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_map) == 32, "layout");

struct realm_control_stats {
    struct realm_control_header header;
    uint64_t heap_allocated; /* jemalloc stats.allocated, in bytes; 0 where the allocator is another */
    uint64_t heap_active;
    uint64_t heap_resident;
    uint64_t heap_mapped;
    uint64_t requests; /* received by this realm's endpoints since it started */
    uint64_t calls;    /* made by it */
    uint64_t spurious_wakes;
    uint64_t lost_wakes;   /* waits that timed out although the ring had data: a bug, counted */
    uint64_t late_replies; /* dropped: their calls had given up */
};
_Static_assert(sizeof(struct realm_control_stats) == 88, "layout");

struct realm_control_reply {
    struct realm_control_header header; /* xid of the request */
    int32_t status;                     /* 0 or REALM_E_* */
    uint32_t reserved;
    uint64_t value;
    uint64_t decision; /* its number among this realm's own, or 0 */
};
_Static_assert(sizeof(struct realm_control_reply) == 40, "layout");

struct realm_control_welcome {
    struct realm_control_header header;
    uint64_t sequence;
    uint64_t realm; /* struct realm_id */
    struct realm_control_name name;
};
_Static_assert(sizeof(struct realm_control_welcome) == 296, "layout");

/* Regions of the realm's own, to be mapped read-write and then acknowledged; then the broker seals them. */
struct realm_control_pool {
    struct realm_control_header header;
    uint64_t sequence;
    uint32_t first; /* number of the first region; the others follow on */
    uint32_t count;
    uint32_t region_bytes; /* of each */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_pool) == 40, "layout");

struct realm_control_channel {
    struct realm_control_header header; /* CONNECTED: xid of the request; ACCEPTED: 0 */
    uint64_t sequence;
    uint64_t cookie;         /* names this end of the channel to the broker; the other end has another */
    uint64_t endpoint;       /* ACCEPTED: cookie of the endpoint; CONNECTED: 0 */
    uint64_t peer;           /* struct realm_id of the other realm */
    uint64_t badge;          /* ACCEPTED: of the capability; CONNECTED: 0 */
    uint32_t region;         /* number of the own pool region that this channel takes */
    uint32_t slot;           /* the own dense number of this end (hints that come in carry it) */
    uint32_t peer_slot;      /* the peer's number of its end: what to write into its hint pipe */
    uint32_t has_hint;       /* 1: a second descriptor follows, the write end of the peer's hint pipe */
    uint32_t region_bytes;   /* of both regions */
    uint32_t queue_messages; /* limit of each queue, 1 to REALM_CONTROL_QUEUE_MAX */
    uint32_t rights;         /* CONNECTED: of the send capability behind it; ACCEPTED: 0 */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_channel) == 88, "layout");
#define REALM_CONTROL_QUEUE_MAX UINT32_C(4096)

struct realm_control_closed {
    struct realm_control_header header;
    uint64_t cookie;
    int32_t reason; /* REALM_E_PEER_DEAD, REALM_E_REVOKED, REALM_E_PEER_FAULT */
    uint32_t reserved;
};
_Static_assert(sizeof(struct realm_control_closed) == 32, "layout");

struct realm_control_capability {
    struct realm_control_header header;
    uint64_t cookie;
    uint64_t badge;         /* of a send; else 0 */
    uint64_t offset, bytes; /* memory: its window; else 0 */
    uint32_t kind;          /* enum realm_kind */
    uint32_t rights;
    uint32_t gate;                  /* gate: its number; else 0 */
    uint32_t sealed;                /* memory: 1: nobody writes it any more; else 0 */
    struct realm_control_name name; /* of the service or realm it is about; size 0: none */
};
_Static_assert(sizeof(struct realm_control_capability) == 328, "layout");

/* The window of a memory capability: its parts in their order, read-only without REALM_RIGHT_WRITE. */
struct realm_control_mapped {
    struct realm_control_header header;
    uint64_t sequence;
    uint64_t bytes;  /* of all parts together */
    uint32_t count;  /* of parts, 1 to REALM_CONTROL_PARTS_MAX */
    uint32_t rights; /* as asked for */
};
_Static_assert(sizeof(struct realm_control_mapped) == 40, "layout");

enum realm_state {
    REALM_STATE_DORMANT = 0, /* declared, not started */
    REALM_STATE_RUNNING = 1,
    REALM_STATE_TERMINATED = 2,
};

struct realm_control_child {
    struct realm_control_header header;
    uint64_t child;      /* struct realm_id */
    uint32_t state;      /* enum realm_state */
    int32_t wait_status; /* as of waitpid, once TERMINATED */
    struct realm_control_name name;
};
_Static_assert(sizeof(struct realm_control_child) == 296, "layout");

/*
 * The control page: one page a realm, written only by the broker, mapped read-only by the realm. The
 * epoch changes whenever a packet that must be seen at once waits on the control socket; every futex wait
 * of the realm includes it. So a blocked call ends without the peer's help. A revocation sets the slot's bit
 * before the epoch changes and before the memory goes: whoever finds the memory gone finds the bit. So does
 * the end of a peer, with a bit of its own. Both are cleared before another channel gets the slot.
 */
#define REALM_CONTROL_SLOTS                                                                                  \
    4096u /* ends of channels that a realm can have: its slots are smaller numbers                           \
           */
struct realm_control_page {
    uint32_t epoch;
    uint32_t revocations; /* counts the bits that were set */
    uint32_t reserved[14];
    uint32_t revoked[REALM_CONTROL_SLOTS / 32u]; /* a bit a slot: the channel of this end was revoked */
    uint32_t dead[REALM_CONTROL_SLOTS / 32u];    /* a bit a slot: its peer has ended, or disconnected */
};
_Static_assert(sizeof(struct realm_control_page) == 1088, "layout");

/* Any packet from a realm, decoded. Names are NUL-terminated in their structs. */
union realm_control_request {
    struct realm_control_header header;
    struct realm_control_hello hello;
    struct realm_control_named named;
    struct realm_control_cookie cookie;
    struct realm_control_spawn spawn;
    struct realm_control_grant grant;
    struct realm_control_ack ack;
    struct realm_control_fault fault;
    struct realm_control_stats stats;
    struct realm_control_derive derive;
    struct realm_control_ticket ticket;
    struct realm_control_number number;
    struct realm_control_allocate allocate;
    struct realm_control_map map;
};

/* Any packet from the broker, decoded. */
union realm_control_event {
    struct realm_control_header header;
    struct realm_control_reply reply;
    struct realm_control_welcome welcome;
    struct realm_control_pool pool;
    struct realm_control_channel channel;
    struct realm_control_closed closed;
    struct realm_control_child child;
    struct realm_control_capability capability;
    struct realm_control_mapped mapped;
};

/*
 * Checks a packet that a realm sent and copies it out. The packet is hostile; the copy is well formed: the
 * size is the type's, reserved fields are zero, names are valid and padded with zeros, counts are in range.
 *
 * Return: 0; REALM_E_PROTOCOL: wrong version, size or type, or a reserved field in use: answer so and
 * close; REALM_E_BAD_NAME, REALM_E_BAD_ARGUMENT: a field out of range: answer so, *ret_request then holds
 * a valid header and nothing else. The cost is bounded by REALM_CONTROL_SIZE_MAX.
 */
int realm_control_decode_request(const void *packet, size_t size, union realm_control_request *ret_request);

/* The same for a packet that the broker sent. The realm trusts the broker, but not its version. */
int realm_control_decode_event(const void *packet, size_t size, union realm_control_event *ret_event);

/* The exact size of a packet of this type, or 0 for an unknown type. */
size_t realm_control_size(uint16_t type);

/* Fills in a header for a packet of this type, which must be a known one. */
void realm_control_header_init(struct realm_control_header *header, enum realm_control_type type,
                               uint64_t xid);

/* text may be hostile: 0, or REALM_E_BAD_NAME. On success *ret_name is padded with zeros. */
int realm_control_name_init(struct realm_control_name *ret_name, const char *text, size_t size);

/* A short word for the log, such as "connect"; "?" for an unknown type. */
const char *realm_control_type_name(uint16_t type);

#endif
