/*
 * The engine under test, spoken to in the oracle's terms. The one place that knows both sides: it builds a
 * struct policy from the oracle's system, and translates events there and decisions back.
 */
#ifndef TOOLS_FUZZ_SUBJECT_H
#define TOOLS_FUZZ_SUBJECT_H

#include "mm/oracle/oracle.h"
#include "mm/policy/policy.h"

struct subject {
    struct policy *policy;
    struct policy_realm realms[ORACLE_REALMS]; /* by the oracle's number */
    struct policy_service services[ORACLE_SERVICES];
    struct policy_capability capabilities[ORACLE_CAPABILITIES]; /* by the oracle's number */
    int ordinals[4u * ORACLE_CAPABILITIES];                     /* by index of the handle; ORACLE_NONE */
};

/*
 * Takes the engine's memory from a block that the next opening uses anew: one of each may be open at a time.
 * false: the engine refuses the system (and says why: *ret_why, static).
 */
bool subject_open(struct subject *subject, const struct oracle_system *system, const char **ret_why);
bool subject_open_beside(struct subject *subject, const struct oracle_system *system, const char **ret_why);
void subject_close(struct subject *subject);

/* Declares an instance. */
bool subject_add_instance(struct subject *subject, const struct oracle_realm *instance, size_t realm);

/* forged: how a capability or realm that never was is spelled. */
void subject_event(const struct subject *subject, const struct oracle_event *event, unsigned forged,
                   struct policy_event *ret_event);

/* The oracle's number of a live handle, or ORACLE_NONE. */
int subject_ordinal(const struct subject *subject, struct policy_capability capability);
int subject_realm(const struct subject *subject, struct policy_realm realm, size_t realms_count);
int subject_service(const struct subject *subject, struct policy_service service, size_t services_count);
/* From now on the capability is called so. */
void subject_name(struct subject *subject, int ordinal, struct policy_capability capability);

enum oracle_status subject_status(int status);
uint32_t subject_rights(uint32_t engine_rights);
enum oracle_kind subject_kind(enum policy_kind kind);

/* Where the entries of the lists stand, as the engine was told. */
struct policy_place subject_place(enum oracle_where where, int service, size_t entry);

#endif
