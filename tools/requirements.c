/* The words of `require:`, each with its probe. */
#include "tools/requirements.h"

#include <errno.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "librealm/os/linux/probe.h"

/* NULL: given. */
static const char *uring_missing(enum realm_waiter_kind waiter)
{
    if (waiter == REALM_WAITER_PIPE)
        return "and --waiter=pipe forbids it";
    return realm_waiter_probe();
}

/* Called with nothing to wait on, a kernel that has the call says that this is wrong. */
static const char *futex_waitv_missing(void)
{
    if (syscall(SYS_futex_waitv, NULL, 0, 0, NULL, 0) == -1 && errno == EINVAL)
        return NULL;
    return errno == ENOSYS ? "the kernel has no futex_waitv (it came with 5.16)"
                           : "futex_waitv is forbidden here";
}

void requirements_check(const struct mm_config *config, enum realm_waiter_kind waiter,
                        struct scenario_problems *problems)
{
    static const char *const words[] = {
        [MM_REQUIRE_USERNS] = "userns",   [MM_REQUIRE_LANDLOCK] = "landlock",
        [MM_REQUIRE_SECCOMP] = "seccomp", [MM_REQUIRE_CGROUP] = "cgroup",
        [MM_REQUIRE_URING] = "uring",     [MM_REQUIRE_FUTEX_WAITV] = "futex-waitv"};
    for (size_t i = 0; i < config->requirements_count; i++) {
        const struct mm_requirement *requirement = &config->requirements[i];
        const char *missing;
        if (requirement->kind == MM_REQUIRE_URING)
            missing = uring_missing(waiter);
        else if (requirement->kind == MM_REQUIRE_FUTEX_WAITV)
            missing = futex_waitv_missing();
        else
            missing = "not available in this version";
        if (missing)
            scenario_problems_add(problems, SCENARIO_ERROR, requirement->place, "\"%s\" is required: %s",
                                  words[requirement->kind], missing);
    }
}
