/*
 * Regions that may be taken away, and the handler for the touch that finds out.
 *
 * Regions lie in an arena of addresses that is reserved once and never given back. A place of the arena has
 * the default size of a region; a larger region takes a run of places, which stays a run of that length for
 * good. A run is free or live. When the broker truncates a region, the next touch of it is a SIGBUS in the
 * touching thread; the handler sets the run's gone word, then maps zeros over it, and the touch is repeated.
 *
 * The zeros are private anonymous memory, not a memfd that the broker would send: it needs no descriptor, two
 * regions never share it, and the filter allows no shared mapping without a descriptor anyway. For a region
 * that this realm only reads the mapping is read-only and counts for no limit. For its own regions it counts
 * as private memory (RLIMIT_DATA), so a deposit of the same kind is set aside ahead and given up, a place at
 * a time, when the limit is reached: a realm without memory does not die because a peer does.
 *
 * Rule: the gone word is stored before the mapping, so nobody sees a zero of it without the word. And a place
 * is used again only when no handler is in flight. A handler first says that it is in flight, then looks
 * whether the place is live; whoever frees a place first says that it is free, then looks for handlers. One
 * of the two sees the other. What a late handler finds mended or free it leaves alone.
 */
#include "librealm/os/linux/fault.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/os/linux/linux.h"
#include "librealm/os/linux/window.h"
#include "librealm/ring/atomics.h"
#include "librealm/ring/ring.h"

#define DEPOSITS                                                                                             \
    32u /* own regions that can be gone, and not unmapped yet, when the memory limit is reached */

enum place_state { PLACE_FREE, PLACE_READ_ONLY, PLACE_WRITABLE };

/* The process's one arena: a signal has no owner to be told by. The handler reads everything in it and writes
 * gone, in_flight and deposits_left; the rest is written under the lock. */
static struct {
    bool installed;
    struct sigaction previous;
    uint8_t *base; /* NULL: not reserved yet */
    size_t place_bytes;
    uint8_t *deposits;
    uint32_t deposits_left;
    uint32_t in_flight;                         /* handlers, those for windows (window.c), too */
    uint32_t used;                              /* places that were ever live */
    uint32_t free_first, free_last, free_count; /* runs, the one freed longest ago first */
    uint16_t first[REALM_FAULT_REGIONS];        /* of a place's run; set once, before it is first live */
    uint16_t length[REALM_FAULT_REGIONS];       /* of the run that begins here */
    /* of the run that begins here */
    uint32_t next_free[REALM_FAULT_REGIONS];
    uint32_t state[REALM_FAULT_REGIONS];
    uint32_t gone[REALM_FAULT_REGIONS];
} arena;
_Static_assert(REALM_FAULT_REGIONS <= UINT16_MAX, "a place fits 16 bits");

static pthread_mutex_t arena_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- the handler: only bare system calls and the arena --- */

/* Asks the kernel to read there, which fails instead of faulting. The call itself is refused in any case. */
bool realm_fault_readable(const void *address)
{
    const int no_such_way = -1;
    const uintptr_t word = (uintptr_t)address & ~(uintptr_t)7;
    return syscall(SYS_rt_sigprocmask, no_such_way, (const void *)word, NULL, 8) != 0 && errno == EINVAL;
}

static bool map_zeros(void *place, size_t bytes, int protection)
{
    void *mapped = (void *)syscall(SYS_mmap, place, bytes, protection,
                                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
    return mapped == place;
}

/* At the memory limit, one deposit makes room for one place. They go from the last to the first. */
static bool give_up_deposit(void)
{
    uint32_t left = realm_announce(&arena.deposits_left, UINT32_MAX);
    if (left == 0 || left > DEPOSITS) {
        (void)realm_announce(&arena.deposits_left, 1);
        return false;
    }
    return syscall(SYS_munmap, arena.deposits + (left - 1u) * arena.place_bytes, arena.place_bytes) == 0;
}

/* Return: false: there is no memory even for zeros. */
static bool mend(uint32_t touched, const void *address)
{
    const uint32_t place = arena.first[touched];
    uint32_t state = realm_load_ordered(&arena.state[place]);
    /* Free, or never used: a late handler, or a use after unmapping, which faults again for good. */
    if (state == PLACE_FREE || touched - place >= arena.length[place] || realm_fault_readable(address))
        return true;
    realm_store_release(&arena.gone[place], 1);
    void *memory = arena.base + place * arena.place_bytes;
    const size_t bytes = arena.length[place] * arena.place_bytes;
    int protection = state == PLACE_WRITABLE ? PROT_READ | PROT_WRITE : PROT_READ;
    while (!map_zeros(memory, bytes, protection)) {
        if (!give_up_deposit())
            return false;
    }
    return true;
}

/* Whatever was there before this handler gets its turn: another handler, or the end of the process. */
static void pass_on(int number, siginfo_t *info, void *context)
{
    const struct sigaction *previous = &arena.previous;
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(number, info, context);
        return;
    }
    if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(number);
        return;
    }
    bool sent = info->si_code <= 0; /* by kill, not by an access */
    if (sent && previous->sa_handler == SIG_IGN)
        return;
    struct sigaction as_ever = {.sa_handler = SIG_DFL};
    (void)sigaction(SIGBUS, &as_ever, NULL);
    if (!sent)
        return; /* the access is repeated, and ends the process */
    (void)raise(SIGBUS);
    _exit(128 + SIGBUS); /* the first process of a namespace does not die of a signal of its own */
}

static void on_fault(int number, siginfo_t *info, void *context)
{
    int saved = errno;
    uintptr_t offset = (uintptr_t)info->si_addr - (uintptr_t)arena.base;
    const bool region = arena.base != NULL && offset < arena.place_bytes * REALM_FAULT_REGIONS;
    bool ours = info->si_code > 0;
    if (ours) {
        (void)realm_announce(&arena.in_flight, 1);
        ours = region ? mend((uint32_t)(offset / arena.place_bytes), info->si_addr)
                      : realm_window_mend(info->si_addr);
        (void)realm_announce(&arena.in_flight, UINT32_MAX);
    }
    if (!ours)
        pass_on(number, info, context);
    errno = saved;
}

int realm_fault_install(void)
{
    sigset_t faults;
    (void)sigemptyset(&faults);
    (void)sigaddset(&faults, SIGBUS);
    /* A fault while it is blocked ends the process. */
    int error = pthread_sigmask(SIG_UNBLOCK, &faults, NULL);
    if (error != 0)
        return -error;
    pthread_mutex_lock(&arena_lock);
    if (!arena.installed) {
        /* NODEFER: the previous handler may touch a region, too. */
        struct sigaction action = {.sa_sigaction = on_fault,
                                   .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
        (void)sigemptyset(&action.sa_mask);
        if (sigaction(SIGBUS, NULL, &arena.previous) == 0 && sigaction(SIGBUS, &action, NULL) == 0)
            arena.installed = true;
        else
            error = errno;
    }
    pthread_mutex_unlock(&arena_lock);
    return -error;
}

/* --- places --- */

static int reserve(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t place_bytes = (REALM_REGION_DEFAULT_BYTES + page - 1) / page * page;
    const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
    void *base = mmap(NULL, place_bytes * REALM_FAULT_REGIONS, PROT_NONE, flags, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    void *deposits = mmap(NULL, place_bytes * DEPOSITS, PROT_READ | PROT_WRITE, flags, -1, 0);
    if (deposits == MAP_FAILED) {
        int error = -errno;
        (void)munmap(base, place_bytes * REALM_FAULT_REGIONS);
        return error;
    }
    arena.deposits = deposits;
    arena.deposits_left = DEPOSITS;
    arena.place_bytes = place_bytes;
    arena.base = base;
    return 0;
}

/* A handler that saw it live is done in some microseconds; one that comes later sees it free. */
void realm_fault_quiesce(void)
{
    while (realm_load_ordered(&arena.in_flight) != 0)
        realm_spin_pause();
}

/* The run of a length that was freed longest ago, out of the free ones. */
static bool reuse_run(uint32_t length, uint32_t *ret_place)
{
    uint32_t place = arena.free_first, previous = REALM_FAULT_REGIONS;
    for (uint32_t left = arena.free_count; left != 0; left--) {
        if (arena.length[place] == length) {
            if (previous == REALM_FAULT_REGIONS)
                arena.free_first = arena.next_free[place];
            else
                arena.next_free[previous] = arena.next_free[place];
            if (arena.free_last == place)
                arena.free_last = previous;
            arena.free_count--;
            *ret_place = place;
            return true;
        }
        previous = place;
        place = arena.next_free[place];
    }
    return false;
}

/* Places that never were live. */
static bool new_run(uint32_t length, uint32_t *ret_place)
{
    if (length > REALM_FAULT_REGIONS - arena.used)
        return false;
    for (uint32_t i = 0; i < length; i++)
        arena.first[arena.used + i] = (uint16_t)arena.used;
    arena.length[arena.used] = (uint16_t)length;
    *ret_place = arena.used;
    arena.used += length;
    return true;
}

/* Return: 0; REALM_E_LIMIT. */
static int take_run(uint32_t length, uint32_t *ret_place)
{
    if (arena.free_count < 64 && new_run(length, ret_place))
        return 0;
    if (!reuse_run(length, ret_place))
        return new_run(length, ret_place) ? 0 : REALM_E_LIMIT;
    realm_fault_quiesce();
    return 0;
}

static void give_back_place(uint32_t place)
{
    if (arena.free_count++ == 0)
        arena.free_first = place;
    else
        arena.next_free[arena.free_last] = place;
    arena.free_last = place;
}

/* What was given up is set aside again, one at a time, when there is memory. */
static void renew_deposit(void)
{
    uint32_t left = realm_load_ordered(&arena.deposits_left);
    if (left < DEPOSITS && realm_load_ordered(&arena.in_flight) == 0 &&
        mmap(arena.deposits + left * arena.place_bytes, arena.place_bytes, PROT_READ | PROT_WRITE,
             MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0) != MAP_FAILED)
        realm_store_ordered(&arena.deposits_left, left + 1u);
}

static int map_place(int fd, size_t bytes, bool writable, uint32_t *ret_place)
{
    uint32_t place;
    int error = arena.base == NULL ? reserve() : 0;
    if (error != 0)
        return error;
    if (bytes == 0 || bytes > REALM_REGION_MAX_BYTES)
        return -EINVAL;
    error = take_run((uint32_t)((bytes + arena.place_bytes - 1) / arena.place_bytes), &place);
    if (error != 0)
        return error;
    void *memory = mmap(arena.base + place * arena.place_bytes, bytes,
                        PROT_READ | (writable ? PROT_WRITE : 0), MAP_SHARED | MAP_FIXED, fd, 0);
    if (memory == MAP_FAILED) {
        error = -errno;
        give_back_place(place);
        return error;
    }
    realm_store_relaxed(&arena.gone[place], 0);
    realm_store_ordered(&arena.state[place], writable ? PLACE_WRITABLE : PLACE_READ_ONLY);
    *ret_place = place;
    return 0;
}

int realm_fault_map(int fd, size_t bytes, bool writable, void **ret_memory, const uint32_t **ret_gone)
{
    int error = realm_fault_install(); /* in this thread, too */
    if (error != 0)
        return error;
    uint32_t place = 0;
    pthread_mutex_lock(&arena_lock);
    error = map_place(fd, bytes, writable, &place);
    pthread_mutex_unlock(&arena_lock);
    if (error != 0)
        return error;
    *ret_memory = arena.base + place * arena.place_bytes;
    *ret_gone = &arena.gone[place];
    return 0;
}

void realm_fault_unmap(void *memory)
{
    size_t offset = (size_t)((uint8_t *)memory - arena.base);
    uint32_t place = (uint32_t)(offset / arena.place_bytes);
    pthread_mutex_lock(&arena_lock);
    assert(place < REALM_FAULT_REGIONS && offset % arena.place_bytes == 0);
    assert(arena.first[place] == place && arena.state[place] != PLACE_FREE);
    realm_store_ordered(&arena.state[place], PLACE_FREE);
    /* The address stays reserved: nothing else of this process ever comes to lie there. */
    void *reserved = mmap(memory, arena.length[place] * arena.place_bytes, PROT_NONE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
    assert(reserved == memory);
    (void)reserved;
    renew_deposit();
    give_back_place(place);
    pthread_mutex_unlock(&arena_lock);
}

int realm_os_region_map(struct realm_os *os, int handle, size_t bytes, bool writable,
                        struct realm_os_region *ret_region)
{
    (void)os;
    return realm_fault_map(handle, bytes, writable, &ret_region->memory, &ret_region->gone);
}

void realm_os_region_unmap(struct realm_os *os, const struct realm_os_region *region)
{
    (void)os;
    realm_fault_unmap(region->memory);
}
