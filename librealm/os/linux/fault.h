/*
 * The fault handler: what makes the loss of a region a word to look at instead of a signal.
 */
#ifndef REALM_OS_FAULT_H
#define REALM_OS_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Regions that can be mapped at once: two for each end of a channel, and the pool. */
#define REALM_FAULT_REGIONS (2u * 4096u + 512u)

/* Installs the handler once for the process, before any region is mapped, and lets SIGBUS reach the calling
 * thread. Return: 0; -errno. */
int realm_fault_install(void);

/*
 * Puts a descriptor's memory at an address of the arena. The arena is reserved at the first call, for regions
 * of that size. Return: 0; REALM_E_LIMIT: no address is free; -EINVAL: another size; -errno.
 */
int realm_fault_map(int fd, size_t bytes, bool writable, void **ret_memory, const uint32_t **ret_gone);
void realm_fault_unmap(void *memory);

/* For window.c. Whether a touch there would fault; and: waits until no handler is in flight that may have
 * seen what is over by now. */
bool realm_fault_readable(const void *address);
void realm_fault_quiesce(void);

#endif
