/*
 * Memory that is a capability: allocated, mapped, given to others in a message, taken back.
 *
 * An object is memory of one to eight parts of the same size, all zeros at first. A capability is about a
 * window of it, which is one or more whole parts, and has rights: READ and WRITE say how it may be mapped,
 * GRANT that it may be given away, REVOKE that what was derived from it may be taken back. Less of it (a
 * part, or READ alone) is made with realm_derive, or given with realm_call_with and its kin, whose gift names
 * the window: `offset` from the beginning of the object, and `bytes`. (EXEC can be held and passed on;
 * nothing maps with it: who may read may copy and run what it read.)
 *
 * Who shares memory trusts whom it gives WRITE with what stands there, and must copy what it read before it
 * acts on it: it may change at any time. (What was sealed can change in one way only: below.)
 *
 * Taking back. realm_revoke takes the mappings of all that was derived away, whoever kept one. The kernel
 * cannot do so for one realm alone: *every* mapping of those parts ends, and who still holds a capability
 * maps anew, and finds what was written before the revocation was asked for. (What is written between that
 * and the end of the mapping may be lost. If the machine has no memory for the copy, all is zeros.) The same
 * happens when a capability that was mapped is moved, and when a realm ends that others derived from.
 * Deleting the root, or the end of its holder, ends the object.
 *
 * A mapping that has ended reads as zeros, and what is written to it is lost; no signal comes. So a copy out
 * of it is worth something only if realm_memory_state still says 0 afterwards; realm_memory_read does both.
 *
 * Sealing. Who has filled memory and gives it away to be read may seal it first (a *sealed buffer*): from
 * then on nobody can write it, its owner included, by whatever mapping was kept. A receiver need not take
 * anybody's word: it maps, and asks realm_memory_sealed. What it finds there are the bytes that were sealed
 * or, from some moment on, zeros: the owner may take all of it back (revoke, delete, end), at a moment that
 * it chooses, and no signal comes. So sealed memory need not be copied, but:
 *
 * - what is used twice (checked, and then acted on) is read once, into a local. Between two looks at the same
 *   word it may have become 0.
 * - what was computed from it counts only if realm_memory_state says 0 afterwards.
 *
 * All functions belong to the thread that opened the realm.
 */
#ifndef REALM_MEMORY_H
#define REALM_MEMORY_H

#include <stddef.h>
#include <stdint.h>

#include <realm/capability.h>

#ifdef __cplusplus
extern "C" {
#endif

#define REALM_MEMORY_PARTS_MAX      8u
#define REALM_MEMORY_PART_BYTES_MAX UINT64_C(1048576)

struct realm_memory; /* a mapping */

/*
 * Makes an object of `bytes` in `parts` of equal size, each whole pages of 4096, at most 1 MiB. It counts for
 * the `memory` quota of this realm until it is gone. The capability is its root: all rights, the whole
 * window. Return: 0; REALM_E_BAD_ARGUMENT: sizes; REALM_E_LIMIT: a quota (`realm explain` and the event
 * `limited` tell whose); REALM_E_TIMEOUT; REALM_E_MM_GONE; -errno. The output is untouched on failure.
 */
int realm_memory_allocate(struct realm *realm, uint64_t bytes, unsigned parts,
                          struct realm_capability *ret_capability);

/*
 * Maps the window of a capability. Rights: REALM_RIGHT_READ, with or without REALM_RIGHT_WRITE. What is
 * mapped to be written counts for this realm's limit of private memory, as much as it is large: that is where
 * it finds zeros when it is taken away. The mapping is the caller's, until realm_memory_unmap or realm_close.
 * Return: 0; REALM_E_BAD_ARGUMENT: other rights, or no memory; REALM_E_DENIED: the capability lacks them;
 * REALM_E_LIMIT: 256 are mapped, or the Memory Manager has no memory or descriptors for it; REALM_E_STALE: it
 * was taken back; REALM_E_INCAPABLE: no such cookie; REALM_E_TIMEOUT; REALM_E_MM_GONE; -errno.
 */
int realm_memory_map(struct realm *realm, uint64_t capability, uint32_t rights,
                     struct realm_memory **ret_memory);

/*
 * Seals an object of which this realm holds the root, and from which nothing is derived: what was given away
 * is revoked first (and what a realm that ended had of it goes a moment after its end). The memory is copied,
 * with all that was written before the call, and the old is taken away: every mapping ends, this realm's own
 * too, and is unmapped and mapped anew to be read. What is written in the meantime may be in the copy or not.
 * The capability has no WRITE from then on, and so has nothing that is derived from it. For good.
 * Return: 0; REALM_E_EXISTS: it is sealed already; REALM_E_DENIED: it is no root, or something was derived
 * from it: revoke that, and try again; REALM_E_BAD_ARGUMENT: no memory; REALM_E_LIMIT: the Memory Manager has
 * no memory for the copy, could not seal it, or has too much to do: nothing has changed, try again;
 * REALM_E_STALE: it was taken back, or moved away meanwhile; REALM_E_INCAPABLE: no such cookie;
 * REALM_E_TIMEOUT: not known: try again, REALM_E_EXISTS says that it was done; REALM_E_MM_GONE; -errno.
 */
int realm_memory_seal(struct realm *realm, uint64_t capability);

/*
 * Whether what is mapped can be written by nobody, now or ever, though it may be taken away: found out by
 * asking the kernel, when it was mapped, for the seals of each part (F_SEAL_WRITE, fcntl(2)), so it holds
 * whatever the Memory Manager says. A mapping that was made before the memory was sealed is of the old
 * memory, and stays unsealed. Return: 0: sealed; REALM_E_DENIED: not. It says nothing of whether it is still
 * there: realm_memory_state.
 */
int realm_memory_sealed(const struct realm_memory *memory);

/* Where it is and how large; valid until it is unmapped, also when the memory was taken away. Writing to what
 * was not mapped to be written ends the process. */
void *realm_memory_address(const struct realm_memory *memory);
uint64_t realm_memory_bytes(const struct realm_memory *memory);

/* Return: 0: as far as it was touched until now, it was there; REALM_E_REVOKED: it was found to be taken
 * away: unmap it, and map the capability anew (REALM_E_STALE: that is gone, too). */
int realm_memory_state(const struct realm_memory *memory);

/*
 * Copy out of it, and into it. Return: 0; REALM_E_BAD_ARGUMENT: not within it, or it was not mapped to be
 * written; REALM_E_REVOKED: as realm_memory_state; then nothing was written, or is lost, and what was read is
 * worth nothing.
 */
int realm_memory_read(const struct realm_memory *memory, uint64_t offset, void *ret_data, size_t size);
int realm_memory_write(struct realm_memory *memory, uint64_t offset, const void *data, size_t size);

void realm_memory_unmap(struct realm_memory *memory); /* NULL is a no-op; the capability stays */

#ifdef __cplusplus
}
#endif

#endif
