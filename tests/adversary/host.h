/*
 * What of the host an attack aims at, made by the suite, and the proof that it is as it was.
 */
#ifndef TESTS_ADVERSARY_HOST_H
#define TESTS_ADVERSARY_HOST_H

#include <stdbool.h>
#include <sys/types.h>

#include "tests/adversary/attack.h"

/* Makes a file with a secret, listeners, a process that sleeps, System V objects; fills in what an attacker
 * is told of them. Ends the suite if it cannot. */
void host_make(struct attack_target *ret_target);
/* NULL: all is as host_make left it; else what is not, as static text. */
const char *host_changed(void);
void host_remove(void);

/* Whether this machine has the 32-bit entry at all: without, its instruction faults, filter or not. */
bool host_has_gate(void);

#endif
