/*
 * Probing: what this machine's io_uring can do is found out by doing it.
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "librealm/os/linux/linux.h"
#include "librealm/os/linux/probe.h"

bool realm_waiter_kernel_affected(const char *release)
{
    unsigned major = 0, minor = 0, patch = 0;
    if (sscanf(release, "%u.%u.%u", &major, &minor, &patch) < 2 || major != 6)
        return false;
    if (minor == 12)
        return patch < 44;
    if (minor == 16)
        return patch < 4;
    return minor >= 7 && minor < 16;
}

const char *realm_waiter_probe(void)
{
    /* First the version: on an affected kernel even the trial would meet the fault. */
    struct utsname names;
    if (uname(&names) == 0 && realm_waiter_kernel_affected(names.release))
        return "this kernel has CVE-2025-39698 (fixed in 6.12.44, 6.16.4 and 6.17)";

    struct realm_os os = {.control = -1, .hint = -1, .ring = -1};
    struct realm_waiter *waiter;
    const char *reason = "io_uring could not be set up";
    if (realm_waiter_uring_open(&os, &waiter, &reason) != 0)
        return reason;
    realm_waiter_uring_close(waiter);
    return NULL;
}
