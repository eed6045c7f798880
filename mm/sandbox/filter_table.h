/*
 * The tables of the filters, for the code that turns them into programs.
 *
 * A row allows a call, or takes something away again. An allowed call has one row that allows it, with the
 * reason why it is needed, and any number of ONLY rows, each with the reason for one restriction: all of them
 * must hold. A call without a row is refused; REFUSE rows name those calls whose refusal protects something.
 */
#ifndef MM_SANDBOX_FILTER_TABLE_H
#define MM_SANDBOX_FILTER_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "mm/sandbox/filter.h"

enum filter_kind {
    FILTER_ALLOW,       /* the call is needed */
    FILTER_ALLOW_RING,  /* it is needed by a realm that has a ring */
    FILTER_ALLOW_WAITV, /* it is needed, unless the realm is to do without futex_waitv */
    FILTER_ALLOW_REALM, /* every call of the realm's table that is allowed or notified there */
    FILTER_ONLY,        /* the call is allowed only if this holds, else error (0: EPERM) */
    FILTER_NOTIFY,      /* the launcher answers while it listens; then ENOSYS */
    FILTER_REFUSE,      /* refused with error (0: EPERM, as every call without a row) */
    FILTER_KILL_ARCH,   /* calls of another architecture or of x32 kill */
};

/* An argument masked has one of these values. */
#define FILTER_VALUES_MAX 5u
struct filter_condition {
    unsigned argument;
    unsigned values_count;
    uint64_t mask;
    uint64_t values[FILTER_VALUES_MAX];
};

/* The register's lower half, all that the kernel reads of an int. */
#define FILTER_INT UINT64_C(0xffffffff)
#define FILTER_ALL UINT64_MAX

struct filter_row {
    enum filter_kind kind;
    int error;
    const char *call;
    const char *text; /* the condition for people; "" if none */
    const char *reason;
    struct filter_condition condition; /* ONLY */
};

struct filter_table {
    const struct filter_row *rows;
    size_t count;
};

extern const struct filter_table filter_table_realm;
extern const struct filter_table filter_table_broker;
extern const struct filter_table filter_table_launcher;

/* Like sandbox_filter_build, for an architecture of libseccomp's SCMP_ARCH_*. */
int filter_build_for(uint32_t architecture, enum sandbox_filter which,
                     const struct sandbox_filter_options *options, struct sandbox_program *ret_program);

#endif
