/*
 * What the administrator can ask about decisions: the smallest change that turns one round, and what a
 * decision of the past was. Realms learn nothing of it: numbers of decisions stand in events only.
 */
#ifndef MM_BROKER_DIAGNOSIS_H
#define MM_BROKER_DIAGNOSIS_H

#include "mm/analysis/fix.h"
#include "mm/broker/state.h"

#define DIAGNOSIS_KEPT  256u /* decisions */
#define DIAGNOSIS_STEPS 32u  /* of each */

/* A refusal, as it was. Names are copies: who they named may be gone. */
struct diagnosis_entry {
    uint64_t number; /* 0: none */
    uint64_t t_ns;
    char realm[REALM_NAME_MAX + 1], child[REALM_NAME_MAX + 1], service[REALM_NAME_MAX + 1];
    uint32_t asker;                          /* the declaration of who was refused */
    uint32_t declaration, child_declaration; /* … and of whom it is about: numbers of the configuration */
    const char *asked;                       /* "connect", "derive", …; lives for ever */
    bool mendable;                           /* a change of the scenario may turn it: the answer to … */
    enum question_kind kind;                 /* CONNECT, REGISTER, GATE, LOOK; GRANT, START: the child */
    uint32_t rights, gate;
    struct policy_decision decision;
    uint32_t limited; /* rule QUOTA: the declaration whose quota it is; MM_INIT: none that could be raised */
    char limited_name[REALM_NAME_MAX + 1]; /* … and the realm */
    struct policy_step steps[DIAGNOSIS_STEPS];
    size_t steps_count;
};

/*
 * Keeps a refusal; the oldest of the declaration that has the most makes room. child: of a grant; else NULL.
 * Return: its number, from 1; 0: no memory.
 */
uint64_t diagnosis_keep(struct broker_realm *realm, enum question_kind kind, const struct broker_realm *child,
                        const char *service, uint32_t rights, const struct policy_decision *decision);
/*
 * The same for what was asked about a capability. about: whose CONNECT with these rights would have helped,
 * which is what is kept and can be asked again; NULL: no rule of the scenario would have.
 */
uint64_t diagnosis_keep_capability(struct broker_realm *realm, const char *asked,
                                   const struct broker_realm *about, const char *service, uint32_t rights,
                                   const struct policy_decision *decision);
/* The same of a gated call, and of looking at others (no gate: 0). */
uint64_t diagnosis_keep_incapable(struct broker_realm *realm, enum question_kind kind, uint32_t gate,
                                  const char *name, const struct policy_decision *decision);
/* The same of a SPAWN that the actor asked for. declared: of what; NULL: nothing is declared that is called
 * so. */
uint64_t diagnosis_keep_spawn(const struct broker_spawn *spawn, const struct broker_realm *declared,
                              const struct policy_decision *decision);
/* Borrowed until the next that is kept. NULL: there is none of that number, or it is too long ago. */
const struct diagnosis_entry *diagnosis_find(const struct broker *broker, uint64_t number);
void diagnosis_free(struct broker *broker);

/* The question whether a realm may connect, as the system is now. */
void diagnosis_question(const struct broker *broker, const struct broker_realm *realm, const char *service,
                        uint32_t rights, struct question *ret_question);
/* … and whether what was refused would be now, of realms that may be gone. */
void diagnosis_question_of(const struct broker *broker, const struct diagnosis_entry *entry,
                           struct question *ret_question);

#endif
