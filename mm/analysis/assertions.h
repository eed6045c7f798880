/*
 * Whether a scenario's assertions hold in every state that the system can reach, and if not, the shortest
 * sequence of events that leads to one where they do not (docs/design/diagnosis.md).
 */
#ifndef MM_ANALYSIS_ASSERTIONS_H
#define MM_ANALYSIS_ASSERTIONS_H

#include "mm/analysis/rerun.h"

enum verdict_kind {
    VERDICT_HOLDS,     /* in all states: proved */
    VERDICT_VIOLATED,  /* by the plan */
    VERDICT_UNDECIDED, /* the bound was hit, or the engine refused each way that was tried: see `states` */
};

struct verdict {
    enum verdict_kind kind;
    uint32_t realm; /* VIOLATED, UNDECIDED: who; in the population */
    bool may;       /* VIOLATED: it holds what it should not; else it is refused what it should have */
    struct search_plan plan; /* VIOLATED */
    struct rerun_said said[SEARCH_STEPS_MAX];
    struct rerun_said refusal; /* VIOLATED and not `may`: the rule */
    uint32_t states;           /* that were looked at */
};

/* For all assertions of a scenario: so many ways from fact to fact are looked at. Some seconds. */
#define ASSERTIONS_WORK UINT64_C(100000000)

/*
 * Judges one assertion of the configuration. *work is counted down; what is not decided when it is used up is
 * undecided. Return: 0; -ENOMEM.
 */
int assertions_judge(const struct population *population, const struct mm_assert *assertion, uint64_t *work,
                     struct verdict *ret_verdict);

/*
 * The same for one state that a fuzzer or a simulator has reached: whether a running policy, loaded from this
 * configuration, breaks the assertion now: somebody holds a send capability to the service, live, that it
 * should not hold. declaration_of gives a realm's declaration (a number of the configuration) or MM_INIT.
 * ALWAYS asks whether a CONNECT would be refused by a rule, of those that run.
 * Return: whether it is broken; then *ret_realm is who.
 */
struct assertions_state {
    const struct mm_config *config;
    const struct policy *policy;
    struct policy_service service; /* of the assertion */
    struct policy_realm provider;  /* its declared provider */
    size_t realms_count;
    const struct assertions_realm {
        struct policy_realm realm;
        uint32_t declaration;
        const char *const *path; /* names from the top, itself the last */
        size_t path_count;
        const uint32_t *ancestors; /* their declarations, of the same count */
    } * realms;
};
bool assertions_broken(const struct assertions_state *state, const struct mm_assert *assertion,
                       size_t *ret_realm);

/* The assertion as it stands in the scenario: "never: web -> database [send, grant]". */
void assertions_text(const struct mm_config *config, const struct mm_assert *assertion, char *text,
                     size_t capacity);

#endif
