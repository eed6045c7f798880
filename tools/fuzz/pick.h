/*
 * Realms and capabilities for operations: which of those that there are, chosen by bytes. Mostly one with
 * which the operation can go through, so that deep states are reached; now and then any, a dead one, or what
 * never was.
 */
#ifndef TOOLS_FUZZ_PICK_H
#define TOOLS_FUZZ_PICK_H

#include "tools/fuzz/draw.h"
#include "tools/fuzz/run.h"

/* What a case calls a realm or capability of the world. */
int pick_name_of_realm(const struct run *run, int realm);
struct fuzz_capability pick_name_of(const struct run *run, int capability);

/* Numbers of the world; ORACLE_NONE: what never was. */
int pick_any_realm(struct draw *draw, const struct run *run);
int pick_running(struct draw *draw, const struct run *run);
int pick_child(struct draw *draw, const struct run *run, int actor);

typedef bool pick_wanted_capability(const struct oracle_world *world,
                                    const struct oracle_capability *capability);
bool pick_wants_any(const struct oracle_world *world, const struct oracle_capability *capability);
bool pick_wants_giveable(const struct oracle_world *world, const struct oracle_capability *capability);
bool pick_wants_send(const struct oracle_world *world, const struct oracle_capability *capability);
bool pick_wants_endpoint(const struct oracle_world *world, const struct oracle_capability *capability);
/* The root of memory. */
bool pick_wants_sealable(const struct oracle_world *world, const struct oracle_capability *capability);
bool pick_wants_gate(const struct oracle_world *world, const struct oracle_capability *capability);
bool pick_wants_debug(const struct oracle_world *world, const struct oracle_capability *capability);
/* What hangs lowest of all that can be given by who may act, or ORACLE_NONE. */
int pick_lowest_giveable(const struct run *run);
bool pick_wants_revocable(const struct oracle_world *world, const struct oracle_capability *capability);
/* What can be revoked with the most generations below it, and how many these are; or ORACLE_NONE, and 0. */
int pick_deepest_revocable(const struct run *run, unsigned *ret_generations);

/* A live one that is wanted, or ORACLE_NONE. */
int pick_wanted(struct draw *draw, const struct run *run, pick_wanted_capability *wanted);
/* The same as the operation's source, with its holder as the actor, as a rule. Returns its number. */
int pick_held(struct draw *draw, const struct run *run, pick_wanted_capability *wanted,
              struct fuzz_operation *operation);

#endif
