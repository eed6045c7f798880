/*
 * What this machine needs at least for a start and for a revocation: the same acts of the kernel, without
 * anything of ours. They are the floors of the cases `spawn`, `up-200` and `revoke`.
 *
 * A *bare start* is a process cloned into namespaces of its own that executes /bin/true, until it has ended.
 * There is no box, no broker, no channel and no request.
 *
 * A *bare revocation* has three processes, as ours has: one asks a second by a byte on a socket; that one
 * truncates two memfds, which both others have mapped and touched, and wakes the third, which slept on a
 * futex. There is no policy, no page of slots, no message to either end, and no signal.
 */
#ifndef BENCH_HARNESS_BARE_H
#define BENCH_HARNESS_BARE_H

#include <stdbool.h>
#include <stdint.h>

/* From the first clone until the last of count processes has ended, all begun at once. Return: 0; -errno. */
int bare_starts(unsigned count, bool network, uint64_t *ret_ns);

struct bare_revoke;

/* The caller closes it. Return: 0; -errno. */
int bare_revoke_open(struct bare_revoke **ret_revoke);

/* From the byte until the sleeper is awake. It has slept for a while then. Return: 0; -errno, and it can only
 * be closed. */
int bare_revoke_measure(struct bare_revoke *revoke, uint64_t *ret_ns);

/* NULL is allowed. */
void bare_revoke_close(struct bare_revoke *revoke);

#endif
