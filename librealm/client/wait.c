/*
 * Deadlines. An operation that need not wait never reads the clock; one that waits reads it once, at the
 * start, and from then on compares with an absolute time.
 */
#include "librealm/client/internal.h"

uint64_t realm_deadline(const struct realm *realm, uint64_t timeout_ns)
{
    if (timeout_ns == REALM_FOREVER)
        return REALM_FOREVER;
    uint64_t now_ns = realm_os_now_ns(realm->os);
    return timeout_ns < REALM_FOREVER - now_ns ? now_ns + timeout_ns : REALM_FOREVER;
}

uint64_t realm_time_left(const struct realm *realm, uint64_t deadline_ns)
{
    if (deadline_ns == REALM_FOREVER)
        return REALM_FOREVER;
    uint64_t now_ns = realm_os_now_ns(realm->os);
    return now_ns < deadline_ns ? deadline_ns - now_ns : 0;
}

void realm_wait_start(const struct realm *realm, struct realm_wait *wait)
{
    if (wait->started)
        return;
    wait->deadline_ns = realm_deadline(realm, wait->timeout_ns);
    wait->started = true;
}
