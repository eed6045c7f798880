/*
 * The limit of private memory is a soft one, which the launcher moves at the broker's word; the realm itself
 * cannot, since its filter lets it look at limits only. All the others are hard.
 *
 * The sanitizers reserve terabytes of addresses for themselves, so programs built with one have no limit of
 * memory or addresses.
 *
 * Threads: RLIMIT_NPROC counts the processes of a user, and all realms have the same one; but a user
 * namespace has a count of its own (since 5.14), and in it there is this realm and nobody else. Without a
 * namespace the limit would be for all of the user's processes together, so it is left as it is, and only a
 * cgroup (cgroup.c) can count a realm's threads.
 */
#include "mm/launcher/limits.h"

#include <errno.h>
#include <stdbool.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

/* Lowers a limit, soft and hard; one that is lower already stays. */
static int lower(__rlimit_resource_t resource, rlim_t most)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) < 0)
        return -errno;
    if (limit.rlim_max > most)
        limit.rlim_max = most;
    if (limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    return setrlimit(resource, &limit) < 0 ? -errno : 0;
}

/* As many descriptors as the scenario says, as far as the user may have them at all. */
static int limit_descriptors(uint32_t descriptors, const struct rlimit *files_limit)
{
    struct rlimit limit = *files_limit;

    if (descriptors != 0 && descriptors < limit.rlim_max)
        limit.rlim_max = descriptors;
    if (descriptors != 0 || limit.rlim_cur > limit.rlim_max)
        limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) < 0 ? -errno : 0;
}

static int limit_memory(const struct mm_limits *limits)
{
    struct rlimit data;

    if (SANITIZED)
        return 0;
    if (limits->address_space_bytes != 0) {
        int error = lower(RLIMIT_AS, limits->address_space_bytes);
        if (error)
            return error;
    }
    if (limits->memory_bytes == 0)
        return 0;
    if (getrlimit(RLIMIT_DATA, &data) < 0)
        return -errno;
    if (limits->memory_bytes < data.rlim_max)
        data.rlim_cur = limits->memory_bytes;
    return setrlimit(RLIMIT_DATA, &data) < 0 ? -errno : 0;
}

int limits_enter(const struct mm_limits *limits, const struct rlimit *files_limit, bool own_namespace)
{
    /* No core dump: writing one is a program of the host's, and reads all of the realm's memory. */
    static const __rlimit_resource_t none[] = {RLIMIT_CORE, RLIMIT_MSGQUEUE, RLIMIT_RTPRIO, RLIMIT_NICE};

    for (unsigned i = 0; i < sizeof none / sizeof *none; i++) {
        if (setrlimit(none[i], &(const struct rlimit){0}) < 0)
            return -errno;
    }
    int error = limit_descriptors(limits->descriptors, files_limit);
    if (error == 0 && own_namespace && limits->threads != 0)
        error = lower(RLIMIT_NPROC, limits->threads);
    return error ? error : limit_memory(limits);
}

int limits_move(pid_t realm, uint64_t private_bytes, uint64_t *ret_bytes)
{
    struct rlimit limit;

    if (prlimit(realm, RLIMIT_DATA, NULL, &limit) < 0)
        return -errno;
    if (!SANITIZED)
        limit.rlim_cur = private_bytes < limit.rlim_max ? private_bytes : limit.rlim_max;
    if (prlimit(realm, RLIMIT_DATA, &limit, NULL) < 0)
        return -errno;
    *ret_bytes = limit.rlim_cur;
    return 0;
}
