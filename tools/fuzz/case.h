/*
 * A case of the fuzzer: a system, and what is done in it, operation by operation.
 *
 * Operations name things by how they came to be, not by handle: a capability is "the second one that
 * operation 7 made", an instance is "the one of operation 3". So an operation means the same when others
 * before it are taken away, which is what shrinking does; what it names may then never have been, and that is
 * an operation, too.
 */
#ifndef TOOLS_FUZZ_CASE_H
#define TOOLS_FUZZ_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mm/oracle/oracle.h"

#define FUZZ_OPERATIONS 1024u /* of one case */
#define FUZZ_SHORT      64u   /* up to here the oracle starts from nothing after each operation */
#define FUZZ_NAMES      64u   /* that operations use */
#define FUZZ_NOTHING    (-1)  /* no operation, no realm */
#define FUZZ_INSTANCE   1000  /* + identity of the operation: the instance that it declared */

/* Besides the oracle's events: some steps of clearing away what is dead. */
#define FUZZ_STEPS ((int)ORACLE_EVENT_KINDS)
#define FUZZ_KINDS ((int)ORACLE_EVENT_KINDS + 1)

struct fuzz_capability {
    int operation; /* identity of the operation that made it, or FUZZ_NOTHING */
    unsigned nth;  /* which of those it made; without an operation: how what never was is forged */
};

struct fuzz_operation {
    int identity; /* below FUZZ_OPERATIONS; no two of a case share it */
    int kind;     /* enum oracle_event_kind, or FUZZ_STEPS */
    int actor, subject;
    struct fuzz_capability source, via;
    unsigned name; /* index into the names of the case; INSTANCE is called after its identity */
    uint32_t rights;
    enum oracle_mode mode;
    uint64_t badge, offset, size, amount; /* STEPS: amount is how many */
    unsigned resource;
    bool remove;
};

/* What the user says must hold in every state: rows of `assert:`. */
#define FUZZ_ASSERT_PATHS 4u
#define FUZZ_PATTERN_MAX  1024u
enum fuzz_assert_kind { FUZZ_NEVER, FUZZ_ONLY, FUZZ_ALWAYS };
struct fuzz_assert {
    enum fuzz_assert_kind kind;
    uint64_t realms; /* bit n: the declaration n and its instances */
    uint64_t trust;  /* these give nothing away: where one has, the assertion says nothing */
    const char *paths[FUZZ_ASSERT_PATHS]; /* patterns: the realms whose path matches one are meant, too */
    size_t paths_count;
    uint32_t rights; /* with all of these; 0: with any */
    int service;
    unsigned line; /* of the scenario; 0: none */
};
#define FUZZ_ASSERTS 16u

struct fuzz_case {
    struct oracle_system system;
    struct fuzz_assert asserts[FUZZ_ASSERTS];
    size_t asserts_count;
    uint64_t singles; /* bit n: the generator makes no instance of declaration n, which is no template */
    bool chain;       /* the generator makes one long line of capabilities, down to where no more may hang */
    const char *names[FUZZ_NAMES];
    size_t names_count;
    struct fuzz_operation operations[FUZZ_OPERATIONS];
    size_t count;
};

/* What an instance is called, by the identity of its operation. Lives for ever. */
const char *fuzz_instance_name(int identity);

/* A stable word for a kind of operation, and back; -1: none is called so. */
const char *fuzz_kind_name(int kind);
int fuzz_kind_find(const char *name);

#endif
