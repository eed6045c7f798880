/*
 * The seccomp filters: tables of what is allowed and why, turned into BPF programs by libseccomp.
 *
 * Denied is the default: EPERM; ENOSYS where a program is known to fall back (clone3); death for calls of
 * another architecture or of x32. A rule may compare arguments that are registers, never memory.
 */
#ifndef MM_SANDBOX_FILTER_H
#define MM_SANDBOX_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum sandbox_filter { SANDBOX_FILTER_REALM, SANDBOX_FILTER_BROKER, SANDBOX_FILTER_LAUNCHER };

/* The descriptor over which the child hands its listener to the launcher: see docs/design/sandbox.md. */
#define SANDBOX_REPORT_FD 1000

struct sandbox_filter_options {
    bool uring;   /* REALM: it has a ring: io_uring_enter */
    int weakened; /* index of a rule of the table to remove, allowing its call altogether; -1: none */
};

/* A BPF program; instructions are the caller's to sandbox_program_free. */
struct sandbox_program {
    struct sock_filter *instructions;
    unsigned short count;
};

/* Return: 0; -errno (-EINVAL: no such weakened rule). */
int sandbox_filter_build(enum sandbox_filter which, const struct sandbox_filter_options *options,
                         struct sandbox_program *ret_program);
void sandbox_program_free(struct sandbox_program *program);

/* Installs it in the calling thread (no_new_privs must be set). Return: 0, or with listener the listener's
 * descriptor; -errno. */
int sandbox_program_install(const struct sandbox_program *program, bool listener);

/* The table, for people and for tests: one row a rule. */
struct sandbox_rule_text {
    const char *call;      /* "mmap" */
    const char *condition; /* "flags without MAP_SHARED|MAP_ANONYMOUS, …"; "" if none */
    const char *action;    /* "allow", "notify", "ENOSYS", "kill" */
    const char *reason;
};
size_t sandbox_filter_rules(enum sandbox_filter which);
struct sandbox_rule_text sandbox_filter_rule(enum sandbox_filter which, size_t index);

#endif
