/*
 * The windows that are mapped, in a table that the fault handler reads. A window is several memfds side by
 * side. The first touch that finds one of them truncated ends the whole window: its gone word is set, then
 * zeros are mapped over all of it.
 *
 * For a window that can be written as much private memory is set aside when it is mapped, and given up for
 * the zeros: so there is always room for them, and a realm at its limit does not die because another revokes.
 *
 * The rule is that of fault.c: gone before the zeros. An entry, and its addresses, are used again only when
 * no handler is in flight that may have seen it live.
 */
#include "librealm/os/linux/window.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <realm/error.h>

#include "librealm/os/linux/fault.h"
#include "librealm/os/linux/linux.h"
#include "librealm/ring/atomics.h"

#define WINDOWS_MAX 256u

struct window {
    uint32_t live; /* the last to be set and the first to be cleared */
    uint32_t gone;
    uint8_t *base;
    size_t bytes;
    uint8_t *deposit; /* NULL: none is needed */
    uint32_t deposits_left;
    bool writable;
};

/* The process's one table: a signal has no owner to be told by. */
static struct window windows[WINDOWS_MAX];
static pthread_mutex_t windows_lock = PTHREAD_MUTEX_INITIALIZER;

/* --- in the handler: only bare system calls and the table --- */

static struct window *find(const void *address)
{
    for (unsigned i = 0; i < WINDOWS_MAX; i++) {
        struct window *window = &windows[i];
        if (realm_load_ordered(&window->live) && (uintptr_t)address - (uintptr_t)window->base < window->bytes)
            return window;
    }
    return NULL;
}

static bool map_zeros(const struct window *window)
{
    int protection = window->writable ? PROT_READ | PROT_WRITE : PROT_READ;
    return (void *)syscall(SYS_mmap, window->base, window->bytes, protection,
                           MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0) == window->base;
}

/* Two threads may be here for one window: one of them gives it up. */
static void give_up_deposit(struct window *window)
{
    if (window->deposit && realm_announce(&window->deposits_left, UINT32_MAX) == 1)
        (void)syscall(SYS_munmap, window->deposit, window->bytes);
}

bool realm_window_mend(const void *address)
{
    struct window *window = find(address);
    if (!window)
        return false;
    if (realm_fault_readable(address))
        return true; /* another thread's handler was quicker */
    realm_store_release(&window->gone, 1);
    give_up_deposit(window);
    return map_zeros(window);
}

/* --- mapping --- */

static int set_aside(struct window *window)
{
    window->deposit = NULL;
    window->deposits_left = 0;
    if (!window->writable)
        return 0;
    void *deposit =
        mmap(NULL, window->bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (deposit == MAP_FAILED)
        return -errno;
    window->deposit = deposit;
    window->deposits_left = 1;
    return 0;
}

static void drop_deposit(struct window *window)
{
    if (window->deposit && window->deposits_left == 1)
        (void)munmap(window->deposit, window->bytes);
    window->deposit = NULL;
}

/* All parts at addresses that follow on. */
static int map_parts(struct window *window, const int *handles, unsigned count)
{
    const size_t part_bytes = window->bytes / count;
    const int protection = PROT_READ | (window->writable ? PROT_WRITE : 0);
    void *base = mmap(NULL, window->bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (base == MAP_FAILED)
        return -errno;
    for (unsigned i = 0; i < count; i++) {
        void *at = (uint8_t *)base + i * part_bytes;
        if (mmap(at, part_bytes, protection, MAP_SHARED | MAP_FIXED, handles[i], 0) != at) {
            int error = -errno;
            (void)munmap(base, window->bytes);
            return error;
        }
    }
    window->base = base;
    return 0;
}

static int open_window(struct window *window, const int *handles, unsigned count)
{
    int error = set_aside(window);
    if (error)
        return error;
    error = map_parts(window, handles, count);
    if (error)
        drop_deposit(window);
    return error;
}

static struct window *free_window(void)
{
    for (unsigned i = 0; i < WINDOWS_MAX; i++)
        if (!windows[i].live)
            return &windows[i];
    return NULL;
}

int realm_os_window_map(struct realm_os *os, const int *handles, unsigned count, size_t part_bytes,
                        bool writable, struct realm_os_region *ret_window)
{
    (void)os;
    int error = realm_fault_install(); /* in this thread, too */
    if (error)
        return error;
    pthread_mutex_lock(&windows_lock);
    struct window *window = free_window();
    if (window) {
        window->bytes = part_bytes * count;
        window->writable = writable;
        window->gone = 0;
        error = open_window(window, handles, count);
    } else {
        error = REALM_E_LIMIT;
    }
    if (!error) {
        realm_store_ordered(&window->live, 1);
        *ret_window = (struct realm_os_region){.memory = window->base, .gone = &window->gone};
    }
    pthread_mutex_unlock(&windows_lock);
    return error;
}

void realm_os_window_unmap(struct realm_os *os, const struct realm_os_region *region, size_t bytes)
{
    (void)os;
    pthread_mutex_lock(&windows_lock);
    struct window *window = find(region->memory);
    assert(window && window->base == region->memory && window->bytes == bytes);
    realm_store_ordered(&window->live, 0);
    realm_fault_quiesce();
    (void)munmap(window->base, bytes);
    drop_deposit(window);
    pthread_mutex_unlock(&windows_lock);
}
