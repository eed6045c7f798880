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

struct sandbox_filter_options {
    bool uring;         /* REALM: it has a ring: io_uring_enter */
    bool without_waitv; /* REALM: futex_waitv is refused, as where the kernel has none */
    int weakened; /* index of a rule that restricts, to be left out; -1: none. For tests of the tests only */
};

/* A BPF program; instructions are the caller's to sandbox_program_free. */
struct sandbox_program {
    struct sock_filter *instructions;
    unsigned short count;
};

/* Return: 0; -errno (-EINVAL: weakened is no rule that restricts). */
int sandbox_filter_build(enum sandbox_filter which, const struct sandbox_filter_options *options,
                         struct sandbox_program *ret_program);
void sandbox_program_free(struct sandbox_program *program);

/* Installs it in the calling thread (no_new_privs must be set). Return: 0, or with listener the listener's
 * descriptor; -errno. */
int sandbox_program_install(const struct sandbox_program *program, bool listener);

/* The broker's and the launcher's one call before their loops: builds and installs their own filter, for
 * good. The launcher's is inherited by its realms, below their own. Return: 0; -errno, and nothing is
 * installed. */
int sandbox_confine(enum sandbox_filter which);

/*
 * The table, for people and for tests: one row a rule. Calls without a row are EPERM.
 *
 *   allow           the call is needed; the reason says by whom
 *   only            a restriction of an allowed call: its condition; the reason says what it protects
 *   notify          the launcher answers
 *   EPERM, ENOENT,  refused. EPERM is what every call without a row gets: such a row names a call that
 *   ENOSYS          would be dangerous, and why
 *   kill            the call ends the process
 *
 * All rows but "allow" restrict. Weakening one leaves that restriction out and nothing else: without an
 * "only" the call's other conditions still hold; a refused or notified call is allowed; without the "kill",
 * calls of other architectures run unfiltered.
 */
struct sandbox_rule_text {
    const char *call;      /* "mmap" */
    const char *condition; /* "flags without MAP_GROWSDOWN"; "" if none */
    const char *action;    /* one of the words above */
    const char *reason;    /* a sentence */
    bool restricts;
};
size_t sandbox_filter_rules(enum sandbox_filter which);
struct sandbox_rule_text sandbox_filter_rule(enum sandbox_filter which, size_t index);

#endif
