/*
 * Running a case: engine and oracle are asked the same, one operation after the other, and judged.
 *
 * After each operation: the same answer (status, rule, its place, rights, whose limit), the same
 * capabilities, and the invariants that need no second opinion. At the end: the same use of everything by
 * everybody, the same matrix of who may connect, and that clearing away leaves nothing. The first thing that
 * does not hold ends the run.
 *
 * In cases of up to FUZZ_SHORT operations the oracle's world is made from the whole history after each one.
 * In longer ones it is carried on, and made anew every FUZZ_SHORT operations: then both must be equal.
 */
#ifndef TOOLS_FUZZ_RUN_H
#define TOOLS_FUZZ_RUN_H

#include "tools/fuzz/case.h"
#include "tools/fuzz/subject.h"

#define RUN_HISTORY (4u * ORACLE_CAPABILITIES)

/* What was seen, added up over many cases. */
struct run_counts {
    uint64_t sequences, operations, comparisons;
    uint64_t allowed[FUZZ_KINDS], refused[FUZZ_KINDS];
    uint64_t deep_revokes; /* sequences that revoke a subtree of three generations or more */
};

struct run_verdict {
    const char *check; /* what does not hold; NULL: all does. A short, stable word */
    char detail[400];  /* what was seen */
    size_t operation;  /* at which, from 0 */
};

struct run {
    const struct fuzz_case *example;
    struct subject subject;
    struct oracle_world world;
    struct oracle_event history[RUN_HISTORY];
    size_t history_count;
    size_t done; /* operations */

    /* What each operation made, by its identity. */
    struct {
        int capability; /* the first, by the oracle's number */
        unsigned count;
        int instance;
    } made[FUZZ_OPERATIONS];

    bool deep_revoke;
    uint64_t gave; /* declarations that gave something away, or whose instances did */
    struct run_counts *counts;
    struct run_verdict verdict;
};

/*
 * Begins a case, whose operations may still be added while it runs (the generator does so). run is large and
 * holds no memory but the engine's: run_close gives that back. counts is borrowed. false: the engine refuses
 * the system.
 */
bool run_open(struct run *run, const struct fuzz_case *example, struct run_counts *counts);
/* One operation. false: something does not hold, run->verdict says what; or there is no room for more. */
bool run_operation(struct run *run, const struct fuzz_operation *operation);
/* What must hold in the end. */
bool run_finish(struct run *run);
void run_close(struct run *run);

/* All of it. true: everything holds. */
bool run_case(struct run *run, const struct fuzz_case *example, struct run_counts *counts,
              struct run_verdict *ret_verdict);

/* The things that an operation's words mean now; ORACLE_NONE: nothing that ever was. */
int run_realm(const struct run *run, int named);
int run_capability(const struct run *run, struct fuzz_capability named);

/* For the files of run: something does not hold. Returns false. */
bool run_fails(struct run *run, const char *check, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* compare.c */
bool compare_answers(struct run *run, const struct oracle_event *event, const struct oracle_answer *expected,
                     const struct policy_decision *decision);
bool compare_capabilities(struct run *run);
bool compare_use(struct run *run, int realm, enum oracle_resource resource);
bool compare_everything(struct run *run);

/* invariants.c: what holds whatever the page says in detail; asked of the engine alone. */
bool invariants_hold(struct run *run);
/* What hung below a capability before it was revoked; then that none of it works. */
struct invariants_below {
    struct policy_capability list[ORACLE_CAPABILITIES];
    struct policy_realm holders[ORACLE_CAPABILITIES];
    size_t count;
    unsigned generations;
};
void invariants_look_below(const struct run *run, const struct policy_event *event,
                           struct invariants_below *ret_below);
bool invariants_nothing_works(struct run *run, const struct invariants_below *below);
/* The rule that allowed a connect is enough by itself. */
bool invariants_rule_suffices(struct run *run, const struct oracle_event *event,
                              const struct oracle_answer *answer);
/* fixes.c: what the smallest fix of a denied connect makes of the system lets it through. */
bool invariants_fix_turns(struct run *run, const struct oracle_event *event);

/* asserts.c: what the user's own assertions say of the state, as the engine has it. */
bool asserts_hold(struct run *run);

#endif
