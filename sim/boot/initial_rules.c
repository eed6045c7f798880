/*
 * Rules that are likely mistakes. Each was written by somebody who expected something of it; a rule that
 * changes nothing, or one that lets everybody in, deserves a word before the system runs.
 *
 * Realms are marked with the service that is being looked at, so that a list with many entries costs its
 * length and not its square.
 */
#include <stdlib.h>
#include <string.h>

#include <realm/types.h>

#include "sim/boot/initial_rules.h"

struct marks {
    const struct mm_config *config;
    struct scenario_problems *problems;
    size_t *allowed;  /* by realm: the last service whose access named it, plus one */
    size_t *granted;  /* by realm: the last service granted to it, plus one */
    size_t *denied;   /* by realm: the last service denied to it, plus one; all: see everybody */
    size_t everybody; /* the last service that is denied to all, plus one */
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

/* Whether the hierarchy alone lets a realm call a provider. */
static bool related(const struct mm_config *config, uint32_t realm, uint32_t provider)
{
    const struct mm_hierarchy *hierarchy = &config->hierarchy;
    return (config->realms[realm].parent == provider && hierarchy->children_to_parent != MM_CHOICE_NO) ||
           (config->realms[provider].parent == realm && hierarchy->parent_to_children != MM_CHOICE_NO);
}

/* Rights beyond send are worth an entry, even where the hierarchy lets connect anyway. */
static bool just_send(uint32_t rights)
{
    return (rights & ~REALM_RIGHT_SEND) == 0;
}

static bool is_denied(const struct marks *marks, uint32_t realm, size_t service)
{
    return marks->denied[realm] == service + 1 || marks->everybody == service + 1;
}

static void check_access_realm(struct marks *marks, size_t number, const struct mm_access *access, bool all)
{
    const struct mm_service *service = &marks->config->services[number];
    const char *name = marks->config->realms[access->realm].name;
    if (access->realm == service->provider)
        warn(marks, access->place, "this matches nothing: ", name,
             " provides the service, and a realm does not connect to itself");
    else if (is_denied(marks, access->realm, number))
        warn(marks, access->place, "this changes nothing: the service is denied to ", name, "");
    else if (all)
        warn(marks, access->place, "this is never looked at: an entry before ", name, " matches every realm");
    else if (marks->allowed[access->realm] == number + 1)
        warn(marks, access->place, "", name, " is in this list already");
    else if (related(marks->config, access->realm, service->provider) && just_send(access->rights))
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
            check_access_realm(marks, number, access, all);
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
        case MM_ACCESS_DESCENDANTS:
            if (!has_children(marks->config, service->provider))
                warn(marks, access->place, "this matches nothing: no realm is below ",
                     marks->config->realms[service->provider].name, "");
            break;
        case MM_ACCESS_PATH:
            if (all)
                warn(marks, access->place, "this is never looked at: an entry before it matches every realm",
                     NULL, "");
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
    if (grant->pattern)
        return;
    if (grant->realm == service->provider)
        warn(marks, grant->place, "this grants nothing: ", name,
             " provides the service, and a realm does not connect to itself");
    else if (is_denied(marks, grant->realm, grant->service))
        warn(marks, grant->place, "this grants nothing: the service is denied to ", name, "");
    else if (!just_send(grant->rights))
        ; /* it decides before everything that lets connect anyway */
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

/* A denial wins, so what it makes void is warned of where that stands. */
static void mark_denials(struct marks *marks, size_t number, const size_t *next_deny, size_t first_deny)
{
    for (size_t deny = first_deny; deny > 0; deny = next_deny[deny - 1]) {
        const struct mm_access *who = &marks->config->denies[deny - 1].who;
        if (who->kind == MM_ACCESS_REALM)
            marks->denied[who->realm] = number + 1;
        else if (who->kind == MM_ACCESS_ALL)
            marks->everybody = number + 1;
    }
}

/* The grants, grouped by service: as many steps as there are services and grants together. */
static void check_services(struct marks *marks, const size_t *next_grant, const size_t *first_grant,
                           const size_t *next_deny, const size_t *first_deny)
{
    const struct mm_config *config = marks->config;
    for (size_t i = 0; i < config->services_count; i++) {
        const struct mm_service *service = &config->services[i];
        mark_denials(marks, i, next_deny, first_deny[i]);
        bool all = check_access(marks, i);
        for (size_t grant = first_grant[i]; grant > 0; grant = next_grant[grant - 1])
            check_grant(marks, &config->grants[grant - 1], all);
        if (service->access_count == 0 && first_grant[i] == 0 &&
            config->realms[service->provider].parent == MM_INIT && !has_children(config, service->provider))
            warn(marks, service->place, "no realm may connect to ", service->name,
                 ": it has no access list and no grant");
    }
}

/* Chains by service: *first is the number of the first entry plus one, *next that of the next. */
static void chain(size_t *first, size_t *next, size_t entry, uint32_t service)
{
    next[entry] = first[service];
    first[service] = entry + 1;
}

void initial_check_rules(const struct mm_config *config, struct scenario_problems *problems)
{
    size_t services = config->services_count + 1, realms = config->realms_count + 1;
    struct marks marks = {.config = config,
                          .problems = problems,
                          .allowed = calloc(realms, sizeof *marks.allowed),
                          .granted = calloc(realms, sizeof *marks.granted),
                          .denied = calloc(realms, sizeof *marks.denied)};
    size_t *first_grant = calloc(services, sizeof *first_grant);
    size_t *first_deny = calloc(services, sizeof *first_deny);
    size_t *next_grant = calloc(config->grants_count + 1, sizeof *next_grant);
    size_t *next_deny = calloc(config->denies_count + 1, sizeof *next_deny);
    if (marks.allowed && marks.granted && marks.denied && first_grant && first_deny && next_grant &&
        next_deny) {
        for (size_t i = config->grants_count; i > 0; i--)
            chain(first_grant, next_grant, i - 1, config->grants[i - 1].service);
        for (size_t i = config->denies_count; i > 0; i--)
            chain(first_deny, next_deny, i - 1, config->denies[i - 1].service);
        check_services(&marks, next_grant, first_grant, next_deny, first_deny);
    }
    free(marks.allowed);
    free(marks.granted);
    free(marks.denied);
    free(first_grant);
    free(first_deny);
    free(next_grant);
    free(next_deny);
    initial_check_patterns(config, problems);
}
