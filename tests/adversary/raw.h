/*
 * The control protocol and the ring as a realm speaks them that does without librealm: nothing is checked
 * that an attacker would not check, and every step can be done wrongly, out of order or not at all.
 *
 * Where the Memory Manager does something that no attack can go on from, the realm says so as its outcome
 * and ends.
 */
#ifndef TESTS_ADVERSARY_RAW_H
#define TESTS_ADVERSARY_RAW_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "librealm/proto/control.h"
#include "librealm/ring/ring.h"

#define RAW_REGIONS_MAX 1024u

/* The packet received last, and the descriptors that came with it. */
union raw_packet {
    struct realm_control_header header;
    struct realm_control_reply reply;
    struct realm_control_welcome welcome;
    struct realm_control_pool pool;
    struct realm_control_channel channel;
    struct realm_control_closed closed;
    struct realm_control_capability capability;
    struct realm_control_mapped mapped;
    char bytes[REALM_CONTROL_SIZE_MAX];
};
extern union raw_packet raw_in;
extern int raw_fds[16];
extern unsigned raw_fds_count;

/* A region of the realm's own, as it came. */
struct raw_region {
    uint32_t number;
    int fd; /* writable; never closed */
    struct realm_region *memory;
};
extern struct raw_region raw_regions[RAW_REGIONS_MAX];
extern unsigned raw_regions_count;

/* One end of a channel. */
struct raw_channel {
    struct realm_control_channel packet;
    struct realm_region *own;
    int own_fd;
    const struct realm_region *peer;
    int peer_fd;       /* read-only; never closed */
    int hint_fd;       /* write end of the peer's hint pipe, or -1 */
    uint32_t lines;    /* of a ring */
    uint32_t out, in;  /* lines produced, lines consumed */
    uint32_t messages; /* consumed */
};

/* librealm's first call: the listener may be closed now. */
long raw_loaded(void);

/* Sends; never raises SIGPIPE. Return: as send. */
ssize_t raw_send(const void *packet, size_t size);
void raw_header(struct realm_control_header *header, unsigned type, size_t size);
/* The same with xid 0. */
void raw_header_silent(struct realm_control_header *header, unsigned type, size_t size);

/* Takes one packet. Return: its size; 0: hung up; -errno (-EAGAIN: none, with MSG_DONTWAIT). */
ssize_t raw_take(int flags);
/* Takes packets until one of that type, acknowledging and keeping what comes in between (pools). false: the
 * Memory Manager hung up. */
bool raw_try_await(unsigned type);
/* The same; ends the realm with the outcome "hung up" if there is none. */
void raw_await(unsigned type);
/* Takes the next packet, whatever it is. */
void raw_await_any(void);
/* Whether a packet comes within that time. */
bool raw_readable(unsigned ms);

void raw_hello(void);
void raw_ack(uint64_t sequence);
void raw_named(unsigned type, unsigned flags, const char *name);
void raw_cookie(unsigned type, uint64_t cookie);
/* The status of the REPLY that comes next. */
int raw_status(void);

/* HELLO, WELCOME with its page mapped, POOL with its regions mapped and acknowledged. */
void raw_open(void);
extern const struct realm_control_page *raw_page;
/* The control page's descriptor is kept. */
extern int raw_page_fd;

/* CONNECT (with WAIT) as far as the mapped channel, acknowledged. */
void raw_connect(const char *service, struct raw_channel *ret_channel);
/* REGISTER; the endpoint's cookie. */
uint64_t raw_register(const char *service);
/* The next channel that a client makes. */
void raw_accept(struct raw_channel *ret_channel);

/* --- memory that is a capability (raw_memory.c). Return: the status of the answer; 0: it was not REPLY ---
 */

int raw_allocate(uint64_t bytes, uint32_t parts, uint64_t *ret_cookie);
int raw_derive(uint64_t source, uint64_t offset, uint64_t bytes, uint32_t rights, uint64_t *ret_cookie);
/* Rights 0: moved. */
int raw_offer(uint64_t via, uint64_t source, uint64_t bytes, uint32_t rights, uint32_t *ret_ticket);
int raw_redeem(uint64_t via, uint32_t ticket, uint64_t *ret_cookie); /* TAKE */
/* What came stays in raw_fds, and is acknowledged. */
int raw_map(uint64_t cookie, uint32_t rights);
/* REVOKE, DELETE, SEAL. */
int raw_dispose(unsigned type, uint64_t cookie);
/* "allowed", "DENIED", …: what a status is called in outcomes. */
const char *raw_status_word(int status);

/* --- the ring (raw_ring.c): as an honest realm would use it, one message at a time --- */

/* A message as it was read, unchecked but for what keeps this program alive. */
struct raw_message {
    struct realm_entry entry;
    uint8_t payload[REALM_PAYLOAD_MAX];
};

uint32_t raw_lines_of(size_t size);
/* The entry at the place where the next message goes. */
struct realm_entry *raw_entry(struct raw_channel *channel);
/* Writes a whole message there and publishes it; size is what the entry says, and what is copied. */
void raw_push(struct raw_channel *channel, struct realm_entry entry, const void *payload);
/* Stores the entry with its commit as it stands, moves head, and wakes the peer: for lies. */
void raw_push_lie(struct raw_channel *channel, struct realm_entry entry, uint32_t head);
void raw_notify(struct raw_channel *channel);
/* The next message. false: none within that time. */
bool raw_pop(struct raw_channel *channel, struct raw_message *ret_message, unsigned ms);
/* A whole call; whether the echo is right. */
bool raw_echo(struct raw_channel *channel, uint32_t call, unsigned ms);

/* --- time and words --- */

long raw_wake(const uint32_t *word);
void raw_sleep_ms(unsigned ms);
uint64_t raw_now_ms(void);

/* A thread with a small stack. false: it could not be made. */
bool raw_thread(pthread_t *ret_thread, void *(*run)(void *));

/* What the broker says of this channel within that time: the reason of CLOSED, or -1. */
int raw_closed(const struct raw_channel *channel, unsigned ms);

#endif
