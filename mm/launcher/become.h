/*
 * The child's side of a start: what happens between clone and exec.
 */
#ifndef MM_LAUNCHER_BECOME_H
#define MM_LAUNCHER_BECOME_H

#include "mm/launcher/box.h"
#include "mm/launcher/plan.h"

/* Where the child keeps what is not the realm's; all of it closes on exec. */
enum become_fd {
    BECOME_REPORT = 1000, /* SOCK_SEQPACKET to the launcher */
    BECOME_LAUNCHER,      /* its pidfd */
    BECOME_PROGRAM,
    BECOME_LOADER, /* not there for a static program */
    BECOME_FD_END,
};

/*
 * Becomes the realm, or reports why not and exits. report: this child's end. Its parent writes one byte into
 * the other end once the child's ids are mapped.
 *
 * The report says, in packets: at most one int, the number of a listener; at most one struct plan_failure;
 * and end-of-file when the program runs, or the child has ended.
 */
void __attribute__((noreturn)) become_realm(struct plan *plan, const struct box *box, int report);

#endif
