/*
 * The regions of a channel: writing the peer's by every call that could, and getting a second way to write
 * the own one, which would outlive the end of the channel.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/adversary/attack.h"
#include "tests/adversary/raw.h"

#ifndef F_ADD_SEALS
#define F_ADD_SEALS 1033
#endif

static struct raw_channel channel;
static char bytes[64] = "overwritten";
static struct iovec one = {bytes, sizeof bytes};

static struct raw_channel *open_channel(void)
{
    raw_open();
    raw_connect("echo", &channel);
    return &channel;
}

static void *peer(void)
{
    return (void *)(uintptr_t)open_channel()->peer;
}

static int peer_fd(void)
{
    return open_channel()->peer_fd;
}

static int own_fd(void)
{
    return open_channel()->own_fd;
}

/* What is written by each call is looked for in the region: a call that says it failed may have written. */
static void outcome_unwritten(long result)
{
    const int error = errno;
    const volatile char *memory = (const volatile char *)channel.peer;
    for (size_t i = 0; i + 11 <= REALM_REGION_DEFAULT_BYTES; i++) {
        if (memory[i] == 'o' && memory[i + 1] == 'v' && memory[i + 5] == 'r') {
            outcome("written");
            return;
        }
    }
    errno = error;
    outcome_call(result);
}

static void map_shared(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, peer_fd(), 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void map_validated(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED_VALIDATE, peer_fd(), 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void map_at_place(void)
{
    void *place = peer();
    void *memory = mmap(place, 4096, PROT_WRITE, MAP_SHARED | MAP_FIXED, channel.peer_fd, 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

/* A private copy is its own affair: what it writes there, nobody else sees. */
static void map_private(void)
{
    char *memory = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, peer_fd(), 0);
    if (memory == MAP_FAILED) {
        outcome_call(-1);
        return;
    }
    strcpy(memory + 4096, "overwritten");
    outcome_unwritten(0);
}

static void protect(void)
{
    void *place = peer();
    outcome_call(mprotect(place, 4096, PROT_READ | PROT_WRITE));
}

static void protect_key(void)
{
    void *place = peer();
    outcome_call(syscall(SYS_pkey_mprotect, place, 4096, PROT_READ | PROT_WRITE, -1));
}

static void write_at(void)
{
    int fd = peer_fd();
    outcome_unwritten(pwrite(fd, bytes, sizeof bytes, 0));
}

static void write_vector(void)
{
    int fd = peer_fd();
    outcome_unwritten(pwritev2(fd, &one, 1, 0, RWF_NOWAIT));
}

static void write_memory(void)
{
    struct iovec there = {peer(), sizeof bytes};
    outcome_unwritten(syscall(SYS_process_vm_writev, getpid(), &one, 1, &there, 1, 0));
}

static void write_proc(void)
{
    void *place = peer();
    int fd = (int)syscall(SYS_openat, AT_FDCWD, "/proc/self/mem", O_RDWR, 0);
    outcome_unwritten(fd < 0 ? fd : pwrite(fd, bytes, sizeof bytes, (off_t)(uintptr_t)place));
}

static void reopen(void)
{
    char path[] = "/proc/self/fd/0";
    path[14] = (char)('0' + peer_fd() % 10);
    outcome_call(syscall(SYS_openat, AT_FDCWD, path, O_RDWR, 0));
}

static void received_into(void)
{
    void *place = peer();
    struct iovec vector = {place, 4096};
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    raw_cookie(REALM_CONTROL_DISCONNECT, 1);
    raw_sleep_ms(50);
    outcome_call(recvmsg(REALM_CONTROL_FD, &message, MSG_DONTWAIT));
}

static void read_into(void)
{
    void *place = peer();
    outcome_call(read(channel.own_fd, place, 64));
}

static void random_into(void)
{
    void *place = peer();
    outcome_call(syscall(SYS_getrandom, place, 64, 0));
}

static void remap_pages(void)
{
    void *place = peer();
    outcome_call(syscall(SYS_remap_file_pages, place, 4096, 0, 1, 0));
}

static void clear_thread_into(void)
{
    void *place = peer();
    /* The kernel would write a zero there when the thread ends. */
    outcome_call(syscall(SYS_futex, place, 5 /* FUTEX_WAKE_OP */, 1, 1, place, 0x0fffffff));
}

static void move_pages_onto(void)
{
    void *place = peer();
    void *mine = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    strcpy(mine, "overwritten");
    void *memory = mremap(mine, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, place);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void lock_in_memory(void)
{
    void *place = peer();
    outcome_call(syscall(SYS_mlock, place, 4096));
}

static void lock_everything(void)
{
    outcome_call(syscall(SYS_mlockall, 3));
}

static void lock_on_fault(void)
{
    void *place = peer();
    outcome_call(syscall(SYS_mlock2, place, 4096, 1));
}

static void advise(int advice)
{
    void *place = peer();
    outcome_call(madvise(place, 4096, advice));
}

static void punch_by_advice(void)
{
    void *place = open_channel()->own;
    outcome_call(madvise(place, 4096, MADV_REMOVE));
}

static void merge_pages(void)
{
    advise(MADV_MERGEABLE);
}

static void poison_page(void)
{
    advise(100);
}

static void page_out(void)
{
    advise(21);
}

static void populate_write(void)
{
    advise(23);
}

static void seal_memory(void)
{
    void *place = peer();
    outcome_call(syscall(462, place, 4096, 0));
}

/* --- the own region --- */

static void own_second_mapping(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, own_fd(), 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

/* A read-only mapping made before the seal cannot be made writable later either. */
static void own_protect(void)
{
    void *memory = mmap(NULL, 4096, PROT_READ, MAP_SHARED, own_fd(), 0);
    outcome_call(memory == MAP_FAILED ? -1 : mprotect(memory, 4096, PROT_READ | PROT_WRITE));
}

static void own_write(void)
{
    outcome_call(pwrite(own_fd(), bytes, sizeof bytes, 0));
}

static void own_execute(void)
{
    outcome_call(syscall(SYS_execveat, own_fd(), "", NULL, NULL, AT_EMPTY_PATH));
}

/* Before the broker seals it: the pool has come and is not acknowledged yet. */
static int unsealed(void)
{
    raw_hello();
    raw_await(REALM_CONTROL_WELCOME);
    raw_ack(raw_in.welcome.sequence);
    raw_await(REALM_CONTROL_POOL);
    return raw_fds[0];
}

ATTACK_CALL(cut_own, SYS_ftruncate, own_fd(), 0)
ATTACK_CALL(grow_own, SYS_ftruncate, own_fd(), 1 << 20)
ATTACK_CALL(cut_peer, SYS_ftruncate, peer_fd(), 0)
ATTACK_CALL(punch_own, SYS_fallocate, own_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)
ATTACK_CALL(punch_peer, SYS_fallocate, peer_fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096)
ATTACK_CALL(allocate_own, SYS_fallocate, own_fd(), FALLOC_FL_KEEP_SIZE, 0, 1 << 30)
ATTACK_CALL(seal_own, SYS_fcntl, own_fd(), F_ADD_SEALS, 2 /* F_SEAL_SHRINK */)
ATTACK_CALL(seal_unsealed, SYS_fcntl, unsealed(), F_ADD_SEALS, 2 /* F_SEAL_SHRINK */)
ATTACK_CALL(cut_unsealed, SYS_ftruncate, unsealed(), 0)
ATTACK_CALL(grow_unsealed, SYS_ftruncate, unsealed(), 1 << 30)
ATTACK_CALL(page_write, SYS_pwrite64, (raw_open(), raw_page_fd), bytes, sizeof bytes, 0)
ATTACK_CALL(splice_own, SYS_splice, own_fd(), NULL, 1, NULL, 4096, 0)
ATTACK_CALL(send_own, SYS_sendfile, 1, own_fd(), NULL, 4096)

static void unsealed_write(void)
{
    int fd = unsealed();
    /* Its own, still: what it does there before it acknowledges is nobody's loss. But 1 MiB is too much. */
    outcome_call(pwrite(fd, bytes, 1, 1 << 20));
}

static void page_map(void)
{
    raw_open();
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, raw_page_fd, 0);
    outcome_call(memory == MAP_FAILED ? -1 : 0);
}

static void pin_own(void)
{
    struct iovec vector = {open_channel()->own, 4096};
    outcome_call(syscall(SYS_vmsplice, 1, &vector, 1, 0));
}

static const struct attack region[] = {
    {"peer-mmap", "maps the peer's region writable", map_shared, .must = "EACCES"},
    {"peer-mmap-validate", "the same with MAP_SHARED_VALIDATE", map_validated, .must = "EPERM"},
    {"peer-mmap-fixed", "the same over the old mapping", map_at_place, .must = "EACCES"},
    {"peer-mmap-private", "maps a private copy and writes that", map_private, .must = "done"},
    {"peer-mprotect", "makes its mapping writable", protect, .must = "EACCES"},
    {"peer-pkey-mprotect", "the same with pkey_mprotect", protect_key, .must = "EPERM"},
    {"peer-pwrite", "writes through the descriptor", write_at, .must = "EBADF"},
    {"peer-pwritev2", "the same with pwritev2", write_vector, .must = "EBADF"},
    {"peer-vm-writev", "writes its own read-only memory as if it were another's", write_memory,
     .must = "EPERM"},
    {"peer-proc-mem", "writes through /proc/self/mem, which ignores protection", write_proc,
     .must = "ENOSYS"},
    {"peer-reopen", "opens the descriptor again, for writing", reopen, .must = "ENOSYS"},
    {"peer-recvmsg", "has the kernel receive into it", received_into, .must = "EFAULT"},
    {"peer-read", "has the kernel read into it", read_into, .must = "EFAULT"},
    {"peer-getrandom", "has the kernel put random bytes there", random_into, .must = "EFAULT"},
    {"peer-remap-pages", "turns its pages round with remap_file_pages", remap_pages, .must = "EPERM"},
    {"peer-futex-op", "has the kernel change a word with FUTEX_WAKE_OP", clear_thread_into, .must = "EPERM"},
    {"peer-mremap", "moves memory of its own to that place", move_pages_onto, .must = "EPERM"},
    {"peer-mlock", "locks the peer's pages into memory", lock_in_memory, .must = "EPERM"},
    {"peer-mlock2", "the same on the next fault", lock_on_fault, .must = "EPERM"},
    {"peer-mlockall", "the same with everything", lock_everything, .must = "EPERM"},
    {"peer-mergeable", "has its pages merged with equal ones of others", merge_pages, .must = "EPERM"},
    {"peer-hwpoison", "declares the peer's page broken", poison_page, .must = "EPERM"},
    {"peer-pageout", "pushes the peer's pages out", page_out, .must = "EPERM"},
    {"peer-populate", "faults the peer's pages in for writing", populate_write, .must = "EPERM"},
    {"peer-mseal", "seals its mapping, so that nobody could map over it", seal_memory, .must = "EPERM"},
    {"peer-ftruncate", "cuts the peer's region", cut_peer, .must = "EPERM"},
    {"peer-punch", "punches a hole into it", punch_peer, .must = "EPERM"},
    {"own-mmap-again", "maps its own region a second time, after it was sealed", own_second_mapping,
     .must = "EPERM"},
    {"own-mprotect-again", "makes a read-only mapping of it writable", own_protect, .must = "EACCES"},
    {"own-pwrite", "writes it through the descriptor", own_write, .must = "EPERM"},
    {"own-ftruncate", "cuts its own region under its peer", cut_own, .must = "EPERM"},
    {"own-grow", "makes it larger", grow_own, .must = "EPERM"},
    {"own-punch", "punches a hole into it", punch_own, .must = "EPERM"},
    {"own-remove", "the same with MADV_REMOVE", punch_by_advice, .must = "EPERM"},
    {"own-allocate", "allocates a gigabyte behind its end", allocate_own, .must = "EPERM"},
    {"own-seal-shrink", "seals it against being cut, so that it cannot be revoked", seal_own,
     .must = "EPERM"},
    {"own-seal-early", "the same before the broker seals it", seal_unsealed, .must = "EPERM"},
    {"own-cut-early", "cuts it before the broker seals it", cut_unsealed, .must = "EPERM"},
    {"own-grow-early", "makes it a gigabyte before the broker seals it", grow_unsealed, .must = "EPERM"},
    {"own-write-early", "writes far behind its end before the broker seals it", unsealed_write,
     .must = "done|EPERM|EFBIG"},
    {"own-execute", "executes it", own_execute, .must = "ENOSYS"},
    {"own-vmsplice", "pins its pages in a pipe", pin_own, .must = "EPERM"},
    {"own-splice", "moves its pages into a pipe", splice_own, .must = "EPERM"},
    {"own-sendfile", "the same with sendfile", send_own, .must = "EPERM"},
    {"page-mmap", "maps its control page writable", page_map, .must = "EACCES"},
    {"page-pwrite", "writes its control page through the descriptor", page_write, .must = "EBADF"},
};
ATTACK_THEME(region_theme, "region", "The regions of a channel", region, true);
