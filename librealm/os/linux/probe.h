/*
 * Whether this machine gives io_uring futex waits, for the AUTO waiter, for the launcher (which makes hint
 * pipes where it does not), and for people.
 */
#ifndef REALM_OS_PROBE_H
#define REALM_OS_PROBE_H

#include <stdbool.h>

/*
 * Tries it out: makes a ring, waits on a word with it, looks at the kernel's version. Costs some ten
 * microseconds; call it before a seccomp filter that forbids io_uring_setup.
 * Return: NULL: it works; else a sentence fragment saying why not, static text.
 */
const char *realm_waiter_probe(void);

/*
 * Whether a kernel release, as uname gives it, is one with CVE-2025-39698: a futex wait that fails leaves
 * its request behind half undone. Its first fixed versions are 6.12.44, 6.16.4 and 6.17. A text that is
 * no release is not affected.
 */
bool realm_waiter_kernel_affected(const char *release);

#endif
