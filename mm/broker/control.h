/*
 * The control sockets: what realms say.
 */
#ifndef MM_BROKER_CONTROL_H
#define MM_BROKER_CONTROL_H

struct broker_realm;

void control_init(struct broker_realm *realm);

/* Why a realm's socket is not read for a while. */
enum control_hold {
    CONTROL_FLOOD = 1,    /* it has had its packets of this second */
    CONTROL_PENALTY = 2,  /* it named what it does not hold */
    CONTROL_REVOKING = 4, /* what it had revoked is being cleared away */
    CONTROL_MAPPING = 8,  /* descriptors of memory are being opened for it */
    CONTROL_SEALING = 16, /* memory of its own is being sealed */
};
void control_hold(struct broker_realm *realm, enum control_hold why);
void control_release(struct broker_realm *realm, enum control_hold why);
/* Closes the socket, if there is one, and listens no more. */
void control_close(struct broker_realm *realm);

#endif
