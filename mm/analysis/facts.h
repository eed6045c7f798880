/*
 * What can come to be in a system, as facts that events bring about and nothing takes away.
 *
 * Ends, revocations and limits are left out: whatever can happen in the system can then happen here, too. So
 * what cannot come about here cannot come about at all; what can is tried on the policy engine (rerun.h).
 *
 *   RUN r             realm r runs
 *   NAME s r          r holds the name of service s: it may register it
 *   ENDPOINT o r      r holds the endpoint of object o: a service, or an anonymous one that realm o-services
 * made SEND o r rights   r holds a send capability to o with these rights besides SEND GIVEN s r rights  r's
 * parent has granted it s with these rights besides SEND LINK a b          a can give to b along a channel
 * between them
 */
#ifndef MM_ANALYSIS_FACTS_H
#define MM_ANALYSIS_FACTS_H

#include "mm/analysis/population.h"

#define FACTS_NONE UINT32_MAX

enum fact_kind { FACT_RUN, FACT_NAME, FACT_ENDPOINT, FACT_SEND, FACT_GIVEN, FACT_LINK };

struct fact {
    enum fact_kind kind;
    uint32_t object; /* service, object; LINK: the one end */
    uint32_t realm;  /* LINK: the other */
    uint32_t rights; /* bits 0 to 2: GRANT, MINT, REVOKE */
};

/* The event that brings a fact about. POLICY_START, _REGISTER, _CREATE, _CONNECT, _GRANT, _DERIVE; 0: none.
 */
struct facts_step {
    enum policy_event_kind kind;
    uint32_t actor; /* POPULATION_NOBODY: init */
    struct fact brings;
};

/* One way to a fact: a step, and the facts that must be there before it. */
struct facts_way {
    struct facts_step step;
    uint32_t needs[4];
    size_t needs_count;
};

struct facts {
    const struct population *population; /* borrowed */
    uint32_t services, objects, count;
    uint32_t sets;       /* bit n: some rule or endpoint gives the rights of the bits n */
    const bool *trusted; /* by realm: it gives nothing away; borrowed */
    const bool *servers; /* by service and realm: who can come to serve it; NULL: anybody */
    uint64_t *work;      /* counted down by each way that is looked at; at 0 no more are */
};

void facts_init(struct facts *facts, const struct population *population, const bool *trusted,
                const bool *servers, uint64_t *work);
uint32_t facts_number(const struct facts *facts, struct fact fact);
struct fact facts_fact(const struct facts *facts, uint32_t number);
/* Between REALM_RIGHT_* and the three bits. */
uint32_t facts_bits(uint32_t rights);
uint32_t facts_rights(uint32_t bits);

/* Whether it is there from the start. */
bool facts_is_given(const struct facts *facts, uint32_t number);

/* Calls visit for each way to a fact, until it returns false. */
typedef bool facts_visit(void *context, const struct facts_way *way);
void facts_ways(const struct facts *facts, uint32_t number, facts_visit *visit, void *context);

#endif
