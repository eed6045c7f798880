/*
 * Small questions about a world, each answered by looking at everything; for the oracle's own files.
 */
#ifndef MM_ORACLE_FACTS_H
#define MM_ORACLE_FACTS_H

#include "mm/oracle/oracle.h"

bool fact_realm_was(const struct oracle_world *world, int realm);
bool fact_realm_exists(const struct oracle_world *world, int realm);
bool fact_runs(const struct oracle_world *world, int realm);
bool fact_is_child(const struct oracle_world *world, int child, int parent);
/* A proper ancestor. */
bool fact_is_ancestor(const struct oracle_world *world, int ancestor, int realm);
/* The same realm, or an instance of it. */
bool fact_is_or_instance(const struct oracle_world *world, int realm, int declaration);

bool fact_live(const struct oracle_world *world, int capability);
/* Section 4: "Holds X means". */
bool fact_holds(const struct oracle_world *world, int actor, int capability);
/* A proper ancestor in the derivation tree. */
bool fact_derived_from(const struct oracle_world *world, int capability, int ancestor);
size_t fact_generations(const struct oracle_world *world, int capability);

/* The live endpoint of a service, or ORACLE_NONE. */
int fact_endpoint(const struct oracle_world *world, int service);
/* Section 3: "The provider". */
int fact_provider(const struct oracle_world *world, int service);
/* Rule `self`. */
bool fact_is_provider_itself(const struct oracle_world *world, int realm, int service);

/* The first entry of a list that matches; SIZE_MAX: none does. */
size_t fact_first_match(const struct oracle_world *world, const struct oracle_list *list, int service,
                        int realm);
bool fact_entry_matches(const struct oracle_world *world, const struct oracle_entry *entry, int service,
                        int realm);

/* How many name capabilities START gives a realm, and all of its endowment. */
bool fact_provides(const struct oracle_world *world, int realm, int service);
uint64_t fact_endowment(const struct oracle_world *world, int realm);

/* What an event would charge, and to whom. */
struct fact_charge {
    int payer;
    enum oracle_resource resource;
    uint64_t amount;
};
/* Is one of them too much, those before it included? Then the answer is LIMIT, and names the limit. */
bool fact_over_quota(const struct oracle_world *world, const struct fact_charge *charges, size_t count,
                     struct oracle_answer *ret_answer);

/* Writes an answer that rests on no list. */
void fact_answer(enum oracle_status status, const char *rule, struct oracle_answer *ret_answer);

/* Section 5, for oracle_decide. */
void oracle_decide_derive(const struct oracle_world *world, const struct oracle_event *event,
                          struct oracle_answer *ret_answer);

#endif
