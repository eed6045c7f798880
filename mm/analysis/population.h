/*
 * Who there can be in a system, and what its rules say of each.
 *
 * A scenario's realms, and of each template some instances: two that are called after it, and one for each
 * pattern of the scenario that a well-chosen name would meet: for whoever spawns an instance chooses its
 * name. What the rules say is asked of the policy engine, for each realm that might serve a service.
 */
#ifndef MM_ANALYSIS_POPULATION_H
#define MM_ANALYSIS_POPULATION_H

#include "mm/analysis/whatif.h"

#define POPULATION_REALMS_MAX   64u
#define POPULATION_SERVICES_MAX 64u
#define POPULATION_NOBODY       UINT32_MAX

struct population_realm {
    uint32_t declaration;
    uint32_t parent; /* in the population; POPULATION_NOBODY: init */
    char *name;      /* of an instance; NULL: the declaration itself */
    bool boot;       /* it runs from the start */
};

/* What the rules say to a CONNECT, whatever the limits are. */
struct population_answer {
    enum policy_rule rule;
    struct policy_place place;
    uint32_t rights; /* REALM_RIGHT_*; 0: refused */
};

struct population {
    const struct mm_config *config; /* borrowed */
    struct population_realm realms[POPULATION_REALMS_MAX];
    uint32_t count;
    bool cut; /* there would have been more instances than fit */
    struct population_answer *answers;
};

/*
 * Return: 0; REALM_E_TOO_BIG: more realms or services than are looked at; -ENOMEM; REALM_E_*: the
 * configuration is not sound. Borrows config.
 */
int population_new(const struct mm_config *config, struct population **ret_population);
void population_free(struct population *population); /* NULL is a no-op */

/* By who serves the service; population->count: nobody yet. */
const struct population_answer *population_ask(const struct population *population, uint32_t service,
                                               uint32_t server, uint32_t actor);
/* Whether a realm is a service's declared provider, or an instance of it. */
bool population_provides(const struct population *population, uint32_t realm, uint32_t service);
const char *population_name(const struct population *population, uint32_t realm);
/* The way to a realm. */
void population_path(const struct population *population, uint32_t realm, struct whatif_path *ret_path);
/* Whether an assertion's subject means a realm. */
bool population_is_subject(const struct population *population, const struct mm_subject *subject,
                           uint32_t realm);

#endif
