/*
 * The records of realms: one for each declaration, and one for each instance of a template while it lives.
 */
#ifndef MM_BROKER_REALMS_H
#define MM_BROKER_REALMS_H

#include <stdbool.h>

struct broker;
struct broker_realm;

/* Makes the records of all declarations, with the policy's handles. Return: 0; -ENOMEM; -EINVAL: the
 * configuration contradicts itself. */
int realms_declare(struct broker *broker);

/* Forgets instances that have ended and have no children left, if broker->sweep_due. Done between rounds
 * only: during one, a record that was found stays. */
void realms_sweep(struct broker *broker);

void realms_free_all(struct broker *broker);

/* Its process runs, or is being started or ended. */
bool realms_active(const struct broker_realm *realm);
bool realms_has_active_descendant(const struct broker_realm *realm);

const struct mm_realm *realms_declaration(const struct broker_realm *realm);

#endif
