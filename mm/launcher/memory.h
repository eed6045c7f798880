/*
 * Regions of shared memory: memfds, each with a second, read-only open file description.
 */
#ifndef MM_LAUNCHER_MEMORY_H
#define MM_LAUNCHER_MEMORY_H

#include <stddef.h>

struct realm_launch_memory;

/*
 * Makes count regions (1 to REALM_LAUNCH_REGIONS_MAX) of bytes each, all zero. They have no name, are
 * closed on exec, can be sealed and cannot be executed. ret_writable and ret_readonly take count
 * descriptors each, the caller's to close. ret_readonly[i] is the same memory as ret_writable[i], opened
 * anew: it shares no offset and no flag with it, and cannot be mapped writable.
 *
 * Return: 0; -EINVAL: count or bytes out of range (bytes: a multiple of the page size, at most
 * REALM_LAUNCH_REGION_BYTES_MAX); -errno. On failure nothing is left open.
 */
int memory_make(unsigned count, size_t bytes, int *ret_writable, int *ret_readonly);

/*
 * Does what a checked request says with the descriptors that came with it (borrowed; NULL for NEW). ret_fds
 * takes request->count descriptors, the caller's to close.
 *
 * Return: 0; -EBADF: what came is no memory of this launcher's that was sealed; -EPERM: WRITE of what nobody
 * writes any more; -EBUSY: of SEAL: three times (about half a second) the kernel found a page of the copy
 * held by somebody, which is to be told like a lack of memory; -errno. On failure nothing is left open.
 */
int memory_open(const struct realm_launch_memory *request, const int *from, int *ret_fds);

#endif
