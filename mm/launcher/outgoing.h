/*
 * Packets on their way to the broker. The launcher never waits for its reader: what the socket does not
 * take at once is kept here, with its descriptors, until it does.
 */
#ifndef MM_LAUNCHER_OUTGOING_H
#define MM_LAUNCHER_OUTGOING_H

#include <stdbool.h>
#include <stddef.h>

#include "librealm/proto/launch.h"

struct outgoing_packet;

struct outgoing {
    struct outgoing_packet *first, **last;
    unsigned count;
};

void outgoing_init(struct outgoing *outgoing);
void outgoing_deinit(struct outgoing *outgoing); /* drops and closes all that waits */

/*
 * Adds a packet (its header tells the size) and takes over the descriptors, at most REALM_LAUNCH_FDS_MAX,
 * also on failure. Return: 0; -ENOMEM.
 */
int outgoing_take(struct outgoing *outgoing, const void *packet, const int *fds, unsigned fds_count);

/*
 * Sends what the socket takes now. Return: 0: nothing is left; REALM_E_WOULD_BLOCK: go on when it is
 * writable; REALM_E_LIMIT: the kernel is short of memory or has too many descriptors in flight, go on a
 * little later; REALM_E_MM_GONE: nobody will ever read it.
 */
int outgoing_flush(struct outgoing *outgoing, int socket);

#endif
