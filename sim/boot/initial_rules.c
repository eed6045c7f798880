/*
 * Rules that are likely mistakes. Each was written by somebody who expected something of it; a rule that
 * changes nothing, or one that lets everybody in, deserves a word before the system runs.
 *
 * Realms are marked with the service that is being looked at, so that a list with many entries costs its
 * length and not its square.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/boot/initial.h"

struct marks {
    const struct mm_config *config;
    struct scenario_problems *problems;
    size_t *allowed; /* by realm: the last service whose access named it, plus one */
    size_t *granted; /* by realm: the last service granted to it, plus one */
};

static void warn(struct marks *marks, struct mm_place place, const char *what, const char *name,
                 const char *why)
{
    scenario_problems_add(marks->problems, SCENARIO_WARNING, place, "%s%s%s%s%s", what, name ? "\"" : "",
                          name ? name : "", name ? "\"" : "", why);
}

static bool has_children(const struct mm_config *config, uint32_t realm)
{
    for (size_t i = 0; i < config->realms_count; i++)
        if (config->realms[i].parent == realm)
            return true;
    return false;
}

/* The hierarchy alone lets a realm and its parent talk. */
static bool related(const struct mm_config *config, uint32_t a, uint32_t b)
{
    return config->realms[a].parent == b || config->realms[b].parent == a;
}

static void check_access_realm(struct marks *marks, size_t number, const struct mm_access *access)
{
    const struct mm_service *service = &marks->config->services[number];
    const char *name = marks->config->realms[access->realm].name;
    if (access->realm == service->provider)
        warn(marks, access->place, "this matches nothing: ", name,
             " provides the service, and a realm does not connect to itself");
    else if (marks->allowed[access->realm] == number + 1)
        warn(marks, access->place, "", name, " is in this list already");
    else if (related(marks->config, access->realm, service->provider))
        warn(marks, access->place, "this changes nothing: ", name,
             " is the provider's parent or child and may connect anyway");
    marks->allowed[access->realm] = number + 1;
}

/* Returns whether the list lets everybody in. */
static bool check_access(struct marks *marks, size_t number)
{
    const struct mm_service *service = &marks->config->services[number];
    bool all = false, children = false;
    for (size_t i = 0; i < service->access_count; i++) {
        const struct mm_access *access = &service->access[i];
        switch (access->kind) {
        case MM_ACCESS_REALM:
            check_access_realm(marks, number, access);
            break;
        case MM_ACCESS_CHILDREN:
            if (children)
                warn(marks, access->place, "\"children\" is in this list already", NULL, "");
            else if (!has_children(marks->config, service->provider))
                warn(marks, access->place, "this matches nothing: no realm has ",
                     marks->config->realms[service->provider].name, " as its parent");
            children = true;
            break;
        case MM_ACCESS_ALL:
            warn(marks, access->place,
                 all ? "\"all\" is in this list already"
                     : "this matches everything: every realm may connect to ",
                 all ? NULL : service->name,
                 !all && service->access_count > 1 ? ", so the other entries change nothing" : "");
            all = true;
            break;
        }
    }
    return all;
}

static void check_grant(struct marks *marks, const struct mm_grant *grant, bool all)
{
    const struct mm_config *config = marks->config;
    const struct mm_service *service = &config->services[grant->service];
    const char *name = config->realms[grant->realm].name;
    if (grant->realm == service->provider)
        warn(marks, grant->place, "this grants nothing: ", name,
             " provides the service, and a realm does not connect to itself");
    else if (marks->granted[grant->realm] == grant->service + 1u)
        warn(marks, grant->place, "this grant to ", name, " is here already");
    else if (marks->allowed[grant->realm] == grant->service + 1u)
        warn(marks, grant->place, "this changes nothing: ", name, " is in the service's access list");
    else if (all)
        warn(marks, grant->place, "this changes nothing: the access of the service is \"all\"", NULL, "");
    else if (related(config, grant->realm, service->provider))
        warn(marks, grant->place, "this changes nothing: ", name,
             " is the provider's parent or child and may connect anyway");
    marks->granted[grant->realm] = grant->service + 1u;
}

/* The grants, grouped by service: as many steps as there are services and grants together. */
static void check_services(struct marks *marks, const size_t *next_grant, const size_t *first_grant)
{
    const struct mm_config *config = marks->config;
    for (size_t i = 0; i < config->services_count; i++) {
        const struct mm_service *service = &config->services[i];
        bool all = check_access(marks, i);
        for (size_t grant = first_grant[i]; grant > 0; grant = next_grant[grant - 1])
            check_grant(marks, &config->grants[grant - 1], all);
        if (service->access_count == 0 && first_grant[i] == 0 &&
            config->realms[service->provider].parent == MM_INIT && !has_children(config, service->provider))
            warn(marks, service->place, "no realm may connect to ", service->name,
                 ": it has no access list and no grant");
    }
}

void initial_check_rules(const struct mm_config *config, struct scenario_problems *problems)
{
    struct marks marks = {.config = config,
                          .problems = problems,
                          .allowed = calloc(config->realms_count + 1, sizeof *marks.allowed),
                          .granted = calloc(config->realms_count + 1, sizeof *marks.granted)};
    size_t *first_grant = calloc(config->services_count + 1, sizeof *first_grant);
    size_t *next_grant = calloc(config->grants_count + 1, sizeof *next_grant);
    if (marks.allowed && marks.granted && first_grant && next_grant) {
        for (size_t i = config->grants_count; i > 0; i--) {
            uint32_t service = config->grants[i - 1].service;
            next_grant[i - 1] = first_grant[service];
            first_grant[service] = i;
        }
        check_services(&marks, next_grant, first_grant);
    }
    free(marks.allowed);
    free(marks.granted);
    free(first_grant);
    free(next_grant);
}
