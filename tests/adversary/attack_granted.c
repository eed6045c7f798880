/*
 * Memory that is a capability, as its owner attacks it: more of it than there is, more rights than it has,
 * and what its descriptors are not for.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"
#include "tests/adversary/raw_given.h"

/* --- alone --- */

static uint64_t own_memory(uint64_t bytes, uint32_t parts)
{
    uint64_t cookie = 0;
    raw_open();
    int status = raw_allocate(bytes, parts, &cookie);
    if (status != 0) {
        outcome("not allocated: %s", raw_status_word(status));
        exit(0);
    }
    return cookie;
}

/* A descriptor of a page of its own, opened with these rights. */
static int own_part(uint32_t rights)
{
    int status = raw_map(own_memory(PAGE, 1), rights);
    if (status == 0)
        return raw_fds[0];
    outcome("not mapped: %s", raw_status_word(status));
    exit(0);
}

static void *mapped_part(uint32_t rights)
{
    int protection = rights & W ? PROT_READ | PROT_WRITE : PROT_READ;
    void *memory = mmap(NULL, PAGE, protection, MAP_SHARED, own_part(rights), 0);
    if (memory != MAP_FAILED)
        return memory;
    outcome("not mapped: %s", errno_word(errno));
    exit(0);
}

static void sizes(void)
{
    static const struct {
        uint64_t bytes;
        uint32_t parts;
    } wrong[] = {{0, 1},
                 {PAGE, 0},
                 {PAGE, 2},
                 {PAGE + 1, 1},
                 {9 * PAGE, 9},
                 {UINT64_MAX - PAGE + 1, 1},
                 {UINT64_C(1) << 63, 8},
                 {UINT64_C(1) << 21, 1},
                 {PAGE, UINT32_MAX}};
    unsigned refused = 0;
    raw_open();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused += raw_allocate(wrong[i].bytes, wrong[i].parts, NULL) == REALM_E_BAD_ARGUMENT;
    outcome("%s", refused == sizeof wrong / sizeof *wrong ? "all BAD_ARGUMENT" : "one was made");
}

static void flood_bytes(void)
{
    uint64_t cookie = 0, last = 0;
    unsigned count = 0;
    int status;
    raw_open();
    while ((status = raw_allocate(UINT64_C(8) << 20, 8, &cookie)) == 0 && count < 1000) {
        last = cookie;
        count++;
    }
    if (status != REALM_E_LIMIT || count > 8)
        outcome("%u of 8 MiB, then %s", count, raw_status_word(status));
    else if (raw_dispose(REALM_CONTROL_DELETE, last) != 0 || raw_allocate(PAGE, 1, NULL) != 0)
        outcome("what was deleted counts on");
    else
        outcome("LIMIT");
}

/* Every one is mapped, so that there is memory behind it. */
static void flood_objects(void)
{
    uint64_t cookie = 0;
    unsigned count = 0;
    int status;
    raw_open();
    while ((status = raw_allocate(PAGE, 1, &cookie)) == 0 && count < 20000) {
        status = raw_map(cookie, R | W);
        if (status != 0)
            break;
        close(raw_fds[0]);
        count++;
    }
    outcome("%s", status == REALM_E_LIMIT ? "LIMIT" : raw_status_word(status));
}

static void forge(unsigned type)
{
    unsigned incapable = 0;
    raw_open();
    for (unsigned i = 1; i <= 200; i++)
        incapable += raw_dispose(type, (uint64_t)i * 0x9e3779b97f4a7c15u) == REALM_E_INCAPABLE;
    for (unsigned i = 0; i < 50; i++)
        incapable += raw_map((uint64_t)i << 40 | i, R) == REALM_E_INCAPABLE;
    for (unsigned i = 1; i <= 50; i++)
        incapable += raw_derive(i, 0, PAGE, R, NULL) == REALM_E_INCAPABLE;
    outcome("%s", incapable == 300 ? "all INCAPABLE" : "one was right");
}

static void forge_deletes(void)
{
    forge(REALM_CONTROL_DELETE);
}

static void forge_revokes(void)
{
    forge(REALM_CONTROL_REVOKE);
}

static void map_rights(void)
{
    static const uint32_t wrong[] = {0, W, REALM_RIGHT_EXEC, R | REALM_RIGHT_EXEC, UINT32_MAX};
    const uint64_t own = own_memory(PAGE, 1);
    unsigned refused = 0;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        refused += raw_map(own, wrong[i]) == REALM_E_BAD_ARGUMENT;
    outcome("%s", refused == sizeof wrong / sizeof *wrong ? "all BAD_ARGUMENT" : "mapped");
}

/* Descriptors in flight are counted for the user: who does not acknowledge gets no more. */
static void map_unacknowledged(void)
{
    const uint64_t own = own_memory(8 * PAGE, 8);
    struct realm_control_map packet = {.cookie = own, .rights = R};
    raw_header(&packet.header, REALM_CONTROL_MAP, sizeof packet);
    raw_send(&packet, sizeof packet);
    raw_await(REALM_CONTROL_MAPPED);
    raw_send(&packet, sizeof packet);
    outcome("%s", raw_status_word(raw_status()));
}

static void map_a_channel(void)
{
    struct raw_channel channel;
    raw_open();
    raw_connect("echo", &channel);
    outcome("%s", raw_status_word(raw_map(channel.packet.cookie, R)));
}

static void beyond_the_end(void)
{
    const int fd = own_part(R | W);
    volatile char *memory = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (memory == MAP_FAILED) {
        outcome_call(-1);
        return;
    }
    memory[PAGE] = 1;
    outcome("written");
}

static void write_reader(void)
{
    outcome_call(pwrite(own_part(R), "x", 1, 0));
}

static void map_reader_writable(void)
{
    void *memory = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, own_part(R), 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void protect_reader(void)
{
    outcome_call(mprotect(mapped_part(R), PAGE, PROT_READ | PROT_WRITE));
}

static void remove_pages(void)
{
    outcome_call(madvise(mapped_part(R | W), PAGE, MADV_REMOVE));
}

static void reopen(void)
{
    char path[] = "/proc/self/fd/0";
    path[14] = (char)('0' + own_part(R) % 10);
    outcome_call(syscall(SYS_openat, AT_FDCWD, path, O_RDWR, 0));
}

static void send_on(void)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {0};
    const int fd = own_part(R | W);
    char byte = 0;
    struct iovec vector = {&byte, 1};
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &fd, sizeof fd);
    outcome_call(sendmsg(REALM_CONTROL_FD, &message, MSG_NOSIGNAL));
}

ATTACK_CALL(cut, SYS_ftruncate, own_part(R | W), 0)
ATTACK_CALL(grow, SYS_ftruncate, own_part(R | W), 1 << 30)
ATTACK_CALL(punch, SYS_fallocate, own_part(R | W), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE)
ATTACK_CALL(allocate_behind, SYS_fallocate, own_part(R | W), FALLOC_FL_KEEP_SIZE, 0, 1 << 30)
ATTACK_CALL(seal_shrink, SYS_fcntl, own_part(R | W), F_ADD_SEALS, F_SEAL_SHRINK)
ATTACK_CALL(seal_write, SYS_fcntl, own_part(R), F_ADD_SEALS, F_SEAL_WRITE)
ATTACK_CALL(seek, SYS_lseek, own_part(R), 0x1234, SEEK_SET)

/* A file's size says how far a write gets; the seal against growing, that it gets no further. */
static void write_behind(void)
{
    outcome_call(pwrite(own_part(R | W), "x", 1, PAGE));
}

/* --- deriving --- */

static void wider(void)
{
    const uint64_t own = own_memory(4 * PAGE, 4);
    uint64_t inner = 0;
    unsigned refused = 0;
    if (raw_derive(own, PAGE, PAGE, R, &inner) != 0) {
        outcome("not derived");
        return;
    }
    refused += raw_derive(inner, 0, PAGE, R, NULL) == REALM_E_DENIED;
    refused += raw_derive(inner, PAGE, 2 * PAGE, R, NULL) == REALM_E_DENIED;
    refused += raw_derive(inner, 2 * PAGE, PAGE, R, NULL) == REALM_E_DENIED;
    refused += raw_derive(inner, PAGE, PAGE, R | W, NULL) == REALM_E_DENIED;
    refused += raw_derive(inner, PAGE, PAGE, R | REALM_RIGHT_GRANT, NULL) == REALM_E_DENIED;
    refused += raw_derive(inner, PAGE, 1, R, NULL) == REALM_E_BAD_ARGUMENT;
    refused += raw_derive(inner, UINT64_MAX - PAGE + 1, 2 * PAGE, R, NULL) == REALM_E_BAD_ARGUMENT;
    refused += raw_map(inner, R | W) == REALM_E_DENIED;
    outcome("%s", refused == 8 ? "all refused" : "wider");
}

static void deeper(void)
{
    uint64_t at = own_memory(PAGE, 1);
    unsigned depth = 0;
    int status;
    while ((status = raw_derive(at, 0, PAGE, FULL, &at)) == 0 && depth < 100)
        depth++;
    outcome("%u, then %s", depth, raw_status_word(status));
}

static void broader(void)
{
    const uint64_t own = own_memory(PAGE, 1);
    unsigned count = 0;
    int status;
    while ((status = raw_derive(own, 0, PAGE, R, NULL)) == 0 && count < 10000)
        count++;
    outcome("%s", status == REALM_E_LIMIT ? "LIMIT" : raw_status_word(status));
}

/* Each move of what is mapped has the launcher make a copy that nobody waits for. */
static void moving_in_circles(void)
{
    uint64_t at = own_memory(UINT64_C(8) << 20, 8);
    for (unsigned i = 0; i < 100; i++) {
        int status = raw_map(at, R | W);
        for (unsigned fd = 0; status == 0 && fd < raw_fds_count; fd++)
            close(raw_fds[fd]);
        if (!status)
            status = raw_derive(at, 0, 0, 0, &at);
        if (status) {
            outcome("%s", raw_status_word(status));
            return;
        }
    }
    outcome("served");
}

static const struct attack granted[] = {
    {"granted-sizes", "allocates sizes and parts that are none", sizes, .must = "all BAD_ARGUMENT"},
    {"granted-flood-bytes", "allocates until it is refused, deletes one, and allocates again", flood_bytes,
     .must = "LIMIT"},
    {"granted-flood-objects", "allocates and maps single pages until it is refused", flood_objects,
     .must = "LIMIT"},
    {"granted-forge-delete", "deletes, maps and derives from guessed cookies", forge_deletes,
     .must = "all INCAPABLE"},
    {"granted-forge-revoke", "the same with REVOKE", forge_revokes, .must = "all INCAPABLE"},
    {"granted-map-rights", "maps with rights that make no mapping", map_rights, .must = "all BAD_ARGUMENT"},
    {"granted-map-unread", "maps again without having acknowledged", map_unacknowledged, .must = "LIMIT"},
    {"granted-map-channel", "maps a channel", map_a_channel, .must = "BAD_ARGUMENT"},
    {"granted-beyond", "maps and writes more than the part is long", beyond_the_end, .must = "SIGBUS"},
    {"granted-write-behind", "writes behind its end through the descriptor", write_behind, .must = "EPERM"},
    {"granted-write-reader", "writes through a descriptor that was opened to be read", write_reader,
     .must = "EBADF"},
    {"granted-mmap-reader", "maps that writable", map_reader_writable, .must = "EACCES"},
    {"granted-mprotect", "makes a mapping of it writable", protect_reader, .must = "EACCES"},
    {"granted-reopen", "opens the descriptor again, for writing", reopen, .must = "ENOSYS"},
    {"granted-ftruncate", "cuts a part", cut, .must = "EPERM"},
    {"granted-grow", "makes it a gigabyte", grow, .must = "EPERM"},
    {"granted-punch", "punches a hole into it", punch, .must = "EPERM"},
    {"granted-allocate", "allocates a gigabyte behind its end", allocate_behind, .must = "EPERM"},
    {"granted-remove", "gives its pages back with MADV_REMOVE", remove_pages, .must = "EPERM"},
    {"granted-seal-shrink", "seals it against being cut, so that it cannot be revoked", seal_shrink,
     .must = "EPERM"},
    {"granted-seal-write", "seals it against writing by itself", seal_write, .must = "EPERM"},
    {"granted-lseek", "writes 43 bits into the offset of its description", seek, .must = "EPERM"},
    {"granted-resend", "sends the descriptor on", send_on, .must = "EPERM"},
    {"granted-wider", "derives other windows and more rights than it has", wider, .must = "all refused"},
    {"granted-deeper", "derives from what it derived, again and again", deeper, .must = "32, then LIMIT"},
    {"granted-broader", "derives from one without end", broader, .must = "LIMIT"},
    {"granted-circles", "maps 8 MiB and moves them to itself, a hundred times", moving_in_circles,
     .must = "served"},
};
ATTACK_THEME(granted_theme, "granted", "Memory that is a capability", granted, false);
