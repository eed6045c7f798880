/*
 * The lives of realms: started, severed, ended, restarted.
 */
#ifndef MM_BROKER_LIFECYCLE_H
#define MM_BROKER_LIFECYCLE_H

#include <stdint.h>

#include "librealm/proto/launch.h"
#include "mm/policy/policy.h"

struct broker;
struct broker_args;
struct broker_realm;

void lifecycle_init(struct broker_realm *realm);

/*
 * Begins a new incarnation, if the policy lets the actor. args: after the declaration's, now and when it is
 * restarted; taken, if 0 is returned; NULL: as the last time. Return: 0; REALM_E_EXISTS;
 * REALM_E_NOT_STARTED: the start limit (the event `limited` has said so), its parent does not run, or the
 * system ends; REALM_E_NOT_CHILD; REALM_E_LIMIT: a quota, or too much waits for the launcher; -ENOMEM. On
 * failure the realm is as it was. ret_refusal (or NULL) is set in any case: the policy's decision, if that is
 * the failure; else one with the rule NONE, also where the policy has agreed and something else failed.
 */
int lifecycle_start(struct broker_realm *realm, struct policy_realm actor, const struct broker_args *args,
                    struct policy_decision *ret_refusal);

/* What the launcher says. fds are taken. */
void lifecycle_started(struct broker_realm *realm, const struct realm_launch_spawned *event, const int *fds);
void lifecycle_not_started(struct broker_realm *realm, const struct realm_launch_failed *event);
/* Its box is shut: what it has said and says from now on is read. */
void lifecycle_loaded(struct broker_realm *realm);
void lifecycle_exited(struct broker_realm *realm, int wait_status);
/* Both descriptors are taken; -1: the launcher could make none. */
void lifecycle_page_made(struct broker_realm *realm, int write_fd, int read_fd);

/* It said hello: welcomes it as soon as its page is there. */
void lifecycle_hello(struct broker_realm *realm, uint64_t xid, uint32_t waiter);

/*
 * Gives back everything that the incarnation owns, and tells whoever has to know. Its process may live on
 * for a while. Safe at any time but while its own lists are walked. Twice is a no-op.
 */
void lifecycle_sever(struct broker_realm *realm);

/* Its control socket is closed: it is severed, and ended if it does not end by itself before long. */
void lifecycle_left(struct broker_realm *realm);

/* It will be ended for this at the end of the round; until then nothing more is read from it. what is
 * static text, such as "said hello twice". Only the first offence counts. */
void lifecycle_offend(struct broker_realm *realm, const char *what);
/* Ends those. */
void lifecycle_end_offenders(struct broker *broker);

#endif
