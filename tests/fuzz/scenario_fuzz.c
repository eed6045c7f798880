/*
 * Scenario files that anybody may have written: reading one never crashes, hangs or leaks, and what comes out
 * is sound. The disk is not looked at.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <realm/error.h>

#include "librealm/core/name.h"
#include "sim/boot/initial.h"
#include "sim/boot/scenario.h"

#define REQUIRE(condition)                                                                                   \
    do {                                                                                                     \
        if (!(condition))                                                                                    \
            abort();                                                                                         \
    } while (0)

/* Whatever the file says, a message is one printable line, and its place is in the file. */
static void check_problems(const struct scenario_problems *problems, size_t size)
{
    REQUIRE(problems->count <= 2 * SCENARIO_PROBLEMS_MAX);
    for (size_t i = 0; i < problems->count; i++) {
        const struct scenario_problem *problem = &problems->list[i];
        REQUIRE(problem->message && !strpbrk(problem->message, "\n\033"));
        REQUIRE(realm_utf8_valid(problem->message, strlen(problem->message)));
        REQUIRE(problem->place.line <= size + 1 && problem->place.column <= size + 2);
    }
}

static void check_config(const struct mm_config *config)
{
    REQUIRE(config->system && realm_name_valid(config->system, strlen(config->system)));
    for (size_t i = 0; i < config->realms_count; i++) {
        const struct mm_realm *realm = &config->realms[i];
        REQUIRE(realm->name && realm_name_valid(realm->name, strlen(realm->name)));
        REQUIRE(realm->program && realm->program[0] == '/' && realm->args);
        REQUIRE(realm->parent == MM_INIT || realm->parent < config->realms_count);
        REQUIRE(!(realm->template && realm->start));
        REQUIRE(realm->start_limit_count > 0 && realm->start_limit_ns > 0);
        for (size_t j = 0; j < realm->files_count; j++)
            REQUIRE(realm->files[j].name && realm->files[j].path[0] == '/');
    }
    for (size_t i = 0; i < config->services_count; i++)
        REQUIRE(config->services[i].name && config->services[i].provider < config->realms_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct scenario_origin origin = {
        .name = "fuzz.yaml", .folder = "/scenarios", .beside = "/opt/realmkit/bin", .look = false};
    struct scenario_problems problems;
    struct mm_config *config = NULL;
    scenario_problems_init(&problems);
    int error = scenario_read_text((const char *)data, size, &origin, &problems, &config);
    REQUIRE(error == 0 || error == REALM_E_BAD_ARGUMENT);
    REQUIRE((error == 0) == (config != NULL));
    REQUIRE((error == 0) == (problems.errors == 0));
    if (config) {
        struct initial *initial = NULL;
        check_config(config);
        REQUIRE(initial_new(config, &initial) == 0);
        REQUIRE(initial_check_asserts(initial, 1000000, &problems, NULL, NULL) == 0);
        initial_check_rules(config, &problems);
        initial_free(initial);
    }
    check_problems(&problems, size);
    mm_config_free(config);
    scenario_problems_deinit(&problems);
    return 0;
}
