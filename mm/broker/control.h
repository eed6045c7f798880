/*
 * The control sockets: what realms say.
 */
#ifndef MM_BROKER_CONTROL_H
#define MM_BROKER_CONTROL_H

struct broker_realm;

void control_init(struct broker_realm *realm);
/* Closes the socket, if there is one, and listens no more. */
void control_close(struct broker_realm *realm);

#endif
