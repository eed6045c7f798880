/*
 * The seam: everything that the client's logic asks of the system.
 *
 * Two implementations stand behind these declarations, chosen at link time: os/linux, the real one, and
 * os/sim, a twin with a virtual clock, private memory for channels, and realms as coroutines, in which a
 * run depends on nothing but its seed. No other file of librealm/client makes a system call.
 *
 * A struct realm_os is one realm's; it belongs to one thread. Deadlines are absolute, in nanoseconds of
 * realm_os_now_ns; REALM_FOREVER never comes. Handles are descriptors (or the twin's numbers for them).
 */
#ifndef REALM_OS_H
#define REALM_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct realm_os;

/* Ways to wait on many channels at once; the numbers stand in the control protocol. */
enum realm_waiter_kind {
    REALM_WAITER_AUTO = 0,  /* probe: uring if it works here, else pipe */
    REALM_WAITER_URING = 1, /* one armed io_uring futex wait a channel */
    REALM_WAITER_PIPE = 2,  /* peers write their channel's number into a pipe of this realm */
};

/* Return: 0; REALM_E_BAD_ARGUMENT: this process is not a realm; -errno. */
int realm_os_open(struct realm_os **ret_os);
void realm_os_close(struct realm_os *os); /* NULL is a no-op */

uint64_t realm_os_now_ns(struct realm_os *os);

/* Processors that this realm may run on: with one, spinning is pointless. */
unsigned realm_os_cpus(struct realm_os *os);

/* One turn of a spin: a pause instruction; in the twin, the others run and the clock moves on. */
void realm_os_spin(struct realm_os *os);

/* The descriptor of a named file of the scenario: a descriptor >= 0, or -ENOENT. */
int realm_os_file(struct realm_os *os, const char *name);

/* Writes size bytes to the realm's log, as far as they go without waiting. */
void realm_os_log(struct realm_os *os, const char *text, size_t size);

/* Figures of the allocator, as struct realm_control_stats names them; zeros where it is another. */
struct realm_os_heap {
    uint64_t allocated, active, resident, mapped;
};
void realm_os_heap(struct realm_os *os, struct realm_os_heap *ret_heap);

/* --- the control socket --- */

/* Sends one packet; waits until there is room. Return: 0; REALM_E_MM_GONE; -errno. */
int realm_os_control_send(struct realm_os *os, const void *packet, size_t size);

/*
 * Takes one packet, without waiting, with up to fds_capacity handles that came along (the caller's to close;
 * any more are closed). Return: 0; REALM_E_WOULD_BLOCK; REALM_E_MM_GONE; -errno.
 */
int realm_os_control_receive(struct realm_os *os, void *packet, size_t capacity, size_t *ret_size,
                             int *ret_fds, unsigned fds_capacity, unsigned *ret_fds_count);

/* Waits until a packet is there or the other end is gone. Return: 0; REALM_E_TIMEOUT; -errno. */
int realm_os_control_wait(struct realm_os *os, uint64_t deadline_ns);

/* --- memory --- */

/* Maps a memfd whole; the handle stays open. Return: 0; -errno. */
int realm_os_map(struct realm_os *os, int handle, size_t bytes, bool writable, void **ret_memory);
void realm_os_unmap(struct realm_os *os, void *memory, size_t bytes);
void realm_os_close_handle(struct realm_os *os, int handle);

/* Whether nobody can write the memory behind a handle, now or ever. What cannot be found out is not sealed.
 */
bool realm_os_is_sealed(struct realm_os *os, int handle);

/*
 * A region of a channel: memory that the broker may take away at any time (docs/design/revocation.md). A
 * touch of it then finds zeros or is lost, and before any byte of the other memory can be seen *gone is not
 * zero: whoever copies out of the region looks at it after the copy. No signal reaches the program.
 */
struct realm_os_region {
    void *memory;
    const uint32_t *gone; /* private memory; valid as long as the region is mapped */
};

/* As realm_os_map. All regions are of one size, that of the first. The calling thread is the one that touches
 * it. Return: 0; REALM_E_LIMIT: too many; -EINVAL: another size; -errno. */
int realm_os_region_map(struct realm_os *os, int handle, size_t bytes, bool writable,
                        struct realm_os_region *ret_region);
void realm_os_region_unmap(struct realm_os *os, const struct realm_os_region *region);

/* The window of a memory capability: parts of one size, which lie side by side. The first touch that finds
 * one of them taken away ends all: as a region. Return: 0; REALM_E_LIMIT: too many windows; -errno. */
int realm_os_window_map(struct realm_os *os, const int *handles, unsigned count, size_t part_bytes,
                        bool writable, struct realm_os_region *ret_window);
void realm_os_window_unmap(struct realm_os *os, const struct realm_os_region *window, size_t bytes);

/* --- words: sleeping on one, waking its sleepers --- */

struct realm_os_word {
    const uint32_t *address; /* in memory that may be read-only here */
    uint32_t seen;
};

/*
 * Sleeps until one of 1 to 8 words no longer holds what was seen, somebody wakes one, or the deadline.
 * Return: 0: look again, a word was woken, has changed or is gone; REALM_E_WOULD_BLOCK: look again, but
 * nobody is known to have woken anything (a signal came, or the system can only look from time to time), so
 * it must not be held against a peer; REALM_E_TIMEOUT; -errno.
 */
int realm_os_wait(struct realm_os *os, const struct realm_os_word *words, unsigned count,
                  uint64_t deadline_ns);

/* Wakes everyone who sleeps on the word, in whichever realm. */
void realm_os_wake(struct realm_os *os, const uint32_t *word);

/* Writes a channel number into a peer's hint pipe, without waiting: full means that it is awake. */
void realm_os_hint(struct realm_os *os, int handle, uint32_t slot);

/* --- threads --- */

struct realm_os_thread;

/*
 * Starts a thread, which ends when main returns; join waits for that. What is said above of one thread holds
 * but for realm_os_wait, realm_os_wake and realm_os_now_ns, which any thread may call.
 * Return: 0; REALM_E_LIMIT: the realm may have no more; -ENOTSUP: the twin has none; -ENOMEM; -errno.
 */
int realm_os_thread_start(struct realm_os *os, void (*main)(void *argument), void *argument,
                          struct realm_os_thread **ret_thread);
void realm_os_thread_join(struct realm_os_thread *thread);

/* --- the waiter: many words, the control socket and one deadline in one wait --- */

struct realm_waiter;

/* A wake-up: the slot of an armed word, or one of these. */
#define REALM_WAKE_CONTROL UINT32_MAX       /* the control socket has something */
#define REALM_WAKE_SCAN    (UINT32_MAX - 1) /* hints were lost: look at every parked slot */

/* kind: URING, PIPE, or AUTO. Return: 0; -ENOTSUP: this kind does not work here; -errno. */
int realm_waiter_open(struct realm_os *os, enum realm_waiter_kind kind, struct realm_waiter **ret_waiter);
void realm_waiter_close(struct realm_waiter *waiter); /* NULL is a no-op */
enum realm_waiter_kind realm_waiter_kind(const struct realm_waiter *waiter);

/* The kind that realm_waiter_open takes for AUTO in this realm, URING or PIPE, without keeping one open: what
 * a realm says in its HELLO. */
enum realm_waiter_kind realm_waiter_choice(struct realm_os *os);

/* The control socket's other end is gone, so it is readable for ever: later waits leave it out. */
void realm_waiter_ignore_control(struct realm_waiter *waiter);

/*
 * Arms a slot (a small dense number) on a word: a later wait reports it, once, when the word no longer
 * holds what was seen or is woken. Arming an armed slot is a mistake. Nothing reaches the kernel before the
 * next wait. With the pipe, the peer's hint takes the word's place.
 * Return: 0; -ENOMEM.
 */
int realm_waiter_arm(struct realm_waiter *waiter, uint32_t slot, const uint32_t *word, uint32_t seen);

/* The slot's channel goes away; nothing is reported for it any more until it is armed again. A no-op if it
 * is not armed. The word's memory may be unmapped afterwards. */
void realm_waiter_disarm(struct realm_waiter *waiter, uint32_t slot);

/*
 * Waits in one system call until something armed happens, the control socket has something, or the
 * deadline. Writes up to capacity slots or REALM_WAKE_* into ret_wakes. A deadline in the past polls.
 * Return: 0: *ret_count wake-ups, perhaps none; REALM_E_TIMEOUT; -errno.
 */
int realm_waiter_wait(struct realm_waiter *waiter, uint64_t deadline_ns, uint32_t *ret_wakes,
                      unsigned capacity, unsigned *ret_count);

#endif
