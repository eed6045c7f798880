/*
 * A what-if system in which every declared realm runs and nobody serves. A connect that is allowed finds no
 * endpoint there, which is the policy's "no service" with the allowing rule.
 */
#include "sim/boot/initial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

struct initial {
    const struct mm_config *config;
    struct whatif whatif;
};

int initial_new(const struct mm_config *config, struct initial **ret_initial)
{
    struct initial *initial = calloc(1, sizeof *initial);
    if (!initial)
        return -ENOMEM;
    initial->config = config;
    int error = whatif_init_unlimited(&initial->whatif, config);
    for (uint32_t i = 0; !error && i < config->realms_count; i++) {
        struct whatif_path path;
        struct policy_realm realm;
        struct policy_decision decision;
        whatif_path_of(config, i, &path);
        error = whatif_start(&initial->whatif, &path, &realm, &decision);
    }
    if (error) {
        initial_free(initial);
        return error;
    }
    *ret_initial = initial;
    return 0;
}

void initial_free(struct initial *initial)
{
    if (!initial)
        return;
    whatif_deinit(&initial->whatif);
    free(initial);
}

bool initial_allows(const struct initial *initial, uint32_t realm, uint32_t service,
                    struct policy_decision *ret_decision)
{
    struct policy_event event = {.kind = POLICY_CONNECT,
                                 .actor = initial->whatif.realms[realm],
                                 .service = whatif_name(initial->config->services[service].name)};
    struct policy_decision decision;
    policy_decide(initial->whatif.policy, &event, &decision);
    if (ret_decision)
        *ret_decision = decision;
    return decision.status == 0 || decision.status == REALM_E_NO_SERVICE;
}

const struct mm_config *initial_config(const struct initial *initial)
{
    return initial->config;
}
