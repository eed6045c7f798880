/*
 * Regions and pages: mapping what the broker sent, and giving it back.
 *
 * Nothing is prefaulted: a region costs the pages that its ring has touched.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "librealm/os/linux/linux.h"

int realm_os_map(struct realm_os *os, int handle, size_t bytes, bool writable, void **ret_memory)
{
    (void)os;
    int protection = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED, handle, 0);
    if (memory == MAP_FAILED)
        return -errno;
    *ret_memory = memory;
    return 0;
}

void realm_os_unmap(struct realm_os *os, void *memory, size_t bytes)
{
    (void)os;
    int result = munmap(memory, bytes);
    assert(result == 0);
    (void)result;
}

void realm_os_close_handle(struct realm_os *os, int handle)
{
    (void)os;
    (void)close(handle);
}

/* The kernel puts this seal on nothing that somebody has mapped to be written, and takes it off from nothing.
 */
bool realm_os_is_sealed(struct realm_os *os, int handle)
{
    (void)os;
    const int seals = fcntl(handle, F_GET_SEALS);
    return seals >= 0 && (seals & F_SEAL_WRITE) != 0;
}
