/* The words of `require:` are the parts of the box. */
#include "tools/requirements.h"

#include <stddef.h>

static unsigned part_of(enum mm_requirement_kind kind)
{
    static const unsigned parts[] = {
        [MM_REQUIRE_USERNS] = SANDBOX_USERNS,   [MM_REQUIRE_LANDLOCK] = SANDBOX_LANDLOCK,
        [MM_REQUIRE_SECCOMP] = SANDBOX_SECCOMP, [MM_REQUIRE_URING] = SANDBOX_URING,
        [MM_REQUIRE_WAITV] = SANDBOX_WAITV,     [MM_REQUIRE_CGROUP] = SANDBOX_CGROUP};

    return parts[kind];
}

static const char *why_missing(const struct sandbox_features *features, unsigned part)
{
    const char *why = features->why[__builtin_ctz(part)];

    return why != NULL ? why : "it is not there";
}

void requirements_check(const struct mm_config *config, const struct sandbox_features *features,
                        enum realm_waiter_kind waiter, struct scenario_problems *problems)
{
    for (size_t i = 0; i < config->requirements_count; i++) {
        const struct mm_requirement *requirement = &config->requirements[i];
        const unsigned part = part_of(requirement->kind);
        const char *missing = features->present & part ? NULL : why_missing(features, part);
        if (part == SANDBOX_URING && waiter == REALM_WAITER_PIPE && missing == NULL)
            missing = "and --waiter=pipe forbids it";
        if (missing != NULL)
            scenario_problems_add(problems, SCENARIO_ERROR, requirement->place, "\"%s\" is required: %s",
                                  sandbox_part_name(part), missing);
    }
}
