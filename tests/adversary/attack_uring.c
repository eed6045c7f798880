/*
 * The ring that a provider inherits: it may wait, wake, poll and cancel, and nothing else. Each operation
 * that would reach around the filter is one attack.
 */
#include <errno.h>
#include <linux/io_uring.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

static struct {
    int fd;
    struct io_uring_params params;
    char *queue; /* submission and completion rings, one mapping */
    struct io_uring_sqe *entries;
} ring;

static uint32_t *ring_word(uint32_t offset)
{
    return (uint32_t *)(void *)(ring.queue + offset);
}

/* REALM_URING=fd:parameters in hexadecimal. */
static void ring_open(void)
{
    const char *text = getenv("REALM_URING");
    unsigned char *bytes = (unsigned char *)&ring.params;
    char *at;

    if (!text) {
        outcome("no ring");
        exit(0);
    }
    ring.fd = (int)strtol(text, &at, 10);
    at++;
    for (size_t i = 0; i < sizeof ring.params; i++) {
        char pair[3] = {at[2 * i], at[2 * i + 1], 0};
        bytes[i] = (unsigned char)strtol(pair, NULL, 16);
    }
    size_t size = ring.params.cq_off.cqes + ring.params.cq_entries * sizeof(struct io_uring_cqe);
    size_t submission = ring.params.sq_off.array + ring.params.sq_entries * sizeof(uint32_t);
    ring.queue = mmap(NULL, size > submission ? size : submission, PROT_READ | PROT_WRITE, MAP_SHARED,
                      ring.fd, IORING_OFF_SQ_RING);
    ring.entries = mmap(NULL, ring.params.sq_entries * sizeof *ring.entries, PROT_READ | PROT_WRITE,
                        MAP_SHARED, ring.fd, (off_t)IORING_OFF_SQES);
    if (ring.queue == MAP_FAILED || ring.entries == MAP_FAILED) {
        outcome("no ring mapped");
        exit(0);
    }
}

static void ring_put(const struct io_uring_sqe *entry)
{
    uint32_t tail = *ring_word(ring.params.sq_off.tail);
    uint32_t index = tail & (ring.params.sq_entries - 1);
    ring.entries[index] = *entry;
    ring_word(ring.params.sq_off.array)[index] = index;
    __atomic_store_n(ring_word(ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
}

static long ring_enter(unsigned submit, unsigned wait)
{
    return syscall(SYS_io_uring_enter, ring.fd, submit, wait, IORING_ENTER_GETEVENTS, NULL, 0);
}

/* The result of the one operation. */
static int ring_result(void)
{
    uint32_t head = *ring_word(ring.params.cq_off.head);
    if (head == __atomic_load_n(ring_word(ring.params.cq_off.tail), __ATOMIC_ACQUIRE))
        return 0;
    const struct io_uring_cqe *cqes = (void *)(ring.queue + ring.params.cq_off.cqes);
    int result = cqes[head & (ring.params.cq_entries - 1)].res;
    __atomic_store_n(ring_word(ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
    return result;
}

static void outcome_entry(struct io_uring_sqe entry)
{
    ring_open();
    ring_put(&entry);
    if (ring_enter(1, 1) < 0) {
        outcome_call(-1);
        return;
    }
    int result = ring_result();
    outcome("%s", result < 0 ? errno_word(-result) : "done");
}

#define OPERATION(function_, opcode_, ...)                                                                   \
    static void function_(void)                                                                              \
    {                                                                                                        \
        outcome_entry((struct io_uring_sqe){.opcode = opcode_, __VA_ARGS__});                                \
    }

static char room[64];
#define ROOM .addr = (uintptr_t)room, .len = sizeof room

OPERATION(nothing, IORING_OP_NOP, .fd = -1)
OPERATION(open_secret, IORING_OP_OPENAT, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(open_how, IORING_OP_OPENAT2, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(read_file, IORING_OP_READ, .fd = 0, ROOM)
OPERATION(write_file, IORING_OP_WRITE, .fd = 1, ROOM)
OPERATION(read_vector, IORING_OP_READV, .fd = 0)
OPERATION(write_vector, IORING_OP_WRITEV, .fd = 1)
OPERATION(read_fixed, IORING_OP_READ_FIXED, .fd = 0, ROOM)
OPERATION(write_fixed, IORING_OP_WRITE_FIXED, .fd = 1, ROOM)
OPERATION(stat_file, IORING_OP_STATX, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(make_socket, 45, .fd = 2, .off = 1)
OPERATION(connect_socket, IORING_OP_CONNECT, .fd = REALM_CONTROL_FD, ROOM)
OPERATION(accept_socket, IORING_OP_ACCEPT, .fd = REALM_CONTROL_FD)
OPERATION(send_plain, IORING_OP_SEND, .fd = REALM_CONTROL_FD, ROOM)
OPERATION(send_message, IORING_OP_SENDMSG, .fd = REALM_CONTROL_FD)
OPERATION(receive_message, IORING_OP_RECVMSG, .fd = REALM_CONTROL_FD)
OPERATION(send_zero_copy, 47, .fd = REALM_CONTROL_FD, ROOM)
OPERATION(splice_pipe, IORING_OP_SPLICE, .fd = 1, .splice_fd_in = 2)
OPERATION(tee_pipe, IORING_OP_TEE, .fd = 1, .splice_fd_in = 2)
OPERATION(allocate, IORING_OP_FALLOCATE, .fd = 1)
OPERATION(cut, 55, .fd = 1)
OPERATION(advise_memory, IORING_OP_MADVISE, ROOM, .fadvise_advice = 9)
OPERATION(advise_file, IORING_OP_FADVISE, .fd = 1)
OPERATION(remove_file, IORING_OP_UNLINKAT, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(rename_file, IORING_OP_RENAMEAT, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(make_folder, 37, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(make_symlink, 38, .fd = -100, .addr = (uintptr_t)target.secret)
OPERATION(set_attribute, 41, .fd = 1)
OPERATION(give_buffers, IORING_OP_PROVIDE_BUFFERS, .fd = 1, ROOM)
OPERATION(update_files, IORING_OP_FILES_UPDATE, ROOM)
OPERATION(watch_epoll, IORING_OP_EPOLL_CTL, .fd = 1)
OPERATION(message_ring, 40, .fd = 1)
OPERATION(pass_command, 46, .fd = 1)
OPERATION(install_fixed, 54, .fd = 0)
OPERATION(wait_for_child, 50, .fd = 1)
OPERATION(close_file, IORING_OP_CLOSE, .fd = 2)
OPERATION(sync_file, IORING_OP_FSYNC, .fd = 1)
OPERATION(shut_socket, IORING_OP_SHUTDOWN, .fd = REALM_CONTROL_FD, .len = 2)
OPERATION(wait_vector, 53, .addr = (uintptr_t)room, .len = 1)
OPERATION(link_timeout, IORING_OP_LINK_TIMEOUT, .addr = (uintptr_t)room)
OPERATION(remove_poll, IORING_OP_POLL_REMOVE, .addr = 1)
OPERATION(unknown, 200, .fd = 0)
/* Operations that are allowed, with flags that are not. */
OPERATION(fixed_file, 52, .fd = 2, .flags = IOSQE_FIXED_FILE, .addr = (uintptr_t)room)
OPERATION(linked, 52, .fd = 2, .flags = IOSQE_IO_LINK, .addr = (uintptr_t)room)
OPERATION(worker, 52, .fd = 2, .flags = IOSQE_ASYNC, .addr = (uintptr_t)room)
OPERATION(drained, 52, .fd = 2, .flags = IOSQE_IO_DRAIN, .addr = (uintptr_t)room)
OPERATION(borrowed, IORING_OP_POLL_ADD, .fd = 1, .poll32_events = 4, .personality = 1)

static void register_with(unsigned operation)
{
    struct {
        void *base;
        size_t size;
    } vector = {room, sizeof room};
    ring_open();
    outcome_call(syscall(SYS_io_uring_register, ring.fd, operation, &vector, 1));
}

static void register_buffers(void)
{
    register_with(IORING_REGISTER_BUFFERS);
}

static void register_files(void)
{
    register_with(IORING_REGISTER_FILES);
}

static void register_personality(void)
{
    register_with(IORING_REGISTER_PERSONALITY);
}

static void register_workers(void)
{
    register_with(IORING_REGISTER_IOWQ_MAX_WORKERS);
}

static void register_restrictions(void)
{
    register_with(IORING_REGISTER_RESTRICTIONS);
}

static void register_blind(void)
{
    outcome_call(syscall(SYS_io_uring_register, -1, 25, NULL, 0));
}

static void own_ring(void)
{
    struct io_uring_params params = {0};
    outcome_call(syscall(SYS_io_uring_setup, 8, &params));
}

/* A ring with a kernel thread that polls for it. */
static void own_polling_ring(void)
{
    struct io_uring_params params = {.flags = IORING_SETUP_SQPOLL};
    outcome_call(syscall(SYS_io_uring_setup, 8, &params));
}

static void without_ring(void)
{
    outcome_call(syscall(SYS_io_uring_enter, 4, 0, 0, 0, NULL, 0));
}

static int thread_result;

static void *enter_as_another(void *context)
{
    const struct io_uring_sqe wake = {.opcode = 52, .fd = 2, .addr = (uintptr_t)room, .addr3 = ~0u};
    (void)context;
    ring_put(&wake);
    thread_result = ring_enter(1, 0) < 0 ? errno : 0;
    return NULL;
}

static void other_thread(void)
{
    pthread_t thread;
    ring_open();
    raw_thread(&thread, enter_as_another);
    pthread_join(thread, NULL);
    outcome("%s", thread_result ? errno_word(thread_result) : "done");
}

/* The queue's own words are the attacker's: the kernel must not believe them. */
static void queue_lies(void)
{
    ring_open();
    *ring_word(ring.params.sq_off.tail) = 0x7fffffff;
    for (unsigned i = 0; i < ring.params.sq_entries; i++)
        ring_word(ring.params.sq_off.array)[i] = 0xffffffff - i;
    *ring_word(ring.params.cq_off.head) = 0x80000000;
    ring_enter(0xffff, 0);
    outcome("survived");
}

/* Waits without end, each some kernel memory: what the kernel gives back when the realm ends. */
static void arm_flood(void)
{
    const struct io_uring_sqe wait = {
        .opcode = 51, .fd = 2, .addr = (uintptr_t)room, .addr3 = ~0u, .user_data = 1};
    ring_open();
    for (unsigned round = 0; round < 200; round++) {
        for (unsigned i = 0; i < ring.params.sq_entries; i++)
            ring_put(&wait);
        if (ring_enter(ring.params.sq_entries, 0) < 0)
            break;
    }
    outcome("survived");
}

#define URING .role = ROLE_PROVIDER, .flags = ATTACK_URING
#define ROW(name_, goal_, function_)                                                                         \
    {                                                                                                        \
        name_, goal_, function_, .must = "EACCES", URING                                                     \
    }

static const struct attack uring[] = {
    ROW("uring-nop", "does nothing, which is not in the list", nothing),
    ROW("uring-openat", "opens the secret", open_secret),
    ROW("uring-openat2", "opens the secret with openat2", open_how),
    ROW("uring-read", "reads", read_file),
    ROW("uring-write", "writes", write_file),
    ROW("uring-readv", "reads into a vector", read_vector),
    ROW("uring-writev", "writes a vector", write_vector),
    ROW("uring-read-fixed", "reads into a registered buffer", read_fixed),
    ROW("uring-write-fixed", "writes a registered buffer", write_fixed),
    ROW("uring-statx", "asks about the secret", stat_file),
    ROW("uring-socket", "makes a socket", make_socket),
    ROW("uring-connect", "points its control socket elsewhere", connect_socket),
    ROW("uring-accept", "accepts", accept_socket),
    ROW("uring-send", "sends", send_plain),
    ROW("uring-sendmsg", "sends a descriptor", send_message),
    ROW("uring-recvmsg", "receives", receive_message),
    ROW("uring-send-zc", "sends without a copy, which pins pages", send_zero_copy),
    ROW("uring-splice", "splices", splice_pipe),
    ROW("uring-tee", "tees", tee_pipe),
    ROW("uring-fallocate", "allocates space in a file", allocate),
    ROW("uring-ftruncate", "truncates", cut),
    ROW("uring-madvise", "punches holes with MADV_REMOVE", advise_memory),
    ROW("uring-fadvise", "drops pages from the cache", advise_file),
    ROW("uring-unlinkat", "removes the secret", remove_file),
    ROW("uring-renameat", "renames the secret", rename_file),
    ROW("uring-mkdirat", "makes a folder", make_folder),
    ROW("uring-symlinkat", "makes a symbolic link", make_symlink),
    ROW("uring-fsetxattr", "writes an extended attribute", set_attribute),
    ROW("uring-provide-buffers", "hands buffers to the kernel", give_buffers),
    ROW("uring-files-update", "registers files", update_files),
    ROW("uring-epoll-ctl", "changes an epoll set", watch_epoll),
    ROW("uring-msg-ring", "sends into another ring", message_ring),
    ROW("uring-cmd", "passes a command to a driver", pass_command),
    ROW("uring-fixed-fd-install", "makes a descriptor of a registered file", install_fixed),
    ROW("uring-waitid", "waits for processes", wait_for_child),
    ROW("uring-close", "closes", close_file),
    ROW("uring-fsync", "writes a file back", sync_file),
    ROW("uring-shutdown", "shuts its control socket down", shut_socket),
    ROW("uring-futex-waitv", "waits for a vector of words", wait_vector),
    ROW("uring-link-timeout", "links a timeout", link_timeout),
    ROW("uring-poll-remove", "removes a poll", remove_poll),
    {"uring-unknown", "an operation of the future", unknown, .must = "EINVAL", URING},
    ROW("uring-flag-fixed-file", "wakes with a registered file", fixed_file),
    ROW("uring-flag-link", "links a wake to what follows", linked),
    ROW("uring-flag-async", "has a kernel thread made for it", worker),
    ROW("uring-flag-drain", "drains", drained),
    {"uring-personality", "polls with another's credentials", borrowed, .must = "EINVAL", URING},
    {"uring-register-buffers", "pins pages by registering buffers", register_buffers, .must = "EPERM", URING},
    {"uring-register-files", "keeps descriptors by registering files", register_files, .must = "EPERM",
     URING},
    {"uring-register-personality", "registers its credentials", register_personality, .must = "EPERM", URING},
    {"uring-register-workers", "changes the number of kernel threads", register_workers, .must = "EPERM",
     URING},
    {"uring-register-again", "restricts the ring anew", register_restrictions, .must = "EPERM", URING},
    {"uring-register-blind", "registers without a ring", register_blind, .must = "EPERM"},
    {"uring-setup", "makes a ring of its own", own_ring, .must = "EPERM"},
    {"uring-setup-poll", "makes a ring with a kernel thread", own_polling_ring, .must = "EPERM"},
    {"uring-enter-without", "enters a ring that it was not given", without_ring, .must = "EPERM"},
    {"uring-other-thread", "uses the ring from another thread", other_thread, .must = "EEXIST", URING},
    {"uring-queue-lies", "writes impossible cursors and indices into the queues", queue_lies,
     .must = "survived", URING},
    {"uring-arm-flood", "arms 25 000 waits", arm_flood, .must = "survived", URING},
};
ATTACK_THEME(uring_theme, "uring", "The inherited ring", uring, true);
