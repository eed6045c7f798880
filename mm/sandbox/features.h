/*
 * What this machine gives for the box: probed once, by trying, not by asking for versions.
 *
 * `--without` takes parts away on purpose, so that every combination can be tested on one machine.
 */
#ifndef MM_SANDBOX_FEATURES_H
#define MM_SANDBOX_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

enum sandbox_part {
    SANDBOX_USERNS = 1 << 0, /* user, pid, mount, ipc, uts and net namespaces together */
    SANDBOX_LANDLOCK = 1 << 1,
    SANDBOX_SECCOMP = 1 << 2, /* filters and their listeners */
    SANDBOX_URING = 1 << 3,   /* io_uring with futexes and restrictions */
    SANDBOX_WAITV = 1 << 4,   /* futex_waitv */
    SANDBOX_CGROUP = 1 << 5,  /* a cgroup of our own with memory and pids */
};

struct sandbox_features {
    unsigned present; /* enum sandbox_part bits */
    int landlock_abi; /* 0: none */
    bool cgroup_pids; /* CGROUP is missing, but a cgroup of version 1 can count threads */
    /* For each part that is missing, in the order of the bits: why, and what would give it. NULL: present. */
    const char *why[6];
    const char *how[6];
};

/* Tries each part in a forked child, so that nothing of it stays. without: bits to do without. Costs a few
 * milliseconds. Return: 0; -errno. */
int sandbox_probe(unsigned without, struct sandbox_features *ret_features);

/* "userns" ↔ SANDBOX_USERNS; 0 for a word that is none, NULL for a bit that is none. */
unsigned sandbox_part_of(const char *word, size_t size);
const char *sandbox_part_name(unsigned part);

#endif
