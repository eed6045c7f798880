/*
 * What the broker asks: one request at a time, checked, with the descriptors that came along.
 */
#ifndef MM_LAUNCHER_INCOMING_H
#define MM_LAUNCHER_INCOMING_H

#include "librealm/proto/launch.h"

struct incoming {
    union realm_launch_request request;
    int fds[REALM_CONTROL_PARTS_MAX];
    unsigned fds_count; /* as many as the request says */
};

/* Takes the next request. Return: 0: it is the caller's to close; REALM_E_WOULD_BLOCK: none is there now;
 * REALM_E_MM_GONE: the broker hung up or broke the protocol. */
int incoming_take(int socket, struct incoming *ret_incoming);
void incoming_close(struct incoming *incoming);

#endif
